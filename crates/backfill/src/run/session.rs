//! One claimed session from its creation to its submit: passes over its items until each has ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use sealpress_client::SessionId;
use sealpress_pipeline::Job;
use sealpress_pipeline::planted::{self, Bug};

use super::Runner;
use super::ahead::{Ahead, Read};
use super::create::{create, first_ready};
use super::gone::make_anew;
use super::journal::{ClaimedSession, tag};
use super::pass::Pass;
use super::record::{fail, give_up, record, refused};
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
    let _alone = runner.journal.session_lock(claim.session.id).await;
    runner.journal.register(claim, claimed);
    chaos::point("after-claim");
    let part = &runner.options.part;
    let mut open: Vec<&Item> =
        claim.items.iter().filter(|item| item.state < ItemState::Confirmed && part.has(&item.media)).collect();
    let mut ready = None;
    let mut probe = None;
    if remote.is_none() {
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
    // What another worker did here in the meantime stands in the claim.
    runner.pipeline.forget(remote);
    if let Some((item, prepared)) = ready {
        let job = Job::prepared(remote, item.context.clone(), prepared);
        let ended = send(runner, claimed, item, job).await?;
        match ended {
            Pass::Ended => open.retain(|i| i.id != item.id),
            Pass::Again(_) => {}
            Pass::Left if claimed.is_gone() => return make_anew(runner, remote, claimed).await,
            Pass::Left => return Ok(()),
        }
    }
    drop(probe);
    for pass in 1.. {
        // Contexts go side by side; within one, the order of the manifest is the order of the uploads.
        let mut contexts: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
        for item in open {
            contexts.entry(item.context.as_str()).or_default().push(item);
        }
        // What is in doubt comes first: nothing that looks like it is sent before it is looked up.
        for items in contexts.values_mut() {
            items.sort_by_key(|item| {
                claimed.progress(item.id).is_none_or(|progress| progress.state != ItemState::Sending)
            });
        }
        let groups = contexts.into_values().map(|items| group(runner, remote, claimed, items, pass));
        open = Vec::new();
        for again in join_all(groups).await {
            open.extend(again?);
        }
        if claimed.is_gone() {
            return make_anew(runner, remote, claimed).await;
        }
        if open.is_empty() || runner.is_stopping() {
            break;
        }
        runner.pause_before_pass(pass).await;
    }
    if runner.options.submit && claimed.all_confirmed() && !runner.is_stopping() {
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
    for (n, item) in items.iter().copied().enumerate() {
        if runner.is_stopping() || claimed.is_gone() {
            break;
        }
        ahead.read(runner, claimed, &items, n);
        let ended = match ahead.take(item) {
            Some(read) => deliver_read(runner, remote, claimed, item, read).await?,
            None => deliver(runner, remote, claimed, item).await?,
        };
        match ended {
            Pass::Ended => {}
            Pass::Left => break,
            Pass::Again(refusal) if pass >= runner.options.passes => {
                give_up(runner, claimed, item, &refusal).await?;
            }
            Pass::Again(_) => again.push(item),
        }
    }
    Ok(again)
}

async fn deliver(runner: &Runner, remote: &SessionId, claimed: &Arc<ClaimedSession>, item: &Item) -> Result<Pass> {
    let Some(progress) = claimed.progress(item.id) else { return Ok(Pass::Left) };
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
        Ok(Ok(prepared)) => send(runner, claimed, item, Job::prepared(remote, item.context.clone(), prepared)).await,
        Ok(Err(refusal)) => refused(runner, claimed, item, refusal, None).await,
        Err(e) => Err(Error::caused(ErrorKind::Illegal, "reading ahead broke off", e)),
    }
}

/// One pass of one item, on its way and written down.
async fn send(runner: &Runner, claimed: &Arc<ClaimedSession>, item: &Item, job: Job) -> Result<Pass> {
    let mut job = job.tag(tag(item.id));
    if let Some(timestamp) = &item.timestamp {
        job = job.timestamp(timestamp);
    }
    let outcome = runner.pipeline.process(job).await;
    if let Some(error) = runner.journal.failed() {
        return Err(error);
    }
    record(runner, claimed, item, outcome).await
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
