//! Face authentication: POST /face-auth and its result. A picture from here is the reference, a device
//! captures the other one. The request is documented, the answers are not beyond two ids.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use http::Method;
use sealpress_media::{Fault, Media};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::SessionId;
use super::client::Client;
use super::result::{Check, Recommendation, ResultStatus};
use crate::error::Error;
use crate::lenient::{self, Json};
use crate::open_enum::open_enum;

open_enum! {
    /// What a person authenticates for.
    UseCase {
        /// Logging in.
        Login = "login",
        /// Getting lost credentials back.
        CredentialsRecovery = "credentials-recovery",
        /// One more proof in a session.
        StepUp = "step-up",
    }
}

/// A reference picture, framed.
#[derive(Clone)]
pub struct FaceAuthRequest {
    body: Bytes,
}

/// Prints the length, never content.
impl fmt::Debug for FaceAuthRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaceAuthRequest({} bytes)", self.body.len())
    }
}

/// A face authentication that was just begun.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct FaceAuthSession {
    /// Its id, for the result.
    pub session_id: SessionId,
    /// What the device's SDK begins with. Whoever has it plays the person: does not print.
    #[serde(default, deserialize_with = "super::wire::secret")]
    pub device_session_id: Option<SecretString>,
}

/// How a face authentication ended, as far as it did. Its shape is not documented: what it shares with a
/// verification's result is read, and all of it is handed through.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct FaceAuthResult {
    /// Where it stands.
    pub status: ResultStatus,
    /// The decision, once there is one.
    pub recommendation: Option<Recommendation>,
    /// The checks by name.
    pub checks: BTreeMap<String, Check>,
    /// The whole answer.
    pub answer: Json,
}

impl Client {
    /// Judges and frames a reference picture. Only computes. Pictures from HD to FHD (up to about
    /// 1900 × 1000) serve best.
    ///
    /// # Errors
    /// `Media` where format or size would be refused.
    pub fn frame_face_auth(&self, reference: &Media, use_case: &UseCase) -> Result<FaceAuthRequest, Error> {
        self.inner.limits.check(reference).map_err(|refusal| Error::refused("face-auth", refusal))?;
        let use_case = serde_json::to_string(use_case)
            .map_err(|_| Error::media("face authentication", Fault::Caller, "the use case cannot be written"))?;
        let mut body = br#"{"reference":{"type":"raw","format":"jpg","content":""#.to_vec();
        sealpress_base64::encode_append(reference.bytes(), &mut body);
        body.extend_from_slice(format!(r#""}},"use_case":{use_case}}}"#).as_bytes());
        Ok(FaceAuthRequest { body: body.into() })
    }

    /// Begins a face authentication: POST /api/v1/face-auth. Sent once.
    ///
    /// # Errors
    /// `Api` with 400 for a picture that the vendor refuses.
    pub async fn begin_face_auth(&self, request: &FaceAuthRequest) -> Result<FaceAuthSession, Error> {
        const OPERATION: &str = "begin face authentication";
        let reply = self.json(OPERATION, &self.face_auth_url(&[]), &request.body).await?;
        lenient::parse(&reply.body, OPERATION)
    }

    /// The result as far as there is one: GET /api/v1/face-auth/{sid}/result.
    ///
    /// # Errors
    /// `Api` with 404 for a session that does not exist.
    pub async fn face_auth_result(&self, session: &SessionId) -> Result<FaceAuthResult, Error> {
        const OPERATION: &str = "get face authentication result";
        let url = self.face_auth_url(&[session.as_str(), "result"]);
        read(&self.simple(OPERATION, Method::GET, &url).await?.body, OPERATION)
    }
}

fn read(body: &[u8], operation: &'static str) -> Result<FaceAuthResult, Error> {
    #[derive(Deserialize)]
    struct Known {
        status: ResultStatus,
        #[serde(default, deserialize_with = "lenient::opt")]
        recommendation: Option<Recommendation>,
        #[serde(default, deserialize_with = "lenient::opt")]
        checks: Option<BTreeMap<String, Check>>,
    }
    let known: Known = lenient::parse(body, operation)?;
    Ok(FaceAuthResult {
        status: known.status,
        recommendation: known.recommendation,
        checks: known.checks.unwrap_or_default(),
        answer: lenient::parse(body, operation)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_documented_is_handed_through() {
        let result = read(br#"{"session_id":"s","status":"pending"}"#, "test").unwrap();
        assert_eq!((result.status.as_str(), result.recommendation), ("pending", None));
        let body = br#"{"status":"complete","recommendation":"DENY","score":0.2,
            "checks":{"biometric_matching":{"recommendation":"DENY","reasons":["biometric_mismatch"]}}}"#;
        let result = read(body, "test").unwrap();
        assert_eq!(result.recommendation, Some(Recommendation::Deny));
        assert_eq!(result.checks["biometric_matching"].reasons, ["biometric_mismatch"]);
        assert_eq!(result.answer.0["score"], 0.2);
        assert!(read(br#"{"recommendation":"ALLOW"}"#, "test").is_err(), "without a status nothing is decided");
        assert!(read(br#"{"status":"complete","checks":7}"#, "test").unwrap().checks.is_empty());
    }
}
