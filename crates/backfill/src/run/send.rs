//! One item at a time: its file prepared, and what is sent of it on its way and written down.

use std::sync::Arc;

use sealpress_pipeline::{Error as Refusal, Job, Outcome, Prepared};

use super::Runner;
use super::claimed::{ClaimedSession, tag};
use super::pass::Pass;
use super::record::record;
use crate::error::Result;
use crate::source::Found;
use crate::store::Item;
use crate::store::state::Failure;

/// Why a file could not be prepared.
pub(super) enum Unprepared {
    /// It cannot be found.
    NotFound(Failure),
    /// It cannot be read or pressed.
    Refused(Refusal),
}

/// Reads and presses an item's file.
pub(super) async fn prepare(runner: &Runner, item: &Item) -> Result<Prepared, Unprepared> {
    let preparer = runner.pipeline.preparer().tag(tag(item.id)).shows(item.context.subject());
    let prepared = match runner.sources.find(&item.media).map_err(Unprepared::NotFound)? {
        Found::File(path) => preparer.file(path).await,
        Found::Object(object) => preparer.fetch(*object).await,
        Found::Elsewhere(media) => preparer.fetch(media).await,
    };
    prepared.map_err(Unprepared::Refused)
}

/// One pass of one item, on its way and written down.
pub(super) async fn send(runner: &Runner, claimed: &Arc<ClaimedSession>, item: &Item, job: Job) -> Result<Pass> {
    let outcome = process(runner, item, job).await?;
    record(runner, claimed, item, outcome).await
}

/// The same, before anything is written down of how it ended.
pub(super) async fn process(runner: &Runner, item: &Item, mut job: Job) -> Result<Outcome> {
    if let Some(timestamp) = &item.timestamp {
        job = job.timestamp(timestamp);
    }
    let outcome = runner.pipeline.process(job).await;
    match runner.journal.failed() {
        Some(error) => Err(error),
        None => Ok(outcome),
    }
}
