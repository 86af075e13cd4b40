//! Is a page empty? A page is only called so when every way of looking at it agrees; whatever goes
//! wrong while looking keeps the page.
//!
//! The pages are looked at in the small document that the copier made of them, so the cost follows the
//! pages, not the file. The interpreter has no deadline of its own: it runs on a guarded thread, our
//! device unwinds out of it when a page's time is spent, and a page that never calls the device is
//! abandoned together with its thread.

mod annotations;
mod images;
mod marks;
mod page;
mod plain;
mod proof;
mod raster;
mod spaces;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hayro_syntax::Pdf;

use crate::clock::Deadline;
use crate::guard::{self, Stopped};
use crate::objects::Objects;
use crate::report::Reason;
use crate::write::Document;
pub(crate) use page::look_whole;
pub(crate) use plain::has_mark;

use marks::Seen;

/// What is known of one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing of it is visible.
    Empty(Reason),
    /// Something is.
    NotEmpty,
    /// Nobody can tell; the page is kept and counted.
    Doubt,
    /// Its content cannot be decoded; the page is kept and not counted.
    Undecodable,
}

/// CPU time to look at pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// For one page.
    pub(crate) page: Duration,
    /// For all pages together; judging takes from it.
    pub(crate) all: Duration,
}

/// What looking at some pages gave.
pub(crate) struct Judgement {
    pub(crate) verdicts: Vec<Verdict>,
    /// Pages of which only a raster could tell.
    pub(crate) drawn: u32,
}

/// For the opening of the document and the last callback of a page.
const GRACE: Duration = Duration::from_millis(100);

/// Judges the first `pages` pages of a document of ours, which is `document` when it is written. Always
/// returns as many verdicts.
pub(crate) fn judge(copied: &Document, document: &Bytes, pages: usize, budget: &mut Budget) -> Judgement {
    let mut judgement = Judgement { verdicts: Vec::with_capacity(pages), drawn: 0 };
    let mut objects = None;
    let verdicts = &mut judgement.verdicts;
    while verdicts.len() < pages && !budget.all.is_zero() {
        let (document, first, its_budget) = (document.clone(), verdicts.len(), *budget);
        let started = guard::start(move |send| look(&document, first..pages, its_budget, send));
        let Ok(mut looking) = started else { break };
        let mut stopped = None;
        while verdicts.len() < pages && stopped.is_none() {
            match looking.next(budget.page + GRACE) {
                Ok(page::Judged { mut verdict, drawn, seen }) => {
                    if matches!(verdict, Verdict::Empty(_)) {
                        let objects = objects.get_or_insert_with(|| Objects::of(copied));
                        let clock = Deadline::after(budget.page);
                        if !is_proven(objects, verdicts.len(), &seen, clock) {
                            verdict = Verdict::Doubt;
                        }
                        budget.all = budget.all.saturating_sub(budget.page.saturating_sub(clock.left()));
                    }
                    verdicts.push(verdict);
                    judgement.drawn += u32::from(drawn);
                }
                Err(reason) => {
                    verdicts.push(Verdict::Doubt);
                    stopped = Some(reason);
                }
            }
        }
        let lost = if stopped == Some(Stopped::Timeout) { budget.page + GRACE } else { Duration::ZERO };
        budget.all = budget.all.saturating_sub(looking.counted() + lost);
    }
    judgement.verdicts.resize(pages, Verdict::Doubt);
    judgement
}

/// Whether the second reading agrees that there is nothing on the page of this index.
fn is_proven(objects: &Objects<'_>, index: usize, seen: &Seen, deadline: Deadline) -> bool {
    let read = catch_unwind(AssertUnwindSafe(|| proof::read(objects, proof::page(objects, index)?, deadline).ok()));
    let Ok(Some(tally)) = read else { return false };
    tally.conditional || (seen.texts >= tally.texts && seen.paths >= tally.paths && seen.images >= tally.images)
}

fn look(document: &Bytes, pages: std::ops::Range<usize>, budget: Budget, send: &dyn Fn(page::Judged)) {
    let all = Deadline::after(budget.all);
    let Ok(pdf) = Pdf::new(Arc::new(document.clone())) else { return };
    for index in pages {
        let left = all.left();
        if left.is_zero() {
            return;
        }
        let Some(page) = pdf.pages().get(index) else { return };
        send(page::judge(page, Deadline::after(budget.page.min(left))));
    }
}
