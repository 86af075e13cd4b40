//! One claimed session from its creation to its submit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use sealpress_client::{NewSession, SessionId};
use sealpress_media::{Fault, Format};
use sealpress_pipeline::{Confirmed, Doubt, Error as Refusal, ErrorKind as Why, Job, Outcome, Prepared};

use tokio::sync::MutexGuard;

use super::desk::{Active, tag};
use super::first::{Held, Verdict};
use super::{Runner, Stopped, note};
use crate::chaos;
use crate::error::{Error, ErrorKind, Result};
use crate::source::Found;
use crate::store::state::{Change, Failure, ItemState, SessionState, Via};
use crate::store::{Claim, Item};

/// What became of one pass over one item.
enum Pass {
    Ended,
    /// Worth another pass; the error is its last word if there is none.
    Again(Refusal),
    /// The run stops or the lease is lost: leave everything as the journal has it.
    Left,
}

/// Works on a session until nothing more can be done for it. An error ends the run.
pub(super) async fn work(runner: &Runner, claim: Claim) -> Result<()> {
    let active = Arc::new(Active::new(&claim));
    let mut remote = match claim.session.remote.as_deref().map(SessionId::new).transpose() {
        Ok(remote) => remote,
        Err(e) => return no_session(runner, &claim, &active, &e).await,
    };
    let outcome = {
        let steps = steps(runner, &claim, &active, &mut remote);
        let leased = keep_lease(runner, &active);
        tokio::select! {
            done = steps => done,
            lost = leased => lost,
        }
    };
    runner.desk.close(&claim, &active, remote.as_ref());
    match outcome {
        // Unless a failure of it is held back; who writes that gives it back.
        Ok(()) if active.let_go() => runner.store.release(&active.ticket()).await,
        Ok(()) => Ok(()),
        // Somebody else has the session now: what it needs, they see in the journal.
        Err(e) if e.kind() == ErrorKind::LeaseLost => {
            tracing::warn!(session = claim.session.id, "the lease was lost");
            Ok(())
        }
        Err(e) => Err(e),
    }
}

/// The manifest names a session by what cannot be an id: nothing of it can be sent.
async fn no_session(runner: &Runner, claim: &Claim, active: &Arc<Active>, why: &sealpress_client::Error) -> Result<()> {
    let _turn = runner.desk.turn(claim.session.id).await;
    for item in claim.items.iter().filter(|item| item.state < ItemState::Confirmed) {
        let failure = Failure {
            reason: crate::manifest::BAD_ROW.to_owned(),
            fault: Fault::Caller.as_str().to_owned(),
            message: why.to_string(),
        };
        fail(runner, active, item, failure, None).await?;
    }
    runner.store.release(&active.ticket()).await
}

async fn steps(runner: &Runner, claim: &Claim, active: &Arc<Active>, remote: &mut Option<SessionId>) -> Result<()> {
    let _turn = runner.desk.turn(claim.session.id).await;
    runner.desk.open(claim, active);
    chaos::point("after-claim");
    let mut open: Vec<&Item> = claim.items.iter().filter(|i| i.state < ItemState::Confirmed).collect();
    let mut ready = None;
    let mut probe = None;
    if remote.is_none() {
        // No session is made for files that cannot be read, or before there is one to send to it.
        ready = first_ready(runner, active, &mut open).await?;
        if ready.is_none() {
            return Ok(());
        }
        if let Some((made, held)) = create(runner, claim, active).await? {
            (*remote, probe) = (Some(made), held);
        }
    }
    let Some(remote) = remote.as_ref() else { return Ok(()) };
    runner.desk.name(remote, active);
    // What another worker did here in the meantime stands in the claim.
    runner.pipeline.forget(remote);
    if let Some((item, prepared)) = ready {
        let job = Job::prepared(remote, item.context.as_str(), prepared);
        let ended = send(runner, active, item, job).await?;
        match ended {
            Pass::Ended => open.retain(|i| i.id != item.id),
            Pass::Again(_) => {}
            Pass::Left => return Ok(()),
        }
    }
    drop(probe);
    for pass in 1.. {
        // Contexts go side by side; within one, the order of the manifest is the order of the uploads.
        let mut contexts: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
        for item in open {
            contexts.entry(&item.context).or_default().push(item);
        }
        // What is in doubt comes first: nothing that looks like it is sent before it is looked up.
        for items in contexts.values_mut() {
            items.sort_by_key(|item| active.slot(item.id).is_none_or(|slot| slot.state != ItemState::Sending));
        }
        let groups = contexts.into_values().map(|items| group(runner, remote, active, items, pass));
        open = Vec::new();
        for again in join_all(groups).await {
            open.extend(again?);
        }
        if open.is_empty() || runner.is_stopping() {
            break;
        }
        runner.pause_before_pass(pass).await;
    }
    if runner.options.submit && active.all_confirmed() && !runner.is_stopping() {
        submit(runner, remote, active).await?;
    }
    Ok(())
}

/// The first file of a session that is to be made which can be read and pressed, and what became of
/// it. Those before it that cannot are failed, and out of the list; where a host of media cannot be
/// reached there are further passes.
async fn first_ready<'a>(
    runner: &Runner,
    active: &Arc<Active>,
    open: &mut Vec<&'a Item>,
) -> Result<Option<(&'a Item, Prepared)>> {
    for pass in 1.. {
        for item in open.clone() {
            if runner.is_stopping() {
                return Ok(None);
            }
            let preparer = runner.pipeline.preparer();
            let preparing = async {
                match runner.sources.find(&item.media) {
                    Ok(Found::File(path)) => preparer.file(path).await.map_err(|e| (failure(&e), e.kind())),
                    Ok(Found::Object(object)) => preparer.fetch(*object).await.map_err(|e| (failure(&e), e.kind())),
                    Err(failure) => Err((failure, Why::Read)),
                }
            };
            let prepared = tokio::select! {
                prepared = preparing => prepared,
                () = runner.stop.token.cancelled() => return Ok(None),
            };
            match prepared {
                Ok(prepared) => return Ok(Some((item, prepared))),
                // A press that cannot run is nobody's file.
                Err((failure, Why::NoPress)) => {
                    runner.stop.pull(Stopped::Refused(failure.message));
                    return Ok(None);
                }
                Err((_, Why::Unreachable)) if pass < runner.options.passes => {}
                Err((failure, _)) => {
                    fail(runner, active, item, failure, None).await?;
                    open.retain(|i| i.id != item.id);
                }
            }
        }
        if open.is_empty() {
            return Ok(None);
        }
        runner.pause_before_pass(pass).await;
    }
    Ok(None)
}

/// The items of one context, one after another; those worth another pass come back.
async fn group<'a>(
    runner: &Runner,
    remote: &SessionId,
    active: &Arc<Active>,
    items: Vec<&'a Item>,
    pass: u32,
) -> Result<Vec<&'a Item>> {
    let mut again = Vec::new();
    for item in items {
        if runner.is_stopping() {
            break;
        }
        match deliver(runner, remote, active, item).await? {
            Pass::Ended => {}
            Pass::Left => break,
            Pass::Again(refusal) if pass >= runner.options.passes => {
                give_up(runner, active, item, &refusal).await?;
            }
            Pass::Again(_) => again.push(item),
        }
    }
    Ok(again)
}

async fn deliver(runner: &Runner, remote: &SessionId, active: &Arc<Active>, item: &Item) -> Result<Pass> {
    let Some(slot) = active.slot(item.id) else { return Ok(Pass::Left) };
    let in_doubt = slot.state == ItemState::Sending;
    let mut job = match runner.sources.find(&item.media) {
        Ok(Found::File(path)) => Job::file(remote, item.context.as_str(), path),
        Ok(Found::Object(object)) => Job::fetch(remote, item.context.as_str(), *object),
        // The file that may have been sent is gone; whether it arrived can still be looked up.
        Err(failure) if !in_doubt => return fail(runner, active, item, failure, None).await.map(|()| Pass::Ended),
        Err(failure) => Job::fetch(remote, item.context.as_str(), crate::source::Missing(failure)),
    };
    if in_doubt {
        let format = Format::ALL.into_iter().find(|f| Some(f.mime()) == slot.mime.as_deref());
        let sent = slot.bytes_out.zip(format);
        job = job.in_doubt(sent.map(|(size, format)| Doubt { size, format, sha256: slot.sent_sha256 }));
    }
    send(runner, active, item, job).await
}

/// One pass of one item, on its way and written down.
async fn send(runner: &Runner, active: &Arc<Active>, item: &Item, job: Job) -> Result<Pass> {
    let mut job = job.tag(tag(item.id));
    if let Some(timestamp) = &item.timestamp {
        job = job.timestamp(timestamp);
    }
    let outcome = runner.pipeline.process(job).await;
    if let Some(error) = runner.desk.failed() {
        return Err(error);
    }
    record(runner, active, item, outcome).await
}

/// Writes down how a job ended.
async fn record(runner: &Runner, active: &Arc<Active>, item: &Item, outcome: Outcome) -> Result<Pass> {
    runner.tally.spent(&outcome);
    let report = note::of(&outcome);
    let slot = active.slot(item.id);
    match outcome.result {
        Ok(receipt) => {
            chaos::point("answered-not-noted");
            let via = if receipt.how == Confirmed::Listed { Via::Listing } else { Via::Receipt };
            let (media_id, doubts) = (receipt.media_id.to_string(), active.take_doubts(item.id));
            let change = Change::Confirmed { item: item.id, media_id, via, report: Some(report), doubts };
            runner.desk.apply(active, vec![change]).await?;
            chaos::point("confirmed-durable");
            active.with(item.id, |slot| {
                slot.state = ItemState::Confirmed;
                slot.media_id = Some(receipt.media_id);
            });
            runner.tally.confirmed(outcome.input_bytes, receipt.size, via);
            // Something arrived: what was held back is the truth.
            runner.settle_first().await?;
            Ok(Pass::Ended)
        }
        Err(refusal) => match refusal.kind() {
            Why::Duplicate => twin(runner, active, item, outcome.input_bytes).await,
            Why::Stopped | Why::Cancelled => Ok(Pass::Left),
            Why::Unauthorized | Why::NoPress => {
                runner.refused(&refusal);
                Ok(Pass::Left)
            }
            // A journal that cannot write has ended the run before; this is a lost lease.
            Why::Journal => Err(Error::new(ErrorKind::LeaseLost, refusal.to_string())),
            Why::Unreachable | Why::CircuitOpen | Why::InDoubt => Ok(Pass::Again(refusal)),
            _ if refusal.may_be_recorded() && slot.is_some_and(|s| s.state == ItemState::Sending) => {
                quarantine(runner, active, item, &refusal).await.map(|()| Pass::Ended)
            }
            _ => {
                let bytes_in = (outcome.input_bytes > 0).then_some(outcome.input_bytes);
                fail(runner, active, item, failure(&refusal), bytes_in).await.map(|()| Pass::Ended)
            }
        },
    }
}

async fn twin(runner: &Runner, active: &Active, item: &Item, bytes_in: u64) -> Result<Pass> {
    let found = active.slot(item.id).and_then(|slot| {
        let sha256 = slot.sha256?;
        let of = active.twin(item.id, &sha256)?;
        Some((of, active.slot(of)?.media_id?, sha256))
    });
    let Some((of, media_id, sha256)) = found else {
        return Err(Error::new(ErrorKind::Illegal, "a duplicate of an item that is not confirmed"));
    };
    let change = Change::Twin { item: item.id, of, media_id: media_id.to_string(), sha256, bytes_in };
    runner.desk.apply(active, vec![change]).await?;
    active.with(item.id, |slot| {
        slot.state = ItemState::Confirmed;
        slot.media_id = Some(media_id);
        slot.is_twin = true;
    });
    runner.tally.confirmed(bytes_in, 0, Via::Twin);
    Ok(Pass::Ended)
}

/// After the last pass: what may have arrived is quarantined, the rest failed.
async fn give_up(runner: &Runner, active: &Arc<Active>, item: &Item, refusal: &Refusal) -> Result<()> {
    match active.slot(item.id).map(|slot| slot.state) {
        Some(ItemState::Sending) => quarantine(runner, active, item, refusal).await,
        _ => fail(runner, active, item, failure(refusal), None).await,
    }
}

async fn fail(
    runner: &Runner,
    active: &Arc<Active>,
    item: &Item,
    failure: Failure,
    bytes_in: Option<u64>,
) -> Result<()> {
    let doubts = active.take_doubts(item.id);
    active.with(item.id, |slot| slot.state = ItemState::Failed);
    let changes = vec![Change::Failed { item: item.id, failure: failure.clone(), bytes_in, doubts }];
    fail_with(runner, active, changes, &failure, 1).await
}

/// Fails items, now or, while nothing has arrived yet, when it is known that they are to blame.
async fn fail_with(
    runner: &Runner,
    active: &Arc<Active>,
    changes: Vec<Change>,
    failure: &Failure,
    items: usize,
) -> Result<()> {
    tracing::warn!(
        reason = failure.reason,
        fault = failure.fault,
        items,
        message = failure.message,
        "an item will not be sent"
    );
    active.hold();
    let held = Held { active: Arc::clone(active), changes, reason: failure.reason.clone(), items };
    match runner.first.judge(held, failure) {
        Verdict::Write(held) => runner.write_held(held).await,
        Verdict::Kept => Ok(()),
        Verdict::Stop(why) => {
            runner.stop.pull(Stopped::SameReason(why));
            Ok(())
        }
    }
}

async fn quarantine(runner: &Runner, active: &Active, item: &Item, refusal: &Refusal) -> Result<()> {
    let failure = Failure {
        reason: Why::InDoubt.as_str().to_owned(),
        fault: refusal.fault().as_str().to_owned(),
        message: format!("sent, but nobody knows whether it arrived: {refusal}"),
    };
    runner
        .desk
        .apply(active, vec![Change::Quarantined { item: item.id, failure, doubts: active.take_doubts(item.id) }])
        .await?;
    active.with(item.id, |slot| slot.state = ItemState::Quarantined);
    runner.tally.quarantined();
    Ok(())
}

fn failure(refusal: &Refusal) -> Failure {
    Failure {
        reason: refusal.name().to_owned(),
        fault: refusal.fault().as_str().to_owned(),
        message: refusal.to_string(),
    }
}

/// The provider's id of a new session, or `None` where there will be none. Creating is not
/// idempotent, but what a lost answer leaves behind is an empty session that nobody submits: it is
/// asked for again, and the journal counts what may be left.
///
/// Until an upload was answered, sessions are made one at a time, and the next one only when the first
/// file of this one was answered: whoever has the wrong secret leaves one behind. That is what the
/// guard is for.
async fn create<'a>(
    runner: &'a Runner,
    claim: &Claim,
    active: &Arc<Active>,
) -> Result<Option<(SessionId, Option<MutexGuard<'a, ()>>)>> {
    if claim.session.state == SessionState::Creating {
        // A process died here.
        runner.desk.apply(active, vec![Change::CreateReturned { orphan: true }]).await?;
    }
    let new = new_session(claim);
    for pass in 1.. {
        if runner.is_stopping() {
            return Ok(None);
        }
        let mut probe = None;
        if !runner.is_proven() {
            probe = Some(runner.probe.lock().await);
            if runner.is_proven() {
                probe = None;
            }
            if runner.is_stopping() {
                return Ok(None);
            }
        }
        let begun = AtomicBool::new(false);
        let begin = async {
            runner.desk.creating(active).await?;
            begun.store(true, Ordering::Release);
            Ok(())
        };
        let error = match runner.pipeline.create(&new, begin).await {
            Ok(remote) => {
                chaos::point("created-not-noted");
                runner.desk.apply(active, vec![Change::Created { remote: remote.to_string() }]).await?;
                return Ok(Some((remote, probe)));
            }
            Err(error) => error,
        };
        drop(probe);
        if let Some(failed) = runner.desk.failed() {
            return Err(failed);
        }
        let last = match error.kind() {
            Why::Journal => return Err(Error::new(ErrorKind::LeaseLost, error.to_string())),
            _ if error.may_be_recorded() => pass >= runner.options.passes,
            Why::Unreachable | Why::CircuitOpen => pass >= runner.options.passes,
            Why::Unauthorized | Why::NoPress | Why::Stopped | Why::Cancelled => false,
            _ => true,
        };
        if begun.load(Ordering::Acquire) {
            let orphan = error.may_be_recorded();
            runner.desk.apply(active, vec![Change::CreateReturned { orphan }]).await?;
        }
        if last {
            let reason = if error.is_retryable() { error.name() } else { "session-refused" };
            let failure = created_not(reason, error.fault().as_str(), error.to_string());
            // Failing is a step from `creating` only.
            let changes = vec![Change::Creating, Change::CreateFailed(failure.clone())];
            let open = claim.items.iter().filter(|i| active.slot(i.id).is_some_and(|s| s.state < ItemState::Confirmed));
            fail_with(runner, active, changes, &failure, open.count()).await?;
            return Ok(None);
        }
        match error.kind() {
            Why::Unauthorized | Why::NoPress => runner.refused(&error),
            Why::Stopped | Why::Cancelled => {}
            _ => {
                runner.pause_before_pass(pass).await;
                continue;
            }
        }
        return Ok(None);
    }
    Ok(None)
}

fn created_not(reason: &str, fault: &str, message: String) -> Failure {
    Failure { reason: reason.to_owned(), fault: fault.to_owned(), message }
}

fn new_session(claim: &Claim) -> NewSession {
    let session = &claim.session;
    let mut new = NewSession::new();
    new.first_name.clone_from(&session.first_name);
    new.last_name.clone_from(&session.last_name);
    // Without a text of its own the operator's key comes back in decisions.
    new.vendor_data = session.vendor_data.clone().or_else(|| session.subject.clone());
    new
}

async fn submit(runner: &Runner, remote: &SessionId, active: &Active) -> Result<()> {
    for pass in 1.. {
        let error = match runner.pipeline.submit(remote).await {
            Ok(submission) => {
                runner.tally.submitted(&submission);
                return Ok(());
            }
            Err(error) => error,
        };
        if let Some(failed) = runner.desk.failed() {
            return Err(failed);
        }
        let unclear = matches!(error.kind(), Why::InDoubt | Why::Unreachable | Why::CircuitOpen);
        match error.kind() {
            Why::Stopped | Why::Cancelled => return Ok(()),
            Why::Unauthorized | Why::NoPress => {
                runner.refused(&error);
                return Ok(());
            }
            Why::Journal => return Err(Error::new(ErrorKind::LeaseLost, error.to_string())),
            _ if unclear && pass < runner.options.passes && !runner.is_stopping() => {
                runner.pause_before_pass(pass).await;
                continue;
            }
            _ => {}
        }
        let failure = failure(&error);
        let unknown = unclear && active.is_submitting();
        let change = if unknown { Change::SubmitUnknown(failure) } else { Change::SubmitFailed(failure) };
        runner.desk.apply(active, vec![change]).await?;
        runner.tally.not_submitted();
        return Ok(());
    }
    Ok(())
}

/// Prolongs the lease until it is lost; never ends where leases do not.
async fn keep_lease(runner: &Runner, active: &Active) -> Result<()> {
    if active.ticket().until.is_none() {
        return std::future::pending().await;
    }
    loop {
        tokio::time::sleep(crate::store::RENEW_EVERY).await;
        let until = runner.store.renew(&active.ticket()).await?;
        active.renewed(until);
    }
}
