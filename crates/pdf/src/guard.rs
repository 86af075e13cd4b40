//! Work that may not end: readers and interpreters of other people run on a thread of their own, which
//! is abandoned when its CPU time is spent. An abandoned thread still ends on its own (its work is
//! bounded by the file), only too late to be waited for; how many of them there may be is bounded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::clock::ThreadClock;

/// Threads that may be abandoned at a time in this process. While there are as many, nothing new is
/// started: pages are kept unseen.
const MAX_ABANDONED: usize = 16;

/// Interpreters nest; the default of 2 MiB is tight for hostile files.
const STACK_BYTES: usize = 16 << 20;

/// Wall-clock time to wait for a thread that gets so little of the machine that its CPU time does not
/// run: this many times its budget, and some seconds for the start.
const PATIENCE: u32 = 20;
const START: Duration = Duration::from_secs(10);

/// The waiting side looks at the other thread's clock at least this seldom.
const NAP: Duration = Duration::from_millis(2);

static ABANDONED: AtomicUsize = AtomicUsize::new(0);

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The time was spent.
    Timeout,
    /// The work panicked.
    Panicked,
    /// There was no thread for it, or it got so little of the machine that waiting for it had to end.
    Busy,
}

/// Results of guarded work, in the order in which they come.
pub(crate) struct Guarded<T> {
    results: Receiver<T>,
    state: Arc<AtomicU8>,
    /// Set by the thread as its first act.
    clock: Arc<OnceLock<ThreadClock>>,
    /// Its CPU time when the last result was taken.
    counted: Duration,
}

/// States of a thread.
const RUNNING: u8 = 0;
const ENDED: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Unwinds out of foreign code without a message, for callbacks that find the time spent.
pub(crate) fn give_up() -> ! {
    std::panic::resume_unwind(Box::new(Spent))
}

struct Spent;

/// Runs `work` on its own thread; it sends results as it has them. Where no thread can be had (a locked
/// down process, which its parent watches) it runs here and now.
pub(crate) fn start<T: Send + 'static>(work: impl FnOnce(&dyn Fn(T)) + Send + 'static) -> Result<Guarded<T>, Stopped> {
    if ABANDONED.load(Ordering::Relaxed) >= MAX_ABANDONED {
        return Err(Stopped::Busy);
    }
    let (sender, results) = mpsc::channel();
    let state = Arc::new(AtomicU8::new(RUNNING));
    let its_state = Arc::clone(&state);
    let clock = Arc::new(OnceLock::new());
    let its_clock = Arc::clone(&clock);
    let job = move || {
        let _ = its_clock.set(ThreadClock::current());
        let _ = catch_unwind(AssertUnwindSafe(|| {
            // The receiver is gone when the work was abandoned.
            work(&|result| drop(sender.send(result)));
        }));
        if its_state.swap(ENDED, Ordering::AcqRel) == GIVEN_UP {
            ABANDONED.fetch_sub(1, Ordering::Relaxed);
        }
    };
    // A thread that does not start takes its closure with it, so the job waits outside.
    let job = Arc::new(Mutex::new(Some(job)));
    let run = move || {
        let job = job.lock().ok().and_then(|mut job| job.take());
        if let Some(job) = job {
            job();
        }
    };
    if thread::Builder::new().name("pdf".into()).stack_size(STACK_BYTES).spawn(run.clone()).is_err() {
        run();
    }
    Ok(Guarded { results, state, clock, counted: Duration::ZERO })
}

impl<T> Guarded<T> {
    /// The next result, waited for until the thread has computed for `budget` since the last one.
    /// Time that it spends waiting (for other threads, or for the machine) is not counted.
    pub(crate) fn next(&mut self, budget: Duration) -> Result<T, Stopped> {
        let patience = Instant::now() + budget * PATIENCE + START;
        loop {
            let used = self.used().saturating_sub(self.counted);
            let left = budget.saturating_sub(used);
            if left.is_zero() || Instant::now() >= patience {
                self.give_up();
                return Err(if left.is_zero() { Stopped::Timeout } else { Stopped::Busy });
            }
            match self.results.recv_timeout(left.max(NAP)) {
                Ok(result) => {
                    self.counted = self.used();
                    return Ok(result);
                }
                Err(RecvTimeoutError::Disconnected) => return Err(Stopped::Panicked),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// CPU time of the thread until its last result.
    pub(crate) fn counted(&self) -> Duration {
        self.counted
    }

    /// CPU time of the thread so far; none before it starts, and none to speak of after its end.
    fn used(&self) -> Duration {
        self.clock.get().and_then(|clock| clock.used()).unwrap_or(self.counted)
    }
}

impl<T> Guarded<T> {
    /// Counts the thread among those abandoned until it ends.
    fn give_up(&self) {
        ABANDONED.fetch_add(1, Ordering::Relaxed);
        if self.state.swap(GIVEN_UP, Ordering::AcqRel) != RUNNING {
            // It had ended, or was given up before.
            ABANDONED.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Runs `work` and waits for its single result.
pub(crate) fn run<T: Send + 'static>(
    budget: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Stopped> {
    start(move |send| send(work()))?.next(budget)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Deadline;

    #[test]
    fn results_panics_and_timeouts_are_told_apart() {
        assert_eq!(run(Duration::from_secs(5), || 7), Ok(7));
        assert_eq!(run(Duration::from_secs(5), || -> u8 { give_up() }), Err(Stopped::Panicked));
        let slow = || {
            let deadline = Deadline::after(Duration::from_millis(300));
            while !deadline.is_over() {
                std::hint::spin_loop();
            }
        };
        assert_eq!(run(Duration::from_millis(10), slow), Err(Stopped::Timeout));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn waiting_for_the_machine_costs_nothing() {
        let patient = || thread::sleep(Duration::from_millis(200));
        assert_eq!(run(Duration::from_millis(50), patient), Ok(()));
    }
}
