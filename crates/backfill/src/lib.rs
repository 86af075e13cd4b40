//! Everything around the pipeline that lets an operator walk away: manifests, journals, resume and
//! reports. The `sealpress` binary stands in `src/bin/sealpress`.
//!
//! * No item is lost: after any `kill -9`, a restart finishes every item or reports it as failed.
//! * A session is submitted only when every one of its items is confirmed.
//! * On the wire it is at-least-once. A duplicate can arise only for a request that was still
//!   travelling when we looked, and every such item is reported.

#![forbid(unsafe_code)]

mod chaos;
mod command;
mod config;
mod error;
mod exit;
mod manifest;
mod report;
mod results;
mod run;
mod source;
mod store;
mod units;

pub use chaos::POINTS as ABORT_POINTS;
pub use command::{Access, BackfillArgs, ConfigArgs, MakeProvider, Wiring, execute, show_config};
pub use config::SettingsArgs;
pub use error::{Error, ErrorKind};
pub use exit::Exit;
