//! Everything around the pipeline that lets an operator walk away: manifests, journals, resume and
//! reports. A library that prints nothing; the program `sealpress` stands in `crates/cli`.
//!
//! * No item is lost: after any `kill -9`, a restart finishes every item or reports it as failed.
//! * A session is submitted only when every one of its items is confirmed.
//! * On the wire it is at-least-once. A duplicate can arise only for a request that was still
//!   travelling when we looked, and every such item is reported.

#![forbid(unsafe_code)]

mod account;
mod backfill;
mod batch;
mod chaos;
mod config;
mod decisions;
mod edits;
mod error;
mod exit;
mod extent;
mod figures;
#[doc(hidden)]
pub mod fuzzing;
mod manifest;
mod mend;
mod plan;
mod private;
mod ready;
mod report;
mod results;
mod run;
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod simulation;
mod source;
mod store;
mod units;

pub use backfill::{Accepted, Backfill, Files, Retry, Run, Status, Wanted};
pub use chaos::POINTS as ABORT_POINTS;
pub use config::{Config, Origin, Setting, Value};
pub use decisions::{Beside, Decisions};
pub use error::{Error, ErrorKind};
pub use exit::Exit;
pub use figures::{FIGURES, Figure, Kind, Progress, Reading, Watched};
pub use plan::Plan;
pub use private::replaceable;
pub use ready::{Access, Changed, MakeProvider, Then, Wiring};
pub use run::{Cause, Finished, Stop};
pub use store::state::{ItemState, SessionState};
pub use store::{Detail, OpenSession, Summary};
pub use units::{bytes as parse_bytes, show_bytes, show_count, show_duration};
