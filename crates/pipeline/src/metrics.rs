//! Counters and gauges of a pipeline.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

/// Counters of a pipeline since it was built.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) admitted: AtomicU64,
    pub(crate) running: AtomicU64,
    pub(crate) confirmed: AtomicU64,
    pub(crate) found: AtomicU64,
    pub(crate) attempts: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) in_doubt: AtomicU64,
    pub(crate) looks: AtomicU64,
    pub(crate) bad_signatures: AtomicU64,
    pub(crate) submitted: AtomicU64,
    pub(crate) unaccounted: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_pressed: AtomicU64,
    pub(crate) bytes_sent: AtomicU64,
    pub(crate) press_us: AtomicU64,
    pub(crate) sign_us: AtomicU64,
    pub(crate) send_us: AtomicU64,
    failures: Mutex<BTreeMap<&'static str, u64>>,
}

impl Metrics {
    pub(crate) fn failure(&self, name: &'static str) {
        *self.failures.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
    }

    pub(crate) fn failures(&self) -> BTreeMap<&'static str, u64> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Relaxed);
}

pub(crate) fn add_time(counter: &AtomicU64, time: Duration) {
    add(counter, u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
}

/// A pipeline at one moment. Counters count from when it was built.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// Jobs let in.
    pub admitted: u64,
    /// Jobs that are in.
    pub running: u64,
    /// Jobs that ended with a receipt.
    pub confirmed: u64,
    /// Those of them whose answer was lost and whose media the listing had.
    pub found: u64,
    /// Jobs that ended without one, by name of the reason.
    pub failed: BTreeMap<&'static str, u64>,
    /// Upload requests made.
    pub attempts: u64,
    /// Those of them that were not an item's first.
    pub retries: u64,
    /// Upload requests that were left in doubt.
    pub in_doubt: u64,
    /// Listings asked for because of them.
    pub looks: u64,
    /// Answers whose signature was wrong or missing. Anything but 0 is worth waking somebody.
    pub bad_signatures: u64,
    /// Sessions submitted.
    pub submitted: u64,
    /// Media that the vendor lists in submitted sessions and no item accounts for: duplicates.
    pub unaccounted: u64,
    /// Bytes of the files as they came.
    pub bytes_in: u64,
    /// Bytes of what the press made of them.
    pub bytes_pressed: u64,
    /// Body bytes of all attempts.
    pub bytes_sent: u64,
    /// Microseconds spent pressing, over all threads.
    pub press_us: u64,
    /// Microseconds spent encoding and signing.
    pub sign_us: u64,
    /// Microseconds that requests were on the wire, over all connections.
    pub send_us: u64,
    /// Bytes of the budget that are in use.
    pub memory_used: u64,
    /// The most that ever was in use.
    pub memory_peak: u64,
    /// The budget.
    pub memory_total: u64,
    /// Milliseconds for which the host has asked for silence from now on.
    pub paused_ms: Option<u64>,
    /// Whether the circuit to the host is open.
    pub circuit_open: bool,
    /// Retry tokens left.
    pub retry_tokens: u32,
    /// Sessions that are remembered.
    pub sessions: u64,
    /// Why the pipeline stopped by itself, if it did.
    pub stopped: Option<String>,
}

impl Snapshot {
    /// The same in the text format that Prometheus scrapes.
    #[must_use]
    pub fn prometheus(&self) -> String {
        let mut out = String::with_capacity(4096);
        let counters = [
            ("admitted_total", "Jobs let in", self.admitted),
            ("confirmed_total", "Jobs that ended with a receipt", self.confirmed),
            ("found_total", "Receipts that the listing gave after a lost answer", self.found),
            ("attempts_total", "Upload requests", self.attempts),
            ("retries_total", "Upload requests that were not an item's first", self.retries),
            ("in_doubt_total", "Upload requests that were left in doubt", self.in_doubt),
            ("looks_total", "Listings asked for after unclear outcomes", self.looks),
            ("bad_signatures_total", "Answers with a wrong or missing signature", self.bad_signatures),
            ("submitted_total", "Sessions submitted", self.submitted),
            ("unaccounted_total", "Media listed in submitted sessions that no item accounts for", self.unaccounted),
            ("input_bytes_total", "Bytes of files as they came", self.bytes_in),
            ("pressed_bytes_total", "Bytes of media to be sent", self.bytes_pressed),
            ("sent_bytes_total", "Body bytes of all attempts", self.bytes_sent),
            ("press_microseconds_total", "Time spent pressing", self.press_us),
            ("sign_microseconds_total", "Time spent encoding and signing", self.sign_us),
            ("send_microseconds_total", "Time that requests were on the wire", self.send_us),
        ];
        let gauges = [
            ("running", "Jobs that are in", self.running),
            ("memory_used_bytes", "Bytes of the budget in use", self.memory_used),
            ("memory_peak_bytes", "The most that ever was in use", self.memory_peak),
            ("memory_total_bytes", "The budget", self.memory_total),
            ("paused_milliseconds", "Silence that the host asked for", self.paused_ms.unwrap_or(0)),
            ("circuit_open", "1 while the circuit to the host is open", u64::from(self.circuit_open)),
            ("retry_tokens", "Retry tokens left", u64::from(self.retry_tokens)),
            ("sessions", "Sessions remembered", self.sessions),
            ("stopped", "1 after the pipeline stopped by itself", u64::from(self.stopped.is_some())),
        ];
        for (kind, table) in [("counter", counters.as_slice()), ("gauge", gauges.as_slice())] {
            for (name, help, value) in table {
                let _ = writeln!(
                    out,
                    "# HELP sealpress_{name} {help}\n# TYPE sealpress_{name} {kind}\nsealpress_{name} {value}"
                );
            }
        }
        out.push_str("# HELP sealpress_failed_total Jobs without a receipt\n# TYPE sealpress_failed_total counter\n");
        for (reason, n) in &self.failed {
            let _ = writeln!(out, "sealpress_failed_total{{reason=\"{reason}\"}} {n}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_reads_it() {
        let failed = BTreeMap::from([("truncated", 2), ("refused", 1)]);
        let text = Snapshot { confirmed: 7, failed, ..Snapshot::default() }.prometheus();
        assert!(text.contains("\nsealpress_confirmed_total 7\n"));
        assert!(text.contains("sealpress_failed_total{reason=\"truncated\"} 2\n"));
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("sealpress_") && value.parse::<u64>().is_ok(), "{line}");
        }
    }
}
