//! The other vendor's images: bearer tokens go through, whatever picture comes leaves as JPEG within the box.

use std::sync::Arc;

use sealpress_client::{Options, transmit};
use sealpress_emulator::Emulator;
use sealpress_gateway::Gateway;
use sealpress_gateway::transmit::TransmitDoor;
use sealpress_press::{InProcess, Policies};
use serde_json::{Value, json};

use crate::common::{ask, runtime, specimen};

#[test]
fn a_webp_arrives_as_jpeg_with_its_callers_token() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let there = emulator.transmit();
    let door = TransmitDoor::new(&there.url, &Options::default()).unwrap();
    let press = Arc::new(InProcess::new(Policies::within(&transmit::limits())));
    let runtime = runtime();
    let gateway = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Gateway::builder(Arc::new(door), press).start(listener).unwrap()
    });
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&resource={}",
        there.client_id,
        there.client_secret,
        there.resource.replace(':', "%3A").replace('/', "%2F")
    );
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let token = ask(gateway.address(), "POST", "/oidc/token", &[kind], form.as_bytes());
    assert_eq!(token.status, 200, "{token:?}");
    let bearer = format!("Bearer {}", token.json()["access_token"].as_str().unwrap());
    let headers = [("Authorization", &*bearer), ("Content-Type", "application/json")];
    let post = |path: &str, body: &Value| ask(gateway.address(), "POST", path, &headers, body.to_string().as_bytes());
    let created = post(
        "/verify/api/v1/verification",
        &json!({ "start": { "consent": { "granted": true, "document_id": "terms-1" } } }),
    );
    let session = created.json()["session_id"].as_str().unwrap_or_else(|| panic!("{created:?}")).to_owned();
    let webp = specimen("id-back-lossy.webp");
    let path = format!("/verify/api/v1/verification/{session}/images");
    let image = json!({ "image": { "image_type": "document_front", "format": "webp", "content": sealpress_base64::encode(&webp) } });
    let said = post(&path, &image);
    assert_eq!(said.status, 200, "{said:?}");
    assert!(said.json()["missing_images"].is_array(), "the vendor's own answer");
    assert!(said.header("x-sealpress-actions").unwrap().contains("encoded"), "{said:?}");
    let ledger = emulator.ledger();
    let stored = ledger.media().next().unwrap();
    assert_eq!((stored.mimetype.as_str(), stored.declared.as_deref()), ("image/jpeg", Some("jpg")));
    let refused = ask(gateway.address(), "POST", &path, &headers[1..], b"{}");
    assert_eq!((refused.status, &refused.json()["error_code"]), (401, &401.into()));
    let gif = json!({ "image": { "image_type": "selfie", "format": "jpg", "content": "R0lGODlhAAAA" } });
    let refused = post(&path, &gif);
    assert_eq!((refused.status, refused.json()["message"].is_array()), (400, true), "{refused:?}");
}
