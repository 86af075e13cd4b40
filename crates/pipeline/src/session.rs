//! What is known of a session while jobs of it run: who is confirmed by which media, which uploads
//! look alike in the vendor's list, and whose outcome is unclear.

mod claims;
mod sessions;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sealpress_client::{Context, MediaId};
use sealpress_media::Format;
use tokio::sync::{Notify, OnceCell, RwLock};

use crate::job::Doubt;
use crate::journal::Known;
use crate::planted::{self, Bug};
use claims::Claims;
use sessions::Keep;
pub(crate) use sessions::Sessions;

/// What is known of one session while jobs of it run.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// POSTs hold it for reading, a look for writing: while a listing is matched, nothing of the
    /// session is on its way, and two looks cannot claim the same entry.
    pub(crate) gate: RwLock<()>,
    /// Done once what the journal knows of earlier runs was taken in.
    pub(crate) recalled: OnceCell<()>,
    tally: Mutex<Tally>,
    /// Some upload's outcome became clear, or nobody tries to clear it any more.
    cleared: Notify,
    /// A job ended.
    ended: Notify,
}

#[derive(Debug, Default)]
struct Tally {
    /// Media that items of this run are confirmed by.
    claimed: Claims,
    /// Everything that was ever on its way to this session, by the items' numbers.
    uploads: HashMap<u64, Upload>,
    /// What the vendor served back: SHA-256 by media id.
    content: HashMap<MediaId, [u8; 32]>,
    /// Items left until the session may be submitted, where somebody said how many there are.
    left: Option<usize>,
    /// Items that were counted off it.
    counted: HashSet<u64>,
    /// Items of which a job runs.
    running: HashSet<u64>,
    /// An outcome was unclear, now or in an earlier run: worth counting before the submission.
    doubted: bool,
    /// Submitted: nothing of it needs to be remembered.
    finished: bool,
}

/// One item's trace in the session.
#[derive(Clone, Debug)]
struct Upload {
    context: Context,
    /// Of every attempt, the last one last: the file may have changed in between, and each may have left an entry.
    looks: Vec<(u64, Format)>,
    /// An earlier run did not write it down: what it left may look like anything.
    is_anything: bool,
    /// Attempts whose outcome was unclear, cleared ones included: each may have left an entry.
    doubts: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing of it is unclear.
    Clear,
    /// Unclear, and its job will look before it ends.
    InDoubt,
    /// Unclear, and no job at the wire is about to clear it.
    Left,
}

/// Whether an item may be sent as far as its look-alikes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// None of them is in doubt.
    Clear,
    /// One is, and is about to be looked up.
    Wait,
    /// One is, and nobody looks.
    Blocked,
}

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Became {
    /// The vendor has it under this id, of this size and format.
    Confirmed(MediaId, u64, Format),
    /// It may have arrived.
    InDoubt,
    /// It was not sent, or did not arrive.
    Open,
}

/// Items that a listing cannot tell from the one that is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LookAlikes {
    /// How many there are.
    pub(crate) items: usize,
    /// Unclear attempts of theirs: entries that may be theirs.
    pub(crate) doubts: usize,
    /// Those that are confirmed by an id which the list does not show: each has an entry all the same,
    /// under another id.
    pub(crate) unlisted: usize,
}

impl Session {
    /// Takes in what the journal knows of earlier runs.
    pub(crate) fn recall(&self, known: Vec<Known>) {
        let mut tally = self.lock();
        for Known { tag, context, sent, earlier, media_id, in_doubt, doubts, was_found, .. } in known {
            if media_id.is_none() && !in_doubt && planted::is(Bug::NotFoundForgotten) {
                continue;
            }
            tally.doubted |= doubts > 0 || was_found;
            let state = if in_doubt { State::Left } else { State::Clear };
            if let Some(id) = media_id {
                tally.claimed.insert_first(id, tag);
            }
            let doubts = usize::try_from(doubts).unwrap_or(usize::MAX);
            let is_anything = sent.is_none() || earlier.contains(&None);
            let mut looks: Vec<(u64, Format)> = Vec::new();
            for Doubt { size, format, .. } in earlier.into_iter().chain([sent]).flatten() {
                looks.retain(|of| *of != (size, format));
                looks.push((size, format));
            }
            tally.uploads.entry(tag).or_insert(Upload { context, looks, is_anything, doubts, state });
        }
    }

    /// Counts `media_id` as this item's. False if another item has it already.
    pub(crate) fn claim(&self, media_id: &MediaId, item: u64) -> bool {
        let mut tally = self.lock();
        let is_free = !tally.claimed.is_anothers(media_id, item);
        if is_free {
            tally.claimed.insert(media_id.clone(), item);
        }
        is_free
    }

    /// Whether an item other than this one is confirmed by `media_id`. An item that was answered
    /// before, and whose journal could not take it down, is the same item.
    pub(crate) fn is_anothers(&self, media_id: &MediaId, item: u64) -> bool {
        self.lock().claimed.is_anothers(media_id, item)
    }

    /// These stand for no item any more.
    pub(crate) fn disown(&self, media: &[MediaId]) {
        self.lock().claimed.remove(media);
    }

    pub(crate) fn claimed(&self) -> HashSet<MediaId> {
        self.lock().claimed.media().cloned().collect()
    }

    /// An attempt is about to be made.
    pub(crate) fn sending(&self, item: u64, context: &Context, looks: (u64, Format)) {
        let mut tally = self.lock();
        tally.upload(item, context).looks_like(looks);
    }

    /// An attempt's outcome is unclear; its job is at the wire and will look.
    pub(crate) fn doubt(&self, item: u64, context: &Context, looks: Option<(u64, Format)>) {
        let mut tally = self.lock();
        tally.doubted = true;
        let upload = tally.upload(item, context);
        match looks {
            Some(looks) => upload.looks_like(looks),
            None => upload.is_anything |= upload.looks.is_empty(),
        }
        // A doubt that an earlier run left is counted already.
        upload.doubts += usize::from(upload.state == State::Clear || upload.doubts == 0);
        upload.state = State::InDoubt;
    }

    /// A job left the wire for a while: its look-alikes do not wait for it.
    pub(crate) fn leave(&self, item: u64) {
        self.set(item, |state| if state == State::InDoubt { State::Left } else { state });
    }

    /// The outcome of every attempt of it is clear.
    pub(crate) fn clear(&self, item: u64) {
        self.set(item, |_| State::Clear);
        if planted::is(Bug::DoubtForgotten) {
            self.lock().uploads.remove(&item);
        }
    }

    /// The same, and an entry of a listing was found to be one of its unclear attempts: that attempt left
    /// no further one.
    pub(crate) fn found(&self, item: u64) {
        if let Some(upload) = self.lock().uploads.get_mut(&item) {
            upload.doubts = upload.doubts.saturating_sub(1);
        }
        self.clear(item);
    }

    /// Whether an attempt of this item was in doubt, in this run or an earlier one, and was not found.
    pub(crate) fn has_doubts(&self, item: u64) -> bool {
        self.lock().uploads.get(&item).is_some_and(|upload| upload.doubts > 0)
    }

    /// Whether something that looks like this item is in doubt.
    pub(crate) fn standing(&self, item: u64, context: &Context, looks: (u64, Format)) -> Standing {
        let tally = self.lock();
        let others = tally.others(item, context, Some(looks));
        let states: Vec<State> = others.map(|(_, upload)| upload.state).collect();
        if states.contains(&State::Left) {
            Standing::Blocked
        } else if states.contains(&State::InDoubt) {
            Standing::Wait
        } else {
            Standing::Clear
        }
    }

    /// Ends when some doubt of the session ended. Ask for it before [`Self::standing`].
    pub(crate) fn cleared(&self) -> tokio::sync::futures::Notified<'_> {
        self.cleared.notified()
    }

    /// Who else may stand behind an entry of a listing. `looks` is `None` where the vendor's list
    /// gives no sizes; `listed` says whether it shows an id.
    pub(crate) fn look_alikes(
        &self,
        item: u64,
        context: &Context,
        looks: Option<(u64, Format)>,
        listed: impl Fn(&MediaId) -> bool,
    ) -> LookAlikes {
        let tally = self.lock();
        let mut sum = LookAlikes::default();
        for (of, upload) in tally.others(item, context, looks) {
            sum.items += 1;
            sum.doubts += upload.doubts;
            sum.unlisted += usize::from(tally.claimed.of(*of).iter().any(|id| !listed(id)));
        }
        sum
    }

    /// SHA-256 of what the vendor stores under this id, if it was asked before.
    pub(crate) fn content(&self, media_id: &MediaId) -> Option<[u8; 32]> {
        self.lock().content.get(media_id).copied()
    }

    pub(crate) fn note_content(&self, media_id: &MediaId, sha256: [u8; 32]) {
        self.lock().content.insert(media_id.clone(), sha256);
    }

    /// The session has this many items; the first to say so is believed.
    pub(crate) fn expect(&self, items: usize) {
        self.lock().left.get_or_insert(items);
    }

    /// An item is confirmed, for the first time or again. True exactly once: for the last of them.
    pub(crate) fn confirm(&self, item: u64) -> bool {
        let mut tally = self.lock();
        let Some(left) = tally.left else { return false };
        if !tally.counted.insert(item) && !planted::is(Bug::CountedTwice) {
            return false;
        }
        tally.left = left.checked_sub(1);
        tally.left == Some(usize::from(planted::is(Bug::EarlySubmit)))
    }

    /// Begins a job's turn with its item, unless another job has it.
    fn begin(&self, item: u64) -> bool {
        self.lock().running.insert(item) || planted::is(Bug::SideBySide)
    }

    /// A job's turn with its item. An earlier job of the item, which its caller gave up, is seen to its end first;
    /// true where there was one.
    pub(crate) async fn turn(&self, item: u64) -> bool {
        let mut waited = false;
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if self.begin(item) {
                return waited;
            }
            waited = true;
            ended.await;
        }
    }

    /// The turn is over.
    pub(crate) fn end(&self, item: u64) {
        self.lock().running.remove(&item);
        self.ended.notify_waiters();
    }

    /// What became of an item so far.
    pub(crate) fn became(&self, item: u64) -> Became {
        let tally = self.lock();
        let upload = tally.uploads.get(&item);
        let media_id = tally.claimed.of(item).last().cloned();
        match (media_id, upload.and_then(|upload| upload.looks.last().copied())) {
            (Some(media_id), Some((size, format))) => Became::Confirmed(media_id, size, format),
            _ if upload.is_some_and(|upload| upload.state != State::Clear) => Became::InDoubt,
            _ => Became::Open,
        }
    }

    pub(crate) fn is_doubted(&self) -> bool {
        self.lock().doubted
    }

    pub(crate) fn finish(&self) {
        self.lock().finished = true;
    }

    fn set(&self, item: u64, change: impl FnOnce(State) -> State) {
        if let Some(upload) = self.lock().uploads.get_mut(&item) {
            upload.state = change(upload.state);
        }
        self.cleared.notify_waiters();
    }

    fn keep(&self) -> Keep {
        let tally = self.lock();
        match tally.left {
            _ if tally.finished => Keep::No,
            Some(left) if left > 0 => Keep::Yes,
            _ if tally.claimed.is_empty() && tally.uploads.values().all(|u| u.state == State::Clear) => Keep::No,
            _ => Keep::WhileThereIsRoom,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn upload(&mut self, item: u64, context: &Context) -> &mut Upload {
        let fresh = || Upload {
            context: context.clone(),
            looks: Vec::new(),
            is_anything: false,
            doubts: 0,
            state: State::Clear,
        };
        self.uploads.entry(item).or_insert_with(fresh)
    }

    /// Other uploads of this context that look the same, as far as anybody knows how they look.
    fn others(
        &self,
        item: u64,
        context: &Context,
        looks: Option<(u64, Format)>,
    ) -> impl Iterator<Item = (&u64, &Upload)> {
        self.uploads.iter().filter(move |(of, upload)| {
            let same = looks.is_none_or(|looks| upload.is_anything || upload.looks.contains(&looks));
            **of != item && upload.context == *context && same
        })
    }
}

impl Upload {
    /// How it looks now: the file may have changed since its last attempt.
    fn looks_like(&mut self, looks: (u64, Format)) {
        self.looks.retain(|of| *of != looks);
        self.looks.push(looks);
    }
}

#[cfg(test)]
mod tests;
