//! What a caller gets when all is well.

use std::sync::Arc;

use sealpress_client::veriff;
use sealpress_emulator::Emulator;
use sealpress_media::Preflight;
use sealpress_press::{Isolated, Policies};
use sealpress_testkit::{Jpeg, Rgb, driving_licence};
use serde_json::json;

use crate::common::{Stand, ask, media_path, specimen, upload_body, uri};

#[test]
fn a_sideways_photo_arrives_upright_and_small_and_the_vendors_answer_comes_back() {
    let stand = Stand::new();
    let session = stand.session();
    let photo = specimen("orientation-6.jpg");
    let said = stand.upload(&session, "document-front", &uri("image/jpeg", &photo));
    assert_eq!(said.status, 200, "{said:?}");
    let actions = said.header("x-sealpress-actions").unwrap();
    assert!(actions.split(',').any(|name| name == "oriented"), "{actions}");
    assert!(said.header("x-sealpress-warnings").is_some());
    // The vendor's own signature, over the vendor's own bytes.
    assert!(stand.key().verify(&said.body, said.header("x-hmac-signature").unwrap()));
    let answer = said.json();
    assert_eq!((&answer["status"], &answer["image"]["context"]), (&"success".into(), &"document-front".into()));
    let ledger = stand.emulator.ledger();
    let media = ledger.media().next().unwrap();
    assert_eq!(answer["image"]["id"], media.id.as_str());
    assert_ne!(media.size, photo.len() as u64);
    let stored = stand.emulator.media_bytes(&media.id).unwrap();
    let before = image::load_from_memory(&photo).unwrap();
    let after = image::load_from_memory(&stored).unwrap();
    assert_eq!((after.width() < after.height()), (before.width() > before.height()), "it was turned");
    assert!(after.width().max(after.height()) <= 1920);
}

#[test]
fn what_conforms_goes_on_to_the_byte_with_the_callers_signature() {
    let (emulator, seen) = (Arc::new(Emulator::builder().start_blocking().unwrap()), crate::faults::Raw::recording());
    let stand = Stand::before(emulator, &seen.url(), crate::common::press(), |_| {}, |_| {}, |b| b);
    // A PDF that conforms is left as it was issued.
    let pdf = sealpress_testkit::pdf_statement(7, 2, &[], sealpress_testkit::Layout::Table);
    let body = format!(
        "{{ \"x\": null, \"image\" : {{\"timestamp\": \"2026-11-28T10:00:00Z\", \"content\": \"{}\",\"context\":\"address-front\" }}}}\n",
        uri("application/pdf", &pdf)
    );
    let said = stand.post(
        &media_path("7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21"),
        "application/json; charset=utf-8",
        body.as_bytes(),
    );
    assert_eq!(said.status, 200, "{said:?}");
    let sent = seen.requests().pop().unwrap();
    assert_eq!(sent.body, body.as_bytes());
    assert_eq!(sent.header("x-hmac-signature"), Some(&*stand.key().sign(body.as_bytes()).hex()));
    assert_eq!(sent.header("x-auth-client"), Some(stand.emulator.api_key()));
    assert!(sent.header("connection").is_none_or(|value| value != "close"), "{:?}", sent.headers);
}

#[test]
fn everything_else_is_passed_through() {
    let stand = Stand::new();
    let created = stand.post("/v1/sessions", "application/json", br#"{"verification":{"vendorData":"v-1"}}"#);
    assert_eq!(created.status, 201);
    let session = created.json()["verification"]["id"].as_str().unwrap().to_owned();
    assert!(stand.key().verify(&created.body, created.header("x-hmac-signature").unwrap()));
    assert_eq!(stand.upload(&session, "face", &uri("image/jpeg", &specimen("driving-licence.jpg"))).status, 200);
    let signature = stand.key().sign(session.as_bytes()).hex();
    let credentials = [("X-AUTH-CLIENT", stand.emulator.api_key()), ("X-HMAC-SIGNATURE", &*signature)];
    let list = ask(stand.address, "GET", &media_path(&session), &credentials, b"");
    assert_eq!((list.status, list.json()["images"].as_array().unwrap().len()), (200, 1));
    // The media come back as they are stored, signed by the vendor.
    let id = list.json()["images"][0]["id"].as_str().unwrap().to_owned();
    let signature = stand.key().sign(id.as_bytes()).hex();
    let credentials = [("X-AUTH-CLIENT", stand.emulator.api_key()), ("X-HMAC-SIGNATURE", &*signature)];
    let media = ask(stand.address, "GET", &format!("/v1/media/{id}"), &credentials, b"");
    assert_eq!(media.body, &stand.emulator.media_bytes(&id).unwrap()[..]);
    assert!(stand.key().verify(&media.body, media.header("x-hmac-signature").unwrap()));
    // The vendor's own refusals too.
    let unknown = ask(stand.address, "GET", "/v1/nothing/here?x=%2F", &credentials, b"");
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &"1101".into()));
    assert!(unknown.header("x-sealpress-error").is_none());
    let submit = br#"{"verification":{"status":"submitted"}}"#;
    let submitted =
        stand.signed("PATCH", &format!("/v1/sessions/{session}"), &[("Content-Type", "application/json")], submit);
    assert_eq!(submitted.status, 200);
    assert_eq!(stand.emulator.ledger().submitted().count(), 1);
}

#[test]
fn the_emulator_and_the_gateway_refuse_credentials_alike() {
    let stand = Stand::new();
    let session = stand.session();
    let body = upload_body("face", &uri("image/jpeg", &specimen("driving-licence.jpg")));
    let good = stand.key().sign(body.as_bytes()).hex();
    let other = stand.key().sign(b"another").hex();
    let key = stand.emulator.api_key();
    let unknown = "00000000-0000-4000-8000-000000000000";
    for headers in [
        vec![],
        vec![("X-AUTH-CLIENT", "no-uuid"), ("X-HMAC-SIGNATURE", &*good)],
        vec![("X-AUTH-CLIENT", unknown), ("X-HMAC-SIGNATURE", &*good)],
        vec![("X-AUTH-CLIENT", key)],
        vec![("X-AUTH-CLIENT", key), ("X-HMAC-SIGNATURE", "zz")],
        vec![("X-AUTH-CLIENT", key), ("X-HMAC-SIGNATURE", &*other)],
    ] {
        let path = media_path(&session);
        let ours = ask(stand.address, "POST", &path, &headers, body.as_bytes());
        let theirs = ask(stand.emulator.address(), "POST", &path, &headers, body.as_bytes());
        assert_eq!((ours.status, &ours.json()["code"]), (theirs.status, &theirs.json()["code"]), "{headers:?}");
        assert_eq!(ours.json()["status"], "fail");
        assert!(ours.header("x-hmac-signature").is_none(), "a 401 is not signed");
        assert!(ours.json()["message"].as_str().unwrap().len() > 20, "it says what to do");
    }
    assert_eq!(stand.emulator.ledger().media().count(), 0);
}

#[test]
fn refused_media_are_told_in_the_vendors_shape() {
    let stand = Stand::new();
    let session = stand.session();
    let photo = specimen("orientation-6.jpg");
    for (content, code, word) in [
        (uri("image/gif", b"GIF89a......"), "1104", "send JPEG, PNG, WebP, HEIC, TIFF or PDF"),
        (uri("image/jpeg", &photo[..photo.len() / 2]), "1104", "send the original"),
        ("data:image/jpeg;base64,@@@@".to_owned(), "1401", "base64"),
        ("data:image/jpeg;base64,".to_owned(), "1400", "empty"),
        ("data:image/jpeg,abc".to_owned(), "1401", "data:image/jpeg;base64,"),
    ] {
        let said = stand.upload(&session, "face", &content);
        let told = said.json();
        assert_eq!((said.status, &told["status"], &told["code"]), (400, &"fail".into(), &json!(code)), "{said:?}");
        assert!(told["message"].as_str().unwrap().contains(word), "{told}");
        assert!(stand.key().verify(&said.body, said.header("x-hmac-signature").unwrap()), "signed as the vendor signs");
        assert_eq!(said.header("x-auth-client"), Some(stand.emulator.api_key()));
    }
    assert_eq!(stand.emulator.requests("upload"), 0, "nothing was handed on");
    // JSON without a file is the vendor's to judge.
    let said = stand.post(&media_path(&session), "application/json", br#"{"nfc":{"com":"YQ=="}}"#);
    assert_eq!((said.status, &said.json()["code"]), (400, &"1403".into()));
    assert_eq!(stand.emulator.requests("upload"), 1);
}

#[test]
fn files_are_decoded_in_locked_down_processes() {
    let emulator = Arc::new(Emulator::builder().start_blocking().unwrap());
    let url = emulator.url().to_owned();
    let press = Arc::new(Isolated::new(Policies::within(&veriff::limits())));
    let stand = Stand::before(emulator, &url, press, |_| {}, |_| {}, |b| b);
    let session = stand.session();
    let said = stand.upload(&session, "document-front", &uri("image/heic", &specimen("orientation-6.jpg")));
    assert_eq!(said.status, 200, "the declared type never matters: {said:?}");
    assert_eq!(stand.emulator.ledger().media().next().unwrap().mimetype, "image/jpeg");
}

/// An empty page and a sharp licence, as data URIs.
fn empty_and_sharp() -> [String; 2] {
    let pictures = [Rgb::filled(960, 640, [200, 198, 190]), driving_licence(1, 960)];
    pictures.map(|picture| uri("image/jpeg", &Jpeg::new(&picture).quality(90).encode()))
}

#[test]
fn findings_and_what_nobody_looked_for_stand_in_the_headers() {
    let stand = Stand::with(|options| options.preflight = Preflight::Advise, |_| {});
    let session = stand.session();
    let [empty, sharp] = empty_and_sharp();
    for (picture, findings) in [(&empty, "blank"), (&sharp, "")] {
        for said in [
            stand.upload(&session, "document-front", picture),
            stand.post("/prepare", "application/json", upload_body("document-front", picture).as_bytes()),
        ] {
            assert_eq!((said.status, said.header("x-sealpress-findings")), (200, Some(findings)), "{said:?}");
            let not_judged = said.header("x-sealpress-not-judged").unwrap();
            assert!(not_judged.split(',').any(|name| name == "framing"), "{not_judged}");
        }
    }
    let numbers_only = Stand::new();
    let said = numbers_only.post("/prepare", "application/json", upload_body("document-front", &empty).as_bytes());
    assert_eq!(said.header("x-sealpress-findings"), None);
    assert!(said.json()["report"]["judged"]["quality"]["contrast98"].is_number(), "{said:?}");
}

#[test]
fn what_nobody_could_read_is_refused_with_advice_before_anything_is_sent_and_a_barcode_is_not() {
    let refuse = |options: &mut sealpress_gateway::Options| options.preflight = "refuse".parse().unwrap();
    let stand = Stand::with(refuse, |_| {});
    let session = stand.session();
    let [empty, sharp] = empty_and_sharp();
    let said = stand.upload(&session, "document-front", &empty);
    assert_eq!((said.status, said.header("x-sealpress-error")), (400, Some("media")), "{said:?}");
    let message = said.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("blank: ") && message.contains("take the picture again"), "{message}");
    assert_eq!(stand.emulator.ledger().media().count(), 0);
    assert_eq!(stand.upload(&session, "document-front", &sharp).status, 200);
    assert_eq!(stand.upload(&session, "document-front-qrcode", &empty).status, 200);
}
