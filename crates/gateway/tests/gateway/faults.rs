//! What goes wrong between gateway and vendor, and between caller and gateway.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sealpress_emulator::{Effect, Emulator, FaultRule, Phase};

use crate::common::{Stand, ask, connect, head, media_path, press, specimen, upload_body, uri};

/// A vendor that keeps requests as they stood on the wire, and answers as it is told.
pub(crate) struct Raw {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Seen>>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

impl Raw {
    pub(crate) fn recording() -> Self {
        Self::answering(|mut socket| {
            drop(socket.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"))
        })
    }

    pub(crate) fn answering(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&requests), Arc::new(answer));
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let Ok(socket) = socket else { return };
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let Some(seen) = read_request(&socket) else { return };
                    kept.lock().unwrap().push(seen);
                    answer(socket);
                });
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.requests.lock().unwrap().clone()
    }
}

fn read_request(mut socket: &TcpStream) -> Option<Seen> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 65536]);
    loop {
        let n = socket.read(&mut piece).ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&piece[..n]);
        let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
        let pairs = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = pairs.map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).collect();
        let length = headers.iter().find(|(n, _)| n == "content-length").map_or(0, |(_, v)| v.parse().unwrap());
        if bytes.len() >= at + 4 + length {
            return Some(Seen { headers, body: bytes[at + 4..at + 4 + length].to_vec() });
        }
    }
}

#[test]
fn a_vendor_that_fails_is_told_as_it_is() {
    let stand = Stand::with(|_| {}, |client| client.upload_timeout = Duration::from_millis(700));
    let session = stand.session();
    let photo = uri("image/jpeg", &specimen("driving-licence.jpg"));
    // (the fault, the status, and whether the caller is told to look first)
    let faults = [
        (Effect::reset(Phase::AfterBody).recorded(), 502, Some("look before")),
        (Effect::stall(60_000), 504, Some("look before")),
        (Effect::status(503).with_retry_after("7"), 503, None),
        (Effect::status(500), 500, None),
    ];
    for (effect, status, word) in faults {
        stand.emulator.clear_faults();
        stand.emulator.add_fault(FaultRule::new(effect.clone()).on("upload").times(1)).unwrap();
        let said = stand.upload(&session, "face", &photo);
        assert_eq!(said.status, status, "{effect:?}: {said:?}");
        match word {
            Some(word) => {
                assert!(said.json()["message"].as_str().unwrap().contains(word), "{said:?}");
                assert!(said.header("x-sealpress-error").is_some());
            }
            // The vendor's own words are not ours.
            None => assert!(said.header("x-sealpress-error").is_none(), "{said:?}"),
        }
        if status == 503 {
            assert_eq!(said.header("retry-after"), Some("7"));
        }
    }
    assert_eq!(stand.upload(&session, "face", &photo).status, 200, "the gateway is none the worse");
    assert_eq!(stand.emulator.requests("upload"), 5, "nothing is ever sent twice");
}

#[test]
fn a_vendor_that_is_not_there_was_sent_nothing() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let emulator = Arc::new(Emulator::builder().start_blocking().unwrap());
    let stand = Stand::before(emulator, &format!("http://{nobody}"), press(), |_| {}, |_| {}, |b| b);
    let said = stand.upload(
        "7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21",
        "face",
        &uri("image/jpeg", &specimen("driving-licence.jpg")),
    );
    assert_eq!((said.status, said.header("x-sealpress-error")), (502, Some("unreachable")));
    assert!(said.json()["message"].as_str().unwrap().contains("it was not sent"), "{said:?}");
}

#[test]
fn no_credential_follows_a_redirect() {
    let elsewhere = Raw::recording();
    let there = elsewhere.url();
    let raw = Raw::answering(move |mut socket| {
        let answer = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: {there}/v1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        );
        drop(socket.write_all(answer.as_bytes()));
    });
    let emulator = Arc::new(Emulator::builder().start_blocking().unwrap());
    let stand = Stand::before(emulator, &raw.url(), press(), |_| {}, |_| {}, |b| b);
    let id = "7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21";
    assert_eq!(stand.upload(id, "face", &uri("image/jpeg", &specimen("driving-licence.jpg"))).status, 307);
    assert_eq!(stand.signed("GET", "/v1/media/x", &[], b"").status, 307);
    // A path cannot name another host either.
    for path in ["//other.example/v1", "/\\\\other.example/", "/v1/../../x", "/v1/%2e%2e/x"] {
        let said = stand.signed("GET", path, &[], b"");
        assert!([307, 400].contains(&said.status), "{path}: {said:?}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_caller_who_leaves_costs_nothing() {
    let stand = Stand::new();
    let session = stand.session();
    let body = upload_body("face", &uri("image/jpeg", &specimen("orientation-6.jpg")));
    let signature = stand.key().sign(body.as_bytes()).hex();
    let headers = [("X-AUTH-CLIENT", stand.emulator.api_key()), ("X-HMAC-SIGNATURE", &*signature)];
    for _ in 0..3 {
        let mut socket = connect(stand.address);
        socket.write_all(head("POST", &media_path(&session), &headers, body.len()).as_bytes()).unwrap();
        socket.write_all(&body.as_bytes()[..body.len() / 2]).unwrap();
    }
    let patience = Instant::now() + Duration::from_secs(20);
    let idle = || {
        let text = String::from_utf8(ask(stand.address, "GET", "/metrics", &[], b"").body).unwrap();
        text.contains("budget_bytes{part=\"bodies\",what=\"used\"} 0\n") && text.contains("under_way 1\n")
    };
    while !idle() {
        assert!(Instant::now() < patience, "the budget is not given back");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(stand.emulator.requests("upload"), 0);
    let submit = br#"{"verification":{"status":"submitted"}}"#;
    assert_eq!(
        stand.signed("PATCH", &format!("/v1/sessions/{session}"), &[], submit).status,
        200,
        "nothing is waited for"
    );
}

#[test]
fn a_submission_waits_for_the_uploads_of_its_session() {
    let stand = Stand::new();
    let session = stand.session();
    let slow = Effect::Latency { ms: 600, jitter_ms: 0 };
    stand.emulator.add_fault(FaultRule::new(slow).on("upload").times(1)).unwrap();
    let body = upload_body("face", &uri("image/jpeg", &specimen("driving-licence.jpg")));
    let submitted = std::thread::scope(|scope| {
        let upload = scope.spawn(|| stand.post(&media_path(&session), "application/json", body.as_bytes()));
        while stand.emulator.requests("upload") == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let submit = br#"{"verification":{"status":"submitted"}}"#;
        let submitted = stand.signed("PATCH", &format!("/v1/sessions/{session}"), &[], submit);
        assert_eq!(upload.join().unwrap().status, 200, "it was there before the session ended");
        submitted
    });
    assert_eq!(submitted.status, 200, "{submitted:?}");
    assert_eq!(stand.emulator.ledger().media().count(), 1);
}

#[test]
fn in_doubt_nothing_is_submitted() {
    let stand = Stand::with(|options| options.submit_wait = Duration::from_millis(50), |_| {});
    let session = stand.session();
    let mut socket = connect(stand.address);
    let signature = "0".repeat(64);
    let headers = [("X-AUTH-CLIENT", stand.emulator.api_key()), ("X-HMAC-SIGNATURE", &*signature)];
    socket.write_all(head("POST", &media_path(&session), &headers, 1000).as_bytes()).unwrap();
    let submit = || {
        stand.signed("PATCH", &format!("/v1/sessions/{session}"), &[], br#"{"verification":{"status":"submitted"}}"#)
    };
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        // Until the upload's head was read, nothing is under way.
        let text = String::from_utf8(ask(stand.address, "GET", "/metrics", &[], b"").body).unwrap();
        if text.contains("under_way 2\n") {
            break;
        }
        assert!(Instant::now() < patience, "{text}");
    }
    let said = submit();
    assert_eq!((said.status, said.header("x-sealpress-error")), (429, Some("busy")));
    assert!(said.header("retry-after").is_some());
    assert_eq!(stand.emulator.requests("submit"), 0);
}
