//! What all of a history shares: its tape, its clock, its machines and the truth about them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::Told;
use crate::history::{History, Keep};
use crate::mix::{Fault, Mix, Route};
use crate::tape::Tape;
use crate::truth::Truth;

/// Handed to everything that is simulated. One thread, so that nobody ever waits for the lock.
#[derive(Clone)]
pub(crate) struct World {
    inner: Arc<Mutex<Inner>>,
    changed: Arc<Notify>,
    started: Instant,
}

pub(crate) struct Inner {
    pub(crate) tape: Tape,
    pub(crate) mix: Mix,
    pub(crate) history: History,
    pub(crate) truth: Truth,
    machines: Vec<Life>,
    started: Instant,
    most_events: u64,
    violation: Option<String>,
}

/// Seams that a process meets at most: a hundred items in the worst weather come to a tenth of this.
const MOST_STEPS: u64 = 40_000;

/// One process from its start to its end.
#[derive(Debug)]
struct Life {
    is_alive: bool,
    /// How often it met a seam.
    steps: u64,
    /// At which of these it is killed.
    killed_at: Option<u64>,
    /// At which of these it stands still next.
    stopped_at: Option<u64>,
    /// Steps between two of these at most.
    reach: u64,
    stopped_until: Option<Instant>,
}

/// A process's side of all seams. A process is what it does at its seams: what a killed one asks for never happens,
/// and what it waits for never comes, so that it ends at an await wherever it was.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) world: World,
    number: usize,
}

/// What happens to one request, and how long it is on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fate {
    pub(crate) fault: Option<Fault>,
    pub(crate) there: Duration,
    pub(crate) back: Duration,
}

impl World {
    pub(crate) fn new(mut tape: Tape, keep: Keep, most_events: u64) -> Self {
        let mix = Mix::draw(&mut tape);
        let started = Instant::now();
        let (history, truth) = (History::new(keep), Truth::default());
        let inner = Inner { tape, mix, history, truth, machines: Vec::new(), started, most_events, violation: None };
        Self { inner: Arc::new(Mutex::new(inner)), changed: Arc::default(), started }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Simulated time since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Something that was promised does not hold: the history ends here.
    pub(crate) fn violate(&self, what: impl Into<String>) {
        self.lock().violate(what);
        self.changed.notify_waiters();
    }

    /// Judges something against the truth.
    pub(crate) fn judge<T>(&self, judge: impl FnOnce(&mut Inner) -> Result<T, String>) -> Option<T> {
        let judged = judge(&mut self.lock());
        judged.map_err(|what| self.violate(what)).ok()
    }

    pub(crate) fn violation(&self) -> Option<String> {
        self.lock().violation.clone()
    }

    /// A process starts. Whether and where it will be killed is decided now.
    pub(crate) fn start(&self) -> Machine {
        let mut inner = self.lock();
        let Inner { tape, mix, .. } = &mut *inner;
        let reach = tape.one_of(&[10, 100, 1000]);
        let mut step = |odds| tape.chance(odds).then(|| 1 + tape.below(reach));
        let (killed_at, stopped_at) = (step(mix.killed), step(mix.stopped));
        let number = inner.machines.len();
        inner.machines.push(Life { is_alive: true, steps: 0, killed_at, stopped_at, reach, stopped_until: None });
        inner.note(number, format_args!("starts"));
        Machine { world: self.clone(), number }
    }
}

impl World {
    /// The history that this was.
    pub(crate) fn told(self, took: Duration) -> Told {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let (tape, kinds) = std::mem::replace(&mut inner.tape, Tape::recorded(Vec::new())).into_drawn();
        let history = std::mem::replace(&mut inner.history, History::new(Keep::Hash));
        Told {
            violation: inner.violation.take(),
            hash: history.hash(),
            events: history.events(),
            took,
            posts: inner.truth.posts,
            items: inner.truth.items.len(),
            tape,
            kinds,
            lines: history.into_lines(),
        }
    }
}

impl Inner {
    pub(crate) fn note(&mut self, who: impl fmt::Display, what: fmt::Arguments<'_>) {
        let ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.history.note(ms, who, what);
    }

    pub(crate) fn violate(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.note("!", format_args!("{what}"));
        self.violation.get_or_insert(what);
    }

    /// Whether faults have stopped.
    pub(crate) fn is_calm(&self) -> bool {
        self.started.elapsed() >= self.mix.until
    }

    /// Simulated time since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// True in `odds` of a million cases while there are faults.
    pub(crate) fn happens(&mut self, odds: u32) -> bool {
        let happens = self.tape.chance(odds);
        happens && !self.is_calm()
    }
}

impl Machine {
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The process meets a seam: it may be standing still, or die here.
    pub(crate) async fn step(&self) {
        loop {
            let stopped = {
                let mut inner = self.world.lock();
                let inner = &mut *inner;
                let is_calm = inner.is_calm();
                let (life, tape) = (&mut inner.machines[self.number], &mut inner.tape);
                if life.is_alive && life.stopped_until.is_none_or(|until| until <= Instant::now()) {
                    life.steps += 1;
                    let is_round = life.steps > MOST_STEPS;
                    let is_long = inner.history.events() > inner.most_events;
                    if life.killed_at == Some(life.steps) && !is_calm {
                        life.is_alive = false;
                        let now = inner.elapsed();
                        inner.truth.machine_ends(self.number, now);
                        inner.note(self.number, format_args!("is killed"));
                        self.world.changed.notify_waiters();
                    } else if life.stopped_at == Some(life.steps) && !is_calm {
                        let still = Duration::from_secs(tape.one_of(&[1, 10, 90, 300]));
                        life.stopped_until = Some(Instant::now() + still);
                        life.stopped_at = Some(life.steps + 1 + tape.below(life.reach));
                        inner.note(self.number, format_args!("stands still for {still:?}"));
                    } else if is_round || is_long {
                        life.is_alive = false;
                        inner.violate(if is_round { "a process goes round in circles" } else { "it is broken off" });
                        self.world.changed.notify_waiters();
                    } else {
                        return;
                    }
                }
                let life = &inner.machines[self.number];
                life.stopped_until.filter(|_| life.is_alive)
            };
            match stopped {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Ends when the process was killed, or when something was found that may not be.
    pub(crate) async fn ended(&self) {
        loop {
            let changed = self.world.changed.notified();
            if !self.is_alive() || self.world.violation().is_some() {
                return;
            }
            changed.await;
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.world.lock().machines[self.number].is_alive
    }

    /// The process ended by itself: nothing of it happens any more.
    pub(crate) fn exit(&self) {
        let mut inner = self.world.lock();
        if std::mem::take(&mut inner.machines[self.number].is_alive) {
            let now = inner.elapsed();
            inner.truth.machine_ends(self.number, now);
            inner.note(self.number, format_args!("ends"));
        }
    }

    pub(crate) fn note(&self, what: fmt::Arguments<'_>) {
        self.world.lock().note(self.number, what);
    }

    pub(crate) fn fate(&self, route: Route) -> Fate {
        let mut inner = self.world.lock();
        let fault = {
            let Inner { tape, mix, .. } = &mut *inner;
            mix.fate(tape, route)
        };
        let fault = fault.filter(|_| !inner.is_calm());
        let there = inner.tape.wait(Duration::from_secs(1));
        let back = match fault {
            Some(Fault::Slow) => Duration::from_secs(inner.tape.between(5, 200)),
            _ => inner.tape.wait(Duration::from_secs(1)),
        };
        Fate { fault, there, back }
    }

    /// Something local that takes a moment, at most `most`.
    pub(crate) async fn works(&self, most: Duration) {
        let wait = self.world.lock().tape.wait(most);
        tokio::time::sleep(wait).await;
    }
}
