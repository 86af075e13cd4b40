//! One claimed session, and what is known of its items while it is worked on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sealpress_client::{Context, MediaId};
use sealpress_media::Format;
use sealpress_pipeline::{Doubt, Known, Output, Timings};
use tokio::time::Instant;

use crate::store::state::{ItemState, SessionState, Via};
use crate::store::{Claim, Piece, Remembered, Ticket};

/// One claimed session.
pub(super) struct ClaimedSession {
    ticket: Mutex<Ticket>,
    /// In the order of the manifest.
    state: Mutex<BTreeMap<i64, ItemProgress>>,
    /// What attempts in doubt looked like.
    remembered: Mutex<Vec<Remembered>>,
    /// Whether we made it, or would: a subject of the manifest's.
    is_ours: bool,
    /// A submit may be on the wire.
    pub(super) submitting: AtomicBool,
    /// The provider's session ended without us.
    gone: AtomicBool,
    /// Held for the length of a change.
    pub(super) changing: tokio::sync::Mutex<()>,
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
    /// Of which burst it is a frame.
    pub(super) burst: Option<String>,
    /// How many files it leaves as: all that is said above of what is sent is said of the next of them.
    pub(super) pieces: u32,
    /// Those before it, which the provider has.
    pub(super) before: Vec<Piece>,
    /// What these took in this run.
    pub(super) spent: Timings,
    /// Doubts about its attempts that the journal has.
    pub(super) doubts: u32,
    /// Doubts that it is still to be told: they ride on the item's next change.
    pub(super) new_doubts: u32,
}

impl ItemProgress {
    /// What was or will be sent, as far as a listing shows it.
    pub(super) fn sent(&self) -> Option<Doubt> {
        doubt(self.bytes_out, self.format, self.sent_sha256)
    }

    /// Which of its pieces is the next, from 0.
    pub(super) fn piece(&self) -> u32 {
        u32::try_from(self.before.len()).unwrap_or(u32::MAX)
    }

    /// Whether what is sent next is all that is left of it.
    pub(super) fn is_last_piece(&self) -> bool {
        self.piece().saturating_add(1) >= self.pieces
    }

    /// The provider has the next piece of it, of several.
    pub(super) fn keep_piece(&mut self, media_id: MediaId, via: Via) {
        self.before.push(Piece {
            media_id,
            via: Some(via),
            doubts: std::mem::take(&mut self.doubts),
            bytes_out: self.bytes_out,
            format: self.format,
            sent_sha256: self.sent_sha256,
        });
        (self.state, self.sent) = (ItemState::Prepared, None);
    }

    /// From the first piece on again; what the provider has of it stands for nothing any more.
    pub(super) fn begin_anew(&mut self) -> Vec<MediaId> {
        (self.state, self.pieces, self.sent) = (ItemState::Pending, 1, None);
        std::mem::take(&mut self.before).into_iter().map(|piece| piece.media_id).collect()
    }
}

fn doubt(size: Option<u64>, format: Option<Format>, sha256: Option<[u8; 32]>) -> Option<Doubt> {
    size.zip(format).map(|(size, format)| Doubt { size, format, sha256 })
}

impl ClaimedSession {
    pub(super) fn new(claim: &Claim) -> Self {
        // Of a duplicate they are the other item's.
        let before = |item: &crate::store::Item| match item.duplicate_of {
            Some(_) => Vec::new(),
            None => item.before.clone(),
        };
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
            burst: item.burst.clone(),
            pieces: item.pieces,
            before: before(item),
            spent: Timings::default(),
            doubts: item.doubts.saturating_sub(before(item).iter().map(|piece| piece.doubts).sum()),
            // A process died here, or a pass ended before the listing could be had: that pass has told.
            new_doubts: u32::from(item.state == ItemState::Sending),
        };
        let items = claim.items.iter().map(|item| (item.id, progress(item))).collect();
        let submitting = AtomicBool::new(claim.session.state == SessionState::Submitting);
        Self {
            ticket: Mutex::new(claim.ticket.clone()),
            state: Mutex::new(items),
            remembered: Mutex::new(claim.doubts.clone()),
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

    /// Whether every item is, but for those that were left out; and there is one.
    pub(super) fn all_confirmed(&self) -> bool {
        let items = lock(&self.state);
        let is = |wanted| move |progress: &ItemProgress| progress.state == wanted;
        let (confirmed, dropped, rest) = (is(ItemState::Confirmed), is(ItemState::Dropped), is(ItemState::NotChosen));
        items.values().any(confirmed) && items.values().all(|item| confirmed(item) || dropped(item) || rest(item))
    }

    /// The confirmed item of this context that has the same content, and was itself sent.
    pub(super) fn duplicate_of(&self, item: i64, sha256: &[u8; 32]) -> Option<i64> {
        let items = lock(&self.state);
        let mine = items.get(&item)?;
        let same = |progress: &ItemProgress| {
            progress.state == ItemState::Confirmed
                && !progress.is_duplicate
                && progress.context == mine.context
                && progress.sha256.as_ref() == Some(sha256)
        };
        items.iter().filter(|(id, progress)| **id != item && same(progress)).map(|(id, _)| *id).min()
    }

    /// The frames of this one's burst of which nothing was sent, in the order of the manifest, and how many of them
    /// may be: where that is not all of them.
    pub(super) fn undecided(&self, item: i64, best: usize) -> Option<(Vec<i64>, usize)> {
        let items = lock(&self.state);
        let one = items.get(&item)?;
        one.burst.as_ref()?;
        let (mut open, mut taken) = (Vec::new(), 0);
        for (id, frame) in items.iter().filter(|(_, it)| it.burst == one.burst && it.context == one.context) {
            match frame.state {
                ItemState::Pending | ItemState::Prepared => open.push(*id),
                ItemState::Sending | ItemState::Confirmed | ItemState::Quarantined => taken += 1,
                ItemState::Failed | ItemState::Dropped | ItemState::NotChosen => {}
            }
        }
        let left = best.saturating_sub(taken);
        (open.len() > left).then_some((open, left))
    }

    /// The item was pressed: its file may be another than the one whose attempts are in doubt.
    pub(super) fn pressed(&self, item: i64, output: &Output) {
        self.remember(item);
        self.with(item, |progress| {
            progress.sha256 = Some(output.input_sha256);
            progress.bytes_in = Some(output.input_size);
            progress.bytes_out = Some(output.size);
            progress.format = Some(output.format);
            progress.sent_sha256 = Some(output.sha256);
        });
    }

    /// Keeps how attempts of an item looked that are in doubt.
    fn remember(&self, item: i64) {
        let doubted = self.progress(item).filter(|progress| progress.new_doubts > 0);
        let Some(progress) = doubted else { return };
        let (sent, piece, context, times) = (progress.sent(), progress.piece(), progress.context, progress.new_doubts);
        let mut remembered = lock(&self.remembered);
        let same = |of: &Remembered| of.item == item && of.piece == piece && of.context == context && of.sent == sent;
        if !remembered.iter().any(same) {
            remembered.push(Remembered { item, piece, context, sent, times });
        }
    }

    /// Doubts that ride on the change that is about to be written.
    pub(super) fn take_doubts(&self, item: i64) -> u32 {
        self.remember(item);
        let taken = self.with(item, |progress| {
            progress.doubts += progress.new_doubts;
            std::mem::take(&mut progress.new_doubts)
        });
        taken.unwrap_or_default()
    }

    /// What was sent of this session: confirmed, in doubt, or in doubt once and not found.
    pub(super) fn known(&self) -> Vec<Known> {
        let items = lock(&self.state);
        let remembered = lock(&self.remembered).clone();
        // What is known of a piece of an item, with what attempts looked like that look otherwise now.
        let of_piece = |item: i64, progress: &ItemProgress, piece: u32, known: Known| {
            let of = remembered.iter().filter(|of| of.is_of(item, piece, &progress.context));
            let earlier = of.filter(|of| of.sent != known.sent).map(|of| of.sent).collect();
            known.looked_like(earlier)
        };
        let before = |(item, progress): (&i64, &ItemProgress)| -> Vec<Known> {
            let known = |(n, piece): (u32, &Piece)| {
                let is_found = piece.via == Some(Via::Listing);
                let sent = doubt(piece.bytes_out, piece.format, piece.sent_sha256);
                let doubts = piece.doubts.saturating_sub(u32::from(is_found));
                let (tag, context) = (piece_tag(*item, n), progress.context.clone());
                let known = Known::confirmed(tag, context, sent, piece.media_id.clone(), doubts);
                of_piece(*item, progress, n, if is_found { known.after_a_doubt() } else { known })
            };
            (0..).zip(&progress.before).map(known).collect()
        };
        let known = |(item, progress): (&i64, &ItemProgress)| {
            let sent = progress.sent();
            let doubts = (progress.doubts + progress.new_doubts).saturating_sub(u32::from(progress.is_found));
            let (tag, context) = (piece_tag(*item, progress.piece()), progress.context.clone());
            let ago = progress.sent.map(|at| at.elapsed());
            let known = match (progress.state, &progress.media_id) {
                (ItemState::Confirmed, Some(id)) if !progress.is_duplicate => {
                    let known = Known::confirmed(tag, context, sent, id.clone(), doubts);
                    Some(if progress.is_found { known.after_a_doubt() } else { known })
                }
                (ItemState::Sending | ItemState::Quarantined, _) => {
                    Some(Known::in_doubt(tag, context, sent, doubts).with_sent_ago(ago))
                }
                _ if doubts > 0 => Some(Known::not_found(tag, context, sent, doubts).with_sent_ago(ago)),
                _ => None,
            };
            known.map(|known| of_piece(*item, progress, progress.piece(), known))
        };
        // Of items, or pieces of them, that stand elsewhere now.
        let is_here =
            |of: &Remembered| items.get(&of.item).is_some_and(|it| it.context == of.context && of.piece <= it.piece());
        let elsewhere = remembered.iter().filter(|of| !is_here(of)).zip(0..);
        let elsewhere = elsewhere.map(|(of, n)| Known::not_found(ELSEWHERE | n, of.context.clone(), of.sent, of.times));
        items.iter().flat_map(before).chain(items.iter().filter_map(known)).chain(elsewhere).collect()
    }
}

/// What no item and no piece of one is numbered by.
const ELSEWHERE: u64 = 1 << 63;

/// Bits of an item's number; above them stands which of its pieces is meant.
const NUMBER: u32 = 40;

/// The journal's numbers are positive, and fewer than a trillion.
pub(super) const fn tag(item: i64) -> u64 {
    piece_tag(item, 0)
}

/// The pipeline's number for a piece of an item, from 0: each is a file of its own there.
pub(super) const fn piece_tag(item: i64, piece: u32) -> u64 {
    item.unsigned_abs() | (piece as u64) << NUMBER
}

pub(super) const fn id(tag: u64) -> i64 {
    (tag & ((1 << NUMBER) - 1)).cast_signed()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use sealpress_client::SessionId;

    use super::*;
    use crate::store::{Item, Session};

    fn sent(size: u64) -> Option<Doubt> {
        doubt(Some(size), Some(Format::Jpeg), Some([9; 32]))
    }

    fn item(id: i64, state: ItemState, doubts: u32) -> Item {
        Item {
            id,
            context: Context::Face,
            media: format!("{id}.jpg"),
            timestamp: None,
            burst: None,
            state,
            attempt: 2,
            sha256: None,
            bytes_out: Some(5000),
            format: Some(Format::Jpeg),
            media_id: None,
            sent_sha256: Some([9; 32]),
            doubts,
            duplicate_of: None,
            via: None,
            sent_ago: None,
            pieces: 1,
            before: Vec::new(),
        }
    }

    fn claimed(items: Vec<Item>, doubts: Vec<Remembered>) -> ClaimedSession {
        let session = Session {
            id: 1,
            subject: None,
            first_name: None,
            last_name: None,
            vendor_data: None,
            remote: Some(SessionId::new("s").unwrap()),
            state: SessionState::Open,
        };
        let ticket = Ticket { session: 1, owner: "me".to_owned(), until: None };
        ClaimedSession::new(&Claim { ticket, session, items, doubts })
    }

    fn remembered(item: i64, context: Context, sent: Option<Doubt>) -> Remembered {
        Remembered { item, piece: 0, context, sent, times: 1 }
    }

    /// What a claim tells of attempts in doubt: as they looked then, and where.
    #[test]
    fn attempts_in_doubt_are_told_as_they_looked() {
        let doubts = vec![
            remembered(1, Context::Face, sent(1000)),
            remembered(1, Context::Face, sent(5000)),
            remembered(1, Context::Face, None),
            remembered(2, Context::DocumentFront, sent(700)),
            remembered(9, Context::Face, sent(800)),
        ];
        let items = vec![item(1, ItemState::Prepared, 3), item(2, ItemState::Confirmed, 0)];
        let known = claimed(items, doubts).known();
        let [one, moved, gone] = &known[..] else { panic!("{known:?}") };
        assert_eq!((one.sent, &one.earlier, one.doubts), (sent(5000), &vec![sent(1000), None], 3));
        assert_eq!((&moved.context, moved.sent, moved.in_doubt), (&Context::DocumentFront, sent(700), false));
        assert_eq!((&gone.context, gone.sent, gone.doubts), (&Context::Face, sent(800), 1));
        assert!(moved.tag != gone.tag && ![1, 2, 9].contains(&moved.tag) && ![1, 2, 9].contains(&gone.tag));
    }

    /// A file that is another by the time it is pressed: what it was is remembered by then.
    #[test]
    fn a_file_that_changes_under_a_claim_is_remembered() {
        let claimed = claimed(vec![item(1, ItemState::Sending, 0)], Vec::new());
        claimed.with(1, |progress| (progress.bytes_out, progress.sent_sha256) = (Some(1000), Some([9; 32])));
        claimed.remember(1);
        claimed.with(1, |progress| progress.bytes_out = Some(5000));
        assert_eq!(claimed.take_doubts(1), 1);
        let known = claimed.known();
        assert_eq!((known[0].sent, &known[0].earlier), (sent(5000), &vec![sent(1000)]));
    }
}
