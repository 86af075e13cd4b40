//! Any answer with extra, missing-optional and reordered fields is read; anything else is a typed
//! error. Over a socket, so that nothing between the bytes and the caller is left out.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sealpress_client::veriff::{Client, NewSession};
use sealpress_client::{Error, transmit};
use serde_json::{Value, json};

use super::common::{Raw, http, session, upload};

/// Any JSON, four levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(("[a-zA-Z_]{1,10}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A truthful answer of all shapes at once, its optional fields dropped or spoilt and unknown ones
/// added as `choices` say, in an order of their own.
fn varied(choices: &[u8], junk: &[Value]) -> String {
    let mut next = choices.iter().copied().cycle();
    let mut spoil = |required: &[(&str, Value)], optional: &[(&str, Value)]| {
        let mut fields: Vec<(String, Value)> =
            required.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        for (index, (name, value)) in optional.iter().enumerate() {
            match next.next().unwrap_or(0) % 4 {
                0 => {}
                1 => fields.push(((*name).to_owned(), Value::Null)),
                2 => fields.push(((*name).to_owned(), junk[index % junk.len()].clone())),
                _ => fields.push(((*name).to_owned(), value.clone())),
            }
        }
        fields.push(("somethingNew".to_owned(), junk[0].clone()));
        let turn = usize::from(next.next().unwrap_or(0)) % fields.len();
        fields.rotate_left(turn);
        // Written by hand: a map would sort them.
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str()))).collect();
        format!("{{{}}}", fields.join(","))
    };
    let id = ("id", json!("m-1"));
    let image = spoil(
        std::slice::from_ref(&id),
        &[
            ("size", json!(12345.0)),
            ("timestamp", Value::Null),
            ("mimetype", json!("image/jpeg")),
            ("url", json!("https://a.example")),
            ("sessionId", json!("s")),
            ("context", json!("face")),
            ("name", json!("face")),
        ],
    );
    let verification = spoil(
        std::slice::from_ref(&id),
        &[
            ("status", json!("approved")),
            ("code", json!(9001)),
            ("person", json!({"firstName": "Jane", "addresses": [{"fullAddress": 1}]})),
            ("document", json!({"type": "PASSPORT"})),
            ("riskLabels", json!([{"label": "x"}])),
            ("insights", json!(null)),
            ("url", json!("https://a.example")),
            ("host", json!("https://a.example")),
            ("attemptId", json!("a")),
            ("comments", json!([])),
        ],
    );
    let attempt =
        spoil(&[id], &[("status", json!("created")), ("createdTime", json!("2026")), ("userDefinedData", json!([]))]);
    let inner = spoil(&[], &[("firstName", json!("Jane")), ("hits", json!([])), ("totalHits", json!(0))]);
    format!(
        r#"{{"videos":null,"images":[{image}],"image":{image},"verification":{verification},
        "verifications":[{attempt}],"person":{inner},"data":{inner},"session_id":"s","feedback":"ok","status":"success",
        "access_token":"t","session_images":[{{"id":"i"}}],"extra":{}}}"#,
        junk[0]
    )
}

async fn everything(client: &Client, transmit: &transmit::Client) -> Vec<Result<(), Error>> {
    let id = session();
    let body = client.sign(&upload(&id)).unwrap();
    let image = transmit.sign(&upload(&id)).unwrap();
    vec![
        client.create_session(&NewSession::new()).await.map(drop),
        client.send(&body).await.map(drop),
        client.list_media(&id).await.map(drop),
        client.attempt_media(&"a".parse().unwrap()).await.map(drop),
        client.submit_session(&id).await.map(drop),
        client.attempts(&id).await.map(drop),
        client.decision(&id).await.map(drop),
        client.person(&id).await.map(drop),
        client.watchlist_screening(&id).await.map(drop),
        client.delete_session(&id).await,
        transmit.create_session(&transmit::SessionRequest::default()).await.map(drop),
        transmit.add_image(&image).await.map(drop),
        transmit.images(&id).await.map(drop),
        transmit.result(&id, transmit::Detail::Unsaid).await.map(drop),
        transmit.consent(&id).await.map(drop),
    ]
}

/// Serves `answer`, whatever it is set to, with `status`.
struct Fixture {
    runtime: tokio::runtime::Runtime,
    answer: Arc<Mutex<(u16, Vec<u8>)>>,
    veriff: Client,
    transmit: transmit::Client,
}

impl Fixture {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = Arc::new(Mutex::new((200, Vec::new())));
        let shared = answer.clone();
        let raw = runtime.block_on(Raw::start(move |_, request| {
            if request.line().contains("/oidc/token") {
                return http(200, &[], r#"{"access_token":"t"}"#);
            }
            let (status, body) = shared.lock().unwrap().clone();
            let mut out = http(status, &[], "");
            let head = format!("content-length: {}", body.len());
            out = String::from_utf8(out).unwrap().replace("content-length: 0", &head).into_bytes();
            out.extend(body);
            out
        }));
        let credentials = transmit::Credentials::new("id", "hush");
        let transmit = transmit::Client::builder(&raw.url, credentials)
            .retry(sealpress_client::RetryPolicy::never())
            .build()
            .unwrap();
        Self { runtime, answer, veriff: raw.client(), transmit }
    }

    fn serve(&self, status: u16, body: Vec<u8>) -> Vec<Result<(), Error>> {
        *self.answer.lock().unwrap() = (status, body);
        self.runtime.block_on(everything(&self.veriff, &self.transmit))
    }
}

fn cases(n: u32) -> TestRunner {
    TestRunner::new(Config { cases: n, failure_persistence: None, ..Config::default() })
}

#[test]
fn extra_missing_and_reordered_fields_are_read() {
    let fixture = Fixture::new();
    let strategy = (proptest::collection::vec(any::<u8>(), 1..60), proptest::collection::vec(any_json(), 1..8));
    cases(60)
        .run(&strategy, |(choices, junk)| {
            let body = varied(&choices, &junk);
            for (index, result) in fixture.serve(200, body.clone().into_bytes()).into_iter().enumerate() {
                prop_assert!(result.is_ok(), "call {index}: {:?}\n{body}", result.unwrap_err());
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn garbage_is_a_typed_error() {
    let fixture = Fixture::new();
    let body = prop_oneof![
        any_json().prop_map(|json| json.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..200),
        Just(b"<html><body>502 Bad Gateway</body></html>".to_vec()),
        (1usize..20_000).prop_map(|depth| "[".repeat(depth).into_bytes()),
        any_json().prop_map(|json| json!({ "verification": json, "image": json, "images": [json] }).to_string().into()),
    ];
    let status = prop_oneof![Just(200u16), Just(201), Just(400), Just(401), Just(409), Just(500), 300u16..599];
    cases(60)
        .run(&(body, status), |(body, status)| {
            for result in fixture.serve(status, body) {
                match result {
                    Ok(()) => prop_assert!((200..300).contains(&status)),
                    Err(error) => {
                        let kind = error.kind().as_str();
                        let fits = if (200..300).contains(&status) { kind == "decode" } else { kind == "api" };
                        prop_assert!(fits, "{status}: {error:?}");
                        prop_assert!(error.to_string().len() < 1_000);
                    }
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_field_that_stands_twice_is_the_last_one() {
    let fixture = Fixture::new();
    let body = br#"{"image":{"id":"a"},"images":[],"image":{"id":"b","id":"c"}}"#.to_vec();
    assert!(fixture.serve(200, body)[1].is_ok());
}
