//! Every Veriff endpoint against the emulator, which judges with other people's HMAC and base64.

use sealpress_client::veriff::{
    AddressRequest, Client, CollectedData, Context, Credentials, DocumentType, MediaId, NewSession, SessionRequest,
    SignaturePolicy, Status, Upload,
};
use sealpress_client::{Failure, Provider, SessionState};
use sealpress_emulator::{Effect, Emulator, FaultRule, Forgery, SignatureHeaders};

use super::common::{jpeg, upload, veriff};

async fn start() -> (Emulator, Client) {
    let emulator = Emulator::builder()
        .configure(|options| {
            options.delete_enabled = true;
            options.decision_delay_ms = 0;
        })
        .start()
        .await
        .unwrap();
    let client = veriff(&emulator);
    (emulator, client)
}

#[tokio::test]
async fn a_session_from_create_to_decision() {
    let (emulator, client) = start().await;
    let session = client
        .create_session(&NewSession::new().with_name("Approve", "Doe").with_vendor_data("cust-4411"))
        .await
        .unwrap();
    assert_eq!((session.status.as_ref(), session.vendor_data.as_deref()), (Some(&Status::Created), Some("cust-4411")));
    assert!(session.url.is_some() && session.host().is_some());

    // Several pictures of one context, and another context.
    let mut receipts = Vec::new();
    for (context, len) in [(Context::DocumentFront, 5_000), (Context::DocumentFront, 6_001), (Context::Face, 7_002)] {
        let body = client.sign(&Upload::new(session.id.clone(), context, jpeg(len))).unwrap();
        receipts.push(client.send(body).await.unwrap());
    }
    assert_eq!(receipts.iter().map(|r| r.size.unwrap()).collect::<Vec<_>>(), [5_000, 6_001, 7_002]);
    assert!(receipts.iter().all(|r| r.mimetype.as_deref() == Some("image/jpeg")));

    let list = client.list_media(&session.id).await.unwrap();
    let mut listed: Vec<_> = list.images.iter().map(|i| (i.id.clone(), i.context())).collect();
    let mut sent: Vec<_> = receipts.iter().map(|r| (r.media_id.clone(), r.context.clone())).collect();
    listed.sort();
    sent.sort();
    assert_eq!(listed, sent);
    assert!(list.videos.is_empty() && list.nfc_documents.is_empty());

    assert_eq!(Provider::state(&client, &session.id).await.unwrap(), SessionState::Open);
    assert_eq!(client.submit_session(&session.id).await.unwrap().status, Some(Status::Submitted));
    assert_eq!(Provider::state(&client, &session.id).await.unwrap(), SessionState::Submitted);

    let attempts = client.attempts(&session.id).await.unwrap();
    assert_eq!(attempts.len(), 1);
    let of_attempt = client.attempt_media(&attempts[0].id).await.unwrap();
    assert_eq!(of_attempt.images.len(), 3);

    let decision = client.decision(&session.id).await.unwrap().unwrap();
    assert_eq!((decision.status, decision.code), (Some(Status::Approved), Some(9001)));
    assert_eq!(decision.person.unwrap().last_name.as_deref(), Some("Doe"));

    // What the emulator holds is what was sent.
    for (receipt, len) in receipts.iter().zip([5_000, 6_001, 7_002]) {
        assert_eq!(emulator.media_bytes(receipt.media_id.as_str()).unwrap(), *jpeg(len).bytes());
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn no_decision_yet_is_none() {
    let (emulator, client) = start().await;
    let session = client.create_session(&NewSession::new()).await.unwrap();
    assert!(client.decision(&session.id).await.unwrap().is_none());
    emulator.shutdown().await;
}

#[tokio::test]
async fn person_and_watchlist() {
    let (emulator, client) = start().await;
    let session = client.create_session(&NewSession::new().with_name("Jane", "Doe")).await.unwrap();
    assert_eq!(client.person(&session.id).await.unwrap().first_name.as_deref(), Some("Jane"));
    let screening = client.watchlist_screening(&session.id).await.unwrap();
    assert_eq!((screening.match_status.as_deref(), screening.total_hits), (Some("no_match"), Some(0)));
    emulator.shutdown().await;
}

#[tokio::test]
async fn collected_data_arrives() {
    let (emulator, client) = start().await;
    let session = client.create_session(&NewSession::new()).await.unwrap();
    let data = CollectedData::new("FpVendor", "192.0.2.44".parse().unwrap(), "c0ffee01");
    client.collect(&session.id, &data).await.unwrap();
    let ledger = emulator.ledger();
    let collected = &ledger.session(session.id.as_str()).unwrap().collected;
    assert_eq!(collected[0]["network"]["ip"]["addressV4"], "192.0.2.44");
    emulator.shutdown().await;
}

#[tokio::test]
async fn registries_on_both_paths() {
    let (emulator, _) = start().await;
    let mut request = SessionRequest::default();
    request.person.id_number = Some("12345".into());
    request.person.full_name = Some("Jane Doe".into());
    let mut address = AddressRequest::default();
    address.full_address = Some("Somewhere 1".into());
    request.address = Some(address);
    for path in ["validate-registry", "sessions/validate-registry"] {
        let client = Client::builder(emulator.url(), Credentials::new(emulator.api_key(), emulator.secret()))
            .registry_path(path)
            .build()
            .unwrap();
        let session = client.validate_registry(request.clone()).await.unwrap();
        assert!(emulator.ledger().session(session.id.as_str()).unwrap().is_submitted(), "{path}");
    }
    assert_eq!(emulator.requests("validate-registry"), 2);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_download_is_what_was_uploaded() {
    let (emulator, client) = start().await;
    let session = client.create_session(&NewSession::new()).await.unwrap();
    let receipt = client.send(client.sign(&upload(&session.id)).unwrap()).await.unwrap();
    let download = client.download(&receipt.media_id).await.unwrap();
    assert_eq!(download.mimetype(), Some("image/jpeg"));
    assert_eq!(download.bytes().await.unwrap(), *jpeg(10_000).bytes());
    // Capped below its size, and capped below what has come.
    let capped = client.download(&receipt.media_id).await.unwrap().with_cap(9_999);
    assert_eq!(capped.bytes().await.unwrap_err().kind().as_str(), "too-large");
    let missing = MediaId::new("00000000-0000-4000-8000-000000000000").unwrap();
    assert!(client.download(&missing).await.unwrap_err().is_not_found());
    // A file that was changed on the way is found out at its end.
    emulator.add_fault(FaultRule::new(Effect::Signature { how: Forgery::Wrong }).on("media")).unwrap();
    let forged = client.download(&receipt.media_id).await.unwrap();
    assert_eq!(forged.bytes().await.unwrap_err().kind().as_str(), "response-signature");
    emulator.shutdown().await;
}

#[tokio::test]
async fn deletion_and_its_limit() {
    let (emulator, client) = start().await;
    for _ in 0..5 {
        let session = client.create_session(&NewSession::new()).await.unwrap();
        client.delete_session(&session.id).await.unwrap();
        assert!(client.list_media(&session.id).await.unwrap_err().is_not_found());
    }
    let sixth = client.create_session(&NewSession::new()).await.unwrap();
    let error = client.delete_session(&sixth.id).await.unwrap_err();
    assert!(matches!(error.failure(), Failure::Throttled(Some(_))), "{error}");
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_a_deletion() {
    let (emulator, _) = start().await;
    let client =
        Client::builder(emulator.url(), Credentials::new(emulator.api_key(), emulator.secret())).build().unwrap();
    let session = client.create_session(&NewSession::new()).await.unwrap();
    emulator.add_fault(FaultRule::new(Effect::status(502).with_body("html").recorded()).on("delete").times(1)).unwrap();
    client.delete_session(&session.id).await.unwrap();
    assert_eq!(emulator.requests("delete"), 2);
    emulator.shutdown().await;
}

#[tokio::test]
async fn after_submission_comes_a_conflict() {
    let (emulator, client) = start().await;
    let session = client.create_session(&NewSession::new()).await.unwrap();
    let body = client.sign(&upload(&session.id)).unwrap();
    client.send(&body).await.unwrap();
    client.submit_session(&session.id).await.unwrap();
    let error = client.send(&body).await.unwrap_err();
    assert!(error.is_conflict() && error.failure() == Failure::Permanent, "{error}");
    assert_eq!(emulator.requests("upload"), 2, "a conflict is an answer, not a reason to send again");
    assert!(client.submit_session(&session.id).await.unwrap_err().is_conflict());
    emulator.shutdown().await;
}

#[tokio::test]
async fn one_signed_body_serves_every_attempt() {
    let (emulator, client) = start().await;
    let session = client.create_session(&NewSession::new()).await.unwrap();
    let body = client.sign(&upload(&session.id)).unwrap();
    emulator.add_fault(FaultRule::new(Effect::status(500)).on("upload").times(2)).unwrap();
    for _ in 0..2 {
        assert_eq!(client.send(&body).await.unwrap_err().failure(), Failure::InDoubt);
    }
    client.send(&body).await.unwrap();
    // Three requests for three calls: nothing was retried inside.
    assert_eq!(emulator.requests("upload"), 3);
    emulator.shutdown().await;
}

#[tokio::test]
async fn reading_is_retried_and_writing_is_not() {
    let (emulator, _) = start().await;
    let client =
        Client::builder(emulator.url(), Credentials::new(emulator.api_key(), emulator.secret())).build().unwrap();
    let session = client.create_session(&NewSession::new()).await.unwrap();
    emulator.add_fault(FaultRule::new(Effect::status(502).with_body("html")).on("list-media").times(2)).unwrap();
    client.list_media(&session.id).await.unwrap();
    assert_eq!(emulator.requests("list-media"), 3);
    for route in ["submit", "create-session"] {
        emulator.add_fault(FaultRule::new(Effect::status(502)).on(route).times(1)).unwrap();
    }
    assert!(client.submit_session(&session.id).await.is_err());
    assert!(client.create_session(&NewSession::new()).await.is_err());
    assert_eq!((emulator.requests("submit"), emulator.requests("create-session")), (1, 2));
    emulator.shutdown().await;
}

#[tokio::test]
async fn wrong_credentials_stop_the_run() {
    let (emulator, client) = start().await;
    let session = client.create_session(&NewSession::new()).await.unwrap();
    for (key, secret, code) in [
        (emulator.api_key(), "another secret", "1819"),
        ("00000000-0000-4000-8000-000000000000", emulator.secret(), "1803"),
    ] {
        let wrong = Client::builder(emulator.url(), Credentials::new(key, secret)).build().unwrap();
        let error = wrong.send(wrong.sign(&upload(&session.id)).unwrap()).await.unwrap_err();
        assert_eq!((error.code(), error.failure()), (Some(code), Failure::AuthStop), "{error}");
        assert!(error.is_auth());
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn signatures_of_answers() {
    use SignaturePolicy::{IfPresent, Off, Required};
    let (emulator, client) = start().await;
    let session = client.create_session(&NewSession::new()).await.unwrap();
    let table = [
        (Forgery::Wrong, Off, true),
        (Forgery::Wrong, IfPresent, false),
        (Forgery::Garbage, IfPresent, false),
        (Forgery::Missing, IfPresent, true),
        (Forgery::Missing, Required, false),
        (Forgery::Upper, Required, true),
        (Forgery::Vrf, Required, true),
        (Forgery::Legacy, Required, true),
    ];
    for (how, policy, fine) in table {
        emulator.add_fault(FaultRule::new(Effect::Signature { how }).on("upload").times(1)).unwrap();
        let client = Client::builder(emulator.url(), Credentials::new(emulator.api_key(), emulator.secret()))
            .signature_policy(policy)
            .build()
            .unwrap();
        let result = client.send(client.sign(&upload(&session.id)).unwrap()).await;
        assert_eq!(result.is_ok(), fine, "{how:?} {policy:?}");
        if let Err(error) = result {
            assert_eq!((error.kind().as_str(), error.failure()), ("response-signature", Failure::InDoubt));
        }
    }
    // A 401 and a proxy's page are unsigned, and still what they are under `Required`.
    let strict = |secret: &str| {
        Client::builder(emulator.url(), Credentials::new(emulator.api_key(), secret.to_owned()))
            .signature_policy(Required)
            .build()
            .unwrap()
    };
    let client = strict("another secret");
    let error = client.send(client.sign(&upload(&session.id)).unwrap()).await.unwrap_err();
    assert_eq!(error.http_status(), Some(401));
    emulator.add_fault(FaultRule::new(Effect::status(502).with_body("html")).on("upload").times(1)).unwrap();
    let client = strict(emulator.secret());
    let error = client.send(client.sign(&upload(&session.id)).unwrap()).await.unwrap_err();
    assert_eq!(error.http_status(), Some(502));
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_legacy_signature_is_answered_in_kind() {
    let (emulator, _) = start().await;
    emulator.configure(|options| options.signature_headers = SignatureHeaders::Legacy);
    let client = Client::builder(emulator.url(), Credentials::new(emulator.api_key(), emulator.secret()))
        .legacy_signature()
        .signature_policy(SignaturePolicy::Required)
        .build()
        .unwrap();
    let session = client.create_session(&NewSession::new()).await.unwrap();
    client.list_media(&session.id).await.unwrap();
    emulator.shutdown().await;
}

#[tokio::test]
async fn answers_that_vary_as_the_documents_allow() {
    let (emulator, client) = start().await;
    for seed in 0..20 {
        emulator.configure(|options| (options.fuzz, options.fuzz_seed) = (true, seed));
        let session = client.create_session(&NewSession::new().with_name("Approve", "Doe")).await.unwrap();
        let receipt = client.send(client.sign(&upload(&session.id)).unwrap()).await.unwrap();
        assert_eq!(receipt.size, Some(10_000), "seed {seed}");
        let list = client.list_media(&session.id).await.unwrap();
        assert_eq!((list.images[0].size, list.images[0].context()), (Some(10_000), Context::DocumentFront));
        client.submit_session(&session.id).await.unwrap();
        let attempts = client.attempts(&session.id).await.unwrap();
        client.attempt_media(&attempts[0].id).await.unwrap();
        assert!(client.decision(&session.id).await.unwrap().is_some());
        client.person(&session.id).await.unwrap();
        client.watchlist_screening(&session.id).await.unwrap();
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_visa_is_a_document() {
    let emulator = Emulator::start().await.unwrap();
    let client = veriff(&emulator);
    let mut request = SessionRequest::default();
    request.document.kind = Some(DocumentType::Visa);
    client.create_session(request.clone()).await.unwrap();
    assert_eq!(emulator.ledger().sessions[0].request["document"]["type"], "VISA");
    request.document.kind = Some("LIBRARY_CARD".into());
    let error = client.create_session(request).await.unwrap_err();
    assert_eq!(error.code(), Some("2103"));
    assert!(error.to_string().contains("document type is not supported"), "{error}");
    emulator.shutdown().await;
}
