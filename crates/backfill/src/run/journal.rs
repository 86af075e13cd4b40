//! The pipeline's journal, kept in the store: every hook finds its session's claim here.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sealpress_client::{MediaId, SessionId};
use sealpress_pipeline as pipeline;
use sealpress_pipeline::planted::{self, Bug};
use sealpress_pipeline::{Admit, Entry, Journal, JournalError, Known, Output, Permission, Submission};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::claimed::{self, ClaimedSession, id};
use crate::chaos;
use crate::error::{Error, ErrorKind, Result};
use crate::store::state::{Change, ItemState};
use crate::store::{Claim, Store};

/// A POST is given up this long before its lease ends: time enough for clocks, scheduling and the
/// last bytes on the wire.
const MARGIN: Duration = Duration::from_secs(10);

/// All sessions that are being worked on.
pub(super) struct StoreJournal {
    store: Arc<dyn Store>,
    /// Whether a file that is confirmed in its session and context is not sent again.
    dedupe: bool,
    claims: Mutex<Claims>,
    /// One claim of a session at a time, by the session's number.
    session_locks: Mutex<HashMap<i64, Arc<tokio::sync::Mutex<()>>>>,
    /// The first write that failed: the run's last word.
    failed: Mutex<Option<Error>>,
}

#[derive(Default)]
struct Claims {
    by_item: HashMap<u64, Arc<ClaimedSession>>,
    by_remote: HashMap<SessionId, Arc<ClaimedSession>>,
}

impl StoreJournal {
    pub(super) fn new(store: Arc<dyn Store>, dedupe: bool) -> Self {
        Self { store, dedupe, claims: Mutex::default(), session_locks: Mutex::default(), failed: Mutex::new(None) }
    }

    /// Lets the hooks find the session.
    pub(super) fn register(&self, claim: &Claim, claimed: &Arc<ClaimedSession>) {
        let mut claims = lock(&self.claims);
        for item in &claim.items {
            claims.by_item.insert(claimed::tag(item.id), Arc::clone(claimed));
        }
    }

    /// The same by the provider's id, once there is one.
    pub(super) fn register_remote(&self, remote: &SessionId, claimed: &Arc<ClaimedSession>) {
        lock(&self.claims).by_remote.insert(remote.clone(), Arc::clone(claimed));
    }

    /// Waits until no earlier claim of the session is at work in this process. When the clock of a shared
    /// store jumps, a worker may claim its own session anew; the first claim ends at its next change.
    pub(super) async fn session_lock(&self, session: i64) -> OwnedMutexGuard<()> {
        let one = Arc::clone(lock(&self.session_locks).entry(session).or_default());
        one.lock_owned().await
    }

    /// Takes the session off the journal, where this claim of it lies there, and lets the next claim have its
    /// turn.
    pub(super) fn unregister(&self, claim: &Claim, claimed: &Arc<ClaimedSession>, remote: Option<&SessionId>) {
        let mut claims = lock(&self.claims);
        let Claims { by_item, by_remote } = &mut *claims;
        for item in &claim.items {
            remove(by_item, &claimed::tag(item.id), claimed);
        }
        if let Some(remote) = remote {
            remove(by_remote, remote, claimed);
        }
        drop(claims);
        lock(&self.session_locks).retain(|session, lock| *session != claim.session.id || Arc::strong_count(lock) > 1);
    }

    /// Writes changes of one session; a failure is remembered, for it ends the run.
    pub(super) async fn apply(&self, claimed: &ClaimedSession, changes: Vec<Change>) -> Result<()> {
        // One after another: a store that tries again must know which change was the last.
        let _alone = claimed.changing.lock().await;
        let ticket = claimed.ticket();
        if ticket.until.is_some_and(|until| until <= Instant::now()) && !planted::is(Bug::LeaseUnchecked) {
            return Err(Error::new(ErrorKind::LeaseLost, "the lease ended"));
        }
        self.store.apply(&ticket, changes).await.inspect_err(|e| self.remember(e))
    }

    /// A session may be about to exist: on disk before the first byte of the request.
    pub(super) async fn creating(&self, claimed: &ClaimedSession) -> Result<(), JournalError> {
        self.apply(claimed, vec![Change::Creating]).await.map_err(into_journal_error)?;
        chaos::point("creating-durable");
        Ok(())
    }

    pub(super) fn remember(&self, error: &Error) {
        if error.kind() != ErrorKind::LeaseLost {
            lock(&self.failed).get_or_insert_with(|| Error::new(error.kind(), error.to_string()));
        }
    }

    pub(super) fn failed(&self) -> Option<Error> {
        lock(&self.failed).take()
    }

    pub(super) fn has_failed(&self) -> bool {
        lock(&self.failed).is_some()
    }

    fn claimed(&self, tag: u64) -> Result<Arc<ClaimedSession>, JournalError> {
        let found = lock(&self.claims).by_item.get(&claimed::tag(id(tag))).cloned();
        found.ok_or_else(|| JournalError::item("the item's session is no longer claimed"))
    }

    fn session(&self, remote: &SessionId) -> Result<Arc<ClaimedSession>, JournalError> {
        let found = lock(&self.claims).by_remote.get(remote).cloned();
        found.ok_or_else(|| JournalError::item("the session is no longer claimed"))
    }
}

impl Journal for StoreJournal {
    fn read<'a>(&'a self, item: &'a pipeline::Item, input: &'a [u8; 32]) -> Entry<'a, Admit> {
        Box::pin(async move {
            let (claimed, id) = (self.claimed(item.tag)?, id(item.tag));
            let begun = claimed.with(id, |progress| {
                progress.sha256 = Some(*input);
                progress.state == ItemState::Sending || !progress.before.is_empty()
            });
            // What may be on the other side already, or is in part, is not judged by its content.
            if !self.dedupe || begun == Some(true) {
                return Ok(Admit::Proceed);
            }
            Ok(claimed.duplicate_of(id, input).map_or(Admit::Proceed, |of| Admit::Duplicate { of: claimed::tag(of) }))
        })
    }

    fn pressed<'a>(&'a self, item: &'a pipeline::Item, output: &'a Output) -> Entry<'a> {
        Box::pin(async move {
            self.claimed(item.tag)?.pressed(id(item.tag), output);
            Ok(())
        })
    }

    fn sending<'a>(&'a self, item: &'a pipeline::Item, _attempt: u32) -> Entry<'a, Permission> {
        Box::pin(async move {
            let (claimed, id) = (self.claimed(item.tag)?, id(item.tag));
            let progress = claimed.progress(id).ok_or_else(|| JournalError::item("an item of another session"))?;
            let (Some(sha256), Some(bytes_out), Some(format)) = (progress.sha256, progress.bytes_out, progress.format)
            else {
                return Err(JournalError::item("an item that was never pressed"));
            };
            let mut changes = Vec::with_capacity(2);
            if progress.state != ItemState::Sending {
                let (bytes_in, pieces) = (progress.bytes_in.unwrap_or_default(), progress.pieces);
                changes.push(Change::Prepared { item: id, sha256, bytes_in, bytes_out, format, pieces });
            }
            let sent_sha256 = progress.sent_sha256;
            changes.push(Change::Sending { item: id, bytes_out, format, sent_sha256 });
            chaos::point("before-sending-durable");
            self.apply(&claimed, changes).await.map_err(into_journal_error)?;
            chaos::point("sending-durable");
            claimed.with(id, |progress| progress.state = ItemState::Sending);
            Ok(match claimed.ticket().until.filter(|_| !planted::is(Bug::LeaseUnchecked)) {
                Some(until) => {
                    let last = until.checked_sub(MARGIN).unwrap_or_else(Instant::now);
                    Permission::until(last)
                }
                None => Permission::default(),
            })
        })
    }

    fn not_sent<'a>(&'a self, item: &'a pipeline::Item, _attempt: u32) -> Entry<'a> {
        Box::pin(async move {
            let (claimed, id) = (self.claimed(item.tag)?, id(item.tag));
            if claimed.progress(id).is_some_and(|progress| progress.state == ItemState::Sending) {
                let mut doubts = claimed.take_doubts(id);
                if planted::is(Bug::ReturnedUndoubted) {
                    doubts = 0;
                }
                self.apply(&claimed, vec![Change::Returned { item: id, doubts }]).await.map_err(into_journal_error)?;
                claimed.with(id, |progress| progress.state = ItemState::Prepared);
            }
            Ok(())
        })
    }

    fn doubted<'a>(&'a self, item: &'a pipeline::Item, _attempt: u32) -> Entry<'a> {
        Box::pin(async move {
            // Until the next change the journal says `sending`, which is a doubt by itself.
            self.claimed(item.tag)?.with(id(item.tag), |progress| progress.new_doubts += 1);
            Ok(())
        })
    }

    fn known<'a>(&'a self, session: &'a SessionId) -> Entry<'a, Vec<Known>> {
        Box::pin(async move { Ok(self.session(session)?.known()) })
    }

    fn counted<'a>(&'a self, session: &'a SessionId, count: &'a Submission) -> Entry<'a> {
        Box::pin(async move {
            let (unaccounted, missing) = (count.unaccounted.unwrap_or(0), count.missing.unwrap_or(0));
            let ids = (!count.unaccounted_ids.is_empty()).then(|| {
                let ids: Vec<&str> = count.unaccounted_ids.iter().map(MediaId::as_str).collect();
                ids.join(" ")
            });
            let claimed = self.session(session)?;
            self.apply(&claimed, vec![Change::Counted { unaccounted, missing, ids }]).await.map_err(into_journal_error)
        })
    }

    fn submitting<'a>(&'a self, session: &'a SessionId) -> Entry<'a> {
        Box::pin(async move {
            let claimed = self.session(session)?;
            self.apply(&claimed, vec![Change::Submitting]).await.map_err(into_journal_error)?;
            claimed.submitting.store(true, Ordering::Release);
            chaos::point("submitting-durable");
            Ok(())
        })
    }

    fn submitted<'a>(&'a self, session: &'a SessionId, _submission: &'a Submission) -> Entry<'a> {
        Box::pin(async move {
            chaos::point("submitted-not-noted");
            let claimed = self.session(session)?;
            self.apply(&claimed, vec![Change::Submitted]).await.map_err(into_journal_error)
        })
    }
}

fn remove<K, Q>(open: &mut HashMap<K, Arc<ClaimedSession>>, key: &Q, claimed: &Arc<ClaimedSession>)
where
    K: std::borrow::Borrow<Q> + Eq + std::hash::Hash,
    Q: Eq + std::hash::Hash + ?Sized,
{
    if open.get(key).is_some_and(|there| Arc::ptr_eq(there, claimed)) {
        open.remove(key);
    }
}

fn into_journal_error(error: Error) -> JournalError {
    match error.kind() {
        ErrorKind::LeaseLost => JournalError::item(error.to_string()),
        _ => JournalError::fatal(error.to_string()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
