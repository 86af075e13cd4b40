//! A session that is to be made: its first file is read and pressed before anybody asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sealpress_client::{NewSession, SessionId};
use sealpress_pipeline::{ErrorKind as Why, Prepared};
use tokio::sync::MutexGuard;

use super::bursts::{Choice, choose};
use super::claimed::ClaimedSession;
use super::record::{fail, fail_with};
use super::send::{Unprepared, prepare};
use super::{Runner, Stopped};
use crate::chaos;
use crate::error::{Error, ErrorKind, Result};
use crate::store::state::{Change, Failure, ItemState, SessionState};
use crate::store::{Claim, Item};

/// The first file of a session that is to be made which can be read and pressed, and what became of
/// it; the best frames, if it is of a burst. Those before it that cannot are failed, and out of the list; where a host of media cannot be
/// reached there are further passes.
pub(super) async fn first_ready<'a>(
    runner: &Runner,
    claimed: &Arc<ClaimedSession>,
    open: &mut Vec<&'a Item>,
) -> Result<Option<Vec<(&'a Item, Prepared)>>> {
    for pass in 1.. {
        for item in open.clone() {
            if runner.is_stopping() {
                return Ok(None);
            }
            match choose(runner, claimed, open, item, pass).await? {
                None => {}
                Some(Choice::Chosen(frames)) => {
                    open.retain(|i| claimed.progress(i.id).is_some_and(|it| it.state < ItemState::Confirmed));
                    let ready: Vec<_> = frames.into_iter().filter_map(|(frame, ready)| Some((frame, ready?))).collect();
                    if !ready.is_empty() {
                        return Ok(Some(ready));
                    }
                }
                Some(Choice::Again(_)) => continue,
                Some(Choice::Left) => return Ok(None),
            }
            if !open.iter().any(|i| i.id == item.id) {
                continue;
            }
            let prepared = tokio::select! {
                biased;
                prepared = prepare(runner, item) => prepared,
                () = runner.stop.token.cancelled() => return Ok(None),
            };
            let prepared = prepared.map_err(|unprepared| match unprepared {
                Unprepared::NotFound(failure) => (failure, Why::Read),
                Unprepared::Refused(refusal) => (Failure::from(&refusal), refusal.kind()),
            });
            match prepared {
                Ok(prepared) => return Ok(Some(vec![(item, prepared)])),
                // A press that cannot run is nobody's file.
                Err((failure, Why::NoPress)) => {
                    runner.stop.pull(Stopped::Refused(failure));
                    return Ok(None);
                }
                Err((_, Why::Unreachable)) if pass < runner.options.passes => {}
                Err((failure, _)) => {
                    fail(runner, claimed, item, failure, None).await?;
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

/// Counts what a process may have left behind that died while it asked for the session: before anything else, since
/// nobody may come to ask again.
pub(super) async fn count_left_behind(runner: &Runner, claim: &Claim, claimed: &Arc<ClaimedSession>) -> Result<()> {
    match claim.session.state {
        SessionState::Creating => runner.journal.apply(claimed, vec![Change::CreateReturned { orphan: true }]).await,
        _ => Ok(()),
    }
}

/// The provider's id of a new session, or `None` where there will be none. Creating is not
/// idempotent, but what a lost answer leaves behind is an empty session that nobody submits: it is
/// asked for again, and the journal counts what may be left.
///
/// Until an upload was answered, sessions are made one at a time, and the next one only when the first
/// file of this one was answered: whoever has the wrong secret leaves one behind. That is what the
/// guard is for.
pub(super) async fn create<'a>(
    runner: &'a Runner,
    claim: &Claim,
    claimed: &Arc<ClaimedSession>,
) -> Result<Option<(SessionId, Option<MutexGuard<'a, ()>>)>> {
    let new = new_session(claim);
    for pass in 1.. {
        if runner.is_stopping() {
            return Ok(None);
        }
        let mut probe = None;
        if !runner.is_proven() && runner.pipeline.makes_sessions() {
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
            runner.journal.creating(claimed).await?;
            begun.store(true, Ordering::Release);
            Ok(())
        };
        let error = match runner.pipeline.create(&new, begin).await {
            Ok(remote) => {
                chaos::point("created-not-noted");
                runner.journal.apply(claimed, vec![Change::Created { remote: remote.clone() }]).await?;
                return Ok(Some((remote, probe)));
            }
            Err(error) => error,
        };
        drop(probe);
        if let Some(failed) = runner.journal.failed() {
            return Err(failed);
        }
        let last = match error.kind() {
            Why::Journal => return Err(Error::new(ErrorKind::LeaseLost, error.to_string())),
            _ if error.is_in_doubt() => pass >= runner.options.passes,
            Why::Unreachable | Why::CircuitOpen => pass >= runner.options.passes,
            Why::Unauthorized | Why::NoPress | Why::Stopped | Why::Cancelled => false,
            _ => true,
        };
        if begun.load(Ordering::Acquire) {
            let orphan = error.is_in_doubt();
            runner.journal.apply(claimed, vec![Change::CreateReturned { orphan }]).await?;
        }
        if last {
            let own = error.is_retryable() || error.kind() == Why::Blocked;
            let reason = if own { error.name() } else { "session-refused" };
            let failure = Failure::new(reason, error.fault(), error.to_string());
            // Failing is a step from `creating` only.
            let changes = vec![Change::Creating, Change::CreateFailed(failure.clone())];
            let open =
                claim.items.iter().filter(|i| claimed.progress(i.id).is_some_and(|s| s.state < ItemState::Confirmed));
            fail_with(runner, claimed, changes, &failure, open.count()).await?;
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

fn new_session(claim: &Claim) -> NewSession {
    let session = &claim.session;
    let mut new = NewSession::new();
    new.first_name.clone_from(&session.first_name);
    new.last_name.clone_from(&session.last_name);
    // Without a text of its own the operator's key comes back in decisions.
    new.vendor_data = session.vendor_data.clone().or_else(|| session.subject.clone());
    new
}
