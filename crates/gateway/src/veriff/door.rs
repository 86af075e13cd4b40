//! What a request is to Veriff, who sends it, and how Veriff would refuse it.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response};
use sealpress_base64::DataUri;
use sealpress_client::sign::{Key, Signature, SignedBody};
use sealpress_client::transport::Host;
use sealpress_client::veriff;
use sealpress_media::Format;
use serde_json::{Value, json};

use super::accounts::{Accounts, Known};
use crate::door::{Call, Caller, Door};
use crate::envelope::Envelope;
use crate::problem::{Problem, ProblemKind};

const AUTH_CLIENT: HeaderName = HeaderName::from_static("x-auth-client");
const HMAC_SIGNATURE: HeaderName = HeaderName::from_static("x-hmac-signature");
/// Deprecated; over another body it is wrong, and nothing asks for it where the other one is there.
const LEGACY_SIGNATURE: HeaderName = HeaderName::from_static("x-signature");

/// Veriff's API in front of Veriff.
#[derive(Debug)]
pub struct VeriffDoor {
    accounts: RwLock<Arc<Accounts>>,
}

impl VeriffDoor {
    /// For these accounts.
    #[must_use]
    pub fn new(accounts: Accounts) -> Self {
        Self { accounts: RwLock::new(Arc::new(accounts)) }
    }

    /// The accounts of requests that come from now on.
    #[must_use]
    pub fn accounts(&self) -> Arc<Accounts> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Other accounts from now on; requests under way end with those that they began with.
    pub fn replace(&self, accounts: Accounts) {
        *self.accounts.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(accounts);
    }

    fn account(&self, head: &Parts) -> Result<Arc<Known>, Problem> {
        let Some(key) = head.headers.get(AUTH_CLIENT) else {
            return Err(Problem::new(ProblemKind::NoKey, "X-AUTH-CLIENT is missing: send your API key in it"));
        };
        let key = key.to_str().unwrap_or_default();
        if !veriff::looks_like_uuid(key) {
            return Err(Problem::new(ProblemKind::BadKey, "the API key in X-AUTH-CLIENT is not a UUID"));
        }
        let unknown = || Problem::new(ProblemKind::UnknownKey, "the API key belongs to no account of this gateway");
        self.accounts().find(key).cloned().ok_or_else(unknown)
    }
}

impl Door for VeriffDoor {
    fn call(&self, head: &Parts) -> Call {
        let segments: Vec<&str> = head.uri.path().trim_start_matches('/').split('/').collect();
        let session = |id: &&str| (*id).to_owned();
        match (&head.method, segments.as_slice()) {
            (&Method::POST, ["v1", "sessions", id, "media"]) => Call::Upload { session: session(id) },
            (&Method::PATCH, ["v1", "sessions", id]) => Call::Submit { session: session(id) },
            _ => Call::Pass,
        }
    }

    fn admit(&self, head: &Parts) -> Result<Caller, Problem> {
        let account = self.account(head)?;
        let claimed = match head.headers.get(HMAC_SIGNATURE) {
            None => {
                let message = "X-HMAC-SIGNATURE is missing: send HMAC-SHA256 over the exact body, in hex";
                return Err(Problem::new(ProblemKind::NoSignature, message));
            }
            Some(value) => Signature::from_hex(value.to_str().unwrap_or_default()),
        };
        if claimed.is_none() {
            return Err(Problem::new(ProblemKind::BadSignature, "X-HMAC-SIGNATURE is not 64 hex digits"));
        }
        let (host, keys) = (account.host.clone(), account.keys.clone());
        Ok(Caller { host, keys, claimed, api_key: Some(account.api_key.clone()) })
    }

    fn host(&self, head: &Parts) -> Result<Host, Problem> {
        match self.account(head) {
            Ok(account) => Ok(account.host.clone()),
            // Whose key it is, the vendor will judge: there is only one to ask.
            Err(problem) => self.accounts().only_host().cloned().ok_or(problem),
        }
    }

    fn media_path(&self) -> [&'static str; 2] {
        ["image", "content"]
    }

    fn context_path(&self) -> [&'static str; 2] {
        ["image", "context"]
    }

    fn around(&self, context: &str, timestamp: Option<&str>) -> Value {
        let mut image = json!({ "context": context, "content": "" });
        if let Some(timestamp) = timestamp {
            image["timestamp"] = timestamp.into();
        }
        json!({ "image": image })
    }

    fn scheme(&self, format: Format) -> Vec<u8> {
        // Types of ours are types: an encoder of nothing writes the head alone.
        DataUri::new(format.mime()).map(|uri| uri.encode(&[])).unwrap_or_default().into_bytes()
    }

    fn adapt(&self, _: &Envelope) -> Option<Value> {
        None
    }

    fn seal(&self, headers: &mut HeaderMap, body: &SignedBody) {
        headers.remove(LEGACY_SIGNATURE);
        if let Some(signature) = body.signature() {
            headers.insert(HMAC_SIGNATURE, hex(signature));
        }
    }

    /// As the vendor answers: signed, but for 401.
    fn say(&self, problem: &Problem, caller: Option<&Caller>) -> Response<Bytes> {
        let body = json!({ "status": "fail", "code": code(problem.kind()), "message": problem.message() });
        let body = Bytes::from(body.to_string());
        let signature = caller.and_then(|caller| caller.keys.first()).map(|key| Key::sign(key, &body));
        let mut answer = Response::new(body);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = caller.and_then(|caller| caller.api_key.clone()) {
            headers.insert(AUTH_CLIENT, key);
        }
        if problem.kind().status() != http::StatusCode::UNAUTHORIZED
            && let Some(signature) = signature
        {
            headers.insert(HMAC_SIGNATURE, hex(&signature));
        }
        answer
    }
}

/// The vendor's own number where it has one; 1101 is what its documents show for anything else.
const fn code(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::NoKey => "1801",
        ProblemKind::BadKey => "1802",
        ProblemKind::UnknownKey => "1803",
        ProblemKind::NoSignature => "1815",
        ProblemKind::BadSignature => "1812",
        ProblemKind::WrongSignature => "1819",
        ProblemKind::BadBody => "1403",
        ProblemKind::NoMedia => "1400",
        ProblemKind::BadBase64 => "1401",
        ProblemKind::NoContext => "1402",
        ProblemKind::Media | ProblemKind::TooLarge => "1104",
        _ => "1101",
    }
}

fn hex(signature: &Signature) -> HeaderValue {
    let value = HeaderValue::from_str(&signature.hex());
    value.unwrap_or_else(|_| unreachable!("hex digits can stand in a header"))
}
