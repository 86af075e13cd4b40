//! Sessions from creation to their end, over a real socket.

mod common;

use std::time::Duration;

use common::{create, get, hmac_hex, jpeg, submit, upload};
use sealpress_emulator::{Emulator, Status};

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

    assert!(get(&emulator, &format!("/v1/sessions/{session}/decision")).unwrap().json()["verification"].is_null());
    assert_eq!(submit(&emulator, &session).unwrap().status, 200);
    assert_eq!(upload(&emulator, &session, "face", &photo).unwrap().status, 409);
    assert_eq!(submit(&emulator, &session).unwrap().code(), "1304");
    emulator.advance(Duration::from_secs(2));
    let decision = get(&emulator, &format!("/v1/sessions/{session}/decision")).unwrap().json();
    assert_eq!(
        (decision["verification"]["status"].as_str(), decision["verification"]["code"].as_u64()),
        (Some("approved"), Some(9001))
    );

    let ledger = emulator.ledger();
    let record = ledger.session(&session).unwrap();
    assert_eq!((record.status, record.submissions), (Status::Approved, 1));
    assert_eq!(ledger.media().count(), 1);
    assert_eq!((ledger.requests("upload"), ledger.requests("submit")), (2, 2));
    let address = emulator.address();
    emulator.shutdown().await;
    assert!(std::net::TcpStream::connect(address).is_err());
}
