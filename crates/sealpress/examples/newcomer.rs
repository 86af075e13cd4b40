//! The shortest way to a safe press, for a newcomer: a file of a stranger's in, a file that the vendor accepts
//! out. It is decoded in a locked-down process, and nothing in `main` knows of it.

use sealpress::{Isolated, Media, Policies, Press, veriff};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let press = Isolated::new(Policies::within(&veriff::limits()));
    let pressed = press.press(&Media::sniff(std::fs::read(&files[0])?)?)?;
    pressed.summary.actions.iter().for_each(|note| println!("{}", note.text));
    Ok(std::fs::write(&files[1], pressed.media.bytes())?)
}
