//! The pipeline's journal, kept in the store: every hook finds its session's claim here.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sealpress_client::{Context, MediaId, SessionId};
use sealpress_media::Format;
use sealpress_pipeline as pipeline;
use sealpress_pipeline::planted::{self, Bug};
use sealpress_pipeline::{Admit, Doubt, Entry, Journal, JournalError, Known, Output, Permission, Submission};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::chaos;
use crate::error::{Error, ErrorKind, Result};
use crate::store::state::{Change, ItemState, SessionState, Via};
use crate::store::{Claim, Store, Ticket};

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

/// One claimed session.
pub(super) struct ClaimedSession {
    ticket: Mutex<Ticket>,
    /// In the order of the manifest.
    state: Mutex<BTreeMap<i64, ItemProgress>>,
    /// Whether we made it, or would: a subject of the manifest's.
    is_ours: bool,
    /// A submit may be on the wire.
    submitting: AtomicBool,
    /// The provider's session ended without us.
    gone: AtomicBool,
    /// Held for the length of a change.
    changing: tokio::sync::Mutex<()>,
    /// Failures that are held back, and one more while the session is worked on: who brings it to
    /// none gives the session back.
    holds: AtomicUsize,
}

/// What is known of one item while its session is claimed.
#[derive(Clone, Debug)]
pub(super) struct ItemProgress {
    pub(super) context: Context,
    pub(super) state: ItemState,
    pub(super) sha256: Option<[u8; 32]>,
    pub(super) bytes_in: Option<u64>,
    pub(super) bytes_out: Option<u64>,
    pub(super) format: Option<Format>,
    pub(super) media_id: Option<MediaId>,
    /// SHA-256 of what is sent.
    pub(super) sent_sha256: Option<[u8; 32]>,
    /// Whether another item was sent in its place.
    pub(super) is_duplicate: bool,
    /// When its first attempt was made whose outcome is unclear.
    pub(super) sent: Option<Instant>,
    /// Whether a listing showed one of its unclear attempts: that one left nothing further.
    pub(super) is_found: bool,
    /// Doubts about its attempts that the journal has.
    pub(super) doubts: u32,
    /// Doubts that it is still to be told: they ride on the item's next change.
    pub(super) new_doubts: u32,
}

impl ItemProgress {
    /// What was or will be sent, as far as a listing shows it.
    pub(super) fn sent(&self) -> Option<Doubt> {
        self.bytes_out.zip(self.format).map(|(size, format)| Doubt { size, format, sha256: self.sent_sha256 })
    }
}

impl ClaimedSession {
    pub(super) fn new(claim: &Claim) -> Self {
        let progress = |item: &crate::store::Item| ItemProgress {
            context: item.context.clone(),
            state: item.state,
            sha256: item.sha256,
            bytes_in: None,
            bytes_out: item.bytes_out,
            format: item.format,
            media_id: item.media_id.clone(),
            sent_sha256: item.sent_sha256,
            is_duplicate: item.duplicate_of.is_some(),
            sent: item.sent_ago.and_then(|ago| Instant::now().checked_sub(ago)),
            is_found: item.via == Some(Via::Listing),
            doubts: item.doubts,
            // A process died here, or a pass ended before the listing could be had: that pass has told.
            new_doubts: u32::from(item.state == ItemState::Sending),
        };
        let items = claim.items.iter().map(|item| (item.id, progress(item))).collect();
        let submitting = AtomicBool::new(claim.session.state == SessionState::Submitting);
        Self {
            ticket: Mutex::new(claim.ticket.clone()),
            state: Mutex::new(items),
            is_ours: claim.session.subject.is_some(),
            submitting,
            gone: AtomicBool::new(false),
            changing: tokio::sync::Mutex::default(),
            holds: AtomicUsize::new(1),
        }
    }

    /// One more reason not to give the session back.
    pub(super) fn hold(&self) {
        self.holds.fetch_add(1, Ordering::AcqRel);
    }

    /// One reason less. Whether it was the last.
    pub(super) fn let_go(&self) -> bool {
        self.holds.fetch_sub(1, Ordering::AcqRel) == 1
    }

    pub(super) fn ticket(&self) -> Ticket {
        lock(&self.ticket).clone()
    }

    pub(super) fn renewed(&self, until: Option<Instant>) {
        lock(&self.ticket).until = until;
    }

    pub(super) fn progress(&self, item: i64) -> Option<ItemProgress> {
        lock(&self.state).get(&item).cloned()
    }

    pub(super) fn with<T>(&self, item: i64, change: impl FnOnce(&mut ItemProgress) -> T) -> Option<T> {
        lock(&self.state).get_mut(&item).map(change)
    }

    pub(super) fn is_submitting(&self) -> bool {
        self.submitting.load(Ordering::Acquire)
    }

    /// The provider's session ended without us: nothing more is sent to it.
    pub(super) fn set_gone(&self) {
        self.gone.store(true, Ordering::Release);
    }

    pub(super) const fn is_ours(&self) -> bool {
        self.is_ours
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Whether every item is, but for those that were left out as told; and there is one.
    pub(super) fn all_confirmed(&self) -> bool {
        let items = lock(&self.state);
        let is = |wanted| move |progress: &ItemProgress| progress.state == wanted;
        let (confirmed, dropped) = (is(ItemState::Confirmed), is(ItemState::Dropped));
        items.values().any(confirmed) && items.values().all(|progress| confirmed(progress) || dropped(progress))
    }

    /// The confirmed item of this context that has the same content.
    pub(super) fn duplicate_of(&self, item: i64, sha256: &[u8; 32]) -> Option<i64> {
        let items = lock(&self.state);
        let mine = items.get(&item)?;
        let same = |progress: &ItemProgress| {
            progress.state == ItemState::Confirmed
                && progress.context == mine.context
                && progress.sha256.as_ref() == Some(sha256)
        };
        items.iter().filter(|(id, progress)| **id != item && same(progress)).map(|(id, _)| *id).min()
    }

    /// Doubts that ride on the change that is about to be written.
    pub(super) fn take_doubts(&self, item: i64) -> u32 {
        let taken = self.with(item, |progress| {
            progress.doubts += progress.new_doubts;
            std::mem::take(&mut progress.new_doubts)
        });
        taken.unwrap_or_default()
    }

    /// What was sent of this session: confirmed, in doubt, or in doubt once and not found.
    fn known(&self) -> Vec<Known> {
        let items = lock(&self.state);
        let known = |(item, progress): (&i64, &ItemProgress)| {
            let sent = progress.sent();
            let doubts = (progress.doubts + progress.new_doubts).saturating_sub(u32::from(progress.is_found));
            let (tag, context) = (tag(*item), progress.context.clone());
            match (progress.state, &progress.media_id) {
                (ItemState::Confirmed, Some(id)) if !progress.is_duplicate => {
                    let known = Known::confirmed(tag, context, sent, id.clone(), doubts);
                    Some(if progress.is_found { known.after_a_doubt() } else { known })
                }
                (ItemState::Sending | ItemState::Quarantined, _) => {
                    let ago = progress.sent.map(|at| at.elapsed());
                    Some(Known::in_doubt(tag, context, sent, doubts).with_sent_ago(ago))
                }
                _ if doubts > 0 => Some(Known::not_found(tag, context, sent, doubts)),
                _ => None,
            }
        };
        items.iter().filter_map(known).collect()
    }
}

impl StoreJournal {
    pub(super) fn new(store: Arc<dyn Store>, dedupe: bool) -> Self {
        Self { store, dedupe, claims: Mutex::default(), session_locks: Mutex::default(), failed: Mutex::new(None) }
    }

    /// Lets the hooks find the session.
    pub(super) fn register(&self, claim: &Claim, claimed: &Arc<ClaimedSession>) {
        let mut claims = lock(&self.claims);
        for item in &claim.items {
            claims.by_item.insert(tag(item.id), Arc::clone(claimed));
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
            remove(by_item, &tag(item.id), claimed);
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
        let found = lock(&self.claims).by_item.get(&tag).cloned();
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
            let state = claimed.with(id, |progress| {
                progress.sha256 = Some(*input);
                progress.state
            });
            // What may be on the other side already is looked up, not judged by its content.
            if !self.dedupe || state == Some(ItemState::Sending) {
                return Ok(Admit::Proceed);
            }
            Ok(claimed.duplicate_of(id, input).map_or(Admit::Proceed, |of| Admit::Duplicate { of: tag(of) }))
        })
    }

    fn pressed<'a>(&'a self, item: &'a pipeline::Item, output: &'a Output) -> Entry<'a> {
        Box::pin(async move {
            self.claimed(item.tag)?.with(id(item.tag), |progress| {
                progress.sha256 = Some(output.input_sha256);
                progress.bytes_in = Some(output.input_size);
                progress.bytes_out = Some(output.size);
                progress.format = Some(output.format);
                progress.sent_sha256 = Some(output.sha256);
            });
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
                let bytes_in = progress.bytes_in.unwrap_or_default();
                changes.push(Change::Prepared { item: id, sha256, bytes_in, bytes_out, format });
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

/// The journal's numbers are positive.
pub(super) const fn tag(item: i64) -> u64 {
    item.unsigned_abs()
}

const fn id(tag: u64) -> i64 {
    tag.cast_signed()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
