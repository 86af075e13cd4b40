//! Sessions from creation to their end, restarts and limits, over a real socket.

mod common;

use std::time::Duration;

use common::{create, get, hmac_hex, jpeg, raw, submit, upload, veriff};
use sealpress_emulator::{Emulator, ErrorKind, Status, Verdict};

#[tokio::test]
async fn a_session_goes_the_whole_way() {
    let emulator = Emulator::start().await.unwrap();
    let session = create(&emulator, "Approve");
    let photo = jpeg(1920, 1080, "front");
    let answer = upload(&emulator, &session, "document-front", &photo).unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-hmac-signature"), Some(&*hmac_hex(emulator.secret(), &answer.body)));
    let image = &answer.json()["image"];
    assert_eq!((image["size"].as_u64(), image["mimetype"].as_str()), (Some(photo.len() as u64), Some("image/jpeg")));
    let id = image["id"].as_str().unwrap();

    let listed = get(&emulator, &format!("/v1/sessions/{session}/media")).unwrap().json();
    assert_eq!(listed["images"][0]["id"], id);
    assert_eq!(get(&emulator, &format!("/v1/media/{id}")).unwrap().body, photo);
    assert_eq!(emulator.media_bytes(id).as_deref(), Some(&photo[..]));

    assert!(get(&emulator, &format!("/v1/sessions/{session}/decision")).unwrap().json()["verification"].is_null());
    assert_eq!(submit(&emulator, &session).unwrap().status, 200);
    assert_eq!(upload(&emulator, &session, "face", &photo).unwrap().status, 409);
    assert_eq!(submit(&emulator, &session).unwrap().code(), "1304");
    emulator.advance(Duration::from_secs(2));
    let decision = get(&emulator, &format!("/v1/sessions/{session}/decision")).unwrap().json();
    let verification = &decision["verification"];
    assert_eq!((verification["status"].as_str(), verification["code"].as_u64()), (Some("approved"), Some(9001)));

    let ledger = emulator.ledger();
    let record = ledger.session(&session).unwrap();
    assert_eq!((record.status, record.submissions), (Status::Approved, 1));
    assert_eq!((ledger.media().count(), ledger.submitted().count()), (1, 1));
    assert_eq!((ledger.requests("upload"), ledger.requests("submit"), emulator.requests("upload")), (2, 2, 2));
    let address = emulator.address();
    emulator.shutdown().await;
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn published_signatures_open_the_door() {
    let emulator = Emulator::builder().secret("sandbox-shared-secret-0001").start_blocking().unwrap();
    let post = |path: &str, body: &str, signature: &str| {
        let headers = [("x-auth-client", emulator.api_key()), ("x-hmac-signature", signature)];
        raw(&emulator, "POST", path, &headers, body.as_bytes()).unwrap().status
    };
    let create = "c3d5b1d6d7866b22244c071f8b68e997973250ec8dfc5204ab729a4f9cf75e42";
    assert_eq!(post("/v1/sessions", r#"{"verification":{}}"#, create), 201);
    assert_eq!(post("/v1/sessions", r#"{"verification": {}}"#, create), 401);
    // Known media bytes are not a picture, but the signature is judged before them.
    let session = common::create(&emulator, "Ann");
    let path = format!("/v1/sessions/{session}/media");
    let body = r#"{"image":{"context":"document-front","content":"data:image/png;base64,AAAA"}}"#;
    assert_eq!(post(&path, body, "e7dd1374274f671da58e26075ce099bee0342c57c66c8f0c7d6d954e56428230"), 400);
    assert_eq!(post(&path, body, "0749c2b9533fa71d4c4782d5ce8a989b14752feefa2c28e104a93e394ebe6e07"), 401);
    let headers = [
        ("x-auth-client", emulator.api_key()),
        ("x-hmac-signature", "7001ca0098c19c13c72984be0a528225db9f4f3332d93d6994098feafed63150"),
    ];
    let body = br#"{"verification":{"status":"submitted"}}"#;
    assert_eq!(raw(&emulator, "PATCH", &format!("/v1/sessions/{session}"), &headers, body).unwrap().status, 200);
}

#[test]
fn both_secrets_of_a_rotation_are_accepted_and_the_first_signs() {
    let emulator = Emulator::builder().secret("new").secret("old").start_blocking().unwrap();
    let session = create(&emulator, "Ann");
    let headers = [("x-auth-client", emulator.api_key()), ("x-hmac-signature", &*hmac_hex("old", session.as_bytes()))];
    let answer = raw(&emulator, "GET", &format!("/v1/sessions/{session}/media"), &headers, b"").unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-hmac-signature"), Some(&*hmac_hex("new", &answer.body)));
}

#[tokio::test]
async fn a_data_directory_outlives_the_emulator() {
    let folder = tempfile::tempdir().unwrap();
    let photo = jpeg(800, 600, "kept");
    let first = Emulator::builder().data(folder.path()).start().await.unwrap();
    let (key, secret) = (first.api_key().to_owned(), first.secret().to_owned());
    let (open, closed) = (create(&first, "Ann"), create(&first, "Bob"));
    let id = upload(&first, &open, "face", &photo).unwrap().json()["image"]["id"].as_str().unwrap().to_owned();
    upload(&first, &closed, "face", &photo).unwrap();
    submit(&first, &closed).unwrap();
    first.decide(&closed, Verdict::Declined).unwrap();
    let before = serde_json::to_value(first.ledger().sessions).unwrap();
    first.shutdown().await;

    // A kill tears the last line.
    let events = folder.path().join("events.jsonl");
    let mut text = std::fs::read(&events).unwrap();
    text.extend_from_slice(b"{\"media\":{\"id\":\"to");
    std::fs::write(&events, text).unwrap();

    let second = Emulator::builder().data(folder.path()).start().await.unwrap();
    assert_eq!((second.api_key(), second.secret()), (&*key, &*secret));
    assert_eq!(serde_json::to_value(second.ledger().sessions).unwrap(), before);
    assert_eq!(get(&second, &format!("/v1/media/{id}")).unwrap().body, photo);
    upload(&second, &open, "face", &photo).unwrap();
    let ledger = second.ledger();
    assert_eq!(ledger.duplicates().count(), 1, "what was there before is known");
    assert_eq!(ledger.media().map(|m| m.order).max(), Some(3));
    second.shutdown().await;
    let third = Emulator::builder().data(folder.path()).start().await.unwrap();
    assert_eq!(third.ledger().media().count(), 3, "the line after the torn one was read");
}

#[test]
fn opening_the_end_users_page_starts_a_session() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let session = emulator.create_session(serde_json::json!({ "vendorData": "made here" })).unwrap();
    let status = || emulator.ledger().session(&session).unwrap().status;
    assert_eq!(status(), Status::Created);
    let answer = raw(&emulator, "GET", &format!("/v/{session}.emulated"), &[], b"").unwrap();
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    assert_eq!(status(), Status::Started);
    assert_eq!(raw(&emulator, "GET", "/v/nobody", &[], b"").unwrap().status, 404);
    emulator.advance(Duration::from_secs(8 * 86_400));
    assert_eq!(status(), Status::Abandoned);
}

#[test]
fn memory_is_capped_and_records_stay() {
    let emulator = Emulator::builder().storage_cap(2_500).start_blocking().unwrap();
    let session = create(&emulator, "Ann");
    let ids: Vec<String> = (0..5)
        .map(|n| {
            let photo = jpeg(640, 480, &n.to_string().repeat(1_000));
            upload(&emulator, &session, "face", &photo).unwrap().json()["image"]["id"].as_str().unwrap().to_owned()
        })
        .collect();
    let kept: Vec<bool> = ids.iter().map(|id| emulator.media_bytes(id).is_some()).collect();
    assert_eq!(kept, [false, false, false, true, true]);
    assert_eq!(emulator.ledger().media().count(), 5);
    assert_eq!(get(&emulator, &format!("/v1/media/{}", ids[0])).unwrap().status, 404);
}

#[test]
fn thousands_of_uploads_keep_their_pace() {
    let emulator = Emulator::builder().storage_cap(0).start_blocking().unwrap();
    let sessions: Vec<String> = (0..50).map(|_| create(&emulator, "Ann")).collect();
    std::thread::scope(|scope| {
        for (worker, chunk) in sessions.chunks(13).enumerate() {
            let emulator = &emulator;
            scope.spawn(move || {
                for session in chunk {
                    for n in 0..40 {
                        let photo = jpeg(640, 480, &format!("{worker}-{session}-{n}"));
                        assert_eq!(upload(emulator, session, "face", &photo).unwrap().status, 200);
                    }
                }
            });
        }
    });
    let ledger = emulator.ledger();
    assert_eq!((ledger.media().count(), ledger.duplicates().count()), (2_000, 0));
    let mut orders: Vec<u64> = ledger.media().map(|m| m.order).collect();
    orders.sort_unstable();
    assert!(orders.iter().copied().eq(1..=2_000));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let kind = |b: sealpress_emulator::Builder| b.start_blocking().map(drop).unwrap_err().kind();
    assert_eq!(kind(Emulator::builder().api_key("not-a-uuid")), ErrorKind::Config);
    assert_eq!(kind(Emulator::builder().secret("")), ErrorKind::Config);
    assert_eq!(kind(Emulator::builder().webhook("https://example.test/hook")), ErrorKind::Config);
    let taken = Emulator::builder().start_blocking().unwrap();
    assert_eq!(kind(Emulator::builder().port(taken.address().port())), ErrorKind::Bind);
    assert_eq!(taken.decide("nobody", Verdict::Approved).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn secrets_do_not_print() {
    let builder = Emulator::builder().secret("canary-secret").transmit("id", "canary-client");
    let printed = format!("{builder:?}");
    let emulator = builder.start_blocking().unwrap();
    let printed = format!("{printed}{emulator:?}{:?}", emulator.transmit());
    assert!(!printed.contains("canary"), "{printed}");
    // Nor does the page's view know them.
    let state = common::control(&emulator, "GET", "state", "");
    assert!(!String::from_utf8_lossy(&state.body).contains("canary"));
}

#[test]
fn a_stopped_port_can_be_taken_again() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let (address, key, secret) = (emulator.address(), emulator.api_key().to_owned(), emulator.secret().to_owned());
    create(&emulator, "Ann");
    drop(emulator);
    let again = (0..100)
        .find_map(|_| {
            std::thread::sleep(Duration::from_millis(20));
            Emulator::builder().address(address).api_key(&key).secret(&secret).start_blocking().ok()
        })
        .unwrap();
    assert_eq!(veriff(&again, "GET", "/v1/nothing", "").unwrap().status, 404);
}
