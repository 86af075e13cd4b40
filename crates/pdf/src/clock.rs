//! CPU time of one thread. Budgets are counted in it, so that a busy machine gives the same results as an
//! idle one: wall-clock time only says how long others kept us waiting.

use std::time::Duration;
#[cfg(not(target_os = "linux"))]
use std::time::Instant;

#[cfg(target_os = "linux")]
use nix::time::ClockId;

/// The clock of one thread, which other threads may read while it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadClock {
    #[cfg(target_os = "linux")]
    id: ClockId,
    /// Elsewhere there is no clock of another thread without `unsafe`: time since the start stands in.
    #[cfg(not(target_os = "linux"))]
    started: Instant,
}

#[cfg(target_os = "linux")]
impl ThreadClock {
    /// The clock of the calling thread.
    pub(crate) fn current() -> Self {
        // How Linux names the clocks of threads (`CPUCLOCK_PERTHREAD`): the complement of the thread's
        // number above three bits, 4 for "one thread", 2 for "as the scheduler counts".
        let thread = nix::unistd::gettid().as_raw();
        Self { id: ClockId::from_raw((!thread << 3) | 6) }
    }

    /// The time that the thread has used, or `None` after its end.
    pub(crate) fn used(self) -> Option<Duration> {
        self.id.now().ok().map(Duration::from)
    }
}

#[cfg(not(target_os = "linux"))]
impl ThreadClock {
    pub(crate) fn current() -> Self {
        Self { started: Instant::now() }
    }

    pub(crate) fn used(self) -> Option<Duration> {
        Some(self.started.elapsed())
    }
}

/// An allowance of the thread that made it: it runs while the thread computes, and stands while it waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    clock: ThreadClock,
    at: Duration,
}

impl Deadline {
    /// So much CPU time of the calling thread from now.
    pub(crate) fn after(budget: Duration) -> Self {
        let clock = ThreadClock::current();
        Self { clock, at: clock.used().unwrap_or_default() + budget }
    }

    /// What is left of it.
    pub(crate) fn left(self) -> Duration {
        self.clock.used().map_or(Duration::ZERO, |used| self.at.saturating_sub(used))
    }

    pub(crate) fn is_over(self) -> bool {
        self.left().is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computes until the thread has used so much.
    fn work(time: Duration) {
        let deadline = Deadline::after(time);
        let mut n = 1u64;
        while !deadline.is_over() {
            (0..10_000).for_each(|i| n = std::hint::black_box(n.wrapping_mul(31).wrapping_add(i)));
        }
    }

    #[test]
    fn only_work_of_the_thread_itself_counts() {
        let deadline = Deadline::after(Duration::from_millis(40));
        let clock = std::thread::spawn(|| {
            work(Duration::from_millis(60));
            ThreadClock::current()
        });
        std::thread::sleep(Duration::from_millis(80));
        let clock = clock.join().unwrap();
        assert!(!deadline.is_over(), "sleeping and other threads cost nothing");
        #[cfg(target_os = "linux")]
        assert_eq!(clock.used(), None, "a thread that has ended has no clock");
        let _ = clock;
        work(Duration::from_millis(50));
        assert!(deadline.is_over());
    }

    #[test]
    fn a_running_thread_is_seen_from_outside() {
        let (tell, told) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            tell.send(ThreadClock::current()).unwrap();
            work(Duration::from_millis(30));
            tell.send(ThreadClock::current()).unwrap();
            let _ = ended.recv();
        });
        let clock = told.recv().unwrap();
        told.recv().unwrap();
        assert!(clock.used().unwrap() >= Duration::from_millis(30));
        drop(end);
        thread.join().unwrap();
    }
}
