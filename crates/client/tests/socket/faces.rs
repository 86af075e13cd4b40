//! The bulk import of faces over a socket, with its rules, its quota and its five minutes.

use std::sync::Arc;
use std::time::Duration;

use sealpress_client::veriff::{Client, Credentials, Face, FaceImporter, FacesAnswer, FacesShape, NewSession};
use sealpress_client::{Context, Error, Failure, Provider, Receipt, RetryPolicy, Upload};
use sealpress_emulator::{Effect, Emulator, FaultRule, Phase};
use sealpress_media::Media;

use super::common::{KEY, jpeg, veriff};

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
    assert_eq!((error.failure(), emulator.requests("faces-import")), (Failure::InDoubt, 1));
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

fn importer(emulator: &Emulator) -> Arc<FaceImporter> {
    Arc::new(FaceImporter::new(veriff(emulator)).with_linger(Duration::from_millis(200)))
}

/// One face under a key, as a pipeline sends it.
async fn send(importer: Arc<FaceImporter>, key: String, len: usize) -> Result<Receipt, Error> {
    let session = importer.create(&NewSession::new().with_vendor_data(key)).await?.session;
    let body = importer.sign(&Upload::new(session, Context::Face, jpeg(len)))?;
    importer.send(&body).await
}

async fn send_all(importer: &Arc<FaceImporter>, keys: std::ops::Range<usize>) -> Vec<Result<Receipt, Error>> {
    let tasks: Vec<_> = keys.map(|n| tokio::spawn(send(importer.clone(), format!("cust-{n}"), 1_000 + n))).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

#[tokio::test]
async fn a_pipelines_uploads_share_requests() {
    let emulator = Emulator::start().await.unwrap();
    let importer = importer(&emulator);
    for result in send_all(&importer, 0..95).await {
        let receipt = result.unwrap();
        assert_eq!(receipt.media_id.as_str(), receipt.session.as_str());
        let listed = importer.list(&receipt.session).await.unwrap();
        assert_eq!((listed.len(), &listed[0].media_id), (1, &receipt.media_id));
    }
    let ledger = emulator.ledger();
    assert_eq!((ledger.imported_faces().count(), ledger.requests("faces-import")), (95, 10));
    let mut names: Vec<&str> = ledger.faces.iter().map(|f| f.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 95);
    assert!(ledger.faces.iter().all(|f| f.name == format!("cust-{}", f.size - 1_000)), "each under its own name");
    emulator.shutdown().await;
}

/// Whoever waits long for company waits for nobody who cannot come: at the end of a run, and where fewer may be under
/// way than a request holds. A request on its way may be followed by others.
#[tokio::test]
async fn nobody_waits_for_company_that_cannot_come() {
    let emulator = Emulator::start().await.unwrap();
    let importer = Arc::new(FaceImporter::new(veriff(&emulator)).with_linger(Duration::from_secs(3600)));
    for (faces, at_a_time, requests) in [(0..25_usize, 20, 3), (25..32, 20, 1), (32..44, 4, 3), (44..45, 1, 1)] {
        let before = emulator.requests("faces-import");
        let (mut left, mut under_way) = (faces.clone(), tokio::task::JoinSet::new());
        loop {
            while under_way.len() < at_a_time
                && let Some(n) = left.next()
            {
                under_way.spawn(send(importer.clone(), format!("cust-{n}"), 1_000 + n));
            }
            importer.expects(under_way.len());
            let ended = tokio::time::timeout(Duration::from_secs(60), under_way.join_next()).await;
            match ended.expect("it waits for somebody") {
                Some(result) => drop(result.unwrap().unwrap()),
                None => break,
            }
        }
        assert_eq!(emulator.requests("faces-import") - before, requests, "{faces:?}, {at_a_time} at a time");
    }
    assert_eq!(emulator.ledger().imported_faces().count(), 45);
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_is_lost_may_be_sent_again_and_counts_once() {
    let emulator = Emulator::start().await.unwrap();
    let importer = importer(&emulator);
    let lost = FaultRule::new(Effect::reset(Phase::AfterBody).recorded()).on("faces-import").times(1);
    emulator.add_fault(lost).unwrap();
    let first = send_all(&importer, 0..3).await;
    assert!(first.iter().all(|r| r.as_ref().is_err_and(|e| e.failure() == Failure::InDoubt)), "{first:?}");
    // "Not there" in a list means: send it again.
    let session = importer.create(&NewSession::new().with_vendor_data("cust-0")).await.unwrap().session;
    assert!(importer.list(&session).await.unwrap().is_empty());
    assert!(send_all(&importer, 0..3).await.iter().all(Result::is_ok));
    let ledger = emulator.ledger();
    assert_eq!((ledger.imported_faces().count(), ledger.faces.len()), (3, 6));
    // Of what another process sent nothing is known, and that is not "nothing there".
    let other = self::importer(&emulator);
    assert_eq!(other.list(&session).await.unwrap_err().failure(), Failure::Permanent);
    // What is confirmed is missing from no list of this process, and nothing is made there.
    assert!(!other.lists_receipts() && !other.makes_sessions());
    emulator.shutdown().await;
}

/// What another process sent may be sent again while Veriff still drops repetitions; later nobody can tell.
#[tokio::test(start_paused = true)]
async fn what_was_sent_too_long_ago_stays_in_doubt() {
    let client = Client::builder("http://127.0.0.1:9", Credentials::new(KEY, "secret")).build().unwrap();
    let importer = FaceImporter::new(client);
    let session = importer.create(&NewSession::new().with_vendor_data("cust-1")).await.unwrap().session;
    importer.recall(&session, &Context::Face, &[7; 32], Duration::ZERO);
    tokio::time::advance(Duration::from_secs(170)).await;
    assert!(importer.list(&session).await.unwrap().is_empty(), "it may be sent again");
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(importer.list(&session).await.unwrap_err().failure(), Failure::Permanent);
}

/// Whoever sends for all may be given up meanwhile: of the others nobody knows whether they arrived.
#[tokio::test]
async fn who_rode_with_a_sender_that_was_given_up_is_in_doubt() {
    let emulator = Emulator::start().await.unwrap();
    let importer = importer(&emulator);
    emulator.add_fault(FaultRule::new(Effect::Latency { ms: 60_000, jitter_ms: 0 }).on("faces-import")).unwrap();
    let nine: Vec<_> = (0..9).map(|n| tokio::spawn(send(importer.clone(), format!("cust-{n}"), 1_000 + n))).collect();
    tokio::task::yield_now().await;
    // The tenth fills the request, and is the one that sends it.
    let tenth = tokio::spawn(send(importer.clone(), "cust-9".into(), 1_009));
    tokio::time::sleep(Duration::from_millis(100)).await;
    tenth.abort();
    for face in nine {
        assert_eq!(face.await.unwrap().unwrap_err().failure(), Failure::InDoubt);
    }
    emulator.shutdown().await;
}

/// A request holds no more than so many bytes, however few faces they are.
#[tokio::test]
async fn large_faces_share_a_request_with_fewer() {
    let emulator = Emulator::start().await.unwrap();
    let importer = importer(&emulator);
    let tasks: Vec<_> =
        (0..3).map(|n| tokio::spawn(send(importer.clone(), format!("cust-{n}"), 9_000_000 + n))).collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!((emulator.ledger().imported_faces().count(), emulator.requests("faces-import")), (3, 2));
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_quota_stops_a_run_and_blames_no_face() {
    let emulator = Emulator::builder().configure(|o| o.faces_quota = 7).start().await.unwrap();
    let importer = importer(&emulator);
    let results = send_all(&importer, 0..10).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 7, "as many as there was room for");
    for error in results.into_iter().filter_map(Result::err) {
        assert_eq!(error.failure(), Failure::AuthStop);
        assert!(error.to_string().contains("quota"), "{error}");
    }
    assert_eq!(emulator.ledger().imported_faces().count(), 7);
    emulator.shutdown().await;
}

#[tokio::test]
async fn names_are_keys_or_their_digests_and_never_shared() {
    let emulator = Emulator::start().await.unwrap();
    let importer = importer(&emulator);
    for (key, plain) in [("cust-1", true), ("Jane Doe", false), ("a#reference", false), (&*"x".repeat(300), false)] {
        let create = || async { importer.create(&NewSession::new().with_vendor_data(key)).await.unwrap().session };
        let (name, again) = (create().await, create().await);
        assert_eq!((name.as_str() == key, name == again), (plain, true), "{key}");
    }
    assert!(importer.create(&NewSession::new()).await.is_err());
    send(importer.clone(), "twice".into(), 1_000).await.unwrap();
    // Veriff would drop it without a word, and it would count as imported.
    let error = send(importer.clone(), "twice".into(), 1_001).await.unwrap_err();
    assert_eq!((error.failure(), error.fault().as_str()), (Failure::Permanent, "caller"));
    send(importer.clone(), "twice".into(), 1_000).await.unwrap();
    let session = importer.create(&NewSession::new().with_vendor_data("c")).await.unwrap().session;
    let error = importer.sign(&Upload::new(session.clone(), Context::DocumentFront, jpeg(1_000))).unwrap_err();
    assert_eq!(error.fault().as_str(), "caller");
    // A face is seen in a picture; a session's face may be a document's page.
    let page = Media::sniff(b"%PDF-1.7".to_vec()).unwrap();
    assert_eq!(importer.sign(&Upload::new(session, Context::Face, page)).unwrap_err().kind().as_str(), "media");
    emulator.shutdown().await;
}
