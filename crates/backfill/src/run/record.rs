//! How an item's pass ended, written down: confirmed, a duplicate, failed or in quarantine.

use std::sync::Arc;

use sealpress_pipeline::planted::{self, Bug};
use sealpress_pipeline::{Confirmed, Error as Refusal, ErrorKind as Why, Item as Entry, Outcome, Receipt, Timings};

use super::claimed::ClaimedSession;
use super::first::{Held, Verdict};
use super::pass::Pass;
use super::{Runner, Stopped, gone, note};
use crate::chaos;
use crate::error::{Error, ErrorKind, Result};
use crate::store::Item;
use crate::store::state::{Change, Failure, ItemState, Via};

/// Writes down how a job ended.
pub(super) async fn record(
    runner: &Runner,
    claimed: &Arc<ClaimedSession>,
    item: &Item,
    outcome: Outcome,
) -> Result<Pass> {
    runner.tally.spent(&outcome);
    let Outcome { item: Entry { session, .. }, result, summary, input_bytes, timings, .. } = outcome;
    let last = claimed.with(item.id, |progress| {
        add(&mut progress.spent, &timings);
        progress.is_last_piece().then_some(progress.spent)
    });
    match result {
        Ok(receipt) if last == Some(None) => {
            chaos::point("answered-not-noted");
            piece_confirmed(runner, claimed, item, receipt).await
        }
        Ok(receipt) => {
            let report = note::of(summary, &last.flatten().unwrap_or(timings));
            chaos::point("answered-not-noted");
            let via = via(&receipt);
            let (media_id, doubts) = (receipt.media_id.clone(), claimed.take_doubts(item.id));
            let change = Change::Confirmed { item: item.id, media_id, via, report: Some(report), doubts };
            runner.journal.apply(claimed, vec![change]).await?;
            chaos::point("confirmed-durable");
            claimed.with(item.id, |progress| {
                progress.state = ItemState::Confirmed;
                progress.media_id = Some(receipt.media_id);
                progress.is_found = via == Via::Listing;
            });
            runner.tally.sent(receipt.size);
            runner.tally.confirmed(input_bytes, via);
            // Something arrived: what was held back is the truth.
            runner.settle_first().await?;
            Ok(Pass::Ended)
        }
        Err(refusal) if refusal.kind() == Why::Duplicate => duplicate(runner, claimed, item, input_bytes).await,
        Err(refusal) => {
            let bytes_in = (input_bytes > 0).then_some(input_bytes);
            match gone::blame(runner, &session, &refusal).await {
                gone::Blame::Session => session_gone(runner, claimed, item).await,
                gone::Blame::Refused => refused(runner, claimed, item, refusal, bytes_in).await,
                gone::Blame::Open(error) => refused(runner, claimed, item, error, bytes_in).await,
            }
        }
    }
}

const fn via(receipt: &Receipt) -> Via {
    match receipt.how {
        Confirmed::Listed => Via::Listing,
        _ => Via::Receipt,
    }
}

/// One of several files that an item leaves as is there; the item is when the last of them is.
async fn piece_confirmed(
    runner: &Runner,
    claimed: &Arc<ClaimedSession>,
    item: &Item,
    receipt: Receipt,
) -> Result<Pass> {
    let (via, doubts) = (via(&receipt), claimed.take_doubts(item.id));
    let media_id = receipt.media_id;
    let change = Change::PieceConfirmed { item: item.id, media_id: media_id.clone(), via, doubts };
    runner.journal.apply(claimed, vec![change]).await?;
    chaos::point("confirmed-durable");
    claimed.with(item.id, |progress| progress.keep_piece(media_id, via));
    runner.tally.sent(receipt.size);
    runner.settle_first().await?;
    Ok(Pass::NextPiece)
}

/// What all pieces of an item took is what the item took.
fn add(spent: &mut Timings, piece: &Timings) {
    spent.read += piece.read;
    spent.press += piece.press;
    spent.sign += piece.sign;
    spent.wait += piece.wait;
    spent.send += piece.send;
    spent.total += piece.total;
}

/// An item that was refused because its session is gone.
async fn session_gone(runner: &Runner, claimed: &Arc<ClaimedSession>, item: &Item) -> Result<Pass> {
    if runner.makes_anew(claimed) {
        // Written when everything of the session is at rest.
        claimed.set_gone();
        return Ok(Pass::Left);
    }
    fail(runner, claimed, item, gone::failure(claimed), None).await.map(|()| Pass::Ended)
}

/// Writes down why an item has no receipt.
pub(super) async fn refused(
    runner: &Runner,
    claimed: &Arc<ClaimedSession>,
    item: &Item,
    refusal: Refusal,
    bytes_in: Option<u64>,
) -> Result<Pass> {
    let is_sending = claimed.progress(item.id).is_some_and(|progress| progress.state == ItemState::Sending);
    match refusal.kind() {
        Why::Stopped | Why::Cancelled => Ok(Pass::Left),
        Why::Unauthorized | Why::NoPress => {
            runner.refused(&refusal);
            Ok(Pass::Left)
        }
        // A journal that cannot write has ended the run before; this is a lost lease.
        Why::Journal => Err(Error::new(ErrorKind::LeaseLost, refusal.to_string())),
        Why::Unreachable | Why::CircuitOpen | Why::InDoubt => Ok(Pass::Again(refusal)),
        _ if refusal.is_in_doubt() && is_sending && !planted::is(Bug::DoubtFailed) => {
            quarantine(runner, claimed, item, &refusal).await.map(|()| Pass::Ended)
        }
        _ => {
            runner.say_refused(item, &refusal);
            fail(runner, claimed, item, Failure::from(&refusal), bytes_in).await.map(|()| Pass::Ended)
        }
    }
}

async fn duplicate(runner: &Runner, claimed: &ClaimedSession, item: &Item, bytes_in: u64) -> Result<Pass> {
    let found = claimed.progress(item.id).and_then(|progress| {
        let sha256 = progress.sha256?;
        let of = claimed.duplicate_of(item.id, &sha256)?;
        Some((of, claimed.progress(of)?.media_id?, sha256))
    });
    let Some((of, media_id, sha256)) = found else {
        return Err(Error::new(ErrorKind::Illegal, "a duplicate of an item that is not confirmed"));
    };
    let change = Change::Duplicate { item: item.id, of, media_id: media_id.clone(), sha256, bytes_in };
    runner.journal.apply(claimed, vec![change]).await?;
    claimed.with(item.id, |progress| {
        progress.state = ItemState::Confirmed;
        progress.media_id = Some(media_id);
        progress.is_duplicate = true;
    });
    runner.tally.confirmed(bytes_in, Via::Duplicate);
    Ok(Pass::Ended)
}

/// After the last pass: what may have arrived is quarantined, the rest failed.
pub(super) async fn give_up(
    runner: &Runner,
    claimed: &Arc<ClaimedSession>,
    item: &Item,
    refusal: &Refusal,
) -> Result<()> {
    match claimed.progress(item.id).map(|progress| progress.state) {
        Some(ItemState::Sending) if !planted::is(Bug::DoubtFailed) => quarantine(runner, claimed, item, refusal).await,
        _ => fail(runner, claimed, item, Failure::from(refusal), None).await,
    }
}

pub(super) async fn fail(
    runner: &Runner,
    claimed: &Arc<ClaimedSession>,
    item: &Item,
    failure: Failure,
    bytes_in: Option<u64>,
) -> Result<()> {
    let doubts = claimed.take_doubts(item.id);
    claimed.with(item.id, |progress| progress.state = ItemState::Failed);
    let changes = vec![Change::Failed { item: item.id, failure: failure.clone(), bytes_in, doubts }];
    fail_with(runner, claimed, changes, &failure, 1).await
}

/// Fails items, now or, while nothing has arrived yet, when it is known that they are to blame.
pub(super) async fn fail_with(
    runner: &Runner,
    claimed: &Arc<ClaimedSession>,
    changes: Vec<Change>,
    failure: &Failure,
    items: usize,
) -> Result<()> {
    claimed.hold();
    let held = Held { claimed: Arc::clone(claimed), changes, failure: failure.clone(), items };
    match runner.first.judge(held) {
        Verdict::Write(held) => runner.write_held(held).await,
        Verdict::Kept => Ok(()),
        Verdict::Stop(items) => {
            runner.stop.pull(Stopped::SameReason(failure.clone(), items));
            Ok(())
        }
    }
}

async fn quarantine(runner: &Runner, claimed: &ClaimedSession, item: &Item, refusal: &Refusal) -> Result<()> {
    let message = format!("sent, but nobody knows whether it arrived: {refusal}");
    let failure = Failure::new(Why::InDoubt.as_str(), refusal.fault(), message);
    runner
        .journal
        .apply(claimed, vec![Change::Quarantined { item: item.id, failure, doubts: claimed.take_doubts(item.id) }])
        .await?;
    claimed.with(item.id, |progress| progress.state = ItemState::Quarantined);
    runner.tally.quarantined();
    Ok(())
}
