use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::RwLock;

/// What is known of one session while jobs of it run.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// POSTs hold it for reading, a look for writing: while a listing is matched, nothing of the
    /// session is on its way, and two looks cannot claim the same entry.
    pub(crate) gate: RwLock<()>,
    tally: Mutex<Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    /// Media ids that items of this run are confirmed by, with the items' tags.
    claimed: HashMap<String, u64>,
    /// Items left until the session may be submitted, where somebody said how many there are.
    left: Option<usize>,
    /// An outcome was unclear: worth counting before the submission.
    doubted: bool,
    /// Submitted: nothing of it needs to be remembered.
    finished: bool,
}

/// Sessions that are remembered although nothing of them runs and nobody said that more will come.
/// Their claims keep a later item of the same session from being confirmed by an earlier one's
/// upload; beyond these, the journal's `confirmed_ids` does.
const REMEMBERED: usize = 4096;

impl Session {
    /// Counts `media_id` as this item's. False if another item has it already.
    pub(crate) fn claim(&self, media_id: &str, tag: u64) -> bool {
        let mut tally = self.lock();
        if tally.is_anothers(media_id, tag) {
            return false;
        }
        tally.claimed.insert(media_id.to_owned(), tag);
        true
    }

    /// Whether an item other than this one is confirmed by `media_id`. An item of the same tag that was
    /// answered before, and whose journal could not take it down, is the same item. Tag 0 is nobody's.
    pub(crate) fn is_anothers(&self, media_id: &str, tag: u64) -> bool {
        self.lock().is_anothers(media_id, tag)
    }

    pub(crate) fn claimed(&self) -> HashSet<String> {
        self.lock().claimed.keys().cloned().collect()
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
        tally.left == Some(0)
    }

    pub(crate) fn doubt(&self) {
        self.lock().doubted = true;
    }

    pub(crate) fn is_doubted(&self) -> bool {
        self.lock().doubted
    }

    pub(crate) fn finish(&self) {
        self.lock().finished = true;
    }

    fn keep(&self) -> Keep {
        let tally = self.lock();
        match tally.left {
            _ if tally.finished => Keep::No,
            Some(left) if left > 0 => Keep::Yes,
            _ if tally.claimed.is_empty() => Keep::No,
            _ => Keep::WhileThereIsRoom,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn is_anothers(&self, media_id: &str, tag: u64) -> bool {
        self.claimed.get(media_id).is_some_and(|of| tag == 0 || *of != tag)
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
}

#[derive(Debug, Default)]
struct Open {
    slots: HashMap<Arc<str>, Slot>,
    lately: VecDeque<Arc<str>>,
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
    id: Arc<str>,
    sessions: Arc<Sessions>,
}

impl Sessions {
    pub(crate) fn hold(self: &Arc<Self>, id: &Arc<str>) -> Hold {
        let mut open = self.lock();
        let session = match open.slots.get(id) {
            Some(Slot::Running(weak)) => weak.upgrade().unwrap_or_default(),
            Some(Slot::Resting(session)) => Arc::clone(session),
            None => Arc::default(),
        };
        open.slots.insert(Arc::clone(id), Slot::Running(Arc::downgrade(&session)));
        drop(open);
        Hold { session: Some(session), id: Arc::clone(id), sessions: Arc::clone(self) }
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
        self.session.as_ref().expect("taken only on drop")
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
        open.slots.insert(Arc::clone(&self.id), Slot::Resting(session));
        if let Keep::WhileThereIsRoom = keep {
            open.lately.push_back(Arc::clone(&self.id));
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

    #[test]
    fn a_session_is_remembered_while_it_matters() {
        let sessions = Arc::new(Sessions::default());
        let id: Arc<str> = "s".into();
        let (a, b) = (sessions.hold(&id), sessions.hold(&id));
        a.expect(2);
        b.expect(9);
        assert!(a.claim("m1", 1) && !b.claim("m1", 2) && b.is_anothers("m1", 2));
        assert!(b.claim("m1", 1) && !b.is_anothers("m1", 1), "the same item again");
        assert!(a.claim("m2", 0) && b.is_anothers("m2", 0), "tag 0 is nobody's");
        assert!(!a.confirm());
        drop((a, b));
        assert_eq!(sessions.len(), 1, "one item is still to come");
        let c = sessions.hold(&id);
        assert!(c.is_anothers("m1", 2));
        assert!(c.confirm() && !c.confirm(), "the last item, once");
        c.finish();
        drop(c);
        assert_eq!(sessions.len(), 0);
    }

    #[test]
    fn only_so_many_are_remembered() {
        let sessions = Arc::new(Sessions::default());
        for n in 0..REMEMBERED + 100 {
            sessions.hold(&n.to_string().into()).claim("m", 1);
        }
        assert_eq!(sessions.len(), REMEMBERED);
        drop(sessions.hold(&"nothing claimed".into()));
        assert_eq!(sessions.len(), REMEMBERED);
        let last: Arc<str> = (REMEMBERED + 99).to_string().into();
        assert!(sessions.hold(&last).is_anothers("m", 2));
    }
}
