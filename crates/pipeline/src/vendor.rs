//! A provider of the client crate behind the dispatcher's door, and what its errors mean here.

use std::sync::Arc;

use sealpress_client::{
    self as client, Context, MediaId, NewSession, Provider, SessionId, SessionState, SignedBody, Upload,
};
use sealpress_media::Media;
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind};
use crate::job::Item;
use crate::remote::{Answer, Failure, Listed, Remote, Signed, Verdict};

/// A client's provider behind the dispatcher's door.
pub(crate) struct Vendor(pub(crate) Arc<dyn Provider>);

impl Remote for Vendor {
    fn create<'a>(&'a self, new: &'a NewSession) -> Answer<'a, String> {
        Box::pin(async move { Ok(self.0.create(new).await.map_err(judge)?.session.as_str().to_owned()) })
    }

    fn sign(&self, item: &Item, timestamp: Option<&str>, media: Media) -> Result<Signed, Error> {
        let session = session_id(&item.session).map_err(|f| f.error)?;
        let mut upload = Upload::new(session, Context::from(&*item.context), media);
        if let Some(timestamp) = timestamp {
            upload = upload.with_timestamp(timestamp);
        }
        let body = self.0.sign(&upload).map_err(|e| told(ErrorKind::Request, e))?;
        let len = body.content_length();
        Ok(Signed { body: Arc::new(body), len })
    }

    fn send<'a>(&'a self, signed: &'a Signed) -> Answer<'a, String> {
        Box::pin(async move {
            let Some(body) = signed.body.downcast_ref::<SignedBody>() else {
                let error = Error::new(ErrorKind::Internal, "a body that this vendor did not sign");
                return Err(Failure { verdict: Verdict::Refused, bad_signature: false, error });
            };
            let receipt = self.0.send(body).await.map_err(judge)?;
            Ok(receipt.media_id.as_str().to_owned())
        })
    }

    fn list<'a>(&'a self, session: &'a str) -> Answer<'a, Vec<Listed>> {
        Box::pin(async move {
            let listed = self.0.list(&session_id(session)?).await.map_err(judge)?;
            let entry = |l: client::Listed| Listed {
                media_id: l.media_id.as_str().to_owned(),
                context: l.context.as_str().to_owned(),
                size: l.size,
                mime: l.mimetype,
            };
            Ok(listed.into_iter().map(entry).collect())
        })
    }

    fn lists_receipts(&self) -> bool {
        self.0.lists_receipts()
    }

    fn content<'a>(&'a self, session: &'a str, media_id: &'a str, cap: u64) -> Answer<'a, Option<[u8; 32]>> {
        Box::pin(async move {
            let media_id = MediaId::new(media_id).map_err(|e| Failure {
                verdict: Verdict::Refused,
                bad_signature: false,
                error: told(ErrorKind::Request, e),
            })?;
            let bytes = self.0.media(&session_id(session)?, &media_id, cap).await.map_err(judge)?;
            Ok(bytes.map(|bytes| Sha256::digest(&bytes).into()))
        })
    }

    fn finish<'a>(&'a self, session: &'a str) -> Answer<'a, ()> {
        Box::pin(async move { self.0.finish(&session_id(session)?).await.map_err(judge) })
    }

    fn is_finished<'a>(&'a self, session: &'a str) -> Answer<'a, bool> {
        Box::pin(async move {
            let state = self.0.state(&session_id(session)?).await.map_err(judge)?;
            Ok(state == SessionState::Submitted)
        })
    }
}

fn session_id(id: &str) -> Result<SessionId, Failure> {
    SessionId::new(id).map_err(|e| Failure {
        verdict: Verdict::Refused,
        bad_signature: false,
        error: told(ErrorKind::Request, e),
    })
}

/// What a client's error means for what happens next.
fn judge(error: client::Error) -> Failure {
    let bad_signature = matches!(error.kind(), client::ErrorKind::ResponseSignature { .. });
    let (verdict, kind) = match error.failure() {
        client::Failure::NotSent => (Verdict::NotSent, ErrorKind::Unreachable),
        client::Failure::Throttled(retry_after) => (Verdict::Throttled { retry_after }, ErrorKind::Unreachable),
        client::Failure::AuthStop if is_foreign(&error) => (Verdict::Blocked, ErrorKind::Blocked),
        client::Failure::AuthStop => (Verdict::Unauthorized, ErrorKind::Unauthorized),
        client::Failure::Permanent if error.is_conflict() => (Verdict::Conflict, ErrorKind::Refused),
        client::Failure::Permanent => (Verdict::Refused, ErrorKind::Refused),
        // Ambiguous, and whatever may be added: the careful reading.
        _ => (Verdict::Ambiguous, ErrorKind::Unreachable),
    };
    Failure { verdict, bad_signature, error: told(kind, error) }
}

/// A 403 or 407 without the vendor's code is the word of a proxy or a firewall on the way. A 401, or
/// a redirect, is the same for every item whoever says it.
fn is_foreign(error: &client::Error) -> bool {
    matches!(error.http_status(), Some(403 | 407)) && error.code().is_none()
}

/// The same error in this crate's words; the vendor's own message stays behind `source`.
fn told(kind: ErrorKind, error: client::Error) -> Error {
    let (kind, code) = match error.kind() {
        // Neither a success nor a failure of the way: whoever took the picture takes another.
        client::ErrorKind::Rejected { feedback } => (ErrorKind::Retake, Some(feedback.clone())),
        _ => (kind, error.code().map(str::to_owned)),
    };
    Error::new(kind, error.to_string())
        .with_fault(error.fault())
        .with_answer(error.http_status(), code)
        .with_source(error)
}
