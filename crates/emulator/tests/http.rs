//! HTTP as clients of all kinds speak it, and as nobody should.

mod common;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::time::Duration;

use common::{create, hmac_hex, jpeg, upload_body};
use sealpress_emulator::Emulator;

fn talk(emulator: &Emulator, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(emulator.address()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn requests_in_a_row_are_answered_in_a_row() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let body = r#"{"verification":{}}"#;
    let one = format!(
        "POST /v1/sessions HTTP/1.1\r\nhost: x\r\nx-auth-client: {}\r\ncontent-length: {}\r\n\r\n{body}",
        emulator.api_key(),
        body.len()
    );
    let answer = talk(&emulator, one.repeat(3).as_bytes());
    assert_eq!(answer.matches("HTTP/1.1 201 Created").count(), 3, "{answer}");
    let old = one.replace("HTTP/1.1", "HTTP/1.0");
    let answer = talk(&emulator, old.as_bytes());
    assert!(answer.contains("201 Created") && answer.contains("connection: close"), "{answer}");
    let absolute = one.replace("POST /v1", &format!("POST {}/v1", emulator.url()));
    assert!(talk(&emulator, absolute.as_bytes()).contains("201 Created"));
}

#[test]
fn a_client_that_waits_for_100_is_told_to_go_on() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let session = create(&emulator, "Ann");
    let body = upload_body("face", &jpeg(640, 480, ""));
    let mut stream = TcpStream::connect(emulator.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let head = format!(
        "POST /v1/sessions/{session}/media HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\nx-auth-client: {}\r\nx-hmac-signature: {}\r\ncontent-length: {}\r\n\r\n",
        emulator.api_key(),
        hmac_hex(emulator.secret(), body.as_bytes()),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut go = [0; 25];
    stream.read_exact(&mut go).unwrap();
    assert_eq!(&go, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).unwrap();
    assert_eq!(common::answer(&mut stream).unwrap().status, 200);
}

#[test]
fn curl_uploads_a_large_body() {
    if !Command::new("curl").arg("--version").output().is_ok_and(|o| o.status.success()) {
        return common::skip("no curl on this machine");
    }
    let emulator = Emulator::builder().start_blocking().unwrap();
    let session = create(&emulator, "Ann");
    let mut photo = jpeg(640, 480, "");
    photo.resize(3_000_000, 7);
    let body = upload_body("face", &photo);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body.json");
    std::fs::write(&file, &body).unwrap();
    let output = Command::new("curl")
        .args(["-sS", "--noproxy", "*", "--data-binary"])
        .arg(format!("@{}", file.display()))
        .args(["-H", &format!("x-auth-client: {}", emulator.api_key())])
        .args(["-H", &format!("x-hmac-signature: {}", hmac_hex(emulator.secret(), body.as_bytes()))])
        .arg(format!("{}/v1/sessions/{session}/media", emulator.url()))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"size\":3000000"), "{output:?}");
}

#[test]
fn garbage_ends_its_own_connection_only() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let session = create(&emulator, "Ann");
    let endless = format!("GET / HTTP/1.1\r\nx: {}", "a".repeat(200_000));
    let chunked =
        format!("POST /v1/sessions/{session}/media HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    for (bytes, status) in [
        ("\0\0\0\0\r\n\r\n".to_owned(), "400"),
        ("GET\r\n\r\n".to_owned(), "400"),
        (endless, "400"),
        ("POST / HTTP/1.1\r\ncontent-length: -5\r\n\r\n".to_owned(), "400"),
        ("POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n".to_owned(), "400"),
        (format!("{chunked}zz\r\n"), ""),
        (format!("{chunked}5\r\nhelloxx0\r\n\r\n"), ""),
        (format!("{chunked}ffffffffffffffff\r\n"), "401"),
        ("POST /v1/sessions HTTP/1.1\r\ncontent-length: 18446744073709551615\r\n\r\n".to_owned(), "401"),
        ("POST /v1/sessions HTTP/1.1\r\ncontent-length: 100\r\n\r\nshort".to_owned(), ""),
    ] {
        let answer = talk(&emulator, bytes.as_bytes());
        let first = answer.split(' ').nth(1).unwrap_or("");
        assert_eq!(first, status, "{:?} → {answer}", &bytes[..bytes.len().min(80)]);
    }
    assert_eq!(common::upload(&emulator, &session, "face", &jpeg(640, 480, "")).unwrap().status, 200);
}
