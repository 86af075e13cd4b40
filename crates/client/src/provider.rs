//! The trait that every vendor is behind: what a pipeline needs, and nothing of anybody's wire.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::Error;
use crate::id::{MediaId, SessionId};
use crate::open_enum::open_enum;
use crate::sign::SignedBody;
use crate::upload::{Receipt, Upload};
use sealpress_media::{FindingCode, Limits, Subject};

/// A boxed future, so that the trait can stand behind `Arc<dyn Provider>`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a pipeline needs of a vendor, and nothing more. What a failed [`send`](Self::send) means
/// for the books says [`Error::failure`].
///
/// Implementations never retry [`send`](Self::send) or [`create`](Self::create) by themselves:
/// neither is idempotent, and only the pipeline knows what has been looked up. The other calls may
/// be repeated inside.
pub trait Provider: Send + Sync + 'static {
    /// The vendor's name in logs and metrics, such as `veriff`.
    fn name(&self) -> &'static str;

    /// What the vendor takes.
    fn limits(&self) -> &Limits;

    /// Opens a session. Not idempotent, possibly billed: never repeated inside.
    fn create<'a>(&'a self, new: &'a NewSession) -> BoxFuture<'a, Result<Created, Error>>;

    /// Whether a session is something that the vendor has from [`create`](Self::create) on, and that may be left behind. A
    /// caller who has not seen any upload arrive asks for one session at a time there.
    fn makes_sessions(&self) -> bool {
        true
    }

    /// Judges, frames and signs. Only computes.
    ///
    /// # Errors
    /// `Media` where the vendor would refuse the file or the context.
    fn sign(&self, upload: &Upload) -> Result<SignedBody, Error>;

    /// Sends once. Only waits. The same body may be sent any number of times.
    fn send<'a>(&'a self, body: &'a SignedBody) -> BoxFuture<'a, Result<Receipt, Error>>;

    /// What the vendor has of a session, in no particular order.
    fn list<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<Vec<Listed>, Error>>;

    /// Whether [`list`](Self::list) shows the ids that receipts have. Where it does not, an entry is
    /// matched by context, size and type alone, and entries cannot be told from those of receipts.
    fn lists_receipts(&self) -> bool {
        true
    }

    /// What is stored under an id, at most `cap` bytes; `None` where the vendor does not serve media
    /// back. Tells files apart that look the same in a list.
    fn media<'a>(
        &'a self,
        _session: &'a SessionId,
        _media: &'a MediaId,
        _cap: u64,
    ) -> BoxFuture<'a, Result<Option<Bytes>, Error>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Submits a session once all of its media is in. Sends once; where the answer was lost or is
    /// a conflict, ask [`state`](Self::state).
    fn finish<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<(), Error>>;

    /// Where a session stands: looked up after a [`finish`](Self::finish) that was left in doubt.
    fn state<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<SessionState, Error>>;

    /// Told before anything is asked of an upload that an earlier process sent so long ago and whose outcome is
    /// unclear: `sha256` is that of its media; of several files that one item had in turn, the first is told first.
    /// For a provider whose vendor shows no list, and who goes by what was sent when; by default nothing.
    fn recall(&self, _session: &SessionId, _context: &Context, _sha256: &[u8; 32], _ago: Duration) {}

    /// Told that no more than so many uploads will be under way at a time from now on: whoever lets uploads wait for others,
    /// to share a request with, lets them wait for no more than these. By default nothing.
    fn expects(&self, _uploads: usize) {}

    /// The vendor's codes that would most likely be given for a picture with this finding, the session's own first.
    /// A mapping of ours, and no prediction; none by default.
    fn codes_of(&self, _finding: FindingCode, _subject: Subject) -> &'static [&'static str] {
        &[]
    }

    /// What was decided of a submitted session; `None` as long as nothing is. An error by default: not every
    /// vendor decides.
    fn decision<'a>(&'a self, _session: &'a SessionId) -> BoxFuture<'a, Result<Option<Decided>, Error>> {
        let error = Error::config("get decision", "nothing is decided of what is filled here");
        Box::pin(std::future::ready(Err(error)))
    }
}

/// What to tell the vendor about a new session. All of it is optional, and personal: `Debug`
/// prints which fields are there, not what they say.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewSession {
    /// The person's given name.
    pub first_name: Option<String>,
    /// The person's family name.
    pub last_name: Option<String>,
    /// Your own key; comes back in decisions. At most 1,000 characters.
    pub vendor_data: Option<String>,
    /// Where the person is sent afterwards; HTTPS.
    pub callback: Option<String>,
}

impl NewSession {
    /// Nothing said.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the person's names.
    #[must_use]
    pub fn with_name(mut self, first: impl Into<String>, last: impl Into<String>) -> Self {
        self.first_name = Some(first.into());
        self.last_name = Some(last.into());
        self
    }

    /// Sets your own key.
    #[must_use]
    pub fn with_vendor_data(mut self, data: impl Into<String>) -> Self {
        self.vendor_data = Some(data.into());
        self
    }
}

impl fmt::Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = |field: &Option<String>| field.is_some();
        f.debug_struct("NewSession")
            .field("first_name", &there(&self.first_name))
            .field("last_name", &there(&self.last_name))
            .field("vendor_data", &there(&self.vendor_data))
            .field("callback", &there(&self.callback))
            .finish()
    }
}

/// A session that was just opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Created {
    /// Its id.
    pub session: SessionId,
    /// The page for the person, where there is one. It carries a token: keep it out of logs.
    #[serde(skip)]
    pub url: Option<Url>,
}

impl Created {
    /// A session with or without a page for the person.
    #[must_use]
    pub fn new(session: SessionId, url: Option<String>) -> Self {
        Self { session, url: url.map(Url) }
    }
}

/// A link that carries a token; does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    /// The link itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Url(…)")
    }
}

/// One entry of a vendor's list. Enough to match against what was sent, as a multiset of
/// (context, size, type): the list has no hash of the content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Listed {
    /// The vendor's id.
    pub media_id: MediaId,
    /// What it shows.
    pub context: Context,
    /// Bytes, where the vendor says so.
    pub size: Option<u64>,
    /// Media type such as `image/jpeg`, where the vendor says so.
    pub mimetype: Option<String>,
}

impl Listed {
    /// An entry without size and type.
    #[must_use]
    pub const fn new(media_id: MediaId, context: Context) -> Self {
        Self { media_id, context, size: None, mimetype: None }
    }
}

/// What was decided of a session: what an archive keeps of it, and nothing of the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Decided {
    /// The word.
    pub verdict: Verdict,
    /// Why, in the vendor's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, as the vendor's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<String>,
    /// When, as the vendor writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

impl Decided {
    /// A verdict without a reason.
    #[must_use]
    pub const fn new(verdict: Verdict) -> Self {
        Self { verdict, reason: None, reason_code: None, time: None }
    }
}

open_enum! {
    /// What a vendor says of a session in the end.
    Verdict {
        /// The person is who the documents say.
        Approved = "approved",
        /// The person is not, or the documents are not what they look like.
        Declined = "declined",
        /// Better media are wanted.
        Resubmission = "resubmission",
        /// It ended without a decision: expired, or abandoned.
        Gone = "gone",
    }
}

/// Where a session stands, as far as uploads are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SessionState {
    /// Takes media and can be submitted.
    Open,
    /// Submitted, in review or decided: takes nothing more.
    Submitted,
    /// Expired or abandoned: takes nothing and will not be decided.
    Gone,
    /// The vendor answered, in words that are not known here.
    Unknown,
}
