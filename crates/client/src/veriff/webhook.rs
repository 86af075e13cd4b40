//! Webhooks: verified over the raw body first, read only then.

use http::HeaderMap;
use secrecy::SecretString;
use serde::Deserialize;

use super::auth::{self, Verifier};
use super::decision::Decision;
use super::records::Watchlist;
use super::{AttemptId, SessionId};
use crate::error::{Error, ErrorKind};
use crate::lenient::{self, Json};

/// Webhooks of one integration. Make it once, verify every request with it.
///
/// Veriff repeats a webhook about hourly for up to seven days until it is answered with 200, and
/// its scheme has no time in it: handlers drop repetitions by session, attempt and code.
#[derive(Debug)]
pub struct Webhook {
    verifiers: Vec<Verifier>,
}

/// What a webhook reports.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A decision: has the same shape as GET /sessions/{id}/decision.
    Decision(Box<Decision>),
    /// The person began or ended the session.
    Session(SessionEvent),
    /// A screening against watch lists was made or updated.
    Watchlist(Box<Watchlist>),
    /// Something that this version does not know; verified all the same.
    Other(Json),
}

/// A session was started (7001) or submitted (7002).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SessionEvent {
    /// The session.
    pub id: SessionId,
    /// The attempt.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub attempt_id: Option<AttemptId>,
    /// 7001 or 7002.
    #[serde(default, deserialize_with = "lenient::count")]
    pub code: Option<u64>,
    /// `started`, `submitted`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub action: Option<String>,
    /// `selfid`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub feature: Option<String>,
    /// Your own key.
    #[serde(default, deserialize_with = "lenient::text")]
    pub vendor_data: Option<String>,
}

impl Webhook {
    /// Accepts signatures by any of these secrets; several while a secret is being rotated.
    ///
    /// # Errors
    /// `Config` where there is none, or an empty one.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Result<Self, Error> {
        let secrets: Vec<&SecretString> = secrets.into_iter().collect();
        let empty = |secret: &&SecretString| secrecy::ExposeSecret::expose_secret(*secret).is_empty();
        if secrets.is_empty() || secrets.iter().any(empty) {
            return Err(Error::config("configure webhook", "a webhook needs secrets, none of them empty"));
        }
        Ok(Self { verifiers: secrets.into_iter().map(Verifier::new).collect() })
    }

    /// Judges the raw body (not parsed and written again) by the request's headers, in constant
    /// time, and reads it only then. `x-hmac-signature` counts first, then `vrf-hmac-signature`,
    /// then the legacy `x-signature`.
    ///
    /// # Errors
    /// `ResponseSignature` where the signature is wrong or missing, `Decode` where the body is no
    /// JSON.
    pub fn verify(&self, body: &[u8], headers: &HeaderMap) -> Result<Event, Error> {
        const OPERATION: &str = "webhook";
        match auth::verify(&self.verifiers, headers, body) {
            Some(true) => read(body, OPERATION),
            fit => Err(Error::new(ErrorKind::ResponseSignature { missing: fit.is_none() }, OPERATION)),
        }
    }
}

/// Told apart by shape, since nothing else tells: a decision has `verification`, an event has
/// `action`, a screening has hits.
fn read(body: &[u8], operation: &'static str) -> Result<Event, Error> {
    #[derive(Deserialize)]
    struct Wrapped {
        verification: Box<Decision>,
    }
    let Json(json) = lenient::parse(body, operation)?;
    Ok(if json.get("verification").is_some_and(serde_json::Value::is_object) {
        Event::Decision(lenient::parse::<Wrapped>(body, operation)?.verification)
    } else if json.get("action").is_some() && json.get("id").is_some() {
        Event::Session(lenient::parse(body, operation)?)
    } else if json.get("totalHits").is_some() || json.get("checkType").is_some() {
        Event::Watchlist(lenient::parse(body, operation)?)
    } else {
        Event::Other(Json(json))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Key;

    const SECRET: &str = "sandbox-shared-secret-0001";

    fn verify(body: &str, header: Option<(&'static str, String)>) -> Result<Event, Error> {
        let secrets = ["the-new-one".into(), SECRET.into()];
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, value.parse().unwrap());
        }
        Webhook::new(&secrets).unwrap().verify(body.as_bytes(), &headers)
    }

    fn signed(body: &str) -> Result<Event, Error> {
        verify(body, Some(("x-hmac-signature", Key::from_bytes(SECRET.as_bytes()).sign(body.as_bytes()).hex())))
    }

    #[test]
    fn shapes_tell_events_apart() {
        let event =
            r#"{"id":"s","attemptId":"a","feature":"selfid","code":7002,"action":"submitted","vendorData":"…"}"#;
        assert!(matches!(signed(event).unwrap(), Event::Session(e) if e.code == Some(7002)));
        let decision = r#"{"status":"success","verification":{"id":"s","status":"approved","code":9001}}"#;
        assert!(matches!(signed(decision).unwrap(), Event::Decision(d) if d.code == Some(9001)));
        let list = r#"{"checkType":"updated_result","matchStatus":"no_match","totalHits":0,"hits":[]}"#;
        assert!(matches!(signed(list).unwrap(), Event::Watchlist(w) if w.total_hits == Some(0)));
        assert!(matches!(signed(r#"{"curp":{}}"#).unwrap(), Event::Other(_)));
        assert!(matches!(signed("<xml>").unwrap_err().kind(), ErrorKind::Decode { .. }));
    }

    #[test]
    fn published_vectors() {
        // The vectors of the contract, as webhook bodies.
        let good = "7001ca0098c19c13c72984be0a528225db9f4f3332d93d6994098feafed63150";
        let legacy = "05f5ff2c029452ec1121885b88ae33700f78c5a1c6cad08baa0da2ba0cfd422c";
        let body = r#"{"verification":{"status":"submitted"}}"#;
        for (name, value) in [("x-hmac-signature", good), ("vrf-hmac-signature", good), ("x-signature", legacy)] {
            // Verified, and then read: this body lacks the session's id.
            let error = verify(body, Some((name, value.to_owned()))).unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Decode { path: "verification".into() }, "{name}");
        }
        // A file's trailing newline is not part of the message.
        let with_newline = verify(&format!("{body}\n"), Some(("x-hmac-signature", good.into())));
        assert_eq!(with_newline.unwrap_err().kind(), &ErrorKind::ResponseSignature { missing: false });
    }

    #[test]
    fn unsigned_is_refused() {
        let missing = |header| verify("{}", header).unwrap_err().kind().clone();
        assert_eq!(missing(None), ErrorKind::ResponseSignature { missing: true });
        for junk in ["", "zz", "00"] {
            let kind = missing(Some(("x-hmac-signature", junk.to_owned())));
            assert_eq!(kind, ErrorKind::ResponseSignature { missing: false });
        }
        assert!(Webhook::new([]).is_err());
        assert!(Webhook::new(&["".into()]).is_err());
    }
}
