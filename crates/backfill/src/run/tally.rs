//! Counters of this run, for the progress line, the error limit and the metrics endpoint.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use sealpress_pipeline::{Outcome, Submission};

use crate::store::state::Via;

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) confirmed: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) quarantined: AtomicU64,
    pub(crate) not_chosen: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) found: AtomicU64,
    pub(crate) submitted: AtomicU64,
    pub(crate) not_submitted: AtomicU64,
    pub(crate) unaccounted: AtomicU64,
    pub(crate) attempts: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    reasons: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
    pub(super) fn spent(&self, outcome: &Outcome) {
        self.attempts.fetch_add(u64::from(outcome.attempts), Relaxed);
    }

    /// A file is there.
    pub(super) fn sent(&self, bytes_out: u64) {
        self.bytes_out.fetch_add(bytes_out, Relaxed);
    }

    /// An item is, with all files that it left as.
    pub(super) fn confirmed(&self, bytes_in: u64, via: Via) {
        self.confirmed.fetch_add(1, Relaxed);
        self.bytes_in.fetch_add(bytes_in, Relaxed);
        match via {
            Via::Duplicate => drop(self.duplicates.fetch_add(1, Relaxed)),
            Via::Listing => drop(self.found.fetch_add(1, Relaxed)),
            Via::Receipt => {}
        }
    }

    pub(super) fn failed(&self, reason: &str) {
        self.failed.fetch_add(1, Relaxed);
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        match reasons.get_mut(reason) {
            Some(n) => *n += 1,
            None => drop(reasons.insert(reason.to_owned(), 1)),
        }
    }

    pub(super) fn quarantined(&self) {
        self.quarantined.fetch_add(1, Relaxed);
    }

    pub(super) fn not_chosen(&self, frames: u64) {
        self.not_chosen.fetch_add(frames, Relaxed);
    }

    pub(super) fn submitted(&self, submission: &Submission) {
        self.submitted.fetch_add(1, Relaxed);
        self.unaccounted.fetch_add(submission.unaccounted.unwrap_or(0), Relaxed);
    }

    pub(super) fn not_submitted(&self) {
        self.not_submitted.fetch_add(1, Relaxed);
    }

    /// Items that came to their end in this run.
    pub(crate) fn ended(&self) -> u64 {
        let [failed, unclear] = [&self.failed, &self.quarantined].map(|n| n.load(Relaxed));
        self.confirmed.load(Relaxed) + failed + unclear + self.not_chosen.load(Relaxed)
    }

    pub(crate) fn reasons(&self) -> BTreeMap<String, u64> {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
