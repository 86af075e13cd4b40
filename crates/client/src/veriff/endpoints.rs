use http::{HeaderMap, Method};
use serde_json::json;

use super::client::Client;
use super::wire::{self, Attempt, Attempts, Image, MediaList, Session, Verification};
use super::{NewSession, Receipt, SessionId, SignedBody, Upload};
use crate::error::Error;
use crate::sign::{self, Encoding, Frame, Scheme};

impl Client {
    /// Opens a session: POST /sessions. Sent once; a repeated create is a second session, possibly
    /// billed.
    ///
    /// # Errors
    /// `Api` with 400 for data that Veriff refuses, and whatever stands between here and there.
    pub async fn create_session(&self, new: &NewSession) -> Result<Session, Error> {
        const OPERATION: &str = "create session";
        let mut verification = json!({});
        // Absent fields are left out: Veriff takes null for a value.
        for (name, value) in [("callback", &new.callback), ("vendorData", &new.vendor_data)] {
            if let Some(value) = value {
                verification[name] = json!(value);
            }
        }
        for (name, value) in [("firstName", &new.first_name), ("lastName", &new.last_name)] {
            if let Some(value) = value {
                verification["person"][name] = json!(value);
            }
        }
        let body = wire::body(&json!({ "verification": verification }), OPERATION)?;
        let url = self.inner.base.join(&["sessions"]);
        let reply = self.json(OPERATION, Method::POST, url, body, HeaderMap::new()).await?;
        Ok(Self::read::<Verification<Session>>(OPERATION, &reply)?.verification)
    }

    /// Judges, frames and signs a file. Only computes: belongs on a compute thread.
    ///
    /// # Errors
    /// `Media` where the format, the size or the context would be refused.
    pub fn sign(&self, upload: &Upload) -> Result<SignedBody, Error> {
        upload.context.for_upload()?;
        self.inner.limits.check(&upload.media)?;
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let context = quoted(upload.context.as_str());
        let mime = upload.media.format().mime();
        let prefix = format!(r#"{{"image":{{"context":{context},"content":"data:{mime};base64,"#);
        let suffix = match &upload.timestamp {
            Some(timestamp) => format!(r#"","timestamp":{}}}}}"#, quoted(timestamp)),
            None => r#""}}"#.to_owned(),
        };
        let frame = Frame::new(prefix, upload.media.bytes().clone(), Encoding::Base64, suffix);
        sign::sign(upload, frame, Scheme::Hmac { key: self.inner.auth.key(), before: &[] }, None)
    }

    /// Uploads a file: POST /sessions/{id}/media. Sent once; [`Error::failure`] says what a failure
    /// means. A lost answer may hide a success: look at [`list_media`](Self::list_media) before
    /// sending again.
    ///
    /// # Errors
    /// `Api` with 409 once the session is submitted; 400 for media that Veriff refuses.
    pub async fn send(&self, body: impl AsRef<SignedBody>) -> Result<Receipt, Error> {
        const OPERATION: &str = "upload";
        let body = body.as_ref();
        let url = self.inner.base.join(&["sessions", body.session().as_str(), "media"]);
        let reply = self.signed(OPERATION, url, body).await?;
        let image = Self::read::<Image>(OPERATION, &reply)?.image;
        let mut receipt = Receipt::new(body.session().clone(), body.context().clone(), image.id);
        (receipt.size, receipt.mimetype) = (image.size, image.mimetype);
        Ok(receipt)
    }

    /// What the latest attempt of a session holds: GET /sessions/{id}/media.
    ///
    /// # Errors
    /// `Api` with 404 for a session that does not exist.
    pub async fn list_media(&self, session: &SessionId) -> Result<MediaList, Error> {
        const OPERATION: &str = "list media";
        let reply = self.by_id(OPERATION, Method::GET, ["sessions", session.as_str(), "media"]).await?;
        Self::read(OPERATION, &reply)
    }

    /// Submits a session: PATCH /sessions/{id}. Sent once. Everything has to be uploaded before.
    ///
    /// # Errors
    /// `Api` with 400 (1304) or 409 where it was submitted before.
    pub async fn submit_session(&self, session: &SessionId) -> Result<Session, Error> {
        const OPERATION: &str = "submit session";
        let body = wire::body(&json!({ "verification": { "status": "submitted" } }), OPERATION)?;
        let url = self.inner.base.join(&["sessions", session.as_str()]);
        let reply = self.json(OPERATION, Method::PATCH, url, body, HeaderMap::new()).await?;
        Ok(Self::read::<Verification<Session>>(OPERATION, &reply)?.verification)
    }

    /// The attempts of a session: GET /sessions/{id}/attempts.
    ///
    /// # Errors
    /// `Api` with 404 for a session that does not exist.
    pub async fn attempts(&self, session: &SessionId) -> Result<Vec<Attempt>, Error> {
        const OPERATION: &str = "list attempts";
        let reply = self.by_id(OPERATION, Method::GET, ["sessions", session.as_str(), "attempts"]).await?;
        Ok(Self::read::<Attempts>(OPERATION, &reply)?.verifications)
    }
}
