//! Transmit Security behind the trait that pipelines know.

use sealpress_media::{FindingCode, Subject};

use super::client::Client;
use super::foreseen;
use super::result::{Recommendation, ResultStatus};
use super::wire::{Detail, ImageInfo, ImageType, SessionRequest};
use super::{Limits, Receipt, SessionId, SignedBody, Upload};
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::id::MediaId;
use crate::provider::{BoxFuture, Created, Decided, Listed, NewSession, Provider, SessionState, Verdict};

impl Provider for Client {
    fn name(&self) -> &'static str {
        "transmit"
    }

    fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Names are not sent: the vendor reads them off the document. `vendor_data` becomes `state`.
    fn create<'a>(&'a self, new: &'a NewSession) -> BoxFuture<'a, Result<Created, Error>> {
        Box::pin(async {
            let mut request = SessionRequest::started(self.inner.consent.as_deref());
            (request.callback_url, request.state) = (new.callback.clone(), new.vendor_data.clone());
            let session = self.create_session(&request).await?;
            if session.start_token.is_some() {
                // Every picture would be refused: better to stop now than to fill the vendor with such sessions.
                let reason = "the vendor did not start the session: state the document that the person agreed to";
                return Err(Error::config("create session", reason));
            }
            Ok(Created::new(session.session_id, None))
        })
    }

    fn sign(&self, upload: &Upload) -> Result<SignedBody, Error> {
        Self::sign(self, upload)
    }

    /// Feedback other than `ok` is the error `Rejected`: the picture was taken note of, not taken.
    fn send<'a>(&'a self, body: &'a SignedBody) -> BoxFuture<'a, Result<Receipt, Error>> {
        Box::pin(async move {
            let added = self.add_image(body).await?;
            if !added.is_accepted() {
                // The custom text is the administrators' own and may name people.
                return Err(Error::new(ErrorKind::Rejected { feedback: added.feedback.to_string() }, "upload"));
            }
            let id = MediaId::new(body.stamp().unwrap_or_default())?;
            let mut receipt = Receipt::new(body.session().clone(), body.context().clone(), id);
            receipt.complete = added.complete.unwrap_or(false);
            Ok(receipt)
        })
    }

    /// The answer to an upload names no id: a receipt has the one that was sent along.
    fn lists_receipts(&self) -> bool {
        false
    }

    /// What was sent and taken: no images that the vendor made, none that it refused.
    fn list<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<Vec<Listed>, Error>> {
        Box::pin(async {
            let taken = |i: &ImageInfo| i.original != Some(false) && i.rejected != Some(true);
            Ok(self.images(session).await?.into_iter().filter(taken).map(listed).collect())
        })
    }

    /// Nothing to do: the vendor starts by itself once all images are in.
    fn finish<'a>(&'a self, _: &'a SessionId) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn state<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<SessionState, Error>> {
        Box::pin(async {
            Ok(match self.result(session, Detail::Unsaid).await?.status() {
                ResultStatus::Pending | ResultStatus::Capturing | ResultStatus::Recapture => SessionState::Open,
                ResultStatus::Processing | ResultStatus::Complete => SessionState::Submitted,
                ResultStatus::Failed => SessionState::Gone,
                ResultStatus::Other(_) => SessionState::Unknown,
            })
        })
    }

    fn codes_of(&self, finding: FindingCode, subject: Subject) -> &'static [&'static str] {
        foreseen::codes(finding, subject)
    }

    fn decision<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<Option<Decided>, Error>> {
        Box::pin(async {
            let result = self.result(session, Detail::Unsaid).await?;
            Ok(match (result.status(), result.recommendation()) {
                (ResultStatus::Recapture, _) => Some(Decided::new(Verdict::Resubmission)),
                (ResultStatus::Failed, _) => Some(Decided::new(Verdict::Gone)),
                (ResultStatus::Complete, Some(recommendation)) => Some(Decided::new(match recommendation {
                    Recommendation::Allow => Verdict::Approved,
                    Recommendation::Deny => Verdict::Declined,
                    // Neither yes nor no: in the vendor's own word.
                    other => Verdict::Other(other.as_str().to_ascii_lowercase()),
                })),
                _ => None,
            })
        })
    }
}

fn listed(image: ImageInfo) -> Listed {
    let context = image.image_type.as_ref().map_or_else(|| Context::Other(String::new()), ImageType::context);
    let mut listed = Listed::new(image.id, context);
    listed.mimetype = image.format.as_deref().map(crate::lenient::normal_mimetype);
    listed
}
