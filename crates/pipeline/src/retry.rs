//! How often and after how long requests are tried again: waits that double, jitter, and the budget of
//! retries that a whole run shares.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Mutex;
use std::time::Duration;

use crate::options::Retry;

/// Why a request is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Transient,
    Throttle,
}

/// The retry budget of a run: while answers are good it is full; in an outage it runs dry, and
/// attempts stay near one per item however many items there are.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    left: Mutex<u32>,
    max: u32,
}

impl RetryBudget {
    pub(crate) fn new(max: u32) -> Self {
        Self { left: Mutex::new(max), max }
    }

    /// Takes the price of one retry, or says that there is not enough.
    pub(crate) fn take(&self, cost: u32) -> bool {
        let mut left = self.lock();
        let rest = left.checked_sub(cost);
        *left = rest.unwrap_or(*left);
        rest.is_some()
    }

    /// A success gives one token back.
    pub(crate) fn give(&self) {
        let mut left = self.lock();
        *left = (*left + 1).min(self.max);
    }

    pub(crate) fn left(&self) -> u32 {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, u32> {
        self.left.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Retry {
    pub(crate) fn cost(&self, cause: Cause) -> u32 {
        match cause {
            Cause::Transient => self.transient_cost,
            Cause::Throttle => self.throttle_cost,
        }
    }

    /// The most that attempt number `attempt` (from 1) may wait for the next one: base × 2^(n−1),
    /// capped. Full jitter draws evenly between nothing and this.
    pub(crate) fn ceiling(&self, cause: Cause, attempt: u32) -> Duration {
        let base = match cause {
            Cause::Transient => self.transient,
            Cause::Throttle => self.throttle,
        };
        base.saturating_mul(1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX)).min(self.cap)
    }

    pub(crate) fn wait(&self, cause: Cause, attempt: u32, jitter: &Jitter) -> Duration {
        self.ceiling(cause, attempt).mul_f64(jitter.next())
    }
}

/// Where the chance in waits comes from: one sequence (SplitMix64) for a whole pipeline, so that a
/// seed decides all of it.
#[derive(Debug)]
pub(crate) struct Jitter(Mutex<u64>);

impl Jitter {
    /// From a seed, or from the keys of a fresh hasher, which are random enough to spread a crowd.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(Mutex::new(seed.unwrap_or_else(|| RandomState::new().build_hasher().finish())))
    }

    /// Evenly in 0..1.
    fn next(&self) -> f64 {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = *state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
        let unit = (bits >> 11) as f64 / (1u64 << 53) as f64;
        unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_runs_dry_and_recovers_one_success_at_a_time() {
        let tokens = RetryBudget::new(500);
        let granted = std::iter::repeat_with(|| tokens.take(14)).take(100).filter(|ok| *ok).count();
        assert_eq!((granted, tokens.left()), (35, 10));
        assert!(tokens.take(5) && tokens.take(5) && !tokens.take(5));
        (0..5).for_each(|_| tokens.give());
        assert!(tokens.take(5));
        (0..1000).for_each(|_| tokens.give());
        assert_eq!(tokens.left(), 500);
    }

    #[test]
    fn waits_double_up_to_the_cap_and_are_jittered() {
        let retry = Retry::default();
        let ms = |cause, n| retry.ceiling(cause, n).as_millis();
        assert_eq!([1, 2, 3].map(|n| ms(Cause::Transient, n)), [50, 100, 200]);
        assert_eq!([1, 2, 5, 6, 40].map(|n| ms(Cause::Throttle, n)), [1000, 2000, 16_000, 20_000, 20_000]);
        let jitter = Jitter::new(None);
        let mean = (0..2000).map(|_| retry.wait(Cause::Throttle, 1, &jitter).as_secs_f64()).sum::<f64>() / 2000.0;
        assert!((0.45..0.55).contains(&mean), "full jitter has its mean at half the ceiling, this is {mean}");
    }

    #[test]
    fn a_seed_decides_every_wait() {
        let waits = |seed| {
            let jitter = Jitter::new(Some(seed));
            [1, 2, 3, 4].map(|n| Retry::default().wait(Cause::Transient, n, &jitter))
        };
        assert_eq!(waits(7), waits(7));
        assert_ne!(waits(7), waits(8));
    }
}
