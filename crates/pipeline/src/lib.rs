//! Many uploads at once inside a byte budget.
//!
//! ```text
//!  intake ──────────▶ press ──────────▶ sign ══wall══▶ send ─────────▶ confirm ──▶ submit
//!  reads, judges      own rayon pool,   same pool      tokio: rate,    by answer   when all items
//!  the header, gets   one worker per                   pauses, circuit or listing  of the session
//!  its share of bytes thread                           retries                     are confirmed
//! ```
//!
//! What the pool does never waits; what tokio does never computes. A job's share of the byte budget
//! rides with it. An upload whose answer was lost is looked up in the vendor's listing before it is
//! ever sent again. A panic in a codec costs one job.
//!
//! This crate knows no codec and no protocol: media are pressed by a [`Press`], vendors are
//! reached through the client crate, and what must survive a crash is written by a [`Journal`].

#![forbid(unsafe_code)]

mod budget;
mod burst;
mod create;
mod dispatch;
mod early;
mod engine;
mod error;
mod failure;
mod host;
mod job;
mod journal;
mod lookup;
mod metrics;
mod options;
mod pipeline;
#[doc(hidden)]
pub mod planted;
mod pool;
mod prepare;
mod retry_budget;
mod run;
mod session;
mod source;
mod stop;
mod submit;
mod telemetry;
#[cfg(test)]
mod tests;

pub use budget::{Budget, Share};
pub use burst::Frame;
pub use error::{Error, ErrorKind};
pub use job::{Confirmed, Doubt, Item, Job, Outcome, Receipt, Submission, Timings};
pub use journal::{Admit, Entry, Journal, JournalError, Known, NoJournal, Output, Permission};
pub use metrics::Snapshot;
pub use options::{Circuit, DoubtOptions, Options, Retry};
pub use pipeline::{Builder, Drained, Pipeline};
pub use pool::{Executor, Task, Threads};
pub use prepare::{Prepared, Preparer};
pub use sealpress_client::{Backoff, Context, MediaId, SessionId};
pub use sealpress_media::{Note, Summary};
pub use sealpress_press::{Error as PressError, Press, Pressed, Probe, Unchanged, Worker};
pub use source::Fetch;
