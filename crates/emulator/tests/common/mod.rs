//! A client of one file: HTTP over a plain socket, signed with the hmac crate. Nothing of the emulator.

#![allow(dead_code, reason = "every test file uses another part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is the failure")]

pub(crate) mod browser;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sealpress_emulator::Emulator;
use serde_json::{Value, json};
use sha2::Sha256;

/// Says on the process's own standard error, which libtest does not hold back, what was not tested.
pub(crate) fn skip(what: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}");
}

/// A JPEG header of this size and nothing behind it, made different by a comment.
pub(crate) fn jpeg(width: u16, height: u16, comment: &str) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xFE];
    bytes.extend_from_slice(&u16::try_from(comment.len() + 2).unwrap().to_be_bytes());
    bytes.extend_from_slice(comment.as_bytes());
    bytes.extend_from_slice(&[0xFF, 0xC0, 0, 11, 8]);
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(&width.to_be_bytes());
    bytes.extend_from_slice(&[1, 1, 0x11, 0, 0xFF, 0xD9]);
    bytes
}

pub(crate) fn upload_body(context: &str, bytes: &[u8]) -> String {
    let content = format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes));
    json!({ "image": { "context": context, "content": content } }).to_string()
}

pub(crate) fn hmac_hex(secret: &str, message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect()
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or("").to_owned()
    }
}

/// One request on a connection of its own.
pub(crate) fn raw(
    emulator: &Emulator,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(emulator.address())?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", emulator.address());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("content-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    answer(&mut stream)
}

pub(crate) fn answer(stream: &mut TcpStream) -> std::io::Result<Answer> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> =
        lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).collect();
    let body = bytes[end + 4..].to_vec();
    let answer = Answer { status, headers, body };
    match answer.header("content-length").map(|n| n.parse::<usize>().unwrap()) {
        Some(length) if answer.body.len() < length => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(answer),
    }
}

/// A signed Veriff request: the body for POST and PATCH, the id in the path for the rest.
pub(crate) fn veriff(emulator: &Emulator, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
    let id = path.split('/').nth(3).unwrap_or("");
    let message = if matches!(method, "GET" | "DELETE") { id } else { body };
    let signature = hmac_hex(emulator.secret(), message.as_bytes());
    let headers =
        [("x-auth-client", emulator.api_key()), ("x-hmac-signature", &signature), ("content-type", "application/json")];
    raw(emulator, method, path, &headers, body.as_bytes())
}

pub(crate) fn create(emulator: &Emulator, first_name: &str) -> String {
    let body = json!({ "verification": { "person": { "firstName": first_name } } }).to_string();
    let answer = veriff(emulator, "POST", "/v1/sessions", &body).unwrap();
    assert_eq!(answer.status, 201);
    answer.json()["verification"]["id"].as_str().unwrap().to_owned()
}

pub(crate) fn upload(emulator: &Emulator, session: &str, context: &str, bytes: &[u8]) -> std::io::Result<Answer> {
    veriff(emulator, "POST", &format!("/v1/sessions/{session}/media"), &upload_body(context, bytes))
}

pub(crate) fn submit(emulator: &Emulator, session: &str) -> std::io::Result<Answer> {
    veriff(emulator, "PATCH", &format!("/v1/sessions/{session}"), r#"{"verification":{"status":"submitted"}}"#)
}

pub(crate) fn get(emulator: &Emulator, path: &str) -> std::io::Result<Answer> {
    veriff(emulator, "GET", path, "")
}

pub(crate) fn control(emulator: &Emulator, method: &str, path: &str, body: &str) -> Answer {
    raw(emulator, method, &format!("/__emulator/{path}"), &[], body.as_bytes()).unwrap()
}
