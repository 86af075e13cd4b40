//! The hosts that media come from: each has so many requests at a time and a share of the memory, so that
//! one that is slow delays only what comes from it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Requests to one host at a time.
const AT_ONCE: usize = 32;

/// All hosts, by their names.
pub(super) struct Hosts {
    known: Mutex<HashMap<String, Arc<Host>>>,
    waiting: Arc<Waiting>,
    /// KiB of bodies that may be on their way from one host.
    share: u32,
}

/// How many wait for their host.
#[derive(Default)]
pub(super) struct Waiting {
    count: AtomicUsize,
    one_more: Notify,
}

/// One host.
pub(super) struct Host {
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    share: u32,
    waiting: Arc<Waiting>,
}

impl Hosts {
    /// Over so much memory for all that is on its way.
    pub(super) fn new(memory: u64) -> Self {
        // Files whose headers were not judged yet have an eighth of the memory; one host has half of that.
        let share = u32::try_from((memory / 16) >> 10).unwrap_or(u32::MAX >> 4).clamp(64, u32::MAX >> 4);
        Self { known: Mutex::default(), waiting: Arc::default(), share }
    }

    pub(super) fn host(&self, name: &str) -> Arc<Host> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let host = known.entry(name.to_owned()).or_insert_with(|| {
            Arc::new(Host {
                requests: Arc::new(Semaphore::new(AT_ONCE)),
                bytes: Arc::new(Semaphore::new(self.share as usize)),
                share: self.share,
                waiting: Arc::clone(&self.waiting),
            })
        });
        Arc::clone(host)
    }

    /// How many wait for their host now.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.count.load(Ordering::Acquire)
    }

    /// Ends when one more begins to wait.
    pub(super) async fn one_more_waits(&self) {
        self.waiting.one_more.notified().await;
    }
}

impl Host {
    /// Leave for a request, if there is any left.
    pub(super) fn try_request(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.requests).try_acquire_owned().ok()
    }

    /// Leave for a request, when there is.
    pub(super) async fn request(&self) -> Option<OwnedSemaphorePermit> {
        if let Some(leave) = self.try_request() {
            return Some(leave);
        }
        let _counted = self.waiting.one();
        Arc::clone(&self.requests).acquire_owned().await.ok()
    }

    /// A share of the memory for a body of so many bytes; one of an unknown size takes all of it.
    pub(super) async fn share(&self, bytes: Option<u64>) -> Option<OwnedSemaphorePermit> {
        let kib = bytes.map_or(self.share, |n| u32::try_from(n.div_ceil(1024)).unwrap_or(self.share));
        let kib = kib.clamp(1, self.share);
        if let Ok(share) = Arc::clone(&self.bytes).try_acquire_many_owned(kib) {
            return Some(share);
        }
        let _counted = self.waiting.one();
        Arc::clone(&self.bytes).acquire_many_owned(kib).await.ok()
    }
}

impl Waiting {
    fn one(self: &Arc<Self>) -> Counted {
        self.count.fetch_add(1, Ordering::AcqRel);
        self.one_more.notify_one();
        Counted(Arc::clone(self))
    }
}

/// Counts for as long as it lives.
struct Counted(Arc<Waiting>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
    }
}
