//! Bytes in flight: acquired once by a job, carried with it, given back when it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Bytes in flight, counted in KiB so that 32 bits span 4 TiB. A job acquires its share once, at its
/// largest, carries it along, gives back what it frees and the rest when it ends. Nobody who holds a
/// share ever asks for more, so that shares cannot wait for each other in a circle.
#[derive(Clone, Debug)]
pub struct Budget {
    permits: Arc<Semaphore>,
    total: u32,
    peak: Arc<AtomicU64>,
    short: Arc<Short>,
}

/// Who waits for room.
#[derive(Debug, Default)]
struct Short {
    waiting: AtomicUsize,
    begun: Notify,
}

/// One that waits, until it is dropped.
struct Waiting<'a>(&'a Short);

/// A share of the budget; dropping it gives it back.
#[derive(Debug)]
pub struct Share {
    permit: OwnedSemaphorePermit,
}

impl Budget {
    /// A budget of `bytes`, at least 1 KiB and at most 4 TiB.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let total = kib(bytes).clamp(1, u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        Self { permits: Arc::new(Semaphore::new(total as usize)), total, peak: Arc::default(), short: Arc::default() }
    }

    /// Waits, in order of arrival, for room for `bytes`. More than the whole budget counts as the
    /// whole budget: such a job runs alone instead of never.
    pub async fn acquire(&self, bytes: u64) -> Share {
        let want = kib(bytes).clamp(1, self.total);
        // As long as anybody waits there is nothing to be had at once: whoever comes later waits too.
        let permit = match Arc::clone(&self.permits).try_acquire_many_owned(want) {
            Ok(permit) => permit,
            Err(_) => {
                let _waiting = self.short.wait();
                let permit = Arc::clone(&self.permits).acquire_many_owned(want).await;
                permit.expect("the budget's semaphore is never closed")
            }
        };
        self.peak.fetch_max(self.used(), Ordering::Relaxed);
        Share { permit }
    }

    /// Ends when somebody waits for room, at once if somebody does: whoever keeps what can be made again lets it go,
    /// so that nobody waits for room that is only kept.
    pub async fn is_short(&self) {
        loop {
            let begun = self.short.begun.notified();
            tokio::pin!(begun);
            begun.as_mut().enable();
            if self.short.waiting.load(Ordering::Acquire) > 0 {
                return;
            }
            begun.await;
        }
    }

    /// Bytes that are spoken for.
    #[must_use]
    pub fn used(&self) -> u64 {
        u64::from(self.total).saturating_sub(self.permits.available_permits() as u64) * 1024
    }

    /// The most that ever was.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// All there is.
    #[must_use]
    pub fn total(&self) -> u64 {
        u64::from(self.total) * 1024
    }
}

impl Short {
    fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        self.begun.notify_waiters();
        Waiting(self)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Share {
    /// Keeps room for `bytes` and gives the rest back. Never grows.
    pub fn shrink_to(&mut self, bytes: u64) {
        let keep = (kib(bytes).max(1) as usize).min(self.permit.num_permits());
        drop(self.permit.split(self.permit.num_permits() - keep));
    }

    /// Room for `bytes` out of it, or all of it, for something that goes on by itself.
    #[must_use]
    pub fn split(&mut self, bytes: u64) -> Self {
        let taken = (kib(bytes).max(1) as usize).min(self.permit.num_permits());
        Self { permit: self.permit.split(taken).expect("no more is taken than there is") }
    }

    #[cfg(test)]
    fn bytes(&self) -> u64 {
        self.permit.num_permits() as u64 * 1024
    }
}

/// Whole KiB that hold `bytes`.
fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn what_is_larger_than_everything_runs_alone() {
        let budget = Budget::new(10 * 1024);
        let all = budget.acquire(u64::MAX).await;
        assert_eq!((all.bytes(), budget.used()), (10 * 1024, 10 * 1024));
        assert!(budget.acquire(1).now_or_never().is_none(), "there is no room beside it");
        drop(all);
        assert!(budget.acquire(1).now_or_never().is_some());
        assert_eq!((budget.used(), budget.peak()), (0, 10 * 1024));
    }

    #[tokio::test]
    async fn the_first_to_wait_is_the_first_served() {
        let budget = Budget::new(10 * 1024);
        let small = budget.acquire(1024).await;
        let mut large = Box::pin(budget.acquire(10 * 1024));
        assert!((&mut large).now_or_never().is_none());
        // There would be room for this one, but it came later: large jobs are not starved.
        assert!(budget.acquire(1024).now_or_never().is_none());
        drop(small);
        assert_eq!(large.now_or_never().expect("room for the large one").bytes(), 10 * 1024);
    }

    #[tokio::test]
    async fn whoever_keeps_room_hears_that_it_is_short() {
        let budget = Budget::new(10 * 1024);
        let kept = budget.acquire(4 * 1024).await;
        assert!(budget.is_short().now_or_never().is_none(), "there is room");
        let mut waits = Box::pin(budget.acquire(10 * 1024));
        let mut short = Box::pin(budget.is_short());
        assert!((&mut short).now_or_never().is_none() && (&mut waits).now_or_never().is_none());
        assert!((&mut short).now_or_never().is_some(), "who listened before hears it");
        assert!(budget.is_short().now_or_never().is_some(), "and who comes later");
        drop(kept);
        drop(waits.now_or_never().expect("there is room"));
        assert!(budget.is_short().now_or_never().is_none(), "nobody waits any more");
        drop(budget.acquire(1).await);
    }

    proptest! {
        #[test]
        fn shares_add_up(total in 1u64..1 << 20, asks in proptest::collection::vec((0u64..1 << 21, 0u64..1 << 21), 1..20)) {
            let budget = Budget::new(total);
            let mut held = Vec::new();
            for (ask, keep) in asks {
                if let Some(mut share) = budget.acquire(ask).now_or_never() {
                    let before = share.bytes();
                    share.shrink_to(keep);
                    prop_assert!(share.bytes() <= before && share.bytes() >= 1024.min(before));
                    held.push(share.split(keep / 2));
                    held.push(share);
                }
                prop_assert_eq!(held.iter().map(Share::bytes).sum::<u64>(), budget.used());
                prop_assert!(budget.used() <= budget.total());
            }
            held.clear();
            prop_assert_eq!(budget.used(), 0);
        }
    }
}
