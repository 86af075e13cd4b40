//! What all jobs of a pipeline share, and what a failed request means for all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sealpress_client::{Cause, Failure as Meaning, Jitter, Provider};
use tokio::time::Instant;

use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::host::{Host, Permit, Route};
use crate::journal::{Journal, JournalError};
use crate::metrics::Metrics;
use crate::options::Options;
use crate::planted::{self, Bug};
use crate::prepare::PrepareStage;
use crate::retry_budget::RetryBudget;
use crate::session::Sessions;
use crate::stop::Stop;

/// What all jobs of a pipeline share.
pub(crate) struct Core {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) options: Options,
    pub(crate) prepare: Arc<PrepareStage>,
    pub(crate) host: Arc<Host>,
    pub(crate) retry_budget: RetryBudget,
    pub(crate) jitter: Jitter,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) metrics: Metrics,
    pub(crate) stop: Stop,
    /// Requests in a row that something in front of the vendor refused.
    pub(crate) blocked: AtomicU32,
}

/// So many refusals in a row by something that is not the vendor are nobody's file: a proxy or a
/// firewall lets nothing of ours through.
const BLOCKED_IN_A_ROW: u32 = 10;

impl Core {
    /// Leave to make one request, or the reason why there will be none.
    pub(crate) async fn permit(&self, route: Route, bytes: u64) -> Result<Permit, Error> {
        let permit = self.until_stopped(self.host.acquire(route, bytes)).await?;
        permit.map_err(|_| {
            let waited = self.options.circuit.patience;
            Error::new(ErrorKind::CircuitOpen, format!("the host kept failing for {waited:?}"))
        })
    }

    /// The future's output, unless the run stops first.
    pub(crate) async fn until_stopped<T>(&self, future: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.stop.pulled() => Err(self.stop.error()),
            out = future => Ok(out),
        }
    }

    /// A journal that failed: for everybody if it cannot write, else for this item alone.
    pub(crate) fn journal_failed(&self, failed: JournalError) -> Error {
        let fatal = failed.fatal;
        let error = Error::new(ErrorKind::Journal, format!("journal: {failed}")).with_source(failed);
        if fatal {
            self.stop.pull(error.clone());
        }
        error
    }

    /// A press that is not there is so for everybody.
    pub(crate) fn press_failed(&self, error: &Error) {
        if error.kind() == ErrorKind::NoPress {
            self.stop.pull(error.clone());
        }
    }

    /// Tells the host's state machine what a request found, and obeys a Retry-After for everybody.
    pub(crate) fn record(&self, permit: Permit, failure: &Failure) {
        if failure.bad_signature {
            crate::metrics::add(&self.metrics.bad_signatures, 1);
            tracing::error!(error = %failure.error, "an answer's signature is wrong or missing");
        }
        if failure.error.kind() != ErrorKind::Blocked {
            self.blocked.store(0, Ordering::Relaxed);
        }
        match failure.meaning {
            Meaning::Throttled(retry_after) => {
                if let Some(wait) = retry_after.filter(|_| !planted::is(Bug::RetryAfterIgnored)) {
                    let clamped = wait.min(self.options.retry.max_retry_after);
                    tracing::warn!(?wait, ?clamped, error = %failure.error, "the host asks for a pause");
                    self.host.pause_for(clamped);
                }
                permit.failed();
            }
            Meaning::NotSent => permit.failed(),
            Meaning::AuthStop if failure.error.kind() == ErrorKind::Blocked => {
                permit.worked();
                if self.blocked.fetch_add(1, Ordering::Relaxed) + 1 >= BLOCKED_IN_A_ROW {
                    let times = format!("{BLOCKED_IN_A_ROW} requests in a row; the last: {}", failure.error);
                    self.stop.pull(Error::new(ErrorKind::Blocked, times).with_source(failure.error.clone()));
                }
            }
            Meaning::AuthStop => {
                permit.worked();
                self.stop.pull(failure.error.clone());
            }
            Meaning::Permanent => permit.worked(),
            _ if failure.bad_signature => permit.worked(),
            _ => permit.failed(),
        }
    }

    /// The vendor itself answered: whatever stands in front of it lets requests through.
    pub(crate) fn answered(&self, permit: Permit) {
        self.blocked.store(0, Ordering::Relaxed);
        permit.worked();
    }

    /// How long to wait before retry number `attempt`: the host-wide pause covers a Retry-After.
    pub(crate) fn backoff(&self, meaning: Meaning, attempt: u32) -> Duration {
        match meaning {
            Meaning::Throttled(Some(_)) => Duration::ZERO,
            Meaning::Throttled(None) => self.options.retry.backoff.pause(Cause::Throttle, attempt, &self.jitter),
            _ => self.options.retry.backoff.pause(Cause::Transient, attempt, &self.jitter),
        }
    }

    /// What one more attempt after such a failure costs.
    pub(crate) fn pay(&self, meaning: Meaning) -> bool {
        let cause = if matches!(meaning, Meaning::Throttled(_)) { Cause::Throttle } else { Cause::Transient };
        self.retry_budget.take(self.options.retry.cost(cause))
    }

    /// When an attempt that starts now ends at the latest.
    pub(crate) fn attempt_deadline(&self) -> Instant {
        Instant::now() + self.options.retry.attempt_timeout
    }
}
