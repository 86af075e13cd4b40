//! What every connection shares, and the small errands that need several parts of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::{broadcast, watch};

use crate::clock::Clock;
use crate::error::Error;
use crate::faults::{FaultRule, FaultScript};
use crate::ledger::Ledger;
use crate::log::{Log, Watchers};
use crate::options::Options;
use crate::state::{Change, State};
use crate::store::Store;
use crate::tokens::Tokens;

/// Test credentials of one emulator.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) api_key: String,
    /// The first signs answers; all are accepted, as during a rotation.
    pub(crate) secrets: Vec<String>,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

pub(crate) struct Shared {
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
    pub(crate) keys: Keys,
    pub(crate) options: RwLock<Arc<Options>>,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) state: Mutex<State>,
    pub(crate) faults: Mutex<FaultScript>,
    pub(crate) log: Mutex<Log>,
    pub(crate) tokens: Mutex<Tokens>,
    pub(crate) webhooks: crate::outbox::Outbox,
    pub(crate) webhooks_delivered: AtomicU64,
    /// Answers varied so far, so that one seed gives one sequence.
    pub(crate) varied: AtomicU64,
    /// Something that the page shows has changed.
    pub(crate) news: broadcast::Sender<()>,
    /// Told of every request at its end.
    pub(crate) watchers: Watchers,
    pub(crate) beginning: Beginning,
    /// Becomes true when the emulator is to stop.
    pub(crate) stop: watch::Sender<bool>,
}

/// What an emulator begins with, and goes back to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beginning {
    pub(crate) options: Options,
    pub(crate) faults: Vec<FaultRule>,
}

impl Shared {
    /// Everything as it was before the first request: no sessions, media, log or tokens, the first options
    /// and faults, the true time. Address and credentials stay.
    pub(crate) fn reset(&self) -> Result<(), Error> {
        let mut faults = FaultScript::default();
        for rule in &self.beginning.faults {
            faults.add(rule.clone())?;
        }
        *self.options.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(self.beginning.options.clone());
        *self.faults() = faults;
        self.clock.reset();
        self.clock.freeze(false);
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).revoke();
        self.webhooks_delivered.store(0, Ordering::Relaxed);
        self.varied.store(0, Ordering::Relaxed);
        {
            let mut state = self.state();
            *state = State::default();
            self.store.clear()?;
        }
        *self.log() = Log::default();
        self.wake();
        Ok(())
    }

    pub(crate) fn options(&self) -> Arc<Options> {
        self.options.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, FaultScript> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn secret(&self) -> &str {
        self.keys.secrets.first().map_or("", String::as_str)
    }

    /// Lets time do its work on all sessions.
    pub(crate) fn tick(&self) {
        let options = self.options();
        let mut state = self.state();
        let changes = state.tick(self.clock.now(), &options);
        self.announce(&state, &changes);
    }

    /// Lets time do its work on one session.
    pub(crate) fn tick_one(&self, state: &mut State, index: usize) {
        if let Some(change) = state.tick_one(index, self.clock.now(), &self.options()) {
            self.announce(state, &[change]);
        }
    }

    /// Writes changed sessions down, queues their webhooks, wakes the page.
    pub(crate) fn announce(&self, state: &State, changes: &[Change]) {
        for change in changes {
            let (Change::Started(index) | Change::Submitted(index) | Change::Decided(index)) = *change;
            let session = state.at(index);
            self.store.note_session(session);
            self.webhooks.queue(session, change);
        }
        if !changes.is_empty() {
            self.wake();
        }
    }

    pub(crate) fn wake(&self) {
        // Nobody listening is fine.
        let _ = self.news.send(());
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.tick();
        let (sessions, faces, face_auths) = {
            let state = self.state();
            (state.sessions().to_vec(), state.faces.all().to_vec(), state.face_auths().to_vec())
        };
        let log = self.log();
        let faults: BTreeMap<String, u64> = self.faults().fired();
        Ledger {
            sessions,
            requests: log.requests().iter().map(|(k, v)| ((*k).to_owned(), *v)).collect(),
            answers: log.answers().iter().map(|(k, v)| (k.to_string(), *v)).collect(),
            faults,
            webhooks_delivered: self.webhooks_delivered.load(Ordering::Relaxed),
            faces,
            face_auths,
        }
    }
}
