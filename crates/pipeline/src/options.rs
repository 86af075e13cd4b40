//! How much a pipeline does at once and how patient it is.

use std::num::NonZeroUsize;
use std::time::Duration;

use sealpress_client::{Backoff, Cause};
use sealpress_media::Preflight;
use serde::{Deserialize, Serialize};

/// How much a pipeline does at once and how patient it is. All of it is bounded; the defaults suit
/// one machine in front of one vendor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Options {
    /// Threads that press. Default: the CPUs there are.
    pub workers: NonZeroUsize,
    /// Bytes in flight: files, decoded pictures, results and bodies together. Default: 512 MiB.
    pub memory: u64,
    /// The largest file that is read. Default: 256 MiB.
    pub max_input: u64,
    /// Jobs admitted at a time, waiting ones included. Default: 4 per worker plus connections.
    pub queue: Option<NonZeroUsize>,
    /// Requests to the host at a time. Default: 8.
    pub connections: NonZeroUsize,
    /// Requests a second, `None` for no limit.
    pub rps: Option<f64>,
    /// Body bytes a second, `None` for no limit.
    pub max_bytes_per_s: Option<u64>,
    /// Attempts, waits and budgets of retries.
    pub retry: Retry,
    /// When the circuit to the host opens and for how long.
    pub circuit: Circuit,
    /// What to do about outcomes that are unclear.
    pub doubt: DoubtOptions,
    /// What is made of the numbers that a press measured of a picture, by what its context shows: glare is nothing of a
    /// face's, and barcodes are never refused. `None` leaves it at what the press said. Default: `None`.
    pub preflight: Option<Preflight>,
}

/// Attempts, waits and the budget that all jobs share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Retry {
    /// POSTs of one item in one pass. Default: 3.
    pub attempts: u32,
    /// The waits between attempts; after 429 or 503 only where the vendor asked for none. Default: 50 ms after
    /// a transient failure, 1 s after throttling, doubled each time up to 20 s, with full jitter.
    pub backoff: Backoff,
    /// The longest Retry-After that is obeyed. A longer one is cut to this. Default: 2 min.
    #[serde(with = "sealpress_media::duration")]
    pub max_retry_after: Duration,
    /// Tokens that a run starts with and never exceeds. Default: 500.
    pub tokens: u32,
    /// Tokens that a retry after a transient failure costs. Default: 14.
    pub transient_cost: u32,
    /// Tokens that a retry after throttling costs. Default: 5.
    pub throttle_cost: u32,
    /// An attempt ends after this at the latest, whatever trickles in. Default: 2 min.
    #[serde(with = "sealpress_media::duration")]
    pub attempt_timeout: Duration,
}

/// The circuit breakers of a host: creating, uploading, looking and submitting have one each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Circuit {
    /// Failures in a row that open it. Default: 10.
    pub failures: u32,
    /// How long it stays open the first time; doubles up to `max_open`. Default: 1 s.
    #[serde(with = "sealpress_media::duration")]
    pub open: Duration,
    /// Default: 30 s.
    #[serde(with = "sealpress_media::duration")]
    pub max_open: Duration,
    /// How long after its opening jobs wait for the circuit to close; from then on they end with
    /// [`crate::ErrorKind::CircuitOpen`] at once, but for the one that probes. Default: 5 min.
    #[serde(with = "sealpress_media::duration")]
    pub patience: Duration,
}

/// Look before resend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DoubtOptions {
    /// How long a request that was lost sight of may still be recorded: the wait before the listing
    /// is asked. Default: 5 s.
    #[serde(with = "sealpress_media::duration")]
    pub settle: Duration,
    /// Listings asked for before the item is left in doubt. Default: 5.
    pub looks: u32,
    /// Whether the media of a session are counted before it is submitted, so that what the vendor
    /// recorded twice is reported. One GET per session. Default: true.
    pub audit: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            memory: 512 << 20,
            max_input: 256 << 20,
            queue: None,
            connections: NonZeroUsize::new(8).unwrap_or(NonZeroUsize::MIN),
            rps: None,
            max_bytes_per_s: None,
            retry: Retry::default(),
            circuit: Circuit::default(),
            doubt: DoubtOptions::default(),
            preflight: None,
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            backoff: Backoff::default(),
            max_retry_after: Duration::from_secs(120),
            tokens: 500,
            transient_cost: 14,
            throttle_cost: 5,
            attempt_timeout: Duration::from_secs(120),
        }
    }
}

impl Default for Circuit {
    fn default() -> Self {
        Self {
            failures: 10,
            open: Duration::from_secs(1),
            max_open: Duration::from_secs(30),
            patience: Duration::from_secs(300),
        }
    }
}

impl Default for DoubtOptions {
    fn default() -> Self {
        Self { settle: Duration::from_secs(5), looks: 5, audit: true }
    }
}

impl Retry {
    pub(crate) fn cost(&self, cause: Cause) -> u32 {
        match cause {
            Cause::Transient => self.transient_cost,
            Cause::Throttle => self.throttle_cost,
        }
    }
}

impl Options {
    /// Jobs admitted at a time.
    #[must_use]
    pub fn queue(&self) -> usize {
        self.queue.map_or(4 * self.workers.get() + self.connections.get(), NonZeroUsize::get)
    }
}
