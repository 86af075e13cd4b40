//! Items that leave as several files, such as a document whose pages leave as pictures. Its file is prepared whole, and
//! the pieces follow one another: each is doubted, looked for and confirmed by itself, and the item is confirmed with
//! the last of them. Whoever goes on after a kill prepares the same file under the same rules, which makes the same
//! pieces, and begins with the first that is not confirmed; where it is another file now, from the first on again.

use std::sync::Arc;

use sealpress_client::SessionId;
use sealpress_media::Fault;
use sealpress_pipeline::{Job, Prepared};

use super::Runner;
use super::claimed::{ClaimedSession, ItemProgress, piece_tag};
use super::pass::Pass;
use super::record::{fail, record, refused};
use super::send::{Unprepared, prepare, process, send};
use crate::error::Result;
use crate::source::Missing;
use crate::store::Item;
use crate::store::state::{Change, Failure, ItemState};

/// One pass of an item whose file may be several pieces.
pub(super) async fn deliver(
    runner: &Runner,
    remote: &SessionId,
    claimed: &Arc<ClaimedSession>,
    item: &Item,
) -> Result<Pass> {
    let prepared = tokio::select! {
        biased;
        prepared = prepare(runner, item) => prepared,
        () = runner.stop.token.cancelled() => return Ok(Pass::Left),
    };
    let failure = match prepared {
        Ok(prepared) => return send_prepared(runner, remote, claimed, item, prepared).await,
        // The file that may have been sent is gone; whether it arrived can still be looked up.
        Err(unprepared) => {
            if let Some(ended) = look(runner, remote, claimed, item).await? {
                return Ok(ended);
            }
            unprepared
        }
    };
    match failure {
        Unprepared::NotFound(failure) => fail(runner, claimed, item, failure, None).await.map(|()| Pass::Ended),
        Unprepared::Refused(refusal) => refused(runner, claimed, item, refusal, None).await,
    }
}

/// Sends a prepared file: all of its pieces that are not confirmed, in their order.
pub(super) async fn send_prepared(
    runner: &Runner,
    remote: &SessionId,
    claimed: &Arc<ClaimedSession>,
    item: &Item,
    prepared: Prepared,
) -> Result<Pass> {
    let Some(progress) = claimed.progress(item.id) else { return Ok(Pass::Left) };
    let pieces = u32::try_from(prepared.further.len()).unwrap_or(u32::MAX).saturating_add(1);
    let is_begun = progress.state == ItemState::Sending || !progress.before.is_empty();
    let is_other = pieces > 1 && progress.sha256 != prepared.input_sha256();
    if is_begun && (progress.pieces != pieces || is_other) {
        // What was sent of the other file is looked up first.
        if let Some(ended) = look(runner, remote, claimed, item).await? {
            return Ok(ended);
        }
        tracing::warn!(item = item.id, "the file is another than the one of which pages were sent: all are sent anew");
        runner.journal.apply(claimed, vec![Change::BegunAnew { item: item.id }]).await?;
        let theirs = claimed.with(item.id, ItemProgress::begin_anew).unwrap_or_default();
        runner.pipeline.disown(remote, &theirs);
    }
    claimed.with(item.id, |progress| progress.pieces = pieces);
    let all = match runner.pipeline.preparer().pieces(prepared).await {
        Ok(all) => all,
        Err(refusal) => return refused(runner, claimed, item, refusal, None).await,
    };
    for (n, piece) in (0..).zip(all) {
        let Some(progress) = claimed.progress(item.id) else { return Ok(Pass::Left) };
        if n < progress.piece() {
            continue;
        }
        if runner.is_stopping() || claimed.is_gone() {
            return Ok(Pass::Left);
        }
        let mut job = Job::prepared(remote, item.context.clone(), piece).tag(piece_tag(item.id, n));
        if progress.state == ItemState::Sending {
            job = job.in_doubt(progress.sent());
        }
        match send(runner, claimed, item, job).await? {
            Pass::NextPiece => {}
            ended => return Ok(ended),
        }
    }
    Ok(Pass::Left)
}

/// Looks for what may have been sent, without its file. `None` where nothing of it is in doubt any more, and more is
/// to be sent; else what became of the pass.
async fn look(runner: &Runner, remote: &SessionId, claimed: &Arc<ClaimedSession>, item: &Item) -> Result<Option<Pass>> {
    let is_in_doubt = || claimed.progress(item.id).filter(|progress| progress.state == ItemState::Sending);
    let Some(progress) = is_in_doubt() else { return Ok(None) };
    let missing = Missing(Failure::new("not-read", Fault::Internal, "the file is not there to be sent again"));
    let job = Job::fetch(remote, item.context.clone(), missing)
        .tag(piece_tag(item.id, progress.piece()))
        .in_doubt(progress.sent());
    let outcome = process(runner, item, job).await?;
    // It was not there, and the file was asked for.
    if outcome.result.is_err() && is_in_doubt().is_none() {
        return Ok(None);
    }
    Ok(match record(runner, claimed, item, outcome).await? {
        Pass::NextPiece => None,
        ended => Some(ended),
    })
}
