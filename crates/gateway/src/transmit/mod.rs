//! Transmit Security's door: bearer tokens, which the vendor alone can judge, and JPEG.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Response};
use sealpress_client::sign::SignedBody;
use sealpress_client::transport::Host;
use sealpress_client::{Error, Options};
use sealpress_media::Format;
use serde_json::{Value, json};

use crate::door::{Call, Caller, Door};
use crate::envelope::Envelope;
use crate::problem::{Problem, ProblemKind};

/// Transmit Security's API in front of it. Tokens go through as they are; whether they are good is known to the vendor
/// alone, and so only after the file was pressed: let nobody reach this gateway who may not press.
#[derive(Debug)]
pub struct TransmitDoor {
    host: Host,
}

impl TransmitDoor {
    /// The base URL with or without its `/verify` at the end.
    ///
    /// # Errors
    /// `Config` for a base URL that is none or not https.
    pub fn new(base_url: &str, options: &Options) -> Result<Self, Error> {
        Ok(Self { host: Host::new(base_url, &["verify"], options)? })
    }
}

impl Door for TransmitDoor {
    fn call(&self, head: &Parts) -> Call {
        let segments: Vec<&str> = head.uri.path().trim_start_matches('/').split('/').collect();
        match (&head.method, segments.as_slice()) {
            (&Method::POST, ["verify", "api", "v1", "verification", id, "images"]) => {
                Call::Upload { session: (*id).to_owned() }
            }
            _ => Call::Pass,
        }
    }

    fn admit(&self, head: &Parts) -> Result<Caller, Problem> {
        if !head.headers.contains_key(AUTHORIZATION) {
            return Err(Problem::new(
                ProblemKind::NoSignature,
                "Authorization is missing: send the bearer token in it",
            ));
        }
        Ok(Caller { host: self.host.clone(), api_key: None, keys: Vec::new(), claimed: None })
    }

    fn host(&self, _: &Parts) -> Result<Host, Problem> {
        Ok(self.host.clone())
    }

    fn media_path(&self) -> [&'static str; 2] {
        ["image", "content"]
    }

    fn context_path(&self) -> [&'static str; 2] {
        ["image", "image_type"]
    }

    fn around(&self, context: &str, _: Option<&str>) -> Value {
        json!({ "image": { "image_type": context, "format": "jpg", "content": "" } })
    }

    fn scheme(&self, _: Format) -> Vec<u8> {
        Vec::new()
    }

    /// Whatever came is JPEG now.
    fn adapt(&self, envelope: &Envelope) -> Option<Value> {
        if envelope.text(["image", "format"]) == Some("jpg") {
            return None;
        }
        let mut around = envelope.around.clone();
        around["image"]["format"] = "jpg".into();
        Some(around)
    }

    fn seal(&self, _: &mut HeaderMap, _: &SignedBody) {}

    fn say(&self, problem: &Problem, _: Option<&Caller>) -> Response<Bytes> {
        let body = json!({ "message": [problem.message()], "error_code": problem.kind().status().as_u16() });
        let mut answer = Response::new(Bytes::from(body.to_string()));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer
    }
}
