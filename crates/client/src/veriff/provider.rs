//! Veriff behind the trait that pipelines know.

use bytes::Bytes;
use sealpress_media::{FindingCode, Subject};

use super::client::Client;
use super::decision::Decision;
use super::foreseen;
use super::requests::SessionRequest;
use super::wire::{Attempt, MediaEntry, Status};
use super::{Limits, NewSession, Receipt, SessionId, SignedBody, Upload};
use crate::error::{Error, ErrorKind};
use crate::id::MediaId;
use crate::provider::{BoxFuture, Created, Decided, Listed, Provider, SessionState, Verdict};

impl Provider for Client {
    fn name(&self) -> &'static str {
        "veriff"
    }

    fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    fn create<'a>(&'a self, new: &'a NewSession) -> BoxFuture<'a, Result<Created, Error>> {
        Box::pin(async move {
            let request = SessionRequest::from(new);
            request.check_person("create session")?;
            let session = self.create_session(request).await?;
            let url = session.url.as_ref().map(|url| secrecy::ExposeSecret::expose_secret(url).to_owned());
            Ok(Created::new(session.id, url))
        })
    }

    fn sign(&self, upload: &Upload) -> Result<SignedBody, Error> {
        Self::sign(self, upload)
    }

    fn send<'a>(&'a self, body: &'a SignedBody) -> BoxFuture<'a, Result<Receipt, Error>> {
        Box::pin(Self::send(self, body))
    }

    fn list<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<Vec<Listed>, Error>> {
        Box::pin(async { Ok(self.list_media(session).await?.images.into_iter().map(listed).collect()) })
    }

    fn media<'a>(
        &'a self,
        _: &'a SessionId,
        media: &'a MediaId,
        cap: u64,
    ) -> BoxFuture<'a, Result<Option<Bytes>, Error>> {
        Box::pin(async move {
            match self.download(media).await?.with_cap(cap).bytes().await {
                Ok(bytes) => Ok(Some(bytes)),
                // Longer than what was sent: something else.
                Err(e) if matches!(e.kind(), ErrorKind::TooLarge { .. }) => Ok(Some(Bytes::new())),
                Err(e) => Err(e),
            }
        })
    }

    fn finish<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { self.submit_session(session).await.map(drop) })
    }

    fn state<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<SessionState, Error>> {
        Box::pin(async { Ok(state(&self.attempts(session).await?)) })
    }

    fn codes_of(&self, finding: FindingCode, subject: Subject) -> &'static [&'static str] {
        foreseen::codes(finding, subject)
    }

    fn decision<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<Option<Decided>, Error>> {
        Box::pin(async { Ok(Self::decision(self, session).await?.and_then(decided)) })
    }
}

/// Codes contradict each other in the field, and are null: the status is what counts.
fn decided(decision: Decision) -> Option<Decided> {
    let verdict = match decision.status.filter(Status::is_final)? {
        Status::Approved => Verdict::Approved,
        Status::Declined => Verdict::Declined,
        Status::ResubmissionRequested => Verdict::Resubmission,
        _ => Verdict::Gone,
    };
    let mut decided = Decided::new(verdict);
    (decided.reason, decided.reason_code) = (decision.reason, decision.reason_code);
    decided.time = decision.decision_time;
    Some(decided)
}

fn listed(entry: MediaEntry) -> Listed {
    let mut listed = Listed::new(entry.id.clone(), entry.context());
    (listed.size, listed.mimetype) = (entry.size, entry.mimetype);
    listed
}

/// The latest attempt decides: after a resubmission request a new one is open while the old one
/// stays submitted. Times are of one format, so they sort as text; without times the last counts.
fn state(attempts: &[Attempt]) -> SessionState {
    let latest = attempts.iter().max_by(|a, b| a.created_time.cmp(&b.created_time));
    match latest.map(|attempt| attempt.status.as_ref()) {
        None => SessionState::Open,
        Some(Some(Status::Created | Status::Started)) => SessionState::Open,
        Some(Some(Status::Expired | Status::Abandoned)) => SessionState::Gone,
        Some(None | Some(Status::Other(_))) => SessionState::Unknown,
        Some(Some(_)) => SessionState::Submitted,
    }
}
