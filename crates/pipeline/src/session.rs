//! What is known of a session while jobs of it run: who is confirmed by which media, which uploads
//! look alike in the vendor's list, and whose outcome is unclear.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sealpress_client::{Context, MediaId, SessionId};
use sealpress_media::Format;
use tokio::sync::{Notify, OnceCell, RwLock};

use crate::journal::Known;
use crate::planted::{self, Bug};

/// What is known of one session while jobs of it run.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// POSTs hold it for reading, a look for writing: while a listing is matched, nothing of the
    /// session is on its way, and two looks cannot claim the same entry.
    pub(crate) gate: RwLock<()>,
    /// Done once what the journal knows of earlier runs was taken in.
    pub(crate) recalled: OnceCell<()>,
    tally: Mutex<Tally>,
    /// Some upload's outcome became clear, or nobody tries to clear it any more.
    cleared: Notify,
}

#[derive(Debug, Default)]
struct Tally {
    /// Media ids that items of this run are confirmed by, with the items' numbers.
    claimed: HashMap<MediaId, u64>,
    /// Everything that was ever on its way to this session, by the items' numbers.
    uploads: HashMap<u64, Upload>,
    /// What the vendor served back: SHA-256 by media id.
    content: HashMap<MediaId, [u8; 32]>,
    /// Items left until the session may be submitted, where somebody said how many there are.
    left: Option<usize>,
    /// An outcome was unclear, now or in an earlier run: worth counting before the submission.
    doubted: bool,
    /// Submitted: nothing of it needs to be remembered.
    finished: bool,
}

/// One item's trace in the session.
#[derive(Clone, Debug)]
struct Upload {
    context: Context,
    /// `None` where an earlier run did not write it down: may look like anything.
    looks: Option<(u64, Format)>,
    /// Attempts whose outcome was unclear, cleared ones included: each may have left an entry.
    doubts: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing of it is unclear.
    Clear,
    /// Unclear, and its job will look before it ends.
    InDoubt,
    /// Unclear, and no job at the wire is about to clear it.
    Left,
}

/// Whether an item may be sent as far as its look-alikes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// None of them is in doubt.
    Clear,
    /// One is, and is about to be looked up.
    Wait,
    /// One is, and nobody looks.
    Blocked,
}

/// Items that a listing cannot tell from the one that is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LookAlikes {
    /// How many there are.
    pub(crate) items: usize,
    /// Unclear attempts of theirs: entries that may be theirs.
    pub(crate) doubts: usize,
    /// Those that are confirmed by an id which the list does not show: each has an entry all the same,
    /// under another id.
    pub(crate) unlisted: usize,
}

/// Sessions that are remembered although nothing of them runs and nobody said that more will come.
/// Their claims keep a later item of the same session from being confirmed by an earlier one's
/// upload; beyond these, the journal's `known` does.
const REMEMBERED: usize = 4096;

impl Session {
    /// Takes in what the journal knows of earlier runs.
    pub(crate) fn recall(&self, known: Vec<Known>) {
        let mut tally = self.lock();
        for Known { tag, context, sent, media_id, in_doubt, doubts, was_found, .. } in known {
            if media_id.is_none() && !in_doubt && planted::is(Bug::NotFoundForgotten) {
                continue;
            }
            tally.doubted |= doubts > 0 || was_found;
            let state = if in_doubt { State::Left } else { State::Clear };
            if let Some(id) = media_id {
                tally.claimed.entry(id).or_insert(tag);
            }
            let doubts = usize::try_from(doubts).unwrap_or(usize::MAX);
            let looks = sent.map(|d| (d.size, d.format));
            tally.uploads.entry(tag).or_insert(Upload { context, looks, doubts, state });
        }
    }

    /// Counts `media_id` as this item's. False if another item has it already.
    pub(crate) fn claim(&self, media_id: &MediaId, item: u64) -> bool {
        let mut tally = self.lock();
        if tally.is_anothers(media_id, item) {
            return false;
        }
        tally.claimed.insert(media_id.clone(), item);
        true
    }

    /// Whether an item other than this one is confirmed by `media_id`. An item that was answered
    /// before, and whose journal could not take it down, is the same item.
    pub(crate) fn is_anothers(&self, media_id: &MediaId, item: u64) -> bool {
        self.lock().is_anothers(media_id, item)
    }

    pub(crate) fn claimed(&self) -> HashSet<MediaId> {
        self.lock().claimed.keys().cloned().collect()
    }

    /// An attempt is about to be made.
    pub(crate) fn sending(&self, item: u64, context: &Context, looks: (u64, Format)) {
        let mut tally = self.lock();
        let upload = tally.upload(item, context);
        upload.looks = Some(looks);
    }

    /// An attempt's outcome is unclear; its job is at the wire and will look.
    pub(crate) fn doubt(&self, item: u64, context: &Context, looks: Option<(u64, Format)>) {
        let mut tally = self.lock();
        tally.doubted = true;
        let upload = tally.upload(item, context);
        upload.looks = looks.or(upload.looks);
        // A doubt that an earlier run left is counted already.
        upload.doubts += usize::from(upload.state == State::Clear || upload.doubts == 0);
        upload.state = State::InDoubt;
    }

    /// A job left the wire for a while: its look-alikes do not wait for it.
    pub(crate) fn leave(&self, item: u64) {
        self.set(item, |state| if state == State::InDoubt { State::Left } else { state });
    }

    /// The outcome of every attempt of it is clear.
    pub(crate) fn clear(&self, item: u64) {
        self.set(item, |_| State::Clear);
        if planted::is(Bug::DoubtForgotten) {
            self.lock().uploads.remove(&item);
        }
    }

    /// The same, and an entry of a listing was found to be one of its unclear attempts: that attempt left
    /// no further one.
    pub(crate) fn found(&self, item: u64) {
        if let Some(upload) = self.lock().uploads.get_mut(&item) {
            upload.doubts = upload.doubts.saturating_sub(1);
        }
        self.clear(item);
    }

    /// Whether something that looks like this item is in doubt.
    pub(crate) fn standing(&self, item: u64, context: &Context, looks: (u64, Format)) -> Standing {
        let tally = self.lock();
        let others = tally.others(item, context, Some(looks));
        let states: Vec<State> = others.map(|(_, upload)| upload.state).collect();
        if states.contains(&State::Left) {
            Standing::Blocked
        } else if states.contains(&State::InDoubt) {
            Standing::Wait
        } else {
            Standing::Clear
        }
    }

    /// Ends when some doubt of the session ended. Ask for it before [`Self::standing`].
    pub(crate) fn cleared(&self) -> tokio::sync::futures::Notified<'_> {
        self.cleared.notified()
    }

    /// Who else may stand behind an entry of a listing. `looks` is `None` where the vendor's list
    /// gives no sizes; `listed` says whether it shows an id.
    pub(crate) fn look_alikes(
        &self,
        item: u64,
        context: &Context,
        looks: Option<(u64, Format)>,
        listed: impl Fn(&MediaId) -> bool,
    ) -> LookAlikes {
        let tally = self.lock();
        let mut sum = LookAlikes::default();
        for (of, upload) in tally.others(item, context, looks) {
            sum.items += 1;
            sum.doubts += upload.doubts;
            sum.unlisted += usize::from(tally.claimed.iter().any(|(id, item)| item == of && !listed(id)));
        }
        sum
    }

    /// SHA-256 of what the vendor stores under this id, if it was asked before.
    pub(crate) fn content(&self, media_id: &MediaId) -> Option<[u8; 32]> {
        self.lock().content.get(media_id).copied()
    }

    pub(crate) fn note_content(&self, media_id: &MediaId, sha256: [u8; 32]) {
        self.lock().content.insert(media_id.clone(), sha256);
    }

    /// The session has this many items; the first to say so is believed.
    pub(crate) fn expect(&self, items: usize) {
        self.lock().left.get_or_insert(items);
    }

    /// One more item is confirmed. True exactly once: for the last of them.
    pub(crate) fn confirm(&self) -> bool {
        let mut tally = self.lock();
        let Some(left) = tally.left else { return false };
        tally.left = left.checked_sub(1);
        tally.left == Some(usize::from(planted::is(Bug::EarlySubmit)))
    }

    pub(crate) fn is_doubted(&self) -> bool {
        self.lock().doubted
    }

    pub(crate) fn finish(&self) {
        self.lock().finished = true;
    }

    fn set(&self, item: u64, change: impl FnOnce(State) -> State) {
        if let Some(upload) = self.lock().uploads.get_mut(&item) {
            upload.state = change(upload.state);
        }
        self.cleared.notify_waiters();
    }

    fn keep(&self) -> Keep {
        let tally = self.lock();
        match tally.left {
            _ if tally.finished => Keep::No,
            Some(left) if left > 0 => Keep::Yes,
            _ if tally.claimed.is_empty() && tally.uploads.values().all(|u| u.state == State::Clear) => Keep::No,
            _ => Keep::WhileThereIsRoom,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn is_anothers(&self, media_id: &MediaId, item: u64) -> bool {
        self.claimed.get(media_id).is_some_and(|of| *of != item)
    }

    fn upload(&mut self, item: u64, context: &Context) -> &mut Upload {
        let fresh = || Upload { context: context.clone(), looks: None, doubts: 0, state: State::Clear };
        self.uploads.entry(item).or_insert_with(fresh)
    }

    /// Other uploads of this context that look the same, as far as anybody knows how they look.
    fn others(
        &self,
        item: u64,
        context: &Context,
        looks: Option<(u64, Format)>,
    ) -> impl Iterator<Item = (&u64, &Upload)> {
        self.uploads.iter().filter(move |(of, upload)| {
            let same = looks.is_none() || upload.looks.is_none() || upload.looks == looks;
            **of != item && upload.context == *context && same
        })
    }
}

enum Keep {
    Yes,
    WhileThereIsRoom,
    No,
}

/// The sessions that have jobs, those that wait for more of them, and some that were used lately. A
/// run of days over millions of sessions holds only these.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: Mutex<Open>,
    unnumbered: AtomicU64,
}

#[derive(Debug, Default)]
struct Open {
    slots: HashMap<SessionId, Slot>,
    lately: VecDeque<SessionId>,
}

#[derive(Debug)]
enum Slot {
    /// Some job of it runs.
    Running(Weak<Session>),
    /// None runs.
    Resting(Arc<Session>),
}

/// A job's hold on its session.
#[derive(Debug)]
pub(crate) struct Hold {
    session: Option<Arc<Session>>,
    id: SessionId,
    sessions: Arc<Sessions>,
}

impl Sessions {
    /// A number for a job that has none, beyond all that callers are likely to use.
    pub(crate) fn unnumbered(&self) -> u64 {
        u64::MAX - self.unnumbered.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn hold(self: &Arc<Self>, id: &SessionId) -> Hold {
        let mut open = self.lock();
        let session = match open.slots.get(id) {
            Some(Slot::Running(weak)) => weak.upgrade().unwrap_or_default(),
            Some(Slot::Resting(session)) => Arc::clone(session),
            None => Arc::default(),
        };
        open.slots.insert(id.clone(), Slot::Running(Arc::downgrade(&session)));
        drop(open);
        Hold { session: Some(session), id: id.clone(), sessions: Arc::clone(self) }
    }

    /// Forgets what is remembered of a session of which nothing runs: its journal knows better.
    pub(crate) fn forget(&self, id: &SessionId) {
        let mut open = self.lock();
        if matches!(open.slots.get(id), Some(Slot::Resting(_))) {
            open.slots.remove(id);
        }
    }

    /// Sessions remembered at the moment.
    pub(crate) fn len(&self) -> usize {
        self.lock().slots.len()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::ops::Deref for Hold {
    type Target = Session;
    fn deref(&self) -> &Session {
        self.session.as_ref().expect("admitted only on drop")
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let mut open = self.sessions.lock();
        // Under the lock nobody can take a new hold: one reference left is this one.
        if Arc::strong_count(&session) > 1 {
            return;
        }
        let keep = session.keep();
        if let Keep::No = keep {
            open.slots.remove(&self.id);
            return;
        }
        open.slots.insert(self.id.clone(), Slot::Resting(session));
        if let Keep::WhileThereIsRoom = keep {
            open.lately.push_back(self.id.clone());
            open.forget_beyond(REMEMBERED);
        }
    }
}

impl Open {
    fn forget_beyond(&mut self, room: usize) {
        while self.lately.len() > room {
            let Some(id) = self.lately.pop_front() else { return };
            if let Some(Slot::Resting(session)) = self.slots.get(&id)
                && !matches!(session.keep(), Keep::Yes)
            {
                self.slots.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: impl ToString) -> SessionId {
        SessionId::new(id.to_string()).unwrap()
    }

    fn media(id: &str) -> MediaId {
        MediaId::new(id).unwrap()
    }

    #[test]
    fn a_session_is_remembered_while_it_matters() {
        let sessions = Arc::new(Sessions::default());
        let id = session("s");
        let (a, b) = (sessions.hold(&id), sessions.hold(&id));
        a.expect(2);
        b.expect(9);
        assert!(a.claim(&media("m1"), 1) && !b.claim(&media("m1"), 2) && b.is_anothers(&media("m1"), 2));
        assert!(b.claim(&media("m1"), 1) && !b.is_anothers(&media("m1"), 1), "the same item again");
        assert!(a.claim(&media("m2"), 3) && b.is_anothers(&media("m2"), 4));
        assert!(!a.confirm());
        drop((a, b));
        assert_eq!(sessions.len(), 1, "one item is still to come");
        let c = sessions.hold(&id);
        assert!(c.is_anothers(&media("m1"), 2));
        assert!(c.confirm() && !c.confirm(), "the last item, once");
        c.finish();
        drop(c);
        assert_eq!(sessions.len(), 0);
    }

    #[test]
    fn look_alikes_wait_for_each_other() {
        let (session, face) = (Session::default(), Context::Face);
        let (looks, other) = ((1000, Format::Jpeg), (1001, Format::Jpeg));
        session.sending(1, &face, looks);
        assert_eq!(session.standing(2, &face, looks), Standing::Clear, "on its way is not in doubt");
        session.doubt(1, &face, Some(looks));
        assert_eq!(session.standing(1, &face, looks), Standing::Clear, "nobody waits for itself");
        assert_eq!(session.standing(2, &face, looks), Standing::Wait);
        assert_eq!(session.standing(2, &face, other), Standing::Clear);
        assert_eq!(session.standing(2, &Context::DocumentFront, looks), Standing::Clear);
        session.leave(1);
        assert_eq!(session.standing(2, &face, looks), Standing::Blocked);
        session.clear(1);
        assert_eq!(session.standing(2, &face, looks), Standing::Clear);
        assert_eq!(
            session.look_alikes(2, &face, Some(looks), |_| true),
            LookAlikes { items: 1, doubts: 1, unlisted: 0 }
        );
        assert_eq!(session.look_alikes(2, &face, Some(other), |_| true), LookAlikes::default());
        assert_eq!(session.look_alikes(2, &face, None, |_| true).items, 1, "a list without sizes");

        let known = Known::in_doubt(7, Context::Face, None, 1);
        session.recall(vec![known]);
        assert_eq!(session.standing(2, &face, other), Standing::Blocked, "may look like anything");
        session.doubt(7, &face, Some(looks));
        assert_eq!(session.look_alikes(2, &face, Some(looks), |_| true).doubts, 2, "the same doubt is counted once");
    }

    #[test]
    fn what_was_in_doubt_and_not_found_may_stand_behind_an_entry() {
        let (session, looks) = (Session::default(), (1000, Format::Jpeg));
        let sent = crate::job::Doubt { size: 1000, format: Format::Jpeg, sha256: None };
        session.recall(vec![Known::not_found(7, Context::Face, Some(sent), 1)]);
        assert_eq!(session.standing(2, &Context::Face, looks), Standing::Clear, "nobody waits for it");
        let rivals = session.look_alikes(2, &Context::Face, Some(looks), |_| true);
        assert_eq!(rivals, LookAlikes { items: 1, doubts: 1, unlisted: 0 });
        assert!(session.is_doubted(), "the session is counted before it is submitted");
    }

    #[test]
    fn only_so_many_are_remembered() {
        let sessions = Arc::new(Sessions::default());
        for n in 0..REMEMBERED + 100 {
            sessions.hold(&session(n)).claim(&media("m"), 1);
        }
        assert_eq!(sessions.len(), REMEMBERED);
        drop(sessions.hold(&session("nothing-claimed")));
        assert_eq!(sessions.len(), REMEMBERED);
        let last = session(REMEMBERED + 99);
        assert!(sessions.hold(&last).is_anothers(&media("m"), 2));
    }
}
