//! Waiting for a decision, for whoever cannot take webhooks.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::SessionId;
use super::client::Client;
use super::decision::Decision;
use super::wire::Status;
use crate::error::{Error, ErrorKind};

/// How to wait for a decision. Veriff decides "within five minutes", usually much sooner, and
/// publishes no rate limit; webhooks are the better way where they can be had.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PollOptions {
    /// First pause: 2 s.
    pub first: Duration,
    /// Each pause is so many times the one before: 1.5.
    pub factor: f64,
    /// Longest pause: 30 s.
    pub longest: Duration,
    /// How long to wait in all: 10 min.
    pub deadline: Duration,
    /// Whether `review` counts as a decision. Off: a person still looks at it.
    pub review_is_final: bool,
    /// Ends the wait early. Dropping the future does as well.
    pub cancel: Option<CancellationToken>,
}

impl Default for PollOptions {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(2),
            factor: 1.5,
            longest: Duration::from_secs(30),
            deadline: Duration::from_secs(600),
            review_is_final: false,
            cancel: None,
        }
    }
}

impl Client {
    /// Asks for the decision until there is one. Answers that may be better next time (429, 5xx,
    /// broken connections) are waited out, for as long as `Retry-After` says where it does.
    ///
    /// # Errors
    /// `Timeout` at the deadline, `Cancelled`, and whatever asking again cannot mend.
    pub async fn wait_for_decision(&self, session: &SessionId, options: &PollOptions) -> Result<Decision, Error> {
        const OPERATION: &str = "wait for decision";
        let wait = async {
            let start = Instant::now();
            let mut pause = options.first;
            loop {
                let mut next = pause;
                match self.decision(session).await {
                    Ok(Some(decision)) if options.is_final(&decision) => return Ok(decision),
                    Ok(_) => {}
                    Err(error) if error.is_retryable() => next = error.retry_after().unwrap_or(pause).max(pause),
                    Err(error) => return Err(error),
                }
                let left = options.deadline.checked_sub(start.elapsed()).filter(|left| *left > next);
                if left.is_none() {
                    return Err(Error::new(ErrorKind::Timeout { may_have_been_sent: true }, OPERATION));
                }
                sleep(next).await;
                pause = pause.mul_f64(options.factor.clamp(1.0, 10.0)).min(options.longest);
            }
        };
        let cancelled = async {
            match &options.cancel {
                Some(token) => token.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = cancelled => Err(Error::new(ErrorKind::Cancelled, OPERATION)),
            decision = wait => decision,
        }
    }
}

impl PollOptions {
    /// A decision of a status that is not known here counts: waiting for it to change could take
    /// forever.
    fn is_final(&self, decision: &Decision) -> bool {
        match &decision.status {
            Some(Status::Review) => self.review_is_final,
            Some(Status::Created | Status::Started | Status::Submitted | Status::InflowCompleted) | None => false,
            Some(_) => true,
        }
    }
}
