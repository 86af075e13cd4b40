//! The submission of a session whose items are all confirmed.

use sealpress_client::SessionId;
use sealpress_pipeline::ErrorKind as Why;

use super::claimed::ClaimedSession;
use super::{Runner, gone};
use crate::error::{Error, ErrorKind, Result};
use crate::store::state::{Change, Failure};

pub(super) async fn submit(runner: &Runner, remote: &SessionId, claimed: &ClaimedSession) -> Result<()> {
    for pass in 1.. {
        let error = match runner.pipeline.submit(remote).await {
            Ok(submission) => {
                runner.tally.submitted(&submission);
                return Ok(());
            }
            Err(error) => error,
        };
        if let Some(failed) = runner.journal.failed() {
            return Err(failed);
        }
        let error = match gone::blame(runner, remote, &error).await {
            gone::Blame::Session if runner.makes_anew(claimed) => {
                claimed.set_gone();
                return Ok(());
            }
            gone::Blame::Session => {
                runner.journal.apply(claimed, vec![Change::SubmitFailed(gone::failure(claimed))]).await?;
                runner.tally.not_submitted();
                return Ok(());
            }
            gone::Blame::Refused => error,
            gone::Blame::Open(unasked) => unasked,
        };
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
        let failure = Failure::from(&error);
        let unknown = unclear && claimed.is_submitting();
        let change = if unknown { Change::SubmitUnknown(failure) } else { Change::SubmitFailed(failure) };
        runner.journal.apply(claimed, vec![change]).await?;
        runner.tally.not_submitted();
        return Ok(());
    }
    Ok(())
}
