//! Reading ahead: media that are elsewhere are asked for side by side, although the uploads of one context
//! go in the order of the manifest.
//!
//! Whoever comes later takes no memory before its predecessor has been read and pressed, so that nobody
//! waits for memory that is held by one who waits for him.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sealpress_pipeline::{Error as Refusal, Fetch, Prepared};
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::Runner;
use super::claimed::{ClaimedSession, tag};
use crate::source::{Found, Object};
use crate::store::Item;
use crate::store::state::ItemState;

/// How many of one context are asked for at a time.
const WINDOW: usize = 24;

/// One that is being read and pressed.
pub(super) type Read = AbortOnDropHandle<Result<Prepared, Refusal>>;

/// What of one context is being read, in the order of the uploads.
#[derive(Default)]
pub(super) struct Ahead {
    reading: VecDeque<(i64, Read)>,
    /// The first that was not looked at yet.
    next: usize,
    /// Ends when the last one that was begun has been pressed.
    last: Option<oneshot::Receiver<()>>,
}

impl Ahead {
    /// Begins with what comes at `at` and behind it, as far as that can be read ahead.
    pub(super) fn read(&mut self, runner: &Runner, claimed: &ClaimedSession, items: &[&Item], at: usize) {
        self.next = self.next.max(at);
        while self.reading.len() < WINDOW && self.next < items.len() {
            let item = items[self.next];
            // What is in doubt is looked up first; a file on this machine is read when its turn comes.
            let fresh = claimed.progress(item.id).is_some_and(|progress| progress.state != ItemState::Sending)
                // Frames are read when their burst is ranked.
                && runner.options.best.and_then(|best| claimed.undecided(item.id, best)).is_none();
            let Some(Found::Object(mut object)) = fresh.then(|| runner.sources.find(&item.media).ok()).flatten() else {
                return;
            };
            let reserved = object.reserve();
            if reserved || self.next == at {
                self.begin(runner, item, object);
                self.next += 1;
            }
            // Nobody holds leave for a request while its predecessor waits for it.
            if !reserved {
                return;
            }
        }
    }

    fn begin(&mut self, runner: &Runner, item: &Item, object: Box<Object>) {
        let (done, pressed) = oneshot::channel();
        let fetch = InTurn { object, before: self.last.replace(pressed) };
        let preparer = runner.pipeline.preparer().tag(tag(item.id)).shows(item.context.subject());
        let reading = async move {
            let prepared = preparer.fetch(fetch).await;
            drop(done);
            prepared
        };
        self.reading.push_back((item.id, AbortOnDropHandle::new(tokio::spawn(reading.in_current_span()))));
    }

    /// The one of this item, where it was begun.
    pub(super) fn take(&mut self, item: &Item) -> Option<Read> {
        let is_next = self.reading.front().is_some_and(|(id, _)| *id == item.id);
        is_next.then(|| self.reading.pop_front()).flatten().map(|(_, read)| read)
    }
}

/// An object whose size is asked for at once, and whose bytes come when its predecessor was pressed.
struct InTurn {
    object: Box<Object>,
    before: Option<oneshot::Receiver<()>>,
}

impl Fetch for InTurn {
    fn size_hint(&self) -> Option<u64> {
        self.object.size_hint()
    }

    fn size(&mut self) -> BoxFuture<'_, Result<Option<u64>, Refusal>> {
        Box::pin(async move {
            let size = self.object.open().await?;
            if let Some(before) = self.before.take() {
                // Its sender is dropped when it is done, however it ended.
                let _ = before.await;
            }
            self.object.take_share(size).await;
            Ok(size)
        })
    }

    fn fetch(self: Box<Self>, limit: u64) -> BoxFuture<'static, Result<Bytes, Refusal>> {
        self.object.fetch(limit)
    }
}
