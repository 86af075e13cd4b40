//! The submission of a session: counted, sent once, and looked up where the answer is unclear.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;

use crate::engine::{Core, timed_out};
use crate::error::{Error, ErrorKind};
use crate::host::Route;
use crate::meters::add;
use crate::remote::Verdict;
use crate::session::Session;

/// How a session came to be submitted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Submission {
    /// It was submitted already when we asked.
    pub already: bool,
    /// Media that the vendor lists and no item accounts for: recorded twice, or somebody else's.
    /// They are reported and left alone. `None` where nobody counted.
    pub unaccounted: Option<u64>,
    /// Their ids, the first [`Submission::SHOWN`] of them.
    pub unaccounted_ids: Vec<String>,
    /// Confirmed media that the listing did not show. A session with any is not submitted, so that
    /// this is 0, or `None` where nobody counted.
    pub missing: Option<u64>,
}

impl Submission {
    /// How many ids are kept of media that no item accounts for.
    pub const SHOWN: usize = 20;
}

/// Listings asked for before confirmed media count as missing.
const AUDITS: u32 = 3;

impl Core {
    /// Submits a session whose items are all confirmed. An unclear outcome or a 409 is looked up;
    /// a session that is submitted already counts as success.
    #[tracing::instrument(level = "info", skip_all, fields(session = %id))]
    pub(crate) async fn submit(&self, id: &Arc<str>, session: &Session) -> Result<Submission, Error> {
        // No upload of the session is on its way while it is counted and closed.
        let _alone = session.gate.write().await;
        self.stop.check()?;
        let mut submission = Submission::default();
        // Where the list has ids of its own there is nothing to compare.
        if (self.options.doubt.audit || session.is_doubted()) && self.remote.lists_receipts() {
            self.audit(id, session, &mut submission).await?;
        }
        self.journal.submitting(id).await.map_err(|e| self.journal_failed(e))?;
        submission.already = self.finish(id).await?;
        session.finish();
        self.tokens.give();
        add(&self.meters.submitted, 1);
        self.journal.submitted(id, &submission).await.map_err(|e| self.journal_failed(e))?;
        Ok(submission)
    }

    /// Counts what the vendor has. What was confirmed and is not listed blocks the submission; so
    /// does a listing that cannot be had of a session of which some outcome was unclear. Where none
    /// was, every item was confirmed by its own answer and the count is best effort.
    async fn audit(&self, id: &Arc<str>, session: &Session, submission: &mut Submission) -> Result<(), Error> {
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
            let mut unaccounted: Vec<String> = listed.difference(&known).cloned().collect();
            let missing = known.difference(&listed).count() as u64;
            if missing > 0 && looks < AUDITS {
                // A listing may lag behind.
                self.until_stopped(tokio::time::sleep(self.options.doubt.settle)).await?;
                continue;
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
            add(&self.meters.unaccounted, extra);
            return Ok(());
        }
    }

    /// True if it was submitted before this call's own request.
    async fn finish(&self, id: &str) -> Result<bool, Error> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let pass = self.pass(Route::Submit, 0).await?;
            let timeout = self.options.retry.attempt_timeout;
            let answer = tokio::time::timeout(timeout, self.remote.finish(id)).await;
            let failure = match answer.unwrap_or_else(|_| Err(timed_out("submission", timeout))) {
                Ok(()) => {
                    self.passed(pass);
                    return Ok(false);
                }
                Err(failure) => failure,
            };
            self.learn(pass, &failure);
            match failure.verdict {
                Verdict::Conflict => {
                    return if self.is_finished(id).await? { Ok(true) } else { Err(failure.error) };
                }
                Verdict::Ambiguous => {
                    if self.is_finished(id).await? {
                        // Whether by this request or an earlier one, nobody can tell.
                        return Ok(false);
                    }
                }
                Verdict::NotSent | Verdict::Throttled { .. } => {}
                Verdict::Unauthorized | Verdict::Blocked | Verdict::Refused => return Err(failure.error),
            }
            if attempt >= self.options.retry.attempts || !self.pay(failure.verdict) {
                return Err(failure.error);
            }
            self.until_stopped(tokio::time::sleep(self.backoff(failure.verdict, attempt))).await?;
        }
    }

    async fn is_finished(&self, id: &str) -> Result<bool, Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            let pass = self.pass(Route::Look, 0).await?;
            let timeout = self.options.retry.attempt_timeout;
            let answer = tokio::time::timeout(timeout, self.remote.is_finished(id)).await;
            let failure = match answer.unwrap_or_else(|_| Err(timed_out("session state", timeout))) {
                Ok(finished) => {
                    self.passed(pass);
                    return Ok(finished);
                }
                Err(failure) => failure,
            };
            self.learn(pass, &failure);
            let again = matches!(failure.verdict, Verdict::NotSent | Verdict::Throttled { .. } | Verdict::Ambiguous);
            if !again || tries >= self.options.doubt.looks {
                let error = failure.error;
                return Err(Error::new(ErrorKind::InDoubt, format!("submitted or not: {error}")).with_source(error));
            }
            self.until_stopped(tokio::time::sleep(self.backoff(failure.verdict, tries))).await?;
        }
    }
}
