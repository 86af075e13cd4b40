//! One claimed session from its creation to its submit: passes over its items until each has ended.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use futures_util::future::join_all;
use sealpress_client::SessionId;
use sealpress_pipeline::planted::{self, Bug};
use sealpress_pipeline::{Job, Prepared};

use super::Runner;
use super::ahead::{Ahead, Read};
use super::bursts::{self, Choice};
use super::claimed::{ClaimedSession, tag};
use super::create::{count_left_behind, create, first_ready};
use super::gone::make_anew;
use super::pass::Pass;
use super::pieces::{self, send_prepared};
use super::record::{fail, give_up, refused};
use super::send::send;
use super::submit::submit;
use crate::chaos;
use crate::error::{Error, ErrorKind, Result};
use crate::source::Found;
use crate::store::state::ItemState;
use crate::store::{Claim, Item};

/// Works on a session until nothing more can be done for it. An error ends the run.
pub(super) async fn work(runner: &Runner, claim: Claim) -> Result<()> {
    let claimed = Arc::new(ClaimedSession::new(&claim));
    let mut remote = claim.session.remote.clone();
    let outcome = {
        let steps = steps(runner, &claim, &claimed, &mut remote);
        let leased = keep_lease(runner, &claimed);
        tokio::select! {
            biased;
            done = steps => done,
            lost = leased => lost,
        }
    };
    runner.journal.unregister(&claim, &claimed, remote.as_ref());
    match outcome {
        // Unless a failure of it is held back; who writes that gives it back.
        Ok(()) if claimed.let_go() => runner.store.release(&claimed.ticket()).await,
        Ok(()) => Ok(()),
        // Somebody else has the session now: what it needs, they see in the journal.
        Err(e) if e.kind() == ErrorKind::LeaseLost => {
            tracing::warn!(session = claim.session.id, "the lease was lost");
            Ok(())
        }
        Err(e) => Err(e),
    }
}

async fn steps(
    runner: &Runner,
    claim: &Claim,
    claimed: &Arc<ClaimedSession>,
    remote: &mut Option<SessionId>,
) -> Result<()> {
    let beside = planted::is(Bug::ClaimBeside);
    let _alone = if beside { None } else { Some(runner.journal.session_lock(claim.session.id).await) };
    if let Some(remote) = remote.as_ref().filter(|_| !beside) {
        // What an earlier claim left on its way is seen to its end; what others did here since stands in this one.
        runner.pipeline.forget(remote).await;
    }
    runner.journal.register(claim, claimed);
    chaos::point("after-claim");
    let part = &runner.options.part;
    let mut open: Vec<&Item> =
        claim.items.iter().filter(|item| item.state < ItemState::Confirmed && part.has(&item.media)).collect();
    let mut ready = None;
    let mut probe = None;
    if remote.is_none() {
        count_left_behind(runner, claim, claimed).await?;
        // No session is made for files that cannot be read, or before there is one to send to it.
        ready = first_ready(runner, claimed, &mut open).await?;
        if ready.is_none() {
            return Ok(());
        }
        if let Some((made, held)) = create(runner, claim, claimed).await? {
            (*remote, probe) = (Some(made), held);
        }
    }
    let Some(remote) = remote.as_ref() else { return Ok(()) };
    runner.journal.register_remote(remote, claimed);
    for (item, prepared) in ready.into_iter().flatten() {
        let ended = send_prepared(runner, remote, claimed, item, prepared).await?;
        match ended {
            Pass::Ended => open.retain(|i| i.id != item.id),
            Pass::Again(_) | Pass::NextPiece => {}
            Pass::Left if claimed.is_gone() => return make_anew(runner, remote, claimed).await,
            Pass::Left => return Ok(()),
        }
        drop(probe.take());
    }
    for pass in 1.. {
        // Contexts go side by side, in an order that is always the same; within one, the order of the manifest is the
        // order of the uploads.
        let mut contexts: Vec<Vec<&Item>> = Vec::new();
        for item in open {
            match contexts.iter_mut().find(|items| items[0].context == item.context) {
                Some(items) => items.push(item),
                None => contexts.push(vec![item]),
            }
        }
        if !runner.options.pieces {
            contexts.sort_by(|a, b| a[0].context.as_str().cmp(b[0].context.as_str()));
        }
        // What is in doubt comes first: nothing that looks like it is sent before it is looked up.
        for items in &mut contexts {
            items.sort_by_key(|item| {
                claimed.progress(item.id).is_none_or(|progress| progress.state != ItemState::Sending)
            });
        }
        let groups = contexts.into_iter().map(|items| group(runner, remote, claimed, items, pass));
        open = Vec::new();
        if runner.options.pieces {
            // A provider that takes a session for whole when it has one of every kind takes no further pages then: the
            // order of the manifest says whose come first.
            for group in groups {
                open.extend(group.await?);
            }
        } else {
            for again in join_all(groups).await {
                open.extend(again?);
            }
        }
        if claimed.is_gone() {
            return make_anew(runner, remote, claimed).await;
        }
        if open.is_empty() || runner.is_stopping() {
            break;
        }
        runner.pause_before_pass(pass).await;
    }
    let submits = runner.options.submit || planted::is(Bug::SubmitUnasked);
    if submits && claimed.all_confirmed() && !runner.is_stopping() {
        submit(runner, remote, claimed).await?;
        if claimed.is_gone() {
            return make_anew(runner, remote, claimed).await;
        }
    }
    Ok(())
}

/// The items of one context, one after another; those worth another pass come back.
async fn group<'a>(
    runner: &Runner,
    remote: &SessionId,
    claimed: &Arc<ClaimedSession>,
    items: Vec<&'a Item>,
    pass: u32,
) -> Result<Vec<&'a Item>> {
    let mut again = Vec::new();
    let mut ahead = Ahead::default();
    // Frames that had their turn with their burst.
    let mut had = HashSet::new();
    for (n, item) in items.iter().copied().enumerate() {
        if runner.is_stopping() || claimed.is_gone() {
            break;
        }
        if had.contains(&item.id) || claimed.progress(item.id).is_none_or(|it| it.state >= ItemState::Confirmed) {
            continue;
        }
        let turn = match bursts::choose(runner, claimed, &items, item, pass).await? {
            None => {
                ahead.read(runner, claimed, &items, n);
                vec![(item, ahead.take(item).map_or(Begun::Not, Begun::Reading))]
            }
            Some(Choice::Chosen(frames)) => {
                had.extend(frames.iter().map(|(frame, _)| frame.id));
                let begun =
                    |prepared: Option<Prepared>| prepared.map_or(Begun::Not, |of| Begun::Prepared(Box::new(of)));
                frames.into_iter().map(|(frame, prepared)| (frame, begun(prepared))).collect()
            }
            Some(Choice::Again(frames)) => {
                had.extend(frames.iter().map(|frame| frame.id));
                again.extend(frames);
                continue;
            }
            Some(Choice::Left) => break,
        };
        if take_turn(runner, remote, claimed, turn, pass, &mut again).await?.is_break() {
            break;
        }
    }
    Ok(again)
}

/// How far an item's file has come when its turn begins.
enum Begun {
    Not,
    /// Read and pressed ahead.
    Reading(Read),
    Prepared(Box<Prepared>),
}

/// One turn: an item, or the best frames of its burst, in their order. Those worth another pass are put to `again`; a break
/// where the rest of the context is to be left as it is.
async fn take_turn<'a>(
    runner: &Runner,
    remote: &SessionId,
    claimed: &Arc<ClaimedSession>,
    turn: Vec<(&'a Item, Begun)>,
    pass: u32,
    again: &mut Vec<&'a Item>,
) -> Result<ControlFlow<()>> {
    for (item, begun) in turn {
        let ended = match begun {
            Begun::Not => deliver(runner, remote, claimed, item).await?,
            Begun::Reading(read) => deliver_read(runner, remote, claimed, item, read).await?,
            Begun::Prepared(prepared) => send_prepared(runner, remote, claimed, item, *prepared).await?,
        };
        match ended {
            Pass::Ended => {}
            Pass::Left => return Ok(ControlFlow::Break(())),
            Pass::Again(refusal) if pass >= runner.options.passes => give_up(runner, claimed, item, &refusal).await?,
            Pass::Again(_) | Pass::NextPiece => again.push(item),
        }
    }
    Ok(ControlFlow::Continue(()))
}

async fn deliver(runner: &Runner, remote: &SessionId, claimed: &Arc<ClaimedSession>, item: &Item) -> Result<Pass> {
    let Some(progress) = claimed.progress(item.id) else { return Ok(Pass::Left) };
    // What leaves as several files is prepared first: only then is it known what is to be sent.
    if runner.options.pieces || progress.pieces > 1 {
        return pieces::deliver(runner, remote, claimed, item).await;
    }
    let in_doubt = progress.state == ItemState::Sending && !planted::is(Bug::DoubtUnread);
    let mut job = match runner.sources.find(&item.media) {
        Ok(Found::File(path)) => Job::file(remote, item.context.clone(), path),
        Ok(Found::Object(object)) => Job::fetch(remote, item.context.clone(), *object),
        Ok(Found::Elsewhere(media)) => Job::fetch(remote, item.context.clone(), media),
        // The file that may have been sent is gone; whether it arrived can still be looked up.
        Err(failure) if !in_doubt => return fail(runner, claimed, item, failure, None).await.map(|()| Pass::Ended),
        Err(failure) => Job::fetch(remote, item.context.clone(), crate::source::Missing(failure)),
    };
    if in_doubt {
        job = job.in_doubt(progress.sent());
    }
    job = job.tag(tag(item.id));
    send(runner, claimed, item, job).await
}

/// The same for one that was read and pressed ahead.
async fn deliver_read(
    runner: &Runner,
    remote: &SessionId,
    claimed: &Arc<ClaimedSession>,
    item: &Item,
    read: Read,
) -> Result<Pass> {
    let read = tokio::select! {
        biased;
        read = read => read,
        () = runner.stop.token.cancelled() => return Ok(Pass::Left),
    };
    match read {
        Ok(Ok(prepared)) => send_prepared(runner, remote, claimed, item, prepared).await,
        Ok(Err(refusal)) => refused(runner, claimed, item, refusal, None).await,
        Err(e) => Err(Error::caused(ErrorKind::Illegal, "reading ahead broke off", e)),
    }
}

/// Prolongs the lease until it is lost; never ends where leases do not.
async fn keep_lease(runner: &Runner, claimed: &ClaimedSession) -> Result<()> {
    if claimed.ticket().until.is_none() {
        return std::future::pending().await;
    }
    loop {
        tokio::time::sleep(crate::store::RENEW_EVERY).await;
        let until = runner.store.renew(&claimed.ticket()).await?;
        claimed.renewed(until);
    }
}
