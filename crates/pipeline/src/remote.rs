//! A vendor as the dispatcher sees it, with its types erased and its errors judged.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sealpress_client::NewSession;
use sealpress_media::Media;

use crate::error::Error;
use crate::job::Item;

/// A vendor as the dispatcher sees it: the client's `Provider` with its types erased and its errors
/// judged. Tests put their own behind it.
pub(crate) trait Remote: Send + Sync + 'static {
    /// Creates a session; its id.
    fn create<'a>(&'a self, new: &'a NewSession) -> Answer<'a, String>;
    /// Encodes and signs; never waits.
    fn sign(&self, item: &Item, timestamp: Option<&str>, media: Media) -> Result<Signed, Error>;
    /// Sends once; the media id of the answer.
    fn send<'a>(&'a self, signed: &'a Signed) -> Answer<'a, String>;
    /// What the vendor has of a session.
    fn list<'a>(&'a self, session: &'a str) -> Answer<'a, Vec<Listed>>;
    /// Whether the list shows the ids of receipts.
    fn lists_receipts(&self) -> bool;
    /// SHA-256 of what the vendor stores under this id, at most `cap` bytes of it; `None` where it
    /// does not serve media back.
    fn content<'a>(&'a self, session: &'a str, media_id: &'a str, cap: u64) -> Answer<'a, Option<[u8; 32]>>;
    /// Submits a session.
    fn finish<'a>(&'a self, session: &'a str) -> Answer<'a, ()>;
    /// Whether a session is submitted already.
    fn is_finished<'a>(&'a self, session: &'a str) -> Answer<'a, bool>;
}

pub(crate) type Answer<'a, T> = BoxFuture<'a, Result<T, Failure>>;

/// A body that serves every attempt.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) body: Arc<dyn Any + Send + Sync>,
    /// Bytes on the wire.
    pub(crate) len: u64,
}

/// One entry of a media list. What the vendor did not say matches anything.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) media_id: String,
    pub(crate) context: String,
    pub(crate) size: Option<u64>,
    pub(crate) mime: Option<String>,
}

/// A request that did not end with the answer hoped for.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) verdict: Verdict,
    /// The answer's signature was wrong or missing where one is required.
    pub(crate) bad_signature: bool,
    pub(crate) error: Error,
}

/// What a failure means for what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing was processed: connect-phase failures.
    NotSent,
    /// Nothing was processed, and the host wants fewer requests.
    Throttled { retry_after: Option<Duration> },
    /// It may have been processed or not.
    Ambiguous,
    /// 401, 403: nobody's items, everybody's credentials.
    Unauthorized,
    /// 409: the session is past taking this.
    Conflict,
    /// 403 and its kin, and not in the vendor's words: a proxy or a firewall in front of it.
    Blocked,
    /// No, and no again.
    Refused,
}
