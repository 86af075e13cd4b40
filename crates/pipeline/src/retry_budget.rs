//! The budget of retries that a whole run shares. How long each waits is the client's [`Backoff`](sealpress_client::Backoff).

use std::sync::Mutex;

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
}
