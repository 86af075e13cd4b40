//! Everything is bounded: bodies, memory, patience, the end itself. And nothing personal is told.

use std::io::{Read, Write};
use std::time::Duration;

use sealpress_emulator::{Effect, FaultRule};
use sealpress_gateway::Tls;

use crate::common::{Stand, ask, connect, head, media_path, press, read_answer, specimen, upload_body, uri};

#[test]
fn a_body_that_is_too_large_is_refused_by_its_head() {
    let stand = Stand::with(|options| options.max_body = 100_000, |_| {});
    let session = stand.session();
    let said = stand.post(&media_path(&session), "application/json", &vec![b' '; 3_000_000]);
    assert_eq!((said.status, &said.json()["code"]), (413, &"1104".into()), "{said:?}");
    assert!(said.json()["message"].as_str().unwrap().contains("100000 bytes"));
    // Without a length it is counted as it comes.
    let signature = "0".repeat(64);
    let mut socket = connect(stand.address);
    let text = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nX-AUTH-CLIENT: {}\r\nX-HMAC-SIGNATURE: {signature}\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        media_path(&session),
        stand.emulator.api_key()
    );
    socket.write_all(text.as_bytes()).unwrap();
    for _ in 0..30 {
        let _ = socket
            .write_all(b"2710\r\n")
            .and_then(|()| socket.write_all(&[b' '; 10_000]))
            .and_then(|()| socket.write_all(b"\r\n"));
    }
    let _ = socket.write_all(b"0\r\n\r\n");
    assert_eq!(read_answer(socket).unwrap().status, 413);
}

#[test]
fn whoever_asks_first_is_told_before_sending() {
    let stand = Stand::with(|options| options.max_body = 1000, |_| {});
    let mut socket = connect(stand.address);
    let signature = "0".repeat(64);
    let headers =
        [("X-AUTH-CLIENT", stand.emulator.api_key()), ("X-HMAC-SIGNATURE", &*signature), ("Expect", "100-continue")];
    socket.write_all(head("POST", &media_path("x"), &headers, 5_000_000).as_bytes()).unwrap();
    assert_eq!(read_answer(socket).unwrap().status, 413);
}

#[test]
fn a_full_gateway_says_when_to_come_again() {
    let change = |options: &mut sealpress_gateway::Options| {
        // A quarter is for bodies: room for one.
        (options.memory, options.wait) = (4 << 20, Duration::from_millis(50));
        options.max_body = 1 << 20;
    };
    let stand = Stand::with(change, |_| {});
    let signature = "0".repeat(64);
    let headers = [("X-AUTH-CLIENT", stand.emulator.api_key()), ("X-HMAC-SIGNATURE", &*signature)];
    let mut waiting = connect(stand.address);
    waiting.write_all(head("POST", &media_path("x"), &headers, 1 << 20).as_bytes()).unwrap();
    let full = || {
        let text = String::from_utf8(ask(stand.address, "GET", "/metrics", &[], b"").body).unwrap();
        text.contains("budget_bytes{part=\"bodies\",what=\"used\"} 1048576\n")
    };
    while !full() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let said = ask(stand.address, "POST", &media_path("y"), &headers, &[b' '; 5000]);
    assert_eq!(
        (said.status, said.header("retry-after"), said.header("x-sealpress-error")),
        (429, Some("2"), Some("busy"))
    );
    assert_eq!(ask(stand.address, "GET", "/healthz", &[], b"").status, 200, "what needs no room goes on");
    drop(waiting);
}

#[test]
fn a_body_that_stands_still_is_given_up() {
    let stand = Stand::with(
        |options| {
            (options.stall_timeout, options.head_timeout) = (Duration::from_millis(150), Duration::from_millis(300))
        },
        |_| {},
    );
    let signature = "0".repeat(64);
    let headers = [("X-AUTH-CLIENT", stand.emulator.api_key()), ("X-HMAC-SIGNATURE", &*signature)];
    let mut socket = connect(stand.address);
    socket.write_all(head("POST", &media_path("x"), &headers, 1000).as_bytes()).unwrap();
    socket.write_all(b"{").unwrap();
    assert_eq!(read_answer(socket).unwrap().status, 408);
    // A head that never ends, and a connection without a request.
    for start in ["POST /v1/ses", ""] {
        let mut socket = connect(stand.address);
        socket.write_all(start.as_bytes()).unwrap();
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest);
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&rest));
    }
}

#[test]
fn a_reader_that_stands_still_is_given_up() {
    let many = vec![b'x'; 32 << 20];
    let raw = crate::faults::Raw::answering(move |mut socket| {
        let _ = socket.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", many.len()).as_bytes());
        let _ = socket.write_all(&many);
    });
    let emulator = std::sync::Arc::new(sealpress_emulator::Emulator::builder().start_blocking().unwrap());
    let change = |options: &mut sealpress_gateway::Options| options.stall_timeout = Duration::from_millis(200);
    let stand = Stand::before(emulator, &raw.url(), press(), change, |_| {}, |b| b);
    let mut lazy = connect(stand.address);
    lazy.write_all(head("GET", "/v1/media/x", &[], 0).as_bytes()).unwrap();
    // Answered, and then nobody reads: the connection ends before the body does.
    std::thread::sleep(Duration::from_millis(800));
    let mut rest = Vec::new();
    let _ = lazy.read_to_end(&mut rest);
    assert!(rest.starts_with(b"HTTP/1.1 200") && rest.len() < 32 << 20, "{} bytes", rest.len());
}

#[test]
fn what_is_under_way_ends_before_the_gateway_does() {
    let mut stand = Stand::new();
    let session = stand.session();
    stand.emulator.add_fault(FaultRule::new(Effect::Latency { ms: 500, jitter_ms: 0 }).on("upload")).unwrap();
    let body = upload_body("face", &uri("image/jpeg", &specimen("driving-licence.jpg")));
    let (signature, path) = (stand.key().sign(body.as_bytes()).hex(), media_path(&session));
    let (address, key) = (stand.address, stand.emulator.api_key().to_owned());
    let upload = std::thread::spawn(move || {
        ask(address, "POST", &path, &[("X-AUTH-CLIENT", &key), ("X-HMAC-SIGNATURE", &signature)], body.as_bytes())
    });
    while stand.emulator.requests("upload") == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let gateway = stand.gateway.take().unwrap();
    assert_eq!(stand.runtime.block_on(gateway.shutdown()), 0, "nobody was cut off");
    assert_eq!(upload.join().unwrap().status, 200);
    assert!(std::net::TcpStream::connect(stand.address).is_err(), "nobody else is taken");
}

#[test]
fn whoever_does_not_end_is_cut_off() {
    let mut stand = Stand::with(|options| options.drain = Duration::from_millis(100), |_| {});
    let signature = "0".repeat(64);
    let headers = [("X-AUTH-CLIENT", stand.emulator.api_key()), ("X-HMAC-SIGNATURE", &*signature)];
    let mut socket = connect(stand.address);
    socket.write_all(head("POST", &media_path("x"), &headers, 1000).as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let gateway = stand.gateway.take().unwrap();
    assert_eq!(stand.runtime.block_on(gateway.shutdown()), 1);
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest);
    assert!(rest.is_empty());
}

#[test]
fn health_readiness_and_metrics() {
    let stand = Stand::new();
    let session = stand.session();
    assert_eq!(stand.upload(&session, "face", &uri("image/jpeg", &specimen("orientation-6.jpg"))).status, 200);
    for (path, text) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        assert_eq!(ask(stand.address, "GET", path, &[], b"").body, text.as_bytes());
    }
    let text = String::from_utf8(ask(stand.address, "GET", "/metrics", &[], b"").body).unwrap();
    for line in [
        "sealpress_gateway_requests_total{call=\"upload\",status=\"200\"} 1",
        "sealpress_gateway_press_seconds_count 1",
        "sealpress_gateway_vendor_seconds_count 1",
        "sealpress_gateway_budget_bytes{part=\"bodies\",what=\"used\"} 0",
        "sealpress_gateway_under_way 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in {text}");
    }
}

/// A name, a key, a signature and the file's own bytes go through every door, and stand in no line of the log, no
/// metric and no answer of ours.
#[test]
fn nothing_personal_is_told() {
    let stand = Stand::new();
    let session = stand.session();
    let name = "Zaphod-Canary";
    let photo = specimen("orientation-6.jpg");
    let text = sealpress_base64::encode(&photo);
    let body = format!(
        "{{\"image\":{{\"context\":\"face\",\"owner\":\"{name}\",\"content\":\"data:image/jpeg;filename={name}.jpg;base64,{text}\"}}}}"
    );
    assert_eq!(stand.post(&media_path(&session), "application/json", body.as_bytes()).status, 200);
    let mut told = String::new();
    for (path, kind, body) in [
        (format!("/v1/persons/{name}?name={name}"), "application/json", name.as_bytes()),
        (format!("/prepare?name={name}"), "application/json", b"{}"),
        (media_path(&session), "application/json", format!("{{\"image\":{{\"content\":\"{name}!\"}}}}").as_bytes()),
        (media_path(name), "image/jpeg", &photo[..1000]),
    ] {
        let said = stand.post(&path, kind, body);
        if said.header("x-sealpress-error").is_some() {
            told.push_str(&String::from_utf8(said.body).unwrap());
        }
    }
    let log = stand.log.lock().unwrap().join("\n");
    assert!(log.contains("POST upload 200") && log.contains(&session), "{log}");
    told.push_str(&String::from_utf8(ask(stand.address, "GET", "/metrics", &[], b"").body).unwrap());
    told.push_str(&log.replace(&format!("session={name}"), ""));
    let signature = stand.key().sign(body.as_bytes()).hex();
    for secret in [name, stand.emulator.secret(), stand.emulator.api_key(), &signature, &text[1000..1040]] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[test]
fn tls_in() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let pem = |name: &str, der: &[u8]| {
        format!("-----BEGIN {name}-----\n{}\n-----END {name}-----\n", sealpress_base64::encode(der))
    };
    std::fs::write(&cert, pem("CERTIFICATE", made.cert.der())).unwrap();
    std::fs::write(&key, pem("PRIVATE KEY", &made.signing_key.serialize_der())).unwrap();
    let emulator = std::sync::Arc::new(sealpress_emulator::Emulator::builder().start_blocking().unwrap());
    let url = emulator.url().to_owned();
    let tls = Tls::from_pem(&cert, &key).unwrap();
    let stand = Stand::before(emulator, &url, press(), |_| {}, |_| {}, |builder| builder.tls(tls));
    let session = stand.session();
    let mut options = sealpress_client::Options::default();
    options.extra_roots = vec![made.cert.der().to_vec()];
    let credentials = sealpress_client::veriff::Credentials::new(stand.emulator.api_key(), stand.emulator.secret());
    let base = format!("https://localhost:{}", stand.address.port());
    let client = sealpress_client::veriff::Client::builder(base, credentials).options(options).build().unwrap();
    let media = sealpress_media::Media::sniff(specimen("driving-licence.jpg")).unwrap();
    let id = sealpress_client::SessionId::new(session).unwrap();
    let upload = sealpress_client::veriff::Upload::new(id, sealpress_client::Context::Face, media);
    let body = client.sign(&upload).unwrap();
    let receipt = stand.runtime.block_on(client.send(body)).unwrap();
    assert_eq!(stand.emulator.ledger().media().next().unwrap().id, receipt.media_id.as_str());
    // The wrong file is told by its name.
    let refused = Tls::from_pem(&key, &key).unwrap_err().to_string();
    assert!(refused.contains("key.pem"), "{refused}");
}
