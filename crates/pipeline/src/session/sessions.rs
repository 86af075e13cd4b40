//! All sessions that have jobs, and how long others are remembered.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sealpress_client::SessionId;
use tokio::sync::Notify;

use super::Session;

/// Sessions that are remembered although nothing of them runs and nobody said that more will come.
/// Their claims keep a later item of the same session from being confirmed by an earlier one's
/// upload; beyond these, the journal's `known` does.
pub(super) const REMEMBERED: usize = 4096;

/// Whether a session of which nothing runs is remembered.
pub(super) enum Keep {
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
    /// Nothing of some session runs any more.
    rested: Notify,
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

    /// Forgets what is remembered of a session, once nothing of it runs: its journal knows better.
    pub(crate) async fn forget(&self, id: &SessionId) {
        loop {
            let rested = self.rested.notified();
            tokio::pin!(rested);
            rested.as_mut().enable();
            {
                let mut open = self.lock();
                match open.slots.get(id) {
                    Some(Slot::Running(_)) => {}
                    None => return,
                    Some(Slot::Resting(_)) => {
                        open.slots.remove(id);
                        return;
                    }
                }
            }
            rested.await;
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
            self.sessions.rested.notify_waiters();
            return;
        }
        self.sessions.rested.notify_waiters();
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
