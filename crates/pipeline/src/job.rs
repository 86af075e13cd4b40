//! What goes in, one file on its way to one session, and what comes out.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use sealpress_client::{Context, MediaId, SessionId};
use sealpress_media::{Format, Summary};
use serde::Serialize;

use crate::error::Error;
use crate::prepare::Prepared;
use crate::source::{Fetch, Source};

/// Which upload this is. `tag` is yours and comes back unchanged in every hook and outcome.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Item {
    /// Your own number for the item: a row of a table, an index. Jobs of one tag, unless it is 0, are the same item
    /// of their session.
    pub tag: u64,
    /// The vendor's session id, opaque.
    pub session: SessionId,
    /// What the picture shows.
    pub context: Context,
}

/// How far a job has come before it was let in.
pub(crate) enum Stage {
    Unread(Source),
    /// Read and pressed already.
    Prepared(Box<Prepared>),
}

/// What is known of an earlier attempt whose outcome is unclear: enough to find it in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Bytes of the media that were sent (not of the body).
    pub size: u64,
    /// Their format.
    pub format: Format,
    /// SHA-256 of those media, if it was written down. Where the vendor serves media back, it tells
    /// look-alikes apart.
    pub sha256: Option<[u8; 32]>,
}

/// One file on its way to one session.
pub struct Job {
    pub(crate) item: Item,
    pub(crate) stage: Stage,
    pub(crate) timestamp: Option<String>,
    pub(crate) in_doubt: bool,
    pub(crate) doubt: Option<Doubt>,
    pub(crate) session_items: Option<usize>,
    pub(crate) look_first: bool,
}

impl Job {
    /// A job over bytes in memory.
    pub fn new(session: &SessionId, context: impl Into<Context>, bytes: impl Into<Bytes>) -> Self {
        Self::with(session, context, Stage::Unread(Source::Bytes(bytes.into())))
    }

    /// A job over a file, which is read when there is room for it.
    pub fn file(session: &SessionId, context: impl Into<Context>, path: impl Into<PathBuf>) -> Self {
        Self::with(session, context, Stage::Unread(Source::File(path.into())))
    }

    /// A job over a file that [`crate::Preparer`] has pressed; it goes straight to the wire.
    pub fn prepared(session: &SessionId, context: impl Into<Context>, prepared: Prepared) -> Self {
        Self::with(session, context, Stage::Prepared(Box::new(prepared)))
    }

    /// A job over media that are fetched when there is room for them.
    pub fn fetch(session: &SessionId, context: impl Into<Context>, fetch: impl Fetch) -> Self {
        Self::with(session, context, Stage::Unread(Source::Fetch(Box::new(fetch))))
    }

    pub(crate) const fn is_prepared(&self) -> bool {
        matches!(self.stage, Stage::Prepared(_))
    }

    fn with(session: &SessionId, context: impl Into<Context>, stage: Stage) -> Self {
        let item = Item { tag: 0, session: session.clone(), context: context.into() };
        Self { item, stage, timestamp: None, in_doubt: false, doubt: None, session_items: None, look_first: false }
    }

    /// Your own number, given back in every hook and in the outcome: one for each item of a session.
    #[must_use]
    pub const fn tag(mut self, tag: u64) -> Self {
        self.item.tag = tag;
        self
    }

    /// The capture time to send along, in the vendor's form. Omitted unless set.
    #[must_use]
    pub fn timestamp(mut self, timestamp: impl Into<String>) -> Self {
        self.timestamp = Some(timestamp.into());
        self
    }

    /// An earlier attempt may have been recorded: the listing is asked before anything is sent.
    /// With what was sent known, even before the file is read; otherwise after it was pressed.
    #[must_use]
    pub const fn in_doubt(mut self, sent: Option<Doubt>) -> Self {
        self.in_doubt = true;
        self.doubt = sent;
        self
    }

    /// Nobody remembers what was sent before: where the session has this very file already, byte for
    /// byte, it is not sent again.
    #[must_use]
    pub const fn look_first(mut self) -> Self {
        self.look_first = true;
        self
    }

    /// The session consists of this many items in all, confirmed ones of earlier runs not counted:
    /// when the last of them is confirmed, the pipeline submits the session.
    #[must_use]
    pub const fn submit_after(mut self, items: usize) -> Self {
        self.session_items = Some(items);
        self
    }

    /// Which upload this is.
    #[must_use]
    pub const fn item(&self) -> &Item {
        &self.item
    }
}

/// Prints which item, never bytes or paths.
impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job({}, {}, {})", self.item.tag, self.item.session, self.item.context)
    }
}

/// The vendor's word that it has the item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The vendor's id of the stored media.
    pub media_id: MediaId,
    /// How the vendor's word was had.
    pub how: Confirmed,
    /// Bytes of the media that were sent.
    pub size: u64,
    /// The format that was sent.
    pub format: Format,
}

/// How an item came to be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Confirmed {
    /// By the answer to the upload.
    Answered,
    /// The answer was lost; the media list had it.
    Listed,
}

/// How one job ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// Which job.
    pub item: Item,
    /// The receipt, or why there is none.
    pub result: Result<Receipt, Error>,
    /// What was done to the file, if it came that far.
    pub summary: Option<Summary>,
    /// POSTs made for it in this pass.
    pub attempts: u32,
    /// Bytes of the file as it came; 0 if it was never read.
    pub input_bytes: u64,
    /// Time by stage.
    pub timings: Timings,
    /// How the submission of its session went, if this item completed it.
    pub submission: Option<Result<Submission, Error>>,
}

/// Where the time of a job went. Waiting for room in memory, and looking up what is in doubt, are part of none but `total`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Timings {
    /// Reading or fetching, and waiting for room in the byte budget.
    #[serde(rename = "read_us", serialize_with = "sealpress_media::duration::micros")]
    pub read: Duration,
    /// Pressing, on the pool.
    #[serde(rename = "press_us", serialize_with = "sealpress_media::duration::micros")]
    pub press: Duration,
    /// Encoding and signing, on the pool.
    #[serde(rename = "sign_us", serialize_with = "sealpress_media::duration::micros")]
    pub sign: Duration,
    /// Waiting for leave to send: the host's rate, connections and circuit, files that look alike, and the
    /// pauses before retries.
    #[serde(rename = "wait_us", serialize_with = "sealpress_media::duration::micros")]
    pub wait: Duration,
    /// All attempts on the wire.
    #[serde(rename = "send_us", serialize_with = "sealpress_media::duration::micros")]
    pub send: Duration,
    /// From admission to the end.
    #[serde(rename = "total_us", serialize_with = "sealpress_media::duration::micros")]
    pub total: Duration,
}

/// How a session came to be submitted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Submission {
    /// It was submitted already when we asked.
    pub already: bool,
    /// Media that the vendor lists and no item accounts for: recorded twice, or somebody else's.
    /// They are reported and left alone. `None` where nobody counted.
    pub unaccounted: Option<u64>,
    /// Their ids, the first [`Submission::SHOWN`] of them.
    pub unaccounted_ids: Vec<MediaId>,
    /// Confirmed media that the listing did not show. A session with any is not submitted, so that
    /// this is 0, or `None` where nobody counted.
    pub missing: Option<u64>,
}

impl Submission {
    /// How many ids are kept of media that no item accounts for.
    pub const SHOWN: usize = 20;
}
