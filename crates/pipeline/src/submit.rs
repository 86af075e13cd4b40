//! The submission of a session: counted, sent once, and looked up where the answer is unclear.

use std::collections::HashSet;

use sealpress_client::{Failure as Meaning, MediaId, SessionId, SessionState};

use crate::engine::Core;
use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::host::Route;
use crate::job::Submission;
use crate::metrics::add;
use crate::planted::{self, Bug};
use crate::session::Session;

/// Listings asked for before confirmed media count as missing.
const AUDITS: u32 = 3;

impl Core {
    /// Submits a session whose items are all confirmed. An unclear outcome or a 409 is looked up;
    /// a session that is submitted already counts as success.
    #[tracing::instrument(level = "info", skip_all, fields(session = %id))]
    pub(crate) async fn submit(&self, id: &SessionId, session: &Session) -> Result<Submission, Error> {
        // No upload of the session is on its way while it is counted and closed.
        let _alone = session.gate.write().await;
        self.stop.check()?;
        let mut submission = Submission::default();
        // Where the list has ids of its own there is nothing to compare.
        let doubted = session.is_doubted() && !planted::is(Bug::Uncounted);
        if (self.options.doubt.audit || doubted) && self.provider.lists_receipts() {
            self.audit(id, session, &mut submission).await?;
        }
        self.journal.submitting(id).await.map_err(|e| self.journal_failed(e))?;
        submission.already = self.finish(id).await?;
        session.finish();
        self.retry_budget.give();
        add(&self.metrics.submitted, 1);
        self.journal.submitted(id, &submission).await.map_err(|e| self.journal_failed(e))?;
        Ok(submission)
    }

    /// Counts what the vendor has. What was confirmed and is not listed blocks the submission; so
    /// does a listing that cannot be had of a session of which some outcome was unclear. Where none
    /// was, every item was confirmed by its own answer and the count is best effort.
    async fn audit(&self, id: &SessionId, session: &Session, submission: &mut Submission) -> Result<(), Error> {
        let mut looks = 0;
        loop {
            looks += 1;
            let listed = match self.list(id).await {
                Ok(listed) => listed,
                Err(error) if session.is_doubted() || error.kind() == ErrorKind::Stopped => return Err(error),
                Err(error) => {
                    tracing::warn!(session = %id, %error, "the session's media could not be counted");
                    return Ok(());
                }
            };
            let mut known = session.claimed();
            let journalled = self.journal.known(id).await.map_err(|e| self.journal_failed(e))?;
            known.extend(journalled.into_iter().filter_map(|known| known.media_id));
            let listed: HashSet<_> = listed.into_iter().map(|entry| entry.media_id).collect();
            let mut unaccounted: Vec<MediaId> = listed.difference(&known).cloned().collect();
            let missing = known.difference(&listed).count() as u64;
            if missing > 0 && looks < AUDITS {
                // A listing may lag behind.
                self.until_stopped(tokio::time::sleep(self.options.doubt.settle)).await?;
                continue;
            }
            if planted::is(Bug::DuplicateUnreported) {
                unaccounted.clear();
            }
            let extra = unaccounted.len() as u64;
            if extra + missing > 0 {
                tracing::warn!(session = %id, unaccounted = extra, missing, "the vendor's list differs from what was confirmed");
            }
            unaccounted.sort_unstable();
            unaccounted.truncate(Submission::SHOWN);
            (submission.unaccounted, submission.missing) = (Some(extra), Some(missing));
            submission.unaccounted_ids = unaccounted;
            self.journal.counted(id, submission).await.map_err(|e| self.journal_failed(e))?;
            if missing > 0 {
                let message =
                    format!("not submitted: {missing} of {} confirmed media are not in the vendor's list", known.len());
                return Err(Error::new(ErrorKind::Missing, message));
            }
            add(&self.metrics.unaccounted, extra);
            return Ok(());
        }
    }

    /// True if it was submitted before this call's own request.
    async fn finish(&self, id: &SessionId) -> Result<bool, Error> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let permit = self.permit(Route::Submit, 0).await?;
            let timeout = self.options.retry.attempt_timeout;
            let answer = tokio::time::timeout(timeout, self.provider.finish(id)).await;
            let failure = match answer {
                Ok(Ok(())) => {
                    self.answered(permit);
                    return Ok(false);
                }
                Ok(Err(error)) => Failure::from(error),
                Err(_) => Failure::timed_out("submission", timeout),
            };
            self.record(permit, &failure);
            match failure.meaning {
                _ if failure.is_conflict() => {
                    return if self.is_finished(id).await? { Ok(true) } else { Err(failure.error) };
                }
                _ if failure.is_final() => return Err(failure.error),
                Meaning::NotSent | Meaning::Throttled(_) => {}
                _ => {
                    if self.is_finished(id).await? {
                        // Whether by this request or an earlier one, nobody can tell.
                        return Ok(false);
                    }
                }
            }
            if attempt >= self.options.retry.attempts || !self.pay(failure.meaning) {
                return Err(failure.error);
            }
            self.until_stopped(tokio::time::sleep(self.backoff(failure.meaning, attempt))).await?;
        }
    }

    async fn is_finished(&self, id: &SessionId) -> Result<bool, Error> {
        let state = self
            .state(id)
            .await
            .map_err(|error| Error::new(ErrorKind::InDoubt, format!("submitted or not: {error}")).with_source(error))?;
        Ok(state == SessionState::Submitted)
    }

    /// Where a session stands at the vendor.
    pub(crate) async fn state(&self, id: &SessionId) -> Result<SessionState, Error> {
        self.ask_again("session state", || self.provider.state(id)).await
    }
}
