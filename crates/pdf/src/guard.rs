//! Work that may not end: readers and interpreters of other people run on a thread of their own, which
//! is abandoned when its time is spent. An abandoned thread still ends on its own (its work is bounded
//! by the file), only too late to be waited for; how many of them there may be is bounded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Threads that may be abandoned at a time in this process. While there are as many, nothing new is
/// started: pages are kept unseen.
const MAX_ABANDONED: usize = 16;

/// Interpreters nest; the default of 2 MiB is tight for hostile files.
const STACK_BYTES: usize = 16 << 20;

static ABANDONED: AtomicUsize = AtomicUsize::new(0);

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The time was spent.
    Timeout,
    /// The work panicked.
    Panicked,
    /// There was no thread for it.
    Busy,
}

/// Results of guarded work, in the order in which they come.
pub(crate) struct Guarded<T> {
    results: Receiver<T>,
    state: Arc<AtomicU8>,
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
    let job = move || {
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
    Ok(Guarded { results, state })
}

impl<T> Guarded<T> {
    /// The next result, waited for until `deadline`.
    pub(crate) fn next(&mut self, deadline: Instant) -> Result<T, Stopped> {
        let wait = deadline.saturating_duration_since(Instant::now());
        self.results.recv_timeout(wait).map_err(|e| match e {
            RecvTimeoutError::Timeout => {
                self.give_up();
                Stopped::Timeout
            }
            RecvTimeoutError::Disconnected => Stopped::Panicked,
        })
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
    start(move |send| send(work()))?.next(Instant::now() + budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_panics_and_timeouts_are_told_apart() {
        assert_eq!(run(Duration::from_secs(5), || 7), Ok(7));
        assert_eq!(run(Duration::from_secs(5), || -> u8 { give_up() }), Err(Stopped::Panicked));
        let slow = || thread::sleep(Duration::from_millis(300));
        assert_eq!(run(Duration::from_millis(10), slow), Err(Stopped::Timeout));
    }
}
