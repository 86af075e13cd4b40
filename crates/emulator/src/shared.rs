//! What every connection shares, and the small errands that need several parts of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::{broadcast, watch};

use crate::clock::Clock;
use crate::faults::FaultScript;
use crate::ledger::Ledger;
use crate::log::Log;
use crate::options::Options;
use crate::store::Store;
use crate::tokens::Tokens;
use crate::state::{Change, State};

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
    state: Mutex<State>,
    pub(crate) faults: Mutex<FaultScript>,
    pub(crate) log: Mutex<Log>,
    pub(crate) tokens: Mutex<Tokens>,
    pub(crate) webhooks: crate::outbox::Outbox,
    pub(crate) webhooks_delivered: AtomicU64,
    /// Answers varied so far, so that one seed gives one sequence.
    pub(crate) varied: AtomicU64,
    /// Something that the page shows has changed.
    pub(crate) news: broadcast::Sender<()>,
    /// Becomes true when the emulator is to stop.
    pub(crate) stop: watch::Sender<bool>,
}

impl Shared {
    #[expect(clippy::too_many_arguments, reason = "called once, from the builder")]
    pub(crate) fn new(
        url: String,
        keys: Keys,
        options: Options,
        store: Store,
        state: State,
        faults: FaultScript,
        webhooks: crate::outbox::Outbox,
        stop: watch::Sender<bool>,
    ) -> Self {
        Self {
            url,
            keys,
            options: RwLock::new(Arc::new(options)),
            clock: Clock::default(),
            store,
            state: Mutex::new(state),
            faults: Mutex::new(faults),
            log: Mutex::default(),
            tokens: Mutex::default(),
            webhooks,
            webhooks_delivered: AtomicU64::new(0),
            varied: AtomicU64::new(0),
            news: broadcast::channel(16).0,
            stop,
        }
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
        let sessions = self.state().sessions().to_vec();
        let log = self.log();
        let faults: BTreeMap<String, u64> = self.faults().fired();
        Ledger {
            sessions,
            requests: log.requests().iter().map(|(k, v)| ((*k).to_owned(), *v)).collect(),
            answers: log.answers().iter().map(|(k, v)| (k.to_string(), *v)).collect(),
            faults,
            webhooks_delivered: self.webhooks_delivered.load(Ordering::Relaxed),
        }
    }
}
