//! Is a page empty? A page is only called so when every way of looking at it agrees; whatever goes
//! wrong while looking keeps the page.
//!
//! The pages are looked at in the small document that the copier made of them, so the cost follows the
//! pages, not the file. The interpreter has no deadline of its own: it runs on a guarded thread, our
//! device unwinds out of it when a page's time is spent, and a page that never calls the device is
//! abandoned together with its thread.

mod annotations;
mod marks;
mod page;
mod raster;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hayro_syntax::Pdf;

use crate::guard::{self, Stopped};
use crate::report::Reason;

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

/// Time to look at pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// For one page.
    pub(crate) page: Duration,
    /// When all looking ends.
    pub(crate) deadline: Instant,
}

/// Judges the first `pages` pages of a document of ours. Always returns as many verdicts.
pub(crate) fn judge(document: &Bytes, pages: usize, budget: Budget) -> Vec<Verdict> {
    let mut verdicts = Vec::with_capacity(pages);
    while verdicts.len() < pages && Instant::now() < budget.deadline {
        let (document, first) = (document.clone(), verdicts.len());
        let started = guard::start(move |send| look(&document, first..pages, budget, send));
        let Ok(mut looking) = started else { break };
        // Grace for opening the document and for the last callback of a page.
        let grace = Duration::from_millis(100);
        while verdicts.len() < pages {
            match looking.next(Instant::now() + budget.page + grace) {
                Ok(verdict) => verdicts.push(verdict),
                Err(Stopped::Timeout | Stopped::Panicked | Stopped::Busy) => {
                    verdicts.push(Verdict::Doubt);
                    break;
                }
            }
        }
    }
    verdicts.resize(pages, Verdict::Doubt);
    verdicts
}

fn look(document: &Bytes, pages: std::ops::Range<usize>, budget: Budget, send: &dyn Fn(Verdict)) {
    let Ok(pdf) = Pdf::new(Arc::new(document.clone())) else { return };
    for index in pages {
        let now = Instant::now();
        if now >= budget.deadline {
            return;
        }
        let Some(page) = pdf.pages().get(index) else { return };
        send(page::judge(page, (now + budget.page).min(budget.deadline)));
    }
}
