//! The journal behind one trait: what is known of every item and session, durable before anything
//! leaves the machine. [`sqlite`] serves one machine, [`postgres`] many; both are built from the
//! SQL of [`schema`] and the rules of [`state`].

mod changes;
#[cfg(test)]
pub(crate) mod conformance;
mod doubt;
mod glob;
mod intake;
mod migrations;
mod piece;
pub(crate) mod postgres;
mod rows;
mod schema;
#[cfg(feature = "simulation")]
pub(crate) mod simulated;
pub(crate) mod sqlite;
pub(crate) mod state;
mod summary;
mod value;

pub(crate) use doubt::Remembered;
pub(crate) use glob::Glob;
pub(crate) use piece::{Piece, hand_out, no_media_id};
pub use summary::Summary;

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use sealpress_client::{Context, Decided, MediaId, SessionId, Verdict};
use sealpress_media::Format;

use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Row;
use state::{Change, Failure, ItemState, SessionState, Via};

/// How often a worker prolongs the lease on its session.
pub(crate) const RENEW_EVERY: std::time::Duration = std::time::Duration::from_secs(20);

/// The fact that says that a manifest was taken in to its end.
pub(crate) const IMPORTED: &str = "imported";

/// The fact that says that rows carry a column `burst` through, from before it meant anything.
pub(crate) const BURST_CARRIED: &str = "burst-carried";

/// The result of a store's method: a future that may be sent between threads.
pub(crate) type Pending<'a, T> = BoxFuture<'a, Result<T>>;

/// Ends what it stands for when it is dropped.
pub(crate) type Guard = Box<dyn Send>;

/// What a journal must do. A method that changes something resolves when the change is durable.
pub(crate) trait Store: Send + Sync {
    /// Facts about the run: hashes, header, times. `None` where nothing was noted.
    fn fact(&self, key: &'static str) -> Pending<'_, Option<String>>;

    /// Notes a fact.
    fn note(&self, key: &'static str, value: String) -> Pending<'_, ()>;

    /// Waits until nobody else imports; held while importing.
    fn import_lock(&self) -> Pending<'_, Guard>;

    /// Forgets all items and sessions of an import that did not come to its end.
    fn clear(&self) -> Pending<'_, ()>;

    /// Adds manifest rows, in the order of the manifest.
    fn import(&self, rows: Vec<Row>) -> Pending<'_, ()>;

    /// Ends the import: from now on there is a run. `fingerprint` is the manifest's.
    /// Where rows were added to a journal that was there, their sessions are counted anew.
    fn finish_import(&self, fingerprint: String, grown: bool) -> Pending<'_, ()>;

    /// Takes up to `max` sessions with work left, each with all of its items. Nobody else gets
    /// them until they are released or their lease ran out. Without `submit`, sessions that only
    /// wait to be submitted stay where they are.
    /// Of a part, sessions with work left in it.
    fn claim(&self, max: usize, submit: bool, part: &Part) -> Pending<'_, Vec<Claim>>;

    /// Whether other workers hold sessions that are not finished, so that work may come back.
    fn others_at_work(&self, submit: bool) -> Pending<'_, bool>;

    /// Applies changes of one claimed session: all or none.
    fn apply<'a>(&'a self, claim: &'a Ticket, changes: Vec<Change>) -> Pending<'a, ()>;

    /// Prolongs the lease and returns the new ticket's deadline.
    fn renew<'a>(&'a self, claim: &'a Ticket) -> Pending<'a, Option<Instant>>;

    /// Gives the session back.
    fn release<'a>(&'a self, claim: &'a Ticket) -> Pending<'a, ()>;

    /// Counts of everything.
    fn summary(&self) -> Pending<'_, Summary>;

    /// Items with ids above `after`, at most `limit` of them, in the order of the manifest.
    fn page(&self, after: i64, limit: usize, only: Only) -> Pending<'_, Vec<Record>>;

    /// What a person asks of a journal beside its counts; up to `limit` sessions that are not submitted.
    fn detail(&self, limit: usize) -> Pending<'_, Detail>;

    /// Sets items and their sessions back to work. Those that were in doubt go back to `sending`, so
    /// that they are looked up before any resend.
    fn retry(&self, which: Which) -> Pending<'_, u64>;

    /// Submitted sessions of which nothing is decided, by their numbers above `after`, at most `limit`.
    fn undecided(&self, after: i64, limit: usize) -> Pending<'_, Vec<(i64, SessionId)>>;

    /// Notes what was decided of a submitted session.
    fn decide(&self, session: i64, decided: Decided) -> Pending<'_, ()>;

    /// How many submitted sessions there are of each verdict; under no word, those that are not decided.
    fn verdicts(&self) -> Pending<'_, Vec<(String, u64)>>;

    /// Sets what failed because its session was gone at the provider back to work.
    fn reopen_gone(&self) -> Pending<'_, u64>;

    /// Leaves items out for good, by the keys of their sessions; nothing where one of them is refused. What became of
    /// each key.
    fn leave_out(&self, keys: Vec<String>, what: LeaveOut) -> Pending<'_, Vec<LeftOut>>;

    /// Puts mended rows in the place of failed ones, by their lines, and adds those that name no
    /// line to their sessions; none where one of them is refused. Returns what became of each row.
    fn mend(&self, rows: Vec<Mended>) -> Pending<'_, Vec<Mend>>;

    /// Forgets every row, and leaves the facts.
    fn erase(&self) -> Pending<'_, ()>;

    /// Writes a whole copy of the journal to a file that is not there yet, while it is in use.
    fn backup(&self, to: std::path::PathBuf) -> Pending<'_, ()>;
}

/// What a person asks of a journal beside its counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Detail {
    /// Failed items by reason, the most frequent first.
    pub failures: Vec<(String, u64)>,
    /// What the latest failed item says.
    pub last_error: Option<String>,
    /// Items that ended in the last minute.
    pub last_minute: u64,
    /// Sessions that are being worked on.
    pub at_work: u64,
    /// Processes that work on this journal.
    pub workers: u64,
    /// Sessions that are not submitted, the first of them.
    pub open: Vec<OpenSession>,
    /// Sessions that were left behind at the provider, the first of them: expired, or dropped.
    pub orphans: Vec<SessionId>,
}

/// A session that is not submitted, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct OpenSession {
    /// The operator's key of it, where the manifest names a subject.
    pub subject: Option<String>,
    /// The provider's id of it, once known.
    pub session: Option<SessionId>,
    /// Where it stands.
    pub state: SessionState,
    /// Its items, and how many of them are confirmed, failed and quarantined.
    pub items: u64,
    /// Confirmed items.
    pub confirmed: u64,
    /// Failed items.
    pub failed: u64,
    /// Items of which nobody knows whether they arrived.
    pub quarantined: u64,
    /// Why it is not submitted.
    pub why: String,
}

impl OpenSession {
    /// Says why, of what the journal has.
    pub(crate) fn new(
        subject: Option<String>,
        session: Option<SessionId>,
        state: SessionState,
        counts: [u64; 4],
        said: Option<String>,
    ) -> Self {
        let [items, confirmed, failed, quarantined] = counts;
        let why = match said {
            Some(said) => said,
            None if failed > 0 => format!("{failed} of its items failed"),
            None if quarantined > 0 => format!("nobody knows whether {quarantined} of its items arrived"),
            None if confirmed == items => "waits for its submission".to_owned(),
            None => format!("{} of its items are still to be sent", items.saturating_sub(confirmed)),
        };
        Self { subject, session, state, items, confirmed, failed, quarantined, why }
    }
}

/// What [`Store::retry`] sets back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Failed,
    Quarantined,
    Both,
}

impl Which {
    /// The lowest and the highest state.
    const fn states(self) -> [i64; 2] {
        match self {
            Self::Failed => [4, 4],
            Self::Quarantined => [5, 5],
            Self::Both => [4, 5],
        }
    }
}

/// What [`Store::leave_out`] leaves out of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeaveOut {
    /// What failed: the session is submitted without it.
    Failed,
    /// All that is not confirmed: nothing is sent to it any more, and it is not submitted.
    Everything,
}

/// What became of a session of which items were to be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum LeftOut {
    /// So many of its items were: none where another key was refused.
    Done(u64),
    /// No session has this key.
    Unknown,
    /// It is submitted, or about to be, or was dropped before.
    Closed,
    /// None of its items failed.
    NothingFailed,
    /// None of its items is confirmed: there would be nothing to submit.
    NothingConfirmed,
}

/// A part of a journal's work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// The only subjects or sessions; empty for all.
    pub keys: Vec<String>,
    /// The only items: those whose media match one of these; empty for all.
    pub include: Vec<Glob>,
    /// And of these, none that matches one of these.
    pub exclude: Vec<Glob>,
}

impl Part {
    /// Whether it is the whole.
    pub(crate) fn is_all(&self) -> bool {
        self.keys.is_empty() && self.include.is_empty() && self.exclude.is_empty()
    }

    /// Whether an item of these media belongs to it.
    pub(crate) fn has(&self, media: &str) -> bool {
        let matches = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(media));
        (self.include.is_empty() || matches(&self.include)) && !matches(&self.exclude)
    }
}

/// A row that was fed back.
#[derive(Clone, Debug)]
pub(crate) struct Mended {
    /// The line of the manifest that it stands for; `None` for a new one.
    pub line: Option<u64>,
    /// The row.
    pub row: Row,
}

/// What became of a row that was fed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Mend {
    /// It is work again.
    Taken,
    /// No failed item has its line.
    NoSuchLine,
    /// Several have it.
    Several,
    /// Its session is submitted and takes nothing more.
    Submitted,
    /// Another row was refused, and so none was taken.
    Withheld,
}

/// Which items [`Store::page`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Only {
    /// All of them.
    All,
    /// Failed and quarantined ones.
    Bad,
    /// These, and those of sessions for which better media are wanted.
    BadOrWantedAgain,
}

impl Only {
    /// The same as a condition of a page.
    const fn condition(self) -> &'static str {
        match self {
            Self::All => "",
            // As the index has it, less what was left out as told and what was not chosen.
            Self::Bad => "AND i.state >= 4 AND i.state NOT IN (6, 7)",
            Self::BadOrWantedAgain => {
                "AND ((i.state >= 4 AND i.state NOT IN (6, 7)) OR (i.state <> 7 AND s.verdict = 'resubmission'))"
            }
        }
    }
}

/// What was decided, by the columns of a journal.
pub(crate) fn decided(columns: [Option<String>; 4]) -> Option<Decided> {
    let [verdict, reason, reason_code, time] = columns;
    let mut decided = Decided::new(Verdict::from(verdict?));
    (decided.reason, decided.reason_code, decided.time) = (reason, reason_code, time);
    Some(decided)
}

/// The right to work on one session.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    /// The session.
    pub session: i64,
    /// Who holds it; unique to this claim.
    pub owner: String,
    /// When the lease ends on this machine's monotonic clock; `None` where it cannot end.
    pub until: Option<Instant>,
}

/// A claimed session and its items in the order of the manifest.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// The right to work on it.
    pub ticket: Ticket,
    /// What the manifest and the journal say about it.
    pub session: Session,
    /// All of its items, finished ones included.
    pub items: Vec<Item>,
    /// What its attempts in doubt looked like, those of items included that stand elsewhere now.
    pub doubts: Vec<Remembered>,
}

/// One session of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// The journal's number of it.
    pub id: i64,
    /// The operator's key, where the manifest names a subject.
    pub subject: Option<String>,
    /// Given name for a new session.
    pub first_name: Option<String>,
    /// Family name for a new session.
    pub last_name: Option<String>,
    /// Free text for a new session.
    pub vendor_data: Option<String>,
    /// The provider's id, once known.
    pub remote: Option<SessionId>,
    /// Where it stands.
    pub state: SessionState,
}

/// One item as a worker needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// The journal's number of it; ascending in the order of the manifest.
    pub id: i64,
    /// What it shows.
    pub context: Context,
    /// Path or URL.
    pub media: String,
    /// Capture time, where given.
    pub timestamp: Option<String>,
    /// Of which burst it is a frame.
    pub burst: Option<String>,
    /// Where it stands.
    pub state: ItemState,
    /// Attempts begun so far.
    pub attempt: u32,
    /// SHA-256 of the file, once read.
    pub sha256: Option<[u8; 32]>,
    /// Bytes of what was or will be sent.
    pub bytes_out: Option<u64>,
    /// The format of what was or will be sent.
    pub format: Option<Format>,
    /// The provider's id, once confirmed.
    pub media_id: Option<MediaId>,
    /// SHA-256 of what was sent last, before base64.
    pub sent_sha256: Option<[u8; 32]>,
    /// How many of its attempts had an unclear outcome.
    pub doubts: u32,
    /// The item that was sent in its place.
    pub duplicate_of: Option<i64>,
    /// How the confirmation came about.
    pub via: Option<Via>,
    /// How long ago its first attempt was made whose outcome is unclear, by the store's own clock.
    pub sent_ago: Option<Duration>,
    /// How many files it leaves as, as far as that is known: 1 of most.
    pub pieces: u32,
    /// The first of these, as far as the provider has them but for the last: what is said above of what was or will be
    /// sent is the next one's.
    pub before: Vec<Piece>,
}

impl Item {
    /// Bytes of all that was or will be sent, as far as they are known.
    pub(crate) fn all_bytes_out(&self) -> Option<u64> {
        let before = self.before.iter().filter_map(|piece| piece.bytes_out);
        before.chain(self.bytes_out).reduce(|sum, bytes| sum + bytes)
    }
}

/// One item with all that results and reports tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The item.
    pub item: Item,
    /// Line of the manifest, counted from 1; beyond a billion of a row that was added beside it.
    pub line: u64,
    /// The operator's key of its session.
    pub subject: Option<String>,
    /// Given name, as the manifest has it.
    pub first_name: Option<String>,
    /// Family name, as the manifest has it.
    pub last_name: Option<String>,
    /// Free text, as the manifest has it.
    pub vendor_data: Option<String>,
    /// The provider's id of its session, once known.
    pub remote: Option<SessionId>,
    /// Where its session stands; `None` for rows without one.
    pub session_state: Option<SessionState>,
    /// Columns of the manifest that are carried through, as a JSON object.
    pub extra: Option<String>,
    /// Bytes of the file, once read.
    pub bytes_in: Option<u64>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What was done and how long it took, as JSON.
    pub report: Option<String>,
    /// When it came to its end, in milliseconds since 1970.
    pub ended: Option<i64>,
    /// Media of its session that no item accounts for, where they were counted.
    pub unaccounted: Option<u64>,
    /// The row as the manifest has it, where it could not be read.
    pub raw: Option<Vec<u8>>,
    /// What was decided of its session.
    pub decided: Option<Decided>,
}

/// A format by the media type under which it is stored.
pub(crate) fn format_of(mime: Option<&str>) -> Option<Format> {
    Format::ALL.into_iter().find(|format| Some(format.mime()) == mime)
}

/// An id as it is stored. Only ids are written; what is none was written by something else.
pub(crate) fn session_id(text: Option<String>) -> Result<Option<SessionId>> {
    text.map(SessionId::new)
        .transpose()
        .map_err(|e| Error::caused(ErrorKind::Corrupt, "the journal names a session by what is no id", e))
}

/// Ids that stand in one text each, separated by spaces.
pub(crate) fn ids(texts: impl IntoIterator<Item = String>) -> Vec<SessionId> {
    texts
        .into_iter()
        .flat_map(|text| text.split(' ').filter_map(|id| SessionId::new(id).ok()).collect::<Vec<_>>())
        .collect()
}
