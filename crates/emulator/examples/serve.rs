//! Runs an emulator until it is killed: `cargo run -p sealpress-emulator --example serve [PORT]`.

use sealpress_emulator::{Emulator, Error};

fn main() -> Result<(), Error> {
    let port = std::env::args().nth(1).and_then(|p| p.parse().ok()).unwrap_or(0);
    let emulator = Emulator::builder().port(port).start_blocking()?;
    println!("{} key {} secret {}", emulator.url(), emulator.api_key(), emulator.secret());
    let transmit = emulator.transmit();
    println!("{} client {} secret {}", transmit.url, transmit.client_id, transmit.client_secret);
    loop {
        std::thread::park();
    }
}
