//! How an item's pass ended, written down: confirmed, a duplicate, failed or in quarantine.

use std::sync::Arc;

use sealpress_pipeline::planted::{self, Bug};
use sealpress_pipeline::{Confirmed, Error as Refusal, ErrorKind as Why, Outcome};

use super::first::{Held, Verdict};
use super::journal::ClaimedSession;
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
    let report = note::of(&outcome);
    match outcome.result {
        Ok(receipt) => {
            chaos::point("answered-not-noted");
            let via = if receipt.how == Confirmed::Listed { Via::Listing } else { Via::Receipt };
            let (media_id, doubts) = (receipt.media_id.clone(), claimed.take_doubts(item.id));
            let change = Change::Confirmed { item: item.id, media_id, via, report: Some(report), doubts };
            runner.journal.apply(claimed, vec![change]).await?;
            chaos::point("confirmed-durable");
            claimed.with(item.id, |progress| {
                progress.state = ItemState::Confirmed;
                progress.media_id = Some(receipt.media_id);
                progress.is_found = via == Via::Listing;
            });
            runner.tally.confirmed(outcome.input_bytes, receipt.size, via);
            // Something arrived: what was held back is the truth.
            runner.settle_first().await?;
            Ok(Pass::Ended)
        }
        Err(refusal) if refusal.kind() == Why::Duplicate => duplicate(runner, claimed, item, outcome.input_bytes).await,
        Err(refusal) if gone::is_gone(runner, &outcome.item.session, &refusal).await => {
            session_gone(runner, claimed, item).await
        }
        Err(refusal) => {
            let bytes_in = (outcome.input_bytes > 0).then_some(outcome.input_bytes);
            refused(runner, claimed, item, refusal, bytes_in).await
        }
    }
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
    runner.tally.confirmed(bytes_in, 0, Via::Duplicate);
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
    tracing::warn!(
        reason = failure.reason,
        fault = failure.fault.as_str(),
        items,
        message = failure.message,
        "an item will not be sent"
    );
    claimed.hold();
    let held = Held { claimed: Arc::clone(claimed), changes, reason: failure.reason.clone(), items };
    match runner.first.judge(held, failure) {
        Verdict::Write(held) => runner.write_held(held).await,
        Verdict::Kept => Ok(()),
        Verdict::Stop(why) => {
            runner.stop.pull(Stopped::SameReason(why));
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
