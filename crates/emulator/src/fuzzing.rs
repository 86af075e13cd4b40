//! What the fuzz target calls, so that a plain test can replay its seeds.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::{Emulator, Options, crypto};

/// Requests with a body; `ID` is a session of their vendor that is there.
const ROUTES: [(&str, &str); 10] = [
    ("POST", "/v1/sessions"),
    ("POST", "/v1/sessions/ID/media"),
    ("PATCH", "/v1/sessions/ID"),
    ("POST", "/v1/sessions/ID/collected-data"),
    ("POST", "/v1/validate-registry"),
    ("POST", "/v1/faces/import"),
    ("POST", "/oidc/token"),
    ("POST", "/verify/api/v1/verification"),
    ("POST", "/verify/api/v1/verification/ID/images"),
    ("POST", "/verify/api/v1/face-auth"),
];

/// Requests after which the emulator forgets what it was sent.
const FORGETS: u64 = 500;

/// Sends bytes to a running emulator: as they are where the first is even, else as the body of a request that it
/// chooses, with the right signature and a live token. A body is always answered, and never with a fault of the
/// emulator's own.
///
/// # Panics
/// When it is not, or when what was answered is no HTTP.
pub fn http(data: &[u8]) {
    static EMULATOR: OnceLock<Emulator> = OnceLock::new();
    static REQUESTS: AtomicU64 = AtomicU64::new(1);
    let emulator = EMULATOR.get_or_init(|| match Emulator::builder().start_blocking() {
        Ok(emulator) => emulator,
        Err(e) => panic!("no emulator: {e}"),
    });
    let Some((first, body)) = data.split_first() else { return };
    if first % 2 == 0 {
        let answer = exchange(emulator, body);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 "), "{}", answer.escape_ascii());
        // It may have been told to answer otherwise from now on.
        emulator.clear_faults();
        emulator.configure(|options| *options = Options::default());
    } else {
        let (method, path) = ROUTES[usize::from(first >> 1) % ROUTES.len()];
        let answer = if path.starts_with("/verify") {
            let transmit = emulator.transmit();
            let form = format!(
                "grant_type=client_credentials&client_id={}&client_secret={}&resource={}",
                transmit.client_id,
                transmit.client_secret,
                Options::default().resource
            );
            let token = field(&request(emulator, "POST", "/oidc/token", "", form.as_bytes()), "access_token");
            let bearer = format!("authorization: Bearer {token}\r\n");
            let made = |body: &[u8]| request(emulator, "POST", "/verify/api/v1/verification", &bearer, body);
            let path =
                if path.contains("ID") { path.replace("ID", &field(&made(b"{}"), "session_id")) } else { path.into() };
            request(emulator, method, &path, &bearer, body)
        } else {
            let Ok(session) = emulator.create_session(Value::default()) else { unreachable!("there is randomness") };
            request(emulator, method, &path.replace("ID", &session), "", body)
        };
        let status = answer.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.first());
        assert!(matches!(status, Some(b'2' | b'4')), "{method} {path}: {}", answer.escape_ascii());
    }
    if REQUESTS.fetch_add(1, Ordering::Relaxed).is_multiple_of(FORGETS) {
        let _ = emulator.reset();
    }
}

fn request(emulator: &Emulator, method: &str, path: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: a\r\nx-auth-client: {}\r\nx-hmac-signature: {}\r\n{more}\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        emulator.api_key(),
        crypto::hmac_hex(emulator.secret(), body),
        body.len()
    );
    exchange(emulator, &[head.as_bytes(), body].concat())
}

/// A text in the JSON of an answer.
fn field(answer: &[u8], name: &str) -> String {
    let body = answer.windows(4).position(|w| w == b"\r\n\r\n").map_or(answer, |end| &answer[end + 4..]);
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    match value[name].as_str() {
        Some(text) => text.to_owned(),
        None => panic!("no {name} in {}", answer.escape_ascii()),
    }
}

/// What is answered until the emulator closes the connection, or lets it be for two seconds.
fn exchange(emulator: &Emulator, request: &[u8]) -> Vec<u8> {
    let talk = || {
        let mut stream = TcpStream::connect(emulator.address())?;
        // Ends with a reset, so that thousands of ended connections do not use up the ports.
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        // Refused by its head, it may be read no further.
        let _ = stream.write_all(request);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Err(e) if !matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::WouldBlock) => Err(e),
            _ => Ok(answer),
        }
    };
    talk().unwrap_or_else(|e| panic!("no connection: {e}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_of_http() {
        let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/emulator_http");
        let files: Vec<_> = std::fs::read_dir(seeds).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty());
        for file in files {
            let data = std::fs::read(file).unwrap();
            (0..=data.len()).step_by(7).chain([data.len()]).for_each(|n| super::http(&data[..n]));
        }
    }
}
