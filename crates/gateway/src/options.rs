//! How much a gateway takes in at once, and how long it waits for whom.

use std::num::NonZeroUsize;
use std::time::Duration;

use sealpress_base64::Reading;
use sealpress_media::Preflight;

/// How much a gateway takes in at once, and how long it waits for whom. All of it is bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Bytes in flight: a quarter for bodies as they come, the rest for pressing. Default: 512 MiB.
    pub memory: u64,
    /// Threads that press. Default: the CPUs there are.
    pub workers: NonZeroUsize,
    /// The largest body of an upload, in bytes as they are on the wire. Default: 64 MiB.
    pub max_body: u64,
    /// Connections at a time; more wait in the system's queue. Default: 1,024.
    pub max_connections: usize,
    /// How long an upload waits for room in the budget before it is told to come again. Default: 10 s.
    pub wait: Duration,
    /// A request's head, and a connection without a request. Default: 30 s.
    pub head_timeout: Duration,
    /// A body, or a reader of an answer, that does not move. Default: 20 s.
    pub stall_timeout: Duration,
    /// A whole upload as it comes in. Default: 2 min.
    pub body_timeout: Duration,
    /// How long a submission waits for the uploads of its session. Default: 2 min.
    pub submit_wait: Duration,
    /// How long requests under way may go on after the end was asked for. Default: 30 s.
    pub drain: Duration,
    /// What is taken for base64. Default: as senders write it.
    pub reading: Reading,
    /// What is made of what the press has measured of a picture. Default: nothing but the numbers, in the report of
    /// `/prepare`. A refusal needs a press that measures.
    pub preflight: Preflight,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            memory: 512 << 20,
            workers: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            max_body: 64 << 20,
            max_connections: 1024,
            wait: Duration::from_secs(10),
            head_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(20),
            body_timeout: Duration::from_secs(120),
            submit_wait: Duration::from_secs(120),
            drain: Duration::from_secs(30),
            reading: Reading::default(),
            preflight: Preflight::Report,
        }
    }
}
