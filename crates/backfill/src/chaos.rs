//! Named points where a test may end the process as `kill -9` would: no destructor runs, nothing is
//! flushed. Set `SEALPRESS_ABORT_AT=NAME` or `NAME:N` (the N-th pass) in a child process.
//!
//! Only with the feature `chaos`, which tests and examples switch on: in the program that is
//! shipped the points are empty and the variable means nothing.

/// Every point, in the order in which an item meets them.
pub const POINTS: [&str; 12] = [
    "after-import",
    "after-claim",
    "creating-durable",
    "created-not-noted",
    "before-sending-durable",
    "sending-durable",
    "answered-not-noted",
    "confirmed-durable",
    "journal-before-commit",
    "journal-after-commit",
    "submitting-durable",
    "submitted-not-noted",
];

#[cfg(not(feature = "chaos"))]
pub(crate) const fn point(_: &str) {}

/// Another length of leases, for tests that cannot wait for minutes: `SEALPRESS_LEASE_MS`.
#[cfg(not(feature = "chaos"))]
pub(crate) const fn lease() -> Option<std::time::Duration> {
    None
}

#[cfg(feature = "chaos")]
pub(crate) use armed::{lease, point};

#[cfg(feature = "chaos")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    pub(crate) fn lease() -> Option<std::time::Duration> {
        let text = std::env::var("SEALPRESS_LEASE_MS").ok()?;
        text.parse().ok().map(std::time::Duration::from_millis)
    }

    struct Target {
        name: String,
        passes: AtomicU64,
    }

    /// Ends the process here if it was asked to.
    pub(crate) fn point(name: &str) {
        static TARGET: OnceLock<Option<Target>> = OnceLock::new();
        let target = TARGET.get_or_init(|| {
            let text = std::env::var("SEALPRESS_ABORT_AT").ok()?;
            let (name, n) = text.split_once(':').unwrap_or((&text, "1"));
            Some(Target { name: name.to_owned(), passes: AtomicU64::new(n.parse().ok()?) })
        });
        if let Some(target) = target
            && target.name == name
            && target.passes.fetch_sub(1, Ordering::Relaxed) == 1
        {
            std::process::abort();
        }
    }
}
