//! What a pipeline asks of whoever writes down what must survive a crash.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sealpress_client::{Context, MediaId, SessionId};
use sealpress_media::Format;
use tokio::time::Instant;

use crate::error::Error;
use crate::job::{Doubt, Item, Receipt, Submission};

/// What a journal answers.
pub type Entry<'a, T = ()> = BoxFuture<'a, Result<T, JournalError>>;

/// Writes down what must survive a crash. Every hook may wait; none may be skipped by the pipeline.
///
/// The one rule of order: **`sending` returns only when its record is durable**, for the first byte
/// of the POST follows at once. After a crash every item whose last record is `sending` is in doubt
/// and is given back with [`crate::Job::in_doubt`]. `confirmed` may be written lazily.
///
/// Every hook has a default that does nothing, so that an observer implements what it needs.
pub trait Journal: Send + Sync + 'static {
    /// The file was read; `input` is the SHA-256 of its bytes as they came. A journal that knows
    /// the same content in the same session and context answers [`Admit::Duplicate`].
    fn read<'a>(&'a self, _item: &'a Item, _input: &'a [u8; 32]) -> Entry<'a, Admit> {
        Box::pin(async { Ok(Admit::Proceed) })
    }

    /// The file was pressed: what would be sent.
    fn pressed<'a>(&'a self, _item: &'a Item, _output: &'a Output) -> Entry<'a> {
        Box::pin(async { Ok(()) })
    }

    /// An attempt is about to be made, numbered from 1 within this pass. Durable before it returns.
    fn sending<'a>(&'a self, _item: &'a Item, _attempt: u32) -> Entry<'a, Permission> {
        Box::pin(async { Ok(Permission::default()) })
    }

    /// A vendor has it.
    fn confirmed<'a>(&'a self, _item: &'a Item, _receipt: &'a Receipt) -> Entry<'a> {
        Box::pin(async { Ok(()) })
    }

    /// The attempt ended and it is certain that nothing was recorded: a `sending` is taken back.
    fn not_sent<'a>(&'a self, _item: &'a Item, _attempt: u32) -> Entry<'a> {
        Box::pin(async { Ok(()) })
    }

    /// The item ended without a receipt. [`Error::is_retryable`] and [`Error::is_in_doubt`]
    /// tell failed from quarantined from still pending.
    fn failed<'a>(&'a self, _item: &'a Item, _error: &'a Error) -> Entry<'a> {
        Box::pin(async { Ok(()) })
    }

    /// The attempt's outcome is unclear: from here on until a listing was matched nobody knows
    /// whether the vendor has it. Nothing of it is sent before.
    fn doubted<'a>(&'a self, _item: &'a Item, _attempt: u32) -> Entry<'a> {
        Box::pin(async { Ok(()) })
    }

    /// What earlier runs sent to the session: confirmed items with their media ids, items in doubt, and
    /// items that were in doubt and not found. Asked when the session is first met, before a listing is matched and before the
    /// session is submitted, so that no item is confirmed by another one's upload, none is sent
    /// while one that looks the same is in doubt, and nothing is submitted uncounted.
    fn known<'a>(&'a self, _session: &'a SessionId) -> Entry<'a, Vec<Known>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// The media of a session were counted before it is submitted. Unless nothing is missing it is
    /// not.
    fn counted<'a>(&'a self, _session: &'a SessionId, _count: &'a Submission) -> Entry<'a> {
        Box::pin(async { Ok(()) })
    }

    /// The session is about to be submitted. Durable before it returns.
    fn submitting<'a>(&'a self, _session: &'a SessionId) -> Entry<'a> {
        Box::pin(async { Ok(()) })
    }

    /// The session is submitted.
    fn submitted<'a>(&'a self, _session: &'a SessionId, _submission: &'a Submission) -> Entry<'a> {
        Box::pin(async { Ok(()) })
    }
}

/// An upload of an earlier run, as a journal remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// The item's tag.
    pub tag: u64,
    /// Its context.
    pub context: Context,
    /// What was sent last; `None` where that was not written down: what it left may look like anything.
    pub sent: Option<Doubt>,
    /// What attempts in doubt were that looked otherwise, because the file has changed since; `None` where that was not
    /// written down.
    pub earlier: Vec<Option<Doubt>>,
    /// The media that confirms it.
    pub media_id: Option<MediaId>,
    /// Whether nobody knows if the vendor has it: nothing that looks like it is sent.
    pub in_doubt: bool,
    /// Attempts of it whose outcome was unclear at the time.
    pub doubts: u32,
    /// Whether a list showed it after an unclear attempt: no longer one of `doubts`, and worth counting all the same.
    pub was_found: bool,
    /// How long ago the first of these was made, where that was written down.
    pub sent_ago: Option<Duration>,
}

impl Known {
    /// An item that the vendor has.
    pub fn confirmed(tag: u64, context: Context, sent: Option<Doubt>, media_id: MediaId, doubts: u32) -> Self {
        Self { media_id: Some(media_id), in_doubt: false, doubts, ..Self::in_doubt(tag, context, sent, doubts) }
    }

    /// An item of which nobody knows whether the vendor has it.
    pub fn in_doubt(tag: u64, context: Context, sent: Option<Doubt>, doubts: u32) -> Self {
        Self {
            tag,
            context,
            sent,
            earlier: Vec::new(),
            media_id: None,
            in_doubt: true,
            doubts: doubts.max(1),
            was_found: false,
            sent_ago: None,
        }
    }

    /// The same of an item that a list showed after an unclear attempt.
    #[must_use]
    pub const fn after_a_doubt(mut self) -> Self {
        self.was_found = true;
        self
    }

    /// The same with what attempts in doubt were that looked otherwise.
    #[must_use]
    pub fn looked_like(mut self, earlier: Vec<Option<Doubt>>) -> Self {
        self.earlier = earlier;
        self
    }

    /// The same with how long ago its first unclear attempt was made.
    #[must_use]
    pub const fn with_sent_ago(mut self, ago: Option<Duration>) -> Self {
        self.sent_ago = ago;
        self
    }

    /// An item that is not sent, of which some attempt was in doubt and a list did not have it: that list may have
    /// been behind, so that an entry that looks like the item may be its own.
    pub fn not_found(tag: u64, context: Context, sent: Option<Doubt>, doubts: u32) -> Self {
        Self { in_doubt: false, ..Self::in_doubt(tag, context, sent, doubts) }
    }
}

/// Whether an item goes on after its file was read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admit {
    /// On with it.
    Proceed,
    /// The same content is another item's of this session and context, under this tag.
    Duplicate {
        /// Which item has it.
        of: u64,
    },
}

/// What a pressed item is, as far as a journal cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Output {
    /// SHA-256 of the file as it came.
    pub input_sha256: [u8; 32],
    /// Bytes of the file as it came.
    pub input_size: u64,
    /// SHA-256 of the media to be sent: worth keeping, so that an item in doubt can be told from
    /// its look-alikes without its file.
    pub sha256: [u8; 32],
    /// Bytes of the media to be sent.
    pub size: u64,
    /// Their format.
    pub format: Format,
}

/// Leave to send.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Permission {
    /// The attempt is given up at this moment at the latest: the end of a lease minus a margin.
    pub until: Option<Instant>,
}

impl Permission {
    /// Leave that ends.
    #[must_use]
    pub const fn until(moment: Instant) -> Self {
        Self { until: Some(moment) }
    }
}

/// A journal that could not do its duty.
#[derive(Debug)]
pub struct JournalError {
    pub(crate) fatal: bool,
    pub(crate) message: String,
}

impl JournalError {
    /// A write that failed: the run stops at once, for what was promised can no longer be kept.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self { fatal: true, message: message.into() }
    }

    /// This item alone may not go on: its lease is lost, another worker has it.
    pub fn item(message: impl Into<String>) -> Self {
        Self { fatal: false, message: message.into() }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for JournalError {}

/// Remembers nothing: for services whose callers retry.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoJournal;

impl Journal for NoJournal {}
