//! Every Transmit Security endpoint against the emulator.

use std::time::Duration;

use sealpress_client::transmit::{
    Builder, CaptureMargins, Client, Context, Credentials, Detail, Feedback, ImageEncoding, ImageOptions, ImageType,
    MockBehavior, Recommendation, ResultStatus, SessionRequest, Upload, UseCase, VerificationResult,
};
use sealpress_client::{Failure, NewSession, Provider, RetryPolicy, SessionId, SessionState, Verdict};
use sealpress_emulator::{Effect, Emulator, FaultRule};
use sealpress_media::Media;

use super::common::{Raw, http, jpeg};

async fn start() -> (Emulator, Client) {
    let emulator = Emulator::builder().configure(|options| options.transmit_processing_ms = 0).start().await.unwrap();
    let client = builder(&emulator).build().unwrap();
    (emulator, client)
}

fn builder(emulator: &Emulator) -> Builder {
    let transmit = emulator.transmit();
    let credentials = Credentials::new(transmit.client_id.clone(), transmit.client_secret.clone());
    Client::builder(transmit.url, credentials).retry(RetryPolicy::never())
}

fn picture(session: &SessionId, context: Context) -> Upload {
    Upload::new(session.clone(), context, jpeg(20_000))
}

#[tokio::test]
async fn a_session_from_create_to_result() {
    let (emulator, client) = start().await;
    let session = client.create_session(&SessionRequest::started(Some("consent-v3"))).await.unwrap();
    assert!(session.start_token.is_none() && session.expiration.is_some());
    assert_eq!(session.missing_images, [ImageType::DocumentFront, ImageType::DocumentBack, ImageType::Selfie]);
    let id = session.session_id;
    assert_eq!(client.consent(&id).await.unwrap().consent_granted, Some(true));
    assert_eq!(client.result(&id, Detail::Unsaid).await.unwrap().status(), ResultStatus::Pending);

    let mut last = None;
    for context in [Context::DocumentFront, Context::DocumentBack, Context::Face] {
        let body = client.sign(&picture(&id, context)).unwrap();
        assert!(body.signature().is_none());
        let added = client.add_image(body).await.unwrap();
        assert!(added.is_accepted());
        last = Some(added);
    }
    let last = last.unwrap();
    assert!(last.complete == Some(true) && last.missing_images.is_empty());

    // All images are in: 409, which is an answer.
    let error = client.add_image(client.sign(&picture(&id, Context::Face)).unwrap()).await.unwrap_err();
    assert!(error.is_conflict() && error.failure() == Failure::Permanent);

    let result = client.wait_for_result(&id, Duration::from_secs(10)).await.unwrap();
    let VerificationResult::Complete(result) = result else { panic!("{result:?}") };
    assert_eq!(result.recommendation, Some(Recommendation::Allow));
    assert!(result.checks.contains_key("document_liveness"));
    let old = client.result(&id, Detail::Deprecated).await.unwrap();
    assert!(matches!(old, VerificationResult::Deprecated(_)));

    let images = client.images(&id).await.unwrap();
    assert!(images.iter().any(|i| i.original == Some(false) && i.original_id.is_some()));
    assert_eq!(Provider::list(&client, &id).await.unwrap().len(), 3);
    let front = images.iter().find(|i| i.image_type == Some(ImageType::DocumentFront)).unwrap();
    let raw = client.image(&id, &front.id, ImageEncoding::Raw).await.unwrap();
    assert_eq!(raw.mimetype(), Some("image/jpeg"));
    assert_eq!(raw.bytes().await.unwrap(), *jpeg(20_000).bytes());
    let text = client.image(&id, &front.id, ImageEncoding::Base64).await.unwrap().bytes().await.unwrap();
    assert_eq!(text, base64_simd::STANDARD.encode_to_string(jpeg(20_000).bytes()).as_bytes());

    client.delete_session(&id).await.unwrap();
    assert!(client.result(&id, Detail::Unsaid).await.unwrap_err().is_not_found());
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_useless_picture_is_not_a_success() {
    let (emulator, client) = start().await;
    let created = Provider::create(&client, &NewSession::new()).await.unwrap();
    for value in ["blur", "restricted_criteria", "some_new_reason"] {
        let custom = (value == "restricted_criteria").then(|| "no hats".to_owned());
        let effect = Effect::Feedback { value: value.into(), custom: custom.clone() };
        emulator.add_fault(FaultRule::new(effect).on("image-upload").times(2)).unwrap();
        let body = client.sign(&picture(&created.session, Context::Face)).unwrap();
        let added = client.add_image(&body).await.unwrap();
        assert_eq!((added.is_accepted(), added.feedback.as_str()), (false, value));
        assert_eq!(added.custom_feedback, custom);
        let error = Provider::send(&client, &body).await.unwrap_err();
        assert_eq!((error.kind().as_str(), error.fault().as_str()), ("rejected", "input"));
        assert_eq!(error.failure(), Failure::Permanent);
    }
    assert_eq!(Feedback::from("blur".to_owned()), Feedback::Blur);
    assert!(Provider::list(&client, &created.session).await.unwrap().is_empty());
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_pipelines_view() {
    let (emulator, client) = start().await;
    let provider: &dyn Provider = &client;
    let mut new = NewSession::new().with_vendor_data("cust-1");
    new.callback = Some("https://caller.example/done".to_owned());
    let session = provider.create(&new).await.unwrap().session;
    let asked = emulator.ledger().sessions[0].request.clone();
    assert_eq!((&asked["state"], &asked["callback_url"]), (&"cust-1".into(), &"https://caller.example/done".into()));
    assert_eq!(provider.state(&session).await.unwrap(), SessionState::Open);
    let mut complete = false;
    for context in [Context::DocumentFront, Context::DocumentBack, Context::Face] {
        let body = provider.sign(&picture(&session, context)).unwrap();
        let receipt = provider.send(&body).await.unwrap();
        assert_eq!(Some(receipt.media_id.as_str()), body.stamp());
        complete = receipt.complete;
    }
    assert!(complete);
    provider.finish(&session).await.unwrap();
    assert_eq!(provider.state(&session).await.unwrap(), SessionState::Submitted);
    emulator.shutdown().await;
}

/// Of what a session shows, only what somebody sent and the vendor took may confirm an upload; the ids are its own.
#[tokio::test]
async fn a_list_has_what_was_sent_and_taken() {
    let list = r#"{"session_images":[{"id":"1","type":"selfie","format":"jpg"},
        {"id":"2","type":"document_front","format":"jpg","original":true,"rejected":false},
        {"id":"3","type":"selfie","format":"jpg","original":false},
        {"id":"4","type":"selfie","format":"jpg","rejected":true}]}"#;
    let raw = Raw::start(move |_, request| match request.line().contains("/oidc/token") {
        true => http(200, &[], r#"{"access_token":"t","expires_in":3600}"#),
        false => http(200, &[], list),
    })
    .await;
    let client = Client::builder(&raw.url, Credentials::new("id", "hush")).build().unwrap();
    let provider: &dyn Provider = &client;
    let listed = provider.list(&SessionId::new("s").unwrap()).await.unwrap();
    let shown: Vec<_> = listed.iter().map(|of| (of.media_id.as_str(), &of.context, of.mimetype.as_deref())).collect();
    let (face, front) = (Context::Face, Context::DocumentFront);
    assert_eq!(shown, [("1", &face, Some("image/jpeg")), ("2", &front, Some("image/jpeg"))]);
    assert!(!provider.lists_receipts(), "a receipt's id is ours: no list has it");
}

/// Every word that the vendor has for a session, and one that it has not yet.
#[tokio::test]
async fn a_sessions_state_and_its_decision_are_the_vendors() {
    use SessionState::{Gone, Open, Submitted, Unknown};
    let words = [
        (r#"{"status":"pending"}"#, Open, None),
        (r#"{"status":"capturing"}"#, Open, None),
        (r#"{"status":"recapture"}"#, Open, Some(Verdict::Resubmission)),
        (r#"{"status":"processing"}"#, Submitted, None),
        (r#"{"status":"error"}"#, Gone, Some(Verdict::Gone)),
        (r#"{"status":"shelved"}"#, Unknown, None),
        (r#"{"status":"complete","recommendation":"ALLOW"}"#, Submitted, Some(Verdict::Approved)),
        (r#"{"status":"complete","recommendation":"DENY"}"#, Submitted, Some(Verdict::Declined)),
        (r#"{"status":"complete","recommendation":"CHALLENGE"}"#, Submitted, Some(Verdict::Other("challenge".into()))),
    ];
    for (result, state, verdict) in words {
        let raw = Raw::start(move |_, request| match request.line().contains("/oidc/token") {
            true => http(200, &[], r#"{"access_token":"t","expires_in":3600}"#),
            false => http(200, &[], result),
        })
        .await;
        let client = Client::builder(&raw.url, Credentials::new("id", "hush")).build().unwrap();
        let (provider, session): (&dyn Provider, _) = (&client, SessionId::new("s").unwrap());
        assert_eq!(provider.state(&session).await.unwrap(), state, "{result}");
        let decided = provider.decision(&session).await.unwrap();
        assert_eq!(decided.map(|decided| decided.verdict), verdict, "{result}");
    }
}

#[tokio::test]
async fn what_would_be_refused_is_not_sent() {
    let (emulator, client) = start().await;
    let session = SessionId::new("s").unwrap();
    let png = Media::sniff(b"\x89PNG\r\n\x1a\n....".to_vec()).unwrap();
    let error = client.sign(&Upload::new(session.clone(), Context::Face, png)).unwrap_err();
    assert_eq!((error.kind().as_str(), error.fault().as_str()), ("media", "input"));
    let error = client.sign(&picture(&session, Context::AddressFront)).unwrap_err();
    assert_eq!(error.fault().as_str(), "caller");
    assert_eq!(emulator.requests("image-upload"), 0);
    emulator.shutdown().await;
}

#[tokio::test]
async fn margins_device_and_id_travel_along() {
    let (emulator, client) = start().await;
    let session = client.create_session(&SessionRequest::started(None)).await.unwrap().session_id;
    let mut options = ImageOptions::default();
    options.capture_margins = Some(CaptureMargins { top: 40.0, bottom: 40.0, left: 20.0, right: 20.5 });
    options.device_info = serde_json::from_str(r#"{"model":"Pixel 9","cameras":[{"label":"back 0"}]}"#).unwrap();
    let body = client.sign_with(&picture(&session, Context::Face), &options).unwrap();
    assert!(client.add_image(body).await.unwrap().is_accepted());
    emulator.shutdown().await;
}

/// Two processes that send the same file as front and back do not give both the same id.
#[tokio::test]
async fn ids_of_images_differ_by_what_they_show() {
    let (emulator, _) = start().await;
    let session = SessionId::new("s").unwrap();
    let stamp = |context: Context| {
        let client = builder(&emulator).build().unwrap();
        client.sign(&picture(&session, context)).unwrap().stamp().unwrap().to_owned()
    };
    assert_ne!(stamp(Context::DocumentFront), stamp(Context::DocumentBack));
    assert_eq!(stamp(Context::DocumentFront), stamp(Context::DocumentFront));
    emulator.shutdown().await;
}

#[tokio::test]
async fn one_token_for_everybody_who_waits() {
    let (emulator, client) = start().await;
    let calls = (0..20).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.create_session(&SessionRequest::started(None)).await.map(drop) })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(emulator.requests("token"), 1);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_dead_token_is_renewed_once() {
    let (emulator, client) = start().await;
    let session = client.create_session(&SessionRequest::started(None)).await.unwrap().session_id;
    // The emulator's clock runs ahead of ours: the token dies earlier than we think.
    emulator.advance(Duration::from_secs(4_000));
    let body = client.sign(&picture(&session, Context::Face)).unwrap();
    client.add_image(&body).await.unwrap();
    assert_eq!((emulator.requests("token"), emulator.requests("image-upload")), (2, 2));
    // A token that is refused again is not asked for a third time.
    emulator.add_fault(FaultRule::new(Effect::status(401)).on("verification-result")).unwrap();
    let error = client.result(&session, Detail::Unsaid).await.unwrap_err();
    assert_eq!((error.http_status(), error.failure()), (Some(401), Failure::AuthStop));
    assert_eq!(emulator.requests("verification-result"), 2);
    emulator.shutdown().await;
}

#[tokio::test]
async fn tokens_are_renewed_before_they_end() {
    let emulator = Emulator::builder().configure(|options| options.token_seconds = 1).start().await.unwrap();
    let client = builder(&emulator).build().unwrap();
    for _ in 0..2 {
        client.create_session(&SessionRequest::started(None)).await.unwrap();
    }
    assert_eq!(emulator.requests("token"), 1);
    tokio::time::sleep(Duration::from_millis(900)).await;
    client.create_session(&SessionRequest::started(None)).await.unwrap();
    assert_eq!(emulator.requests("token"), 2);
    emulator.shutdown().await;
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let (emulator, client) = start().await;
    let session = SessionId::new("00000000-0000-4000-8000-000000000000").unwrap();
    let body = client.sign(&picture(&session, Context::Face)).unwrap();
    emulator.add_fault(FaultRule::new(Effect::status(500)).on("token").times(1)).unwrap();
    // The token's 500 says nothing of the upload, which was never begun.
    assert_eq!(client.add_image(&body).await.unwrap_err().failure(), Failure::NotSent);
    let wrong = Client::builder(emulator.transmit().url, Credentials::new("nobody", "nothing")).build().unwrap();
    assert_eq!(wrong.add_image(&body).await.unwrap_err().failure(), Failure::AuthStop);
    assert_eq!(emulator.requests("image-upload"), 0);
    emulator.shutdown().await;
}

#[tokio::test]
async fn mocks_recapture_and_both_spellings() {
    let (emulator, client) = start().await;
    emulator.configure(|options| {
        options.transmit_create_status = 201;
        options.transmit_complete_as_string = true;
    });
    let mut request = SessionRequest::started(None);
    let mut mock = MockBehavior::default();
    mock.recommendation = Some("DENY".into());
    mock.force_retry = Some(true);
    request.mock_behavior = Some(mock);
    let session = client.create_session(&request).await.unwrap().session_id;
    for round in [ResultStatus::Recapture, ResultStatus::Complete] {
        for context in [Context::DocumentFront, Context::DocumentBack, Context::Face] {
            client.add_image(client.sign(&picture(&session, context)).unwrap()).await.unwrap();
        }
        let result = client.wait_for_result(&session, Duration::from_secs(10)).await.unwrap();
        assert_eq!(result.status(), round);
    }
    let result = client.result(&session, Detail::Detailed).await.unwrap();
    assert_eq!(result.recommendation(), Some(&Recommendation::Deny));
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_front_ends_session_waits_for_its_start() {
    let (emulator, client) = start().await;
    let session = client.create_session(&SessionRequest::default()).await.unwrap();
    assert!(session.start_token.is_some());
    let error = client.add_image(client.sign(&picture(&session.session_id, Context::Face)).unwrap()).await.unwrap_err();
    // The sibling API's error body: `message` is a list, the code has another name.
    assert_eq!((error.http_status(), error.code()), (Some(400), Some("400")));
    assert!(error.api().unwrap().message.as_deref().unwrap().contains("not started"));
    emulator.shutdown().await;
}

#[tokio::test]
async fn one_new_token_for_everybody_whose_old_one_died() {
    let (emulator, client) = start().await;
    client.create_session(&SessionRequest::started(None)).await.unwrap();
    emulator.advance(Duration::from_secs(4_000));
    let calls = (0..20).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.create_session(&SessionRequest::started(None)).await.map(drop) })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(emulator.requests("token"), 2, "the first, and one for all");
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_session_that_was_not_started_takes_no_pictures_and_is_said() {
    let (emulator, _) = start().await;
    // A vendor that no longer reads the deprecated flag.
    emulator.configure(|options| options.transmit_auto_start = false);
    let error = Provider::create(&builder(&emulator).build().unwrap(), &NewSession::new()).await.unwrap_err();
    assert_eq!(error.failure(), Failure::AuthStop, "no item is to blame");
    assert!(error.to_string().contains("the document that the person agreed to"), "{error}");
    let client = builder(&emulator).consent_document("consent-v3").build().unwrap();
    Provider::create(&client, &NewSession::new()).await.unwrap();
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_session_that_has_all_says_so() {
    let (emulator, client) = start().await;
    let session = client.create_session(&SessionRequest::started(None)).await.unwrap().session_id;
    for context in [Context::DocumentFront, Context::DocumentBack, Context::Face] {
        client.add_image(client.sign(&picture(&session, context)).unwrap()).await.unwrap();
    }
    let error = client.add_image(client.sign(&picture(&session, Context::Face)).unwrap()).await.unwrap_err();
    assert!(error.is_conflict() && error.to_string().contains("has all of its images"), "{error}");
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_face_is_authenticated() {
    let (emulator, client) = start().await;
    emulator.configure(|options| options.transmit_processing_ms = 3_600_000);
    let reference = picture(&SessionId::new("s").unwrap(), Context::Face).media;
    for (use_case, decision) in [(UseCase::Login, None), (UseCase::StepUp, Some(sealpress_emulator::Verdict::Declined))]
    {
        let request = client.frame_face_auth(&reference, &use_case).unwrap();
        let begun = client.begin_face_auth(&request).await.unwrap();
        assert!(begun.device_session_id.is_some());
        let result = client.face_auth_result(&begun.session_id).await.unwrap();
        assert_eq!((result.status, result.recommendation), (ResultStatus::Pending, None));
        match decision {
            Some(verdict) => emulator.decide(begun.session_id.as_str(), verdict).unwrap(),
            None => emulator.advance(Duration::from_millis(3_600_000)),
        }
        let result = client.face_auth_result(&begun.session_id).await.unwrap();
        let expected = if decision.is_some() { Recommendation::Deny } else { Recommendation::Allow };
        assert_eq!((result.status, result.recommendation), (ResultStatus::Complete, Some(expected)));
    }
    let ledger = emulator.ledger();
    assert_eq!(ledger.face_auths.len(), 2);
    assert_eq!(
        (ledger.face_auths[1].use_case.as_str(), ledger.face_auths[1].size),
        ("step-up", reference.len() as u64)
    );
    let png = Media::sniff(b"\x89PNG\r\n\x1a\n....".to_vec()).unwrap();
    assert_eq!(client.frame_face_auth(&png, &UseCase::Login).unwrap_err().fault().as_str(), "input");
    let unknown = client.face_auth_result(&SessionId::new("00000000-0000-4000-8000-000000000000").unwrap()).await;
    assert!(unknown.unwrap_err().is_not_found());
    emulator.shutdown().await;
}
