//! The bulk import of faces over a socket, with its rules, its quota and its five minutes.

use std::time::Duration;

use sealpress_client::veriff::{Client, Credentials, Face, FacesAnswer, FacesShape, NewSession};
use sealpress_client::{Failure, RetryPolicy};
use sealpress_emulator::{Effect, Emulator, FaultRule, Phase};

use super::common::{jpeg, veriff};

fn faces(names: &[&str]) -> Vec<Face> {
    names.iter().enumerate().map(|(at, name)| Face::picture(*name, jpeg(1_000 + at))).collect()
}

async fn import(client: &Client, names: &[&str]) -> FacesAnswer {
    client.import_faces(&client.sign_faces(&faces(names)).unwrap()).await.unwrap()
}

fn left(answer: FacesAnswer) -> u64 {
    match answer {
        FacesAnswer::Accepted { available_quota: Some(left) } => left,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn faces_arrive_under_their_names() {
    let emulator = Emulator::start().await.unwrap();
    let client = veriff(&emulator);
    let session = client.create_session(&NewSession::new()).await.unwrap().id;
    let mut batch = faces(&["cust-1", "Zo\u{eb} \"7\""]);
    batch.push(Face::session("cust-3", session.clone()));
    let signed = client.sign_faces(&batch).unwrap();
    assert_eq!(left(client.import_faces(&signed).await.unwrap()), 99_997);
    let ledger = emulator.ledger();
    let names: Vec<&str> = ledger.imported_faces().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["cust-1", "Zo\u{eb} \"7\"", "cust-3"]);
    assert_eq!((ledger.faces[0].size, ledger.faces[1].size), (1_000, 1_001));
    assert_eq!(ledger.faces[2].session.as_deref(), Some(session.as_str()));
    assert_eq!((signed.count(), ledger.requests("faces-import")), (3, 1));
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_lost_answer_may_be_repeated_within_five_minutes() {
    let emulator = Emulator::start().await.unwrap();
    let client = veriff(&emulator);
    let signed = client.sign_faces(&faces(&["a", "b"])).unwrap();
    let lost = FaultRule::new(Effect::reset(Phase::AfterBody).recorded()).on("faces-import").times(1);
    emulator.add_fault(lost).unwrap();
    let error = client.import_faces(&signed).await.unwrap_err();
    assert_eq!((error.failure(), emulator.requests("faces-import")), (Failure::Ambiguous, 1));
    // The same names again: dropped, and not counted.
    assert_eq!(left(client.import_faces(&signed).await.unwrap()), 99_998);
    assert_eq!(emulator.ledger().imported_faces().count(), 2);
    // Later they count anew.
    emulator.advance(Face::NAME_EVERY + Duration::from_secs(1));
    assert_eq!(left(client.import_faces(&signed).await.unwrap()), 99_996);
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_quota_ends_an_import_cleanly() {
    let emulator = Emulator::builder().configure(|o| o.faces_quota = 3).start().await.unwrap();
    let client = veriff(&emulator);
    assert_eq!(left(import(&client, &["a", "b"]).await), 1);
    assert_eq!(import(&client, &["c", "d"]).await, FacesAnswer::QuotaExceeded { available_quota: 1 });
    assert_eq!(emulator.ledger().imported_faces().count(), 2, "nothing of it was taken");
    assert_eq!(left(import(&client, &["c"]).await), 0);
    assert_eq!(import(&client, &["d"]).await, FacesAnswer::QuotaExceeded { available_quota: 0 });
    emulator.configure(|o| o.faces_quota_status = 403);
    assert_eq!(import(&client, &["d"]).await, FacesAnswer::QuotaExceeded { available_quota: 0 });
    emulator.shutdown().await;
}

#[tokio::test]
async fn another_shape_is_one_setting() {
    let emulator = Emulator::builder()
        .configure(|o| (o.faces_list, o.faces_image) = ("images".into(), "content".into()))
        .start()
        .await
        .unwrap();
    let error = veriff(&emulator).import_faces(&veriff(&emulator).sign_faces(&faces(&["a"])).unwrap()).await;
    assert_eq!(error.unwrap_err().code(), Some("1102"));
    let mut shape = FacesShape::default();
    (shape.list, shape.image) = ("images".into(), "content".into());
    let credentials = Credentials::new(emulator.api_key(), emulator.secret());
    let client = Client::builder(emulator.url(), credentials).faces_shape(shape).retry(RetryPolicy::never());
    let client = client.build().unwrap();
    assert_eq!(left(import(&client, &["a"]).await), 99_999);
    emulator.shutdown().await;
}
