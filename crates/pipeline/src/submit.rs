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
    /// Confirmed media that the listing does not show (yet). `None` where nobody counted.
    pub missing: Option<u64>,
}

impl Core {
    /// Submits a session whose items are all confirmed. An unclear outcome or a 409 is looked up;
    /// a session that is submitted already counts as success.
    #[tracing::instrument(level = "info", skip_all, fields(session = %id))]
    pub(crate) async fn submit(&self, id: &Arc<str>, session: &Session) -> Result<Submission, Error> {
        // No upload of the session is on its way while it is counted and closed.
        let _alone = session.gate.write().await;
        self.stop.check()?;
        let mut submission = Submission::default();
        if self.options.doubt.audit || session.is_doubted() {
            self.audit(id, session, &mut submission).await;
        }
        self.journal.submitting(id).await.map_err(|e| self.journal_failed(e))?;
        submission.already = self.finish(id).await?;
        session.finish();
        self.tokens.give();
        add(&self.meters.submitted, 1);
        self.journal.submitted(id, &submission).await.map_err(|e| self.journal_failed(e))?;
        Ok(submission)
    }

    /// Counts what the vendor has. Best effort: a listing that cannot be had stops no submission,
    /// for every item is confirmed without it.
    async fn audit(&self, id: &Arc<str>, session: &Session, submission: &mut Submission) {
        let listed = match self.list(id).await {
            Ok(listed) => listed,
            Err(error) => {
                tracing::warn!(session = %id, %error, "the session's media could not be counted");
                return;
            }
        };
        let Ok(mut known) = self.journal.confirmed_ids(id).await else { return };
        known.extend(session.claimed());
        let listed: std::collections::HashSet<_> = listed.into_iter().map(|entry| entry.media_id).collect();
        let unaccounted = listed.difference(&known).count() as u64;
        let missing = known.difference(&listed).count() as u64;
        if unaccounted + missing > 0 {
            tracing::warn!(session = %id, unaccounted, missing, "the vendor's list differs from what was confirmed");
        }
        add(&self.meters.unaccounted, unaccounted);
        (submission.unaccounted, submission.missing) = (Some(unaccounted), Some(missing));
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
                    pass.worked();
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
                Verdict::Unauthorized | Verdict::Refused => return Err(failure.error),
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
                    pass.worked();
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
