//! Plants names, keys and media, makes every kind of call succeed and fail, and searches every
//! span, event, metric, error and `Debug` for them.

use std::fmt::{Debug, Write};
use std::sync::Mutex;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use sealpress_client::veriff::{Client, CollectedData, Credentials, NewSession, SessionRequest, Webhook};
use sealpress_client::{Context, Error, Provider, RetryPolicy, Upload, transmit};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};

use super::common::{Raw, http, jpeg, quick, session};

/// Everything that anybody could read afterwards.
static OUT: Mutex<String> = Mutex::new(String::new());

const API_KEY: &str = "cafe0000-7d61-4c0b-9e58-1d2c3b4a5f60";
const PLANTED: [&str; 13] = [
    API_KEY,
    "canary-secret",
    "canary-client-secret",
    "canary-client-id",
    "canary-token",
    "Canarina",
    "O'Planted",
    "canary-vendor-data",
    "canary-fingerprint",
    "canary@example.test",
    "198.51.100.77",
    // The media as base64 and as bytes.
    "/9j/wAARCALQBQ",
    "255, 216, 255",
];

/// What the vendor says back, personal data and all.
const ANSWER: &str = r#"{"status":"success","code":"1203","message":"O'Planted is no date, Canarina",
    "verification":{"id":"s","url":"https://a.example/v/canary-token","sessionToken":"canary-token",
    "vendorData":"canary-vendor-data","status":"approved","person":{"firstName":"Canarina","lastName":"O'Planted"},
    "document":{"number":"Canarina"},"comments":["Canarina"],"additionalVerifiedData":{"x":"Canarina"}},
    "image":{"id":"m"},"images":[{"id":"m"}],"verifications":[{"id":"a"}],
    "person":{"firstName":"Canarina","pepSanctionMatches":[{"hits":["Canarina"]}]},
    "data":{"searchTerm":{"name":"Canarina"},"hits":["Canarina"]},
    "access_token":"canary-token","session_id":"s","start_token":"canary-token","feedback":"ok",
    "session_images":[],"checks":{},"recommendation":"ALLOW","document":{"number":"Canarina"}}"#;

#[tokio::test]
async fn nothing_planted_comes_out() {
    tracing::subscriber::set_global_default(Log).unwrap();
    metrics::set_global_recorder(Log).unwrap();
    let mut seen = String::new();

    // A success, a refusal with the same body, a proxy's page, a wrong shape, no JSON, a redirect.
    let broken = r#"{"verification":"Canarina","image":"Canarina","images":["Canarina"],"person":"Canarina","data":7}"#;
    let cases: [(u16, &'static str); 6] =
        [(200, ANSWER), (400, ANSWER), (502, "<html>Canarina</html>"), (200, broken), (200, "Canarina"), (307, "")];
    for (status, body) in cases {
        let raw = Raw::start(move |_, request| {
            let token = status == 400 && request.line().contains("/oidc/token");
            let status = if token { 200 } else { status };
            http(status, &[("location", "https://canary-token.example/?q=Canarina"), ("x-request-id", "r")], body)
        })
        .await;
        everything(&raw.url, &mut seen).await;
    }
    // Nobody there, and a signature that is wrong.
    everything("http://127.0.0.1:9", &mut seen).await;
    let raw = Raw::start(|_, _| http(200, &[("x-hmac-signature", &"0".repeat(64))], ANSWER)).await;
    everything(&raw.url, &mut seen).await;

    let logged = OUT.lock().unwrap().clone();
    // The net has no holes: what may be logged is there.
    for expected in ["vendor=\"veriff\"", "operation=\"upload\"", "sealpress_client_requests_total", "get token"] {
        assert!(logged.contains(expected), "nothing was captured of {expected}");
    }
    for expected in ["HTTP 400", "could not connect", "could not be understood", "signature", "HTTP 307"] {
        assert!(seen.contains(expected), "no error said {expected}");
    }
    for planted in PLANTED {
        assert!(!logged.contains(planted), "{planted} stands in the log");
        if let Some(at) = seen.find(planted) {
            panic!("{planted} stands in {}", &seen[at.saturating_sub(200)..(at + 50).min(seen.len())]);
        }
    }
}

async fn everything(url: &str, seen: &mut String) {
    let credentials = Credentials::new(API_KEY, "canary-secret").with_former_secret("canary-secret");
    note(seen, &credentials);
    let builder = Client::builder(url, credentials).options(quick()).retry(RetryPolicy::never());
    note(seen, &builder);
    let client = builder.legacy_signature().registry_api_key("canary-secret").build().unwrap();
    note(seen, &client);

    let new = NewSession::new().with_name("Canarina", "O'Planted").with_vendor_data("canary-vendor-data");
    let mut request = SessionRequest::from(&new);
    request.person.id_number = Some("Canarina".into());
    request.person.date_of_birth = Some("Canarina".into());
    let mut data = CollectedData::new("p", "198.51.100.77".parse().unwrap(), "canary-fingerprint");
    data.email = Some("canary@example.test".into());
    note(seen, &(&new, &request, &data));
    let upload = Upload::new(session(), Context::Face, jpeg(5_000));
    let body = client.sign(&upload).unwrap();
    note(seen, &(&upload, &body, body.signature()));

    outcome(seen, client.create_session(&new).await);
    outcome(seen, Provider::create(&client, &new).await);
    outcome(seen, client.send(&body).await);
    outcome(seen, client.list_media(&session()).await);
    outcome(seen, client.submit_session(&session()).await);
    outcome(seen, client.delete_session(&session()).await);
    outcome(seen, client.attempts(&session()).await);
    outcome(seen, client.attempt_media(&"a".parse().unwrap()).await);
    outcome(seen, client.decision(&session()).await);
    outcome(seen, client.person(&session()).await);
    outcome(seen, client.watchlist_screening(&session()).await);
    outcome(seen, client.collect(&session(), &data).await);
    outcome(seen, client.validate_registry(request).await);
    outcome(seen, client.download(&"m".parse().unwrap()).await);

    let secret = "canary-secret".into();
    let webhook = Webhook::new([&secret]).unwrap();
    note(seen, &webhook);
    let mut headers = http::HeaderMap::new();
    let key = sealpress_client::sign::Key::new(&secret);
    for body in [ANSWER, r#"{"curp":"Canarina"}"#, "Canarina"] {
        headers.insert("x-hmac-signature", key.sign(body.as_bytes()).hex().parse().unwrap());
        outcome(seen, webhook.verify(body.as_bytes(), &headers));
        outcome(seen, webhook.verify(b"Canarina", &http::HeaderMap::new()));
    }

    let credentials = transmit::Credentials::new("canary-client-id", "canary-client-secret");
    note(seen, &credentials);
    let builder = transmit::Client::builder(url, credentials).options(quick()).retry(RetryPolicy::never());
    note(seen, &builder);
    let client = builder.build().unwrap();
    let body = client.sign(&upload).unwrap();
    note(seen, &(&client, &body));
    outcome(seen, client.create_session(&transmit::SessionRequest::started(Some("consent"))).await);
    outcome(seen, client.add_image(&body).await);
    outcome(seen, client.images(&session()).await);
    outcome(seen, client.result(&session(), transmit::Detail::Detailed).await);
    outcome(seen, client.image(&session(), &"m".parse().unwrap(), transmit::ImageEncoding::Raw).await);
    outcome(seen, client.consent(&session()).await);
    outcome(seen, client.delete_session(&session()).await);
}

/// Answers keep `vendor_data` for their caller, who may print what is the caller's own; everything
/// else of a success and all of a failure is written out as logs would have it.
fn outcome<T: Debug>(seen: &mut String, result: Result<T, Error>) {
    match result {
        Ok(value) => seen.push_str(&format!("{value:?}\n").replace("Some(\"canary-vendor-data\")", "")),
        Err(error) => {
            write!(seen, "{error} {error:?} {error:#?} {:?}", error.kind()).unwrap();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                write!(seen, " {cause} {cause:?}").unwrap();
                source = cause.source();
            }
            seen.push('\n');
        }
    }
}

fn note(seen: &mut String, value: &impl Debug) {
    writeln!(seen, "{value:?} {value:#?}").unwrap();
}

/// Writes down all that passes.
struct Log;

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Fields(&mut OUT.lock().unwrap()));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Fields(&mut OUT.lock().unwrap()));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Fields(&mut OUT.lock().unwrap()));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Recorder for Log {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        writeln!(OUT.lock().unwrap(), "{key}").unwrap();
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        writeln!(OUT.lock().unwrap(), "{key}").unwrap();
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        writeln!(OUT.lock().unwrap(), "{key}").unwrap();
        Histogram::noop()
    }
}
