//! A session that is to be made: its first file is read and pressed before anybody asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sealpress_client::{NewSession, SessionId};
use sealpress_pipeline::{ErrorKind as Why, Prepared};
use tokio::sync::MutexGuard;

use super::journal::{ClaimedSession, tag};
use super::record::{fail, fail_with};
use super::{Runner, Stopped};
use crate::chaos;
use crate::error::{Error, ErrorKind, Result};
use crate::source::Found;
use crate::store::state::{Change, Failure, ItemState, SessionState};
use crate::store::{Claim, Item};

/// The first file of a session that is to be made which can be read and pressed, and what became of
/// it. Those before it that cannot are failed, and out of the list; where a host of media cannot be
/// reached there are further passes.
pub(super) async fn first_ready<'a>(
    runner: &Runner,
    claimed: &Arc<ClaimedSession>,
    open: &mut Vec<&'a Item>,
) -> Result<Option<(&'a Item, Prepared)>> {
    for pass in 1.. {
        for item in open.clone() {
            if runner.is_stopping() {
                return Ok(None);
            }
            let preparer = runner.pipeline.preparer().tag(tag(item.id));
            let preparing = async {
                match runner.sources.find(&item.media) {
                    Ok(Found::File(path)) => preparer.file(path).await.map_err(|e| (Failure::from(&e), e.kind())),
                    Ok(Found::Object(object)) => {
                        preparer.fetch(*object).await.map_err(|e| (Failure::from(&e), e.kind()))
                    }
                    Ok(Found::Elsewhere(media)) => {
                        preparer.fetch(media).await.map_err(|e| (Failure::from(&e), e.kind()))
                    }
                    Err(failure) => Err((failure, Why::Read)),
                }
            };
            let prepared = tokio::select! {
                biased;
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
    if claim.session.state == SessionState::Creating {
        // A process died here.
        runner.journal.apply(claimed, vec![Change::CreateReturned { orphan: true }]).await?;
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
            let reason = if error.is_retryable() { error.name() } else { "session-refused" };
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
