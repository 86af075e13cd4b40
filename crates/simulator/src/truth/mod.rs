//! What is really so: what each item is, what the vendor stored, what everybody was told. Judged at every step.

mod claims;
mod judge;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use sealpress_client::{Context, MediaId, SessionId, SessionState};

use judge::Judged;
pub(crate) use judge::{Answer, Attempt};
pub(crate) use traffic::Limits;
use traffic::Traffic;

/// How an item shows in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Looks {
    pub(crate) context: Context,
    pub(crate) size: u64,
    pub(crate) mime: &'static str,
}

/// One item of the plan, and what became of it.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) session: String,
    pub(crate) context: Context,
    /// What its file held and holds.
    pub(crate) contents: Vec<u64>,
    /// Reasons for which it may have failed, by the names that errors have.
    excuses: BTreeSet<String>,
    pub(crate) state: State,
}

/// Where an item stands, as whoever keeps the books was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Confirmed(MediaId),
    /// Another item with the same bytes was sent in its place.
    Duplicate,
    Failed(String),
}

/// What the vendor has under one id.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: MediaId,
    session: String,
    item: u64,
    content: u64,
    pub(crate) looks: Looks,
    bytes: Bytes,
    at: Duration,
}

/// One session of the vendor.
#[derive(Debug, Default)]
pub(crate) struct Session {
    items: Vec<u64>,
    submitted: bool,
    /// Some attempt's outcome was unclear.
    doubted: bool,
    /// What the last good listing showed, by machine.
    shown: BTreeMap<usize, BTreeSet<MediaId>>,
    /// How many are being looked at, by machine.
    looks: BTreeMap<usize, usize>,
    /// The journal says that its submit may be on the wire.
    submitting: bool,
    /// Its media were counted.
    is_counted: bool,
    /// When the vendor ends it, if it does.
    ends_at: Option<Duration>,
    /// Somebody was told that it has ended.
    is_gone: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) items: BTreeMap<u64, Item>,
    pub(crate) sessions: BTreeMap<String, Session>,
    stored: Vec<Entry>,
    /// Items whose journal says, durably, that they may be on the wire.
    sending: BTreeSet<u64>,
    doubts: Vec<judge::InDoubt>,
    /// Items in doubt that were in the last list that a process had of their session.
    found: BTreeSet<(usize, u64)>,
    /// When an item's upload got leave to go.
    granted: BTreeMap<u64, Duration>,
    /// Whose a session is, where the journal says so.
    holders: BTreeMap<String, claims::Claim>,
    /// Claims that ended before their time.
    ousted: Vec<claims::Ousted>,
    /// How far a database's clock is ahead of simulated time, in seconds.
    pub(crate) ahead: i64,
    /// Processes that were told to submit nothing.
    withheld: BTreeSet<usize>,
    /// What the journal numbers sessions by.
    numbers: Vec<(i64, String)>,
    traffic: Traffic,
    pub(crate) limits: Limits,
    /// Sessions that the vendor made.
    made: u64,
    /// Everything is done: nothing may be sent any more.
    pub(crate) is_over: bool,
    pub(crate) posts: u64,
    /// How long what was lost sight of may still arrive.
    pub(crate) settle: Duration,
    /// Whether media can be told apart by their bytes, and lists name receipts.
    pub(crate) serves: bool,
    pub(crate) lists_receipts: bool,
}

impl Truth {
    pub(crate) fn plan(&mut self, item: u64, session: &str, context: &str, contents: Vec<u64>) {
        let context = Context::from(context);
        let planned =
            Item { session: session.to_owned(), context, contents, excuses: BTreeSet::new(), state: State::Open };
        self.items.insert(item, planned);
        self.sessions.entry(session.to_owned()).or_default().items.push(item);
    }

    /// A reason for which this item may fail.
    pub(crate) fn excuse(&mut self, item: u64, reason: &str) {
        if let Some(item) = self.items.get_mut(&item) {
            item.excuses.insert(reason.to_owned());
        }
    }

    /// The same for every item: which one it happens to is not known.
    pub(crate) fn excuse_all(&mut self, reason: &str) {
        for item in self.items.values_mut() {
            item.excuses.insert(reason.to_owned());
        }
    }

    /// The same for every item that has had this content.
    pub(crate) fn excuse_content(&mut self, content: u64, reason: &str) {
        for item in self.items.values_mut().filter(|item| item.contents.contains(&content)) {
            item.excuses.insert(reason.to_owned());
        }
    }

    /// The vendor makes a session.
    pub(crate) fn creates(&mut self, subject: &str) -> SessionId {
        self.made += 1;
        let name = format!("{subject}-{}", self.made);
        self.sessions.insert(name.clone(), Session::default());
        SessionId::new(name).expect("letters and digits")
    }

    /// The vendor will end this session.
    pub(crate) fn ends_at(&mut self, session: &SessionId, at: Duration) {
        if let Some(of) = self.sessions.get_mut(session.as_str()) {
            of.ends_at = Some(at);
        }
    }

    /// Whether a session has ended and was not submitted before, asked by somebody who is told so.
    pub(crate) fn is_gone(&mut self, session: &str, now: Duration) -> bool {
        let Some(of) = self.sessions.get_mut(session) else { return false };
        let is_gone = !of.submitted && of.ends_at.is_some_and(|at| at <= now);
        of.is_gone |= is_gone;
        if is_gone {
            self.excuse_items_of(session, "session-gone");
        }
        is_gone
    }

    /// A reason for which the items of this session may fail.
    pub(crate) fn excuse_items_of(&mut self, session: &str, reason: &str) {
        for item in self.items.values_mut().filter(|item| item.session == session) {
            item.excuses.insert(reason.to_owned());
        }
    }

    /// The vendor takes an upload, or says no.
    pub(crate) fn stores(&mut self, attempt: &Attempt, bytes: &Bytes, at: Duration) -> Result<MediaId, u16> {
        if self.is_gone(&attempt.session, at) {
            return Err(410);
        }
        if self.sessions.get(&attempt.session).is_none_or(|session| session.submitted) {
            return Err(409);
        }
        let content = content_of(bytes);
        let id = MediaId::new(format!("m{}", self.stored.len())).expect("letters and digits");
        self.stored.push(Entry {
            id: id.clone(),
            session: attempt.session.clone(),
            item: attempt.item,
            content,
            looks: attempt.looks.clone(),
            bytes: bytes.clone(),
            at,
        });
        Ok(id)
    }

    /// What the vendor lists, now or as of a while ago.
    pub(crate) fn lists(&self, session: &str, as_of: Option<Duration>) -> Result<Vec<Entry>, u16> {
        if !self.sessions.contains_key(session) {
            return Err(404);
        }
        let of_session = self.stored.iter().filter(|entry| entry.session == session);
        Ok(of_session.filter(|entry| as_of.is_none_or(|as_of| entry.at <= as_of)).cloned().collect())
    }

    pub(crate) fn media(&self, id: &MediaId) -> Option<Bytes> {
        self.entry(id).map(|entry| entry.bytes.clone())
    }

    pub(crate) fn state(&self, session: &str) -> SessionState {
        match self.sessions.get(session) {
            Some(session) if session.submitted => SessionState::Submitted,
            Some(_) => SessionState::Open,
            None => SessionState::Unknown,
        }
    }

    fn entry(&self, id: &MediaId) -> Option<&Entry> {
        self.stored.iter().find(|entry| entry.id == *id || (!self.lists_receipts && own_id(&entry.id) == *id))
    }
}

/// Whose bytes these are, pressed or not.
fn content_of(bytes: &[u8]) -> u64 {
    bytes.get(4..12).and_then(|number| number.try_into().ok()).map_or(0, u64::from_be_bytes)
}

/// What a vendor's list calls an entry, where it has ids of its own.
pub(crate) fn own_id(id: &MediaId) -> MediaId {
    MediaId::new(format!("entry-{id}")).unwrap_or_else(|_| id.clone())
}
