//! The first items of a run. As long as none has arrived, what fails for a reason that is no file's
//! (a folder that is not mounted, a source that is not allowed, a provider that says no to everything)
//! is held back instead of written: if enough items fail for one such reason, the run stops and the
//! journal is as it was.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sealpress_media::Fault;

use super::claimed::ClaimedSession;
use crate::store::state::{Change, Failure};

/// A failure that is not written yet.
pub(super) struct Held {
    pub(super) claimed: Arc<ClaimedSession>,
    pub(super) changes: Vec<Change>,
    pub(super) failure: Failure,
    /// How many items it fails.
    pub(super) items: usize,
}

/// What to do with a failure.
pub(super) enum Verdict {
    /// Write it.
    Write(Held),
    /// It is kept here.
    Kept,
    /// It was the last straw: so many items failed for its reason.
    Stop(usize),
}

pub(super) struct First {
    limit: usize,
    held: Mutex<Option<Vec<Held>>>,
}

impl First {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, held: Mutex::new((limit > 0).then(Vec::new)) }
    }

    /// Whether nothing has arrived yet, so that failures are held back.
    pub(super) fn is_watching(&self) -> bool {
        self.lock().is_some()
    }

    /// Something arrived, or there is nothing more to come: gives back what is to be written, and
    /// holds nothing back from now on.
    pub(super) fn open(&self) -> Vec<Held> {
        self.lock().take().unwrap_or_default()
    }

    /// Judges a failure.
    pub(super) fn judge(&self, held: Held) -> Verdict {
        let (fault, reason) = (held.failure.fault, held.failure.reason.clone());
        let mut kept = self.lock();
        let Some(all) = kept.as_mut().filter(|_| matches!(fault, Fault::Caller | Fault::Remote)) else {
            return Verdict::Write(held);
        };
        all.push(held);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for held in all.iter() {
            *counts.entry(&held.failure.reason).or_default() += held.items;
        }
        let same = counts.get(reason.as_str()).copied().unwrap_or(0);
        if same < self.limit {
            return Verdict::Kept;
        }
        Verdict::Stop(same)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Vec<Held>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
