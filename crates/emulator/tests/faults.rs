//! Every scripted fault, seen from the client's end of a real socket, against the ledger.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is the failure")]

mod common;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::{control, create, get, hmac_hex, jpeg, submit, upload, upload_body};
use sealpress_emulator::{Effect, Emulator, FaultRule, Forgery, How, Length, Phase};
use serde_json::json;

fn start() -> Emulator {
    Emulator::builder().start_blocking().unwrap()
}

fn with(effect: Effect) -> (Emulator, String) {
    let emulator = start();
    let session = create(&emulator, "Ann");
    emulator.add_fault(FaultRule::new(effect).on("upload").times(1).named("it")).unwrap();
    (emulator, session)
}

fn recorded(emulator: &Emulator) -> usize {
    emulator.ledger().media().count()
}

#[test]
fn resets_arrive_as_resets() {
    let big = jpeg(640, 480, &"x".repeat(60_000));
    for at in [Phase::BeforeBody, Phase::MidBody, Phase::AfterBody, Phase::MidAnswer] {
        let (emulator, session) = with(Effect::reset(at));
        let error = upload(&emulator, &session, "face", &big).unwrap_err();
        let expected = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        assert!(expected.contains(&error.kind()), "{at:?}: {error}");
        assert_eq!(recorded(&emulator), usize::from(at == Phase::MidAnswer), "{at:?}");
        assert_eq!(emulator.ledger().faults["it"], 1);
        assert_eq!(upload(&emulator, &session, "face", &big).unwrap().status, 200);
    }
}

#[test]
fn a_lost_answer_can_be_recorded_or_not_or_later() {
    let photo = jpeg(640, 480, "lost");
    let (emulator, session) = with(Effect::reset(Phase::AfterBody).recorded());
    upload(&emulator, &session, "face", &photo).unwrap_err();
    assert_eq!(recorded(&emulator), 1);

    let (emulator, session) = with(Effect::status(502).with_body("html").recorded_after(2_000));
    let answer = upload(&emulator, &session, "face", &photo).unwrap();
    assert_eq!((answer.status, answer.header("content-type")), (502, Some("text/html")));
    assert!(answer.body.starts_with(b"<html>") && answer.header("x-hmac-signature").is_none());
    assert_eq!(recorded(&emulator), 0);
    let began = Instant::now();
    while recorded(&emulator) == 0 && began.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(recorded(&emulator), 1);

    let (emulator, session) = with(Effect::status(500));
    let answer = upload(&emulator, &session, "face", &photo).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (500, "1101"));
    assert_eq!(answer.header("x-hmac-signature"), Some(&*hmac_hex(emulator.secret(), &answer.body)));
    assert_eq!(recorded(&emulator), 0);
}

#[test]
fn an_orderly_end_without_an_answer() {
    let emulator = start();
    let session = create(&emulator, "Ann");
    for at in [Phase::BeforeBody, Phase::MidBody, Phase::AfterBody] {
        let effect = Effect::Break { at, how: How::Fin, recorded: false, record_after_ms: None };
        emulator.add_fault(FaultRule::new(effect).on("upload").times(1)).unwrap();
        let error = upload(&emulator, &session, "face", &jpeg(640, 480, &"y".repeat(50_000))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{at:?}");
    }
    assert_eq!(recorded(&emulator), 0);
}

#[test]
fn retry_after_in_all_its_forms() {
    for (text, expected) in [("3", Some("3")), ("absurd", Some("86400")), ("soon", Some("soon"))] {
        let (emulator, session) = with(Effect::status(429).with_retry_after(text));
        let answer = upload(&emulator, &session, "face", &jpeg(640, 480, "")).unwrap();
        assert_eq!((answer.status, answer.header("retry-after")), (429, expected));
    }
    let (emulator, session) = with(Effect::status(503).with_retry_after("date:+60"));
    let answer = upload(&emulator, &session, "face", &jpeg(640, 480, "")).unwrap();
    assert!(answer.header("retry-after").unwrap().ends_with(" GMT"));
    let (emulator, session) = with(Effect::status(429));
    assert!(upload(&emulator, &session, "face", &jpeg(640, 480, "")).unwrap().header("retry-after").is_none());
}

#[test]
fn truncated_answers() {
    let (emulator, session) = with(Effect::Truncate { keep: 0.5, length: Length::Cut });
    let answer = upload(&emulator, &session, "face", &jpeg(640, 480, "")).unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_err() && !answer.body.is_empty());
    assert_eq!(recorded(&emulator), 1);
    let (emulator, session) = with(Effect::Truncate { keep: 0.5, length: Length::Whole });
    let error = upload(&emulator, &session, "face", &jpeg(640, 480, "")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(recorded(&emulator), 1);
}

#[test]
fn forged_signatures() {
    for how in [Forgery::Wrong, Forgery::Garbage, Forgery::Missing, Forgery::Upper, Forgery::Vrf, Forgery::Legacy] {
        let (emulator, session) = with(Effect::Signature { how });
        let answer = upload(&emulator, &session, "face", &jpeg(640, 480, "")).unwrap();
        assert_eq!(answer.status, 200);
        let right = hmac_hex(emulator.secret(), &answer.body);
        let given = answer.header("x-hmac-signature");
        match how {
            Forgery::Wrong => assert!(given.is_some_and(|g| g.len() == 64 && g != right)),
            Forgery::Garbage => assert_eq!(given, Some("not-a-signature")),
            Forgery::Upper => assert_eq!(given, Some(&*right.to_uppercase())),
            Forgery::Vrf => assert_eq!((given, answer.header("vrf-hmac-signature")), (None, Some(&*right))),
            Forgery::Legacy => assert!(given.is_none() && answer.header("x-signature").is_some()),
            _ => assert!(given.is_none()),
        }
    }
}

#[test]
fn slow_in_every_direction() {
    let slow = |effect| {
        let (emulator, session) = with(effect);
        let began = Instant::now();
        let answer = upload(&emulator, &session, "face", &jpeg(640, 480, "")).unwrap();
        (began.elapsed().as_millis(), answer.status)
    };
    let (ms, status) = slow(Effect::Latency { ms: 300, jitter_ms: 50 });
    assert!(ms >= 300 && status == 200, "{ms}");
    let (ms, _) = slow(Effect::SlowAnswer { bytes_per_second: 2_000, head: true });
    assert!(ms >= 250, "{ms}");
    let (ms, _) = slow(Effect::SlowRead { bytes_per_second: 300 });
    assert!(ms >= 250, "{ms}");
    // The sender feels a slow reader: its own writes come to a halt.
    let (emulator, session) = with(Effect::SlowRead { bytes_per_second: 1_000 });
    let mut stream = TcpStream::connect(emulator.address()).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let head = format!("POST /v1/sessions/{session}/media HTTP/1.1\r\nhost: x\r\ncontent-length: 30000000\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let stuck = stream.write_all(&vec![b' '; 30_000_000]).unwrap_err();
    assert_eq!(stuck.kind(), ErrorKind::WouldBlock);
    let (emulator, session) = with(Effect::stall(300).recorded());
    let began = Instant::now();
    let error = upload(&emulator, &session, "face", &jpeg(640, 480, "")).unwrap_err();
    assert!(error.kind() == ErrorKind::UnexpectedEof && began.elapsed() >= Duration::from_millis(300));
    assert_eq!(recorded(&emulator), 1);
}

#[test]
fn redirects_stale_listings_double_records_and_replacements() {
    let (emulator, session) = with(Effect::Redirect { location: "http://127.0.0.2:9/v1".into(), status: 307 });
    let answer = upload(&emulator, &session, "face", &jpeg(640, 480, "")).unwrap();
    assert_eq!((answer.status, answer.header("location")), (307, Some("http://127.0.0.2:9/v1")));
    assert_eq!(recorded(&emulator), 0);

    let (emulator, session) = with(Effect::DoubleRecord);
    assert_eq!(upload(&emulator, &session, "face", &jpeg(640, 480, "")).unwrap().status, 200);
    assert_eq!((recorded(&emulator), emulator.ledger().duplicates().count()), (2, 1));
    let id = emulator.add_fault(FaultRule::new(Effect::StaleListing { lag_ms: 60_000 }).on("list-media")).unwrap();
    let listing = format!("/v1/sessions/{session}/media");
    let count = || get(&emulator, &listing).unwrap().json()["images"].as_array().unwrap().len();
    assert_eq!(count(), 0);
    emulator.advance(Duration::from_secs(61));
    assert_eq!(count(), 2);
    assert!(emulator.remove_fault(id) && !emulator.remove_fault(id));

    let headers = [("X-Request-Id".to_owned(), "r-1".to_owned())].into();
    let effect = Effect::Replace { status: Some(418), body: Some("teapot".into()), headers };
    emulator.add_fault(FaultRule::new(effect).on("list-media")).unwrap();
    let answer = get(&emulator, &listing).unwrap();
    assert_eq!((answer.status, &answer.body[..], answer.header("x-request-id")), (418, &b"teapot"[..], Some("r-1")));
}

#[test]
fn an_idle_connection_is_closed_after_a_truthful_answer() {
    let emulator = start();
    let session = create(&emulator, "Ann");
    emulator.add_fault(FaultRule::new(Effect::CloseIdle { after_ms: 50, how: How::Fin }).times(1)).unwrap();
    let body = upload_body("face", &jpeg(640, 480, ""));
    let signature = hmac_hex(emulator.secret(), body.as_bytes());
    let mut stream = TcpStream::connect(emulator.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let head = format!(
        "POST /v1/sessions/{session}/media HTTP/1.1\r\nhost: x\r\nx-auth-client: {}\r\nx-hmac-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
        emulator.api_key(),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    assert!(all.starts_with("HTTP/1.1 200 OK") && !all.to_lowercase().contains("connection: close"));
}

#[test]
fn rules_choose_by_session_context_attempt_order_and_chance() {
    let emulator = start();
    let (one, two) = (create(&emulator, "Ann"), create(&emulator, "Bob"));
    let rule = FaultRule::new(Effect::status(500)).on("upload").session(&one).context("face");
    emulator.add_fault(rule).unwrap();
    let photo = jpeg(640, 480, "a");
    let status =
        |session: &str, context: &str, bytes: &[u8]| upload(&emulator, session, context, bytes).unwrap().status;
    assert_eq!(status(&one, "face", &photo), 500);
    assert_eq!((status(&one, "document-front", &photo), status(&two, "face", &photo)), (200, 200));
    emulator.clear_faults();

    // Only the first try of the same request.
    emulator.add_fault(FaultRule::new(Effect::status(503)).on("upload").attempt(1)).unwrap();
    let fresh = jpeg(640, 480, "fresh");
    assert_eq!(
        [status(&two, "face", &fresh), status(&two, "face", &fresh), status(&two, "face", &fresh)],
        [503, 200, 200]
    );
    emulator.clear_faults();

    emulator.add_fault(FaultRule::new(Effect::status(429)).on("upload").skip(1).times(2)).unwrap();
    let seen: Vec<u16> = (0..5).map(|_| status(&two, "face", &photo)).collect();
    assert_eq!(seen, [200, 429, 429, 200, 200]);
    emulator.clear_faults();

    let mut rule = FaultRule::new(Effect::status(429)).on("upload");
    (rule.after, rule.until) = (Some("2s".into()), Some("10m".into()));
    emulator.add_fault(rule).unwrap();
    assert_eq!(status(&two, "face", &photo), 200);
    std::thread::sleep(Duration::from_millis(2_050));
    assert_eq!(status(&two, "face", &photo), 429);
    emulator.clear_faults();

    let run = |seed| {
        emulator.add_fault(FaultRule::new(Effect::status(429)).on("upload").chance(0.5, seed)).unwrap();
        let seen: Vec<u16> = (0..24).map(|_| status(&two, "face", &photo)).collect();
        emulator.clear_faults();
        seen
    };
    let first = run(7);
    assert_eq!(first, run(7));
    assert_ne!(first, run(8));
    let hits = first.iter().filter(|s| **s == 429).count();
    assert!((4..=20).contains(&hits), "{hits}");
}

#[test]
fn a_context_behind_the_content_is_found_too() {
    let emulator = start();
    let session = create(&emulator, "Ann");
    emulator.add_fault(FaultRule::new(Effect::status(500)).context("face")).unwrap();
    let padding = "QUJD".repeat(5_000);
    let body = format!(r#"{{"image":{{"content":"{padding}","context":"face"}}}}"#);
    let answer = common::veriff(&emulator, "POST", &format!("/v1/sessions/{session}/media"), &body).unwrap();
    assert_eq!(answer.status, 500);
}

#[test]
fn the_control_api_takes_json_and_toml() {
    let emulator = start();
    let session = create(&emulator, "Ann");
    let rule =
        json!({ "routes": ["submit"], "count": 1, "effect": { "kind": "status", "status": 401, "code": "1803" } });
    assert_eq!(control(&emulator, "POST", "faults", &rule.to_string()).status, 200);
    let answer = submit(&emulator, &session).unwrap();
    assert_eq!((answer.status, answer.code().as_str(), answer.header("x-hmac-signature")), (401, "1803", None));
    let shown = control(&emulator, "GET", "faults", "").json();
    assert_eq!((shown[0]["fired"].as_u64(), shown[0]["name"].as_str()), (Some(1), Some("fault-1")));
    for wrong in [
        r#"{"effect":{"kind":"explode"}}"#,
        r#"{"effect":{"kind":"fuzz"},"routes":["uplaod"]}"#,
        r#"{"effect":{"kind":"status","status":500,"recordet":true}}"#,
        r#"{"effect":{"kind":"fuzz"},"probability":2}"#,
        "nonsense",
    ] {
        assert_eq!(control(&emulator, "POST", "faults", wrong).status, 400, "{wrong}");
    }
    assert_eq!(control(&emulator, "DELETE", "faults/1", "").status, 200);
    assert_eq!(control(&emulator, "DELETE", "faults/1", "").status, 404);

    let script = "[options]\nupload_status = 201\n[[fault]]\nroutes = ['list-media']\neffect = { kind = 'status', status = 500, body = 'empty' }\n";
    let toml = [("content-type", "application/toml")];
    assert_eq!(common::raw(&emulator, "POST", "/__emulator/faults", &toml, script.as_bytes()).unwrap().status, 200);
    assert_eq!(upload(&emulator, &session, "face", &jpeg(640, 480, "")).unwrap().status, 201);
    assert_eq!(get(&emulator, &format!("/v1/sessions/{session}/media")).unwrap().status, 500);
    assert!(Emulator::builder().script("[[fault]]\neffekt = 1").is_err());
}

#[test]
fn other_sites_cannot_steer_it() {
    let emulator = start();
    let rule = br#"{"effect":{"kind":"fuzz"}}"#;
    let post =
        |headers: &[(&str, &str)]| common::raw(&emulator, "POST", "/__emulator/faults", headers, rule).unwrap().status;
    assert_eq!(post(&[("origin", "http://evil.example")]), 403);
    assert_eq!(post(&[("origin", emulator.url())]), 200);
    let mut stream = TcpStream::connect(emulator.address()).unwrap();
    let head = "GET /__emulator/ledger HTTP/1.1\r\nhost: rebound.example\r\nsec-fetch-site: same-origin\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(common::answer(&mut stream).unwrap().status, 403);
    emulator.configure(|o| o.allowed_hosts = vec!["rebound.example".into()]);
    let mut stream = TcpStream::connect(emulator.address()).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(common::answer(&mut stream).unwrap().status, 200);
}

/// Takes webhooks on a raw socket, as (signature header, body), and answers 200.
fn hook() -> (String, std::sync::mpsc::Receiver<(String, String)>) {
    use std::io::BufRead as _;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = std::io::BufReader::new(stream.try_clone().unwrap());
            let (mut signature, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) <= 2 {
                    break;
                }
                let (name, value) = line.trim().split_once(": ").unwrap_or_default();
                match name {
                    "x-hmac-signature" => signature = value.to_owned(),
                    "content-length" => length = value.parse().unwrap(),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let mut stream = stream;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            if tell.send((signature, String::from_utf8(body).unwrap())).is_err() {
                return;
            }
        }
    });
    (url, told)
}

#[test]
fn webhooks_are_touched_by_the_script_too() {
    let (url, told) = hook();
    let emulator = Emulator::builder().webhook(&url).configure(|o| o.webhook_retry_ms = 20).start_blocking().unwrap();
    let next = || told.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
    let rule = |effect: serde_json::Value| {
        let rule = serde_json::json!({ "routes": ["webhook"], "count": 1, "effect": effect }).to_string();
        assert_eq!(common::control(&emulator, "POST", "faults", &rule).status, 200);
    };
    let right = |body: &str| common::hmac_hex(emulator.secret(), body.as_bytes());
    // Twice, both right.
    rule(serde_json::json!({ "kind": "double-record" }));
    emulator.send_webhook(&serde_json::json!({ "n": 1 })).unwrap();
    let (first, second) = (next(), next());
    assert_eq!(first, second);
    assert_eq!((first.0, first.1.as_str()), (right("{\"n\":1}"), "{\"n\":1}"));
    // Forged, and (since this server took it) not sent again.
    rule(serde_json::json!({ "kind": "signature", "how": "wrong" }));
    emulator.send_webhook(&serde_json::json!({ "n": 2 })).unwrap();
    let (signature, body) = next();
    assert!(body == "{\"n\":2}" && signature.len() == 64 && signature != right(&body));
    // Lost once, then delivered.
    rule(serde_json::json!({ "kind": "break", "at": "after-body" }));
    emulator.send_webhook(&serde_json::json!({ "n": 3 })).unwrap();
    assert_eq!(next().0, right("{\"n\":3}"));
    // Late: what was sent after it comes before it.
    rule(serde_json::json!({ "kind": "latency", "ms": 1500 }));
    emulator.send_webhook(&serde_json::json!({ "n": 4 })).unwrap();
    while common::control(&emulator, "GET", "faults", "").json()[3]["fired"] == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    emulator.send_webhook(&serde_json::json!({ "n": 5 })).unwrap();
    assert_eq!([next().1, next().1], ["{\"n\":5}", "{\"n\":4}"]);
}
