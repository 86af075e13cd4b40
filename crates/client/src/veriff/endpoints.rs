//! One method per endpoint; which message is signed for it stands here.

use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, Method};
use serde_json::json;

use super::client::Client;
use super::decision::{Decision, DecisionAnswer};
use super::errors;
use super::records::{Person, PersonAnswer, Watchlist, WatchlistAnswer};
use super::requests::{CollectedData, SessionRequest};
use super::wire::{self, Attempt, Attempts, Image, MediaList, Session, Verification};
use super::{AttemptId, MediaId, Receipt, SessionId, SignedBody, Upload};
use crate::download::Download;
use crate::error::Error;
use crate::sign::{self, Encoding, Frame, Scheme};
use crate::telemetry;
use crate::transport::Reply;

impl Client {
    /// Opens a session: POST /sessions. Sent once; a repeated create is a second session, possibly
    /// billed.
    ///
    /// # Errors
    /// `Config` for what Veriff would refuse (a callback that is not https, vendor data over 1,000
    /// characters); `Api` with 400 for data that it does refuse.
    pub async fn create_session(&self, new: impl Into<SessionRequest>) -> Result<Session, Error> {
        const OPERATION: &str = "create session";
        let request = new.into();
        request.check(OPERATION)?;
        let body = wire::body(&json!({ "verification": request }), OPERATION)?;
        let url = self.inner.base.join(&["sessions"]);
        let reply = self.json(OPERATION, Method::POST, url, body, self.integration()).await?;
        Ok(Self::read::<Verification<Session>>(OPERATION, &reply)?.verification)
    }

    /// Judges, frames and signs a file. Only computes: belongs on a compute thread.
    ///
    /// # Errors
    /// `Media` where the format, the size or the context would be refused.
    pub fn sign(&self, upload: &Upload) -> Result<SignedBody, Error> {
        upload.context.for_upload()?;
        self.inner.limits.check(&upload.media).map_err(|refusal| Error::refused("upload", refusal))?;
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let context = quoted(upload.context.as_str());
        let mime = upload.media.format().mime();
        let prefix = format!(r#"{{"image":{{"context":{context},"content":"data:{mime};base64,"#);
        let suffix = match &upload.timestamp {
            Some(timestamp) => format!(r#"","timestamp":{}}}}}"#, quoted(timestamp)),
            None => r#""}}"#.to_owned(),
        };
        let frame = Frame::new(prefix, upload.media.bytes().clone(), Encoding::Base64, suffix);
        let scheme = Scheme::Hmac { key: self.inner.auth.key(), before: &[] };
        sign::sign_by(self.inner.pool.as_ref(), upload, frame, scheme, None)
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
        let reply = self.by_id(OPERATION, ["sessions", session.as_str(), "media"]).await?;
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

    /// Deletes a session: DELETE /sessions/{id}. Has to be enabled by Veriff; at most 5 an hour
    /// and 10 a day. A 404 after a lost answer counts as deleted.
    ///
    /// # Errors
    /// `Api` with 400 (1305, 1306) for a session in the wrong state, 404 for none, 429 beyond the
    /// limit.
    pub async fn delete_session(&self, session: &SessionId) -> Result<(), Error> {
        const OPERATION: &str = "delete session";
        let tried = AtomicBool::new(false);
        let call = || async {
            let again = tried.swap(true, Ordering::Relaxed);
            let call = self.id_call(OPERATION, Method::DELETE, ["sessions", session.as_str(), ""]);
            match self.judge(call).await {
                Err(error) if again && error.is_not_found() => Ok(()),
                result => result.map(drop),
            }
        };
        self.inner.retry.run(call).await
    }

    /// The attempts of a session: GET /sessions/{id}/attempts.
    ///
    /// # Errors
    /// `Api` with 404 for a session that does not exist.
    pub async fn attempts(&self, session: &SessionId) -> Result<Vec<Attempt>, Error> {
        const OPERATION: &str = "list attempts";
        let reply = self.by_id(OPERATION, ["sessions", session.as_str(), "attempts"]).await?;
        Ok(Self::read::<Attempts>(OPERATION, &reply)?.verifications)
    }

    /// What one attempt holds: GET /attempts/{id}/media.
    ///
    /// # Errors
    /// `Api` with 404 for an attempt that does not exist.
    pub async fn attempt_media(&self, attempt: &AttemptId) -> Result<MediaList, Error> {
        const OPERATION: &str = "list attempt media";
        let reply = self.by_id(OPERATION, ["attempts", attempt.as_str(), "media"]).await?;
        Self::read(OPERATION, &reply)
    }

    /// The decision, or `None` while there is none: GET /sessions/{id}/decision.
    ///
    /// # Errors
    /// `Api` with 404 for a session that does not exist.
    pub async fn decision(&self, session: &SessionId) -> Result<Option<Decision>, Error> {
        const OPERATION: &str = "get decision";
        let reply = self.by_id(OPERATION, ["sessions", session.as_str(), "decision"]).await?;
        Ok(Self::read::<DecisionAnswer>(OPERATION, &reply)?.verification)
    }

    /// The person: GET /sessions/{id}/person.
    ///
    /// # Errors
    /// `Api` with 404 where there is none.
    pub async fn person(&self, session: &SessionId) -> Result<Person, Error> {
        const OPERATION: &str = "get person";
        let reply = self.by_id(OPERATION, ["sessions", session.as_str(), "person"]).await?;
        Ok(Self::read::<PersonAnswer>(OPERATION, &reply)?.person)
    }

    /// The screening against watch lists, an add-on: GET /sessions/{id}/watchlist-screening.
    ///
    /// # Errors
    /// `Api` with 404 where there is none.
    pub async fn watchlist_screening(&self, session: &SessionId) -> Result<Watchlist, Error> {
        const OPERATION: &str = "get watchlist screening";
        let reply = self.by_id(OPERATION, ["sessions", session.as_str(), "watchlist-screening"]).await?;
        Ok(Self::read::<WatchlistAnswer>(OPERATION, &reply)?.data)
    }

    /// Tells what was observed of the person's device: POST /sessions/{id}/collected-data. The
    /// shape of the answer is not documented, so only its success counts.
    ///
    /// # Errors
    /// `Config` where a mandatory part is empty or too long; `Api` with 400 for a session that is
    /// submitted.
    pub async fn collect(&self, session: &SessionId, data: &CollectedData) -> Result<(), Error> {
        const OPERATION: &str = "send collected data";
        let body = wire::body(&data.to_json(OPERATION)?, OPERATION)?;
        let url = self.inner.base.join(&["sessions", session.as_str(), "collected-data"]);
        self.json(OPERATION, Method::POST, url, body, HeaderMap::new()).await.map(drop)
    }

    /// Creates and submits a session that is checked against a registry, without media:
    /// POST /validate-registry, or wherever the builder's `registry_path` points. Sent once.
    ///
    /// # Errors
    /// `Config` where the id number, the name, or both date of birth and address are missing.
    pub async fn validate_registry(&self, request: impl Into<SessionRequest>) -> Result<Session, Error> {
        const OPERATION: &str = "validate registry";
        let request = request.into();
        request.check_registry(OPERATION)?;
        let body = wire::body(&json!({ "verification": request }), OPERATION)?;
        let path: Vec<&str> = self.inner.registry_path.iter().map(String::as_str).collect();
        let url = self.inner.base.join(&path);
        let mut extra = self.integration();
        if let Some(key) = &self.inner.registry_key {
            extra.insert("x-api-key", key.clone());
        }
        let reply = self.json(OPERATION, Method::POST, url, body, extra).await?;
        Ok(Self::read::<Verification<Session>>(OPERATION, &reply)?.verification)
    }

    /// Fetches a picture, video or other file as a stream: GET /media/{id}. The URL is made from
    /// the base URL and the id, never taken from an answer. The signature of the answer, where
    /// there is one, is judged when the last byte has come.
    ///
    /// # Errors
    /// `Api` with 404 for media that does not exist.
    pub async fn download(&self, media: &MediaId) -> Result<Download, Error> {
        const OPERATION: &str = "get media";
        let call = || async {
            let call = self.id_call(OPERATION, Method::GET, ["media", media.as_str(), ""]);
            telemetry::observe("veriff", OPERATION, async {
                let (status, headers, mut incoming) = self.inner.transport.open(call).await?;
                if status.is_success() {
                    let verifier = self.inner.auth.running(self.policy(), &headers, OPERATION)?;
                    return Ok(Download::new(headers, incoming, verifier));
                }
                incoming.set_cap(self.inner.transport.options().max_answer);
                let body = incoming.read_to_end().await?;
                let reply = self.verified(OPERATION, Reply { status, headers, body })?;
                Err(crate::answer::refusal(OPERATION, &reply, errors::meaning))
            })
            .await
        };
        self.inner.retry.run(call).await
    }
}
