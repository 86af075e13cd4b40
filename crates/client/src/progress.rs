//! How far the HTTP stack has come with a body that it sends, so that a peer that stops reading is seen.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

/// Notes when the stack last took a piece of the body, so that a peer that stops reading is seen.
pub(crate) struct Progress {
    start: Instant,
    /// Milliseconds after `start` of the last piece taken.
    last: AtomicU64,
    watched: AtomicBool,
    touched: AtomicBool,
    done: AtomicBool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let flag = || AtomicBool::new(false);
        Self { start: Instant::now(), last: AtomicU64::new(0), watched: flag(), touched: flag(), done: flag() }
    }

    pub(crate) fn watch(&self) {
        self.watched.store(true, Ordering::Relaxed);
    }

    /// Without a body to watch nothing is known.
    pub(crate) fn may_have_been_sent(&self) -> bool {
        !self.watched.load(Ordering::Relaxed) || self.touched.load(Ordering::Relaxed)
    }

    fn touch(&self, done: bool) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
        self.touched.store(true, Ordering::Relaxed);
        self.done.store(done, Ordering::Relaxed);
    }

    /// Comes back once the body has not moved for `grace`; never before its first piece, which
    /// the connect timeout guards, nor after its last, which the total timeout guards.
    pub(crate) async fn stalled(&self, grace: Duration) {
        loop {
            let last = self.start + Duration::from_millis(self.last.load(Ordering::Relaxed));
            let moving = self.touched.load(Ordering::Relaxed) && !self.done.load(Ordering::Relaxed);
            if moving && last + grace <= Instant::now() {
                return;
            }
            let next = if moving { last + grace } else { Instant::now() + grace };
            sleep_until(next).await;
        }
    }
}

/// A body that tells how far it was taken.
pub(crate) struct Watched<B> {
    inner: B,
    progress: Arc<Progress>,
}

impl<B> Watched<B> {
    pub(crate) fn new(inner: B, progress: &Arc<Progress>) -> Self {
        progress.watch();
        Self { inner, progress: Arc::clone(progress) }
    }
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        if frame.is_ready() {
            self.progress.touch(self.inner.is_end_stream());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
