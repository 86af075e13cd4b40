//! Counters of all requests and the last few of them, for the ledger and the page.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

const KEPT: usize = 500;

#[derive(Debug, Default)]
pub(crate) struct Log {
    next: u64,
    last: VecDeque<Entry>,
    requests: BTreeMap<&'static str, u64>,
    answers: BTreeMap<u16, u64>,
}

/// One request as the page shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    pub(crate) n: u64,
    pub(crate) at_ms: u64,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) route: &'static str,
    /// 0 where no answer was given.
    pub(crate) status: u16,
    /// Error code of the answer, where there is one.
    pub(crate) code: Option<String>,
    pub(crate) micros: u64,
    pub(crate) bytes_in: u64,
    pub(crate) context: Option<String>,
    /// Names of the faults that touched it.
    pub(crate) faults: Vec<String>,
}

impl Log {
    /// Counts a request at its arrival.
    pub(crate) fn arrived(&mut self, route: &'static str) {
        *self.requests.entry(route).or_default() += 1;
    }

    /// Keeps a request at its end.
    pub(crate) fn finished(&mut self, mut entry: Entry) {
        self.next += 1;
        entry.n = self.next;
        *self.answers.entry(entry.status).or_default() += 1;
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(entry);
    }

    pub(crate) fn requests(&self) -> &BTreeMap<&'static str, u64> {
        &self.requests
    }

    pub(crate) fn answers(&self) -> &BTreeMap<u16, u64> {
        &self.answers
    }

    /// The newest `n`, newest first.
    pub(crate) fn newest(&self, n: usize) -> impl Iterator<Item = &Entry> {
        self.last.iter().rev().take(n)
    }
}
