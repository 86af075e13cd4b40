//! What meets somebody who has just begun: the log, timeouts that end a stuck client, bounds, a reset.

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{create, jpeg, raw, submit, upload, veriff};
use sealpress_emulator::{Effect, Emulator, FaultRule, MediaMode};

#[test]
fn every_request_is_told_of_with_its_mistake() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&lines);
    let emulator =
        Emulator::builder().on_request(move |r| told.lock().unwrap().push(r.to_string())).start_blocking().unwrap();
    let session = create(&emulator, "Ann");
    upload(&emulator, &session, "face", &jpeg(640, 480, "one")).unwrap();
    let signature = common::hmac_hex(emulator.secret(), b"{}\n");
    let headers = [("x-auth-client", emulator.api_key()), ("x-hmac-signature", &*signature)];
    let path = format!("/v1/sessions/{session}");
    assert_eq!(raw(&emulator, "PATCH", &path, &headers, b"{}").unwrap().status, 401);
    submit(&emulator, &session).unwrap();
    // A request is told of once its answer is written, which its client may see a moment earlier.
    for _ in 0..500 {
        if lines.lock().unwrap().len() == 4 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert!(lines[0].contains("POST /v1/sessions 201"), "{}", lines[0]);
    assert!(lines[1].contains("/media 200 face "), "{}", lines[1]);
    assert!(
        lines[2].contains("401 code 1819") && lines[2].contains("a newline was signed behind the body"),
        "{}",
        lines[2]
    );
    assert!(lines[2].contains("2 bytes hashed") && lines[2].contains(&signature), "{}", lines[2]);
    assert!(!lines.concat().contains(emulator.secret()));
}

#[test]
fn media_are_strict_unless_told_otherwise() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let session = create(&emulator, "Ann");
    assert_eq!(upload(&emulator, &session, "face", &jpeg(4000, 3000, "")).unwrap().code(), "1104");
    emulator.configure(|o| o.media = MediaMode::Lenient);
    assert_eq!(upload(&emulator, &session, "face", &jpeg(4000, 3000, "")).unwrap().status, 200);
}

/// Everything until the other side ends.
fn rest(stream: &mut TcpStream) -> String {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
    let mut text = Vec::new();
    // A reset ends it as well.
    let _ = stream.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// One answer of a connection that stays open, in however many pieces it comes; what there was where it ended.
fn one_answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut piece = [0; 1024];
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lengths = head
                .lines()
                .filter_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            if body.len() >= lengths.next_back().unwrap_or(0_usize) {
                return text;
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return text,
            Ok(got) => text.push_str(&String::from_utf8_lossy(&piece[..got])),
        }
    }
}

#[test]
fn clients_that_stand_still_are_let_go() {
    let emulator = Emulator::builder()
        .configure(|o| (o.header_timeout_ms, o.idle_timeout_ms, o.body_timeout_ms) = (300, 300, 300))
        .start_blocking()
        .unwrap();
    let connect = || TcpStream::connect(emulator.address()).unwrap();
    // Never a byte, half a head, a head byte by byte, half a body.
    assert_eq!(rest(&mut connect()), "");
    let mut half = connect();
    half.write_all(b"GET /health HTTP/1.1\r\nhost: ").unwrap();
    assert!(rest(&mut half).starts_with("HTTP/1.1 408 "));
    let mut dribble = connect();
    dribble.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut answer = [0; 12];
    let answered = (0..500).any(|_| {
        // A byte now and then holds no connection: one deadline counts for the whole head.
        let _ = dribble.write_all(b"G");
        dribble.read(&mut answer).is_ok_and(|got| got == answer.len())
    });
    assert!(answered && answer.starts_with(b"HTTP/1.1 408"), "{answer:?}");
    let mut body = connect();
    body.write_all(b"POST /v1/sessions HTTP/1.1\r\ncontent-length: 100\r\n\r\nhalf").unwrap();
    assert_eq!(rest(&mut body), "");
    // A connection that works is not cut off: each request has its own time.
    let mut steady = connect();
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(150));
        steady.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        assert!(one_answer(&mut steady).starts_with("HTTP/1.1 200 "));
    }
}

#[test]
fn a_promised_body_is_no_memory_yet() {
    let emulator = Emulator::builder().configure(|o| o.body_limit = usize::MAX).start_blocking().unwrap();
    let mut stream = TcpStream::connect(emulator.address()).unwrap();
    // More than any machine has: allocating it at once would end the process.
    let head = format!("POST /v1/sessions HTTP/1.1\r\ncontent-length: {}\r\n\r\n", 1u64 << 46);
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(raw(&emulator, "GET", "/health", &[], b"").unwrap().status, 200);
}

#[test]
fn a_data_directory_is_bounded_too() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Emulator::builder().data(folder.path()).storage_cap(2_500).start_blocking().unwrap();
    let stored = || {
        let mut total = 0;
        let sessions = std::fs::read_dir(folder.path().join("media")).unwrap();
        for session in sessions {
            for file in std::fs::read_dir(session.unwrap().path()).unwrap() {
                total += file.unwrap().metadata().unwrap().len();
            }
        }
        total
    };
    let first = start();
    let session = create(&first, "Ann");
    let send = |emulator: &Emulator, n: u32| {
        let photo = jpeg(640, 480, &n.to_string().repeat(1_000));
        upload(emulator, &session, "face", &photo).unwrap().json()["image"]["id"].as_str().unwrap().to_owned()
    };
    let ids: Vec<String> = (0..4).map(|n| send(&first, n)).collect();
    assert!(stored() <= 2_500);
    drop(first);
    // What lies there already counts for the next run.
    let second = start();
    let newest = send(&second, 5);
    assert!(stored() <= 2_500);
    let kept: Vec<bool> = ids.iter().chain([&newest]).map(|id| second.media_bytes(id).is_some()).collect();
    assert_eq!(kept, [false, false, false, true, true]);
    assert_eq!(second.ledger().media().count(), 5);
}

#[test]
fn a_reset_leaves_address_credentials_and_the_first_settings() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = Emulator::builder()
        .data(folder.path())
        .configure(|o| o.create_status = 200)
        .fault(FaultRule::new(Effect::status(500)).on("submit").times(1))
        .start_blocking()
        .unwrap();
    emulator.configure(|o| o.create_status = 201);
    let session = create(&emulator, "Ann");
    upload(&emulator, &session, "face", &jpeg(640, 480, "")).unwrap();
    assert_eq!(submit(&emulator, &session).unwrap().status, 500);
    emulator.clear_faults();
    emulator.advance(Duration::from_secs(3 * 86_400));
    emulator.reset().unwrap();

    let ledger = emulator.ledger();
    assert!(ledger.sessions.is_empty() && ledger.requests.is_empty() && ledger.answers.is_empty());
    assert_eq!(veriff(&emulator, "GET", &format!("/v1/sessions/{session}/media"), "").unwrap().status, 404);
    let made = veriff(&emulator, "POST", "/v1/sessions", r#"{"verification":{}}"#).unwrap();
    assert_eq!(made.status, 200, "the first options");
    let again = made.json()["verification"]["id"].as_str().unwrap().to_owned();
    assert_eq!(submit(&emulator, &again).unwrap().status, 500, "the first faults, from their beginning");
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!(Duration::from_millis(emulator.now_ms()).abs_diff(wall) < Duration::from_secs(3600), "the true time");
    drop(emulator);
    // Nor does the directory remember.
    let next = Emulator::builder().data(folder.path()).start_blocking().unwrap();
    let sessions: Vec<String> = next.ledger().sessions.into_iter().map(|s| s.id).collect();
    assert_eq!(sessions, [again]);
}
