//! What all jobs of a pipeline share, and what a failed request means for all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind};
use crate::host::{Host, Pass, Route};
use crate::journal::{Journal, JournalError};
use crate::meters::Meters;
use crate::options::Options;
use crate::remote::{Failure, Remote, Verdict};
use crate::retry::{Cause, Jitter, Tokens};
use crate::session::Sessions;
use crate::stop::Stop;
use crate::workshop::Workshop;

/// What all jobs of a pipeline share.
pub(crate) struct Core {
    pub(crate) remote: Arc<dyn Remote>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) options: Options,
    pub(crate) workshop: Arc<Workshop>,
    pub(crate) host: Arc<Host>,
    pub(crate) tokens: Tokens,
    pub(crate) jitter: Jitter,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) meters: Meters,
    pub(crate) stop: Stop,
    /// Requests in a row that something in front of the vendor refused.
    pub(crate) blocked: AtomicU32,
}

/// So many refusals in a row by something that is not the vendor are nobody's file: a proxy or a
/// firewall lets nothing of ours through.
const BLOCKED_IN_A_ROW: u32 = 10;

impl Core {
    /// Leave to make one request, or the reason why there will be none.
    pub(crate) async fn pass(&self, route: Route, bytes: u64) -> Result<Pass, Error> {
        let pass = self.until_stopped(self.host.pass(route, bytes)).await?;
        pass.map_err(|_| {
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
    pub(crate) fn learn(&self, pass: Pass, failure: &Failure) {
        if failure.bad_signature {
            crate::meters::add(&self.meters.bad_signatures, 1);
            tracing::error!(error = %failure.error, "an answer's signature is wrong or missing");
        }
        if failure.verdict != Verdict::Blocked {
            self.blocked.store(0, Ordering::Relaxed);
        }
        match failure.verdict {
            Verdict::Throttled { retry_after } => {
                if let Some(wait) = retry_after {
                    let clamped = wait.min(self.options.retry.max_retry_after);
                    tracing::warn!(?wait, ?clamped, error = %failure.error, "the host asks for a pause");
                    self.host.pause_for(clamped);
                }
                pass.failed();
            }
            Verdict::NotSent => pass.failed(),
            Verdict::Ambiguous if failure.bad_signature => pass.worked(),
            Verdict::Ambiguous => pass.failed(),
            Verdict::Unauthorized => {
                pass.worked();
                self.stop.pull(failure.error.clone());
            }
            Verdict::Blocked => {
                pass.worked();
                if self.blocked.fetch_add(1, Ordering::Relaxed) + 1 >= BLOCKED_IN_A_ROW {
                    let times = format!("{BLOCKED_IN_A_ROW} requests in a row; the last: {}", failure.error);
                    self.stop.pull(Error::new(ErrorKind::Blocked, times).with_source(failure.error.clone()));
                }
            }
            Verdict::Conflict | Verdict::Refused => pass.worked(),
        }
    }

    /// The vendor itself answered: whatever stands in front of it lets requests through.
    pub(crate) fn passed(&self, pass: Pass) {
        self.blocked.store(0, Ordering::Relaxed);
        pass.worked();
    }

    /// How long to wait before retry number `attempt`: the host-wide pause covers a Retry-After.
    pub(crate) fn backoff(&self, verdict: Verdict, attempt: u32) -> Duration {
        match verdict {
            Verdict::Throttled { retry_after: Some(_) } => Duration::ZERO,
            Verdict::Throttled { retry_after: None } => self.options.retry.wait(Cause::Throttle, attempt, &self.jitter),
            _ => self.options.retry.wait(Cause::Transient, attempt, &self.jitter),
        }
    }

    /// What one more attempt after `verdict` costs.
    pub(crate) fn pay(&self, verdict: Verdict) -> bool {
        let cause = if matches!(verdict, Verdict::Throttled { .. }) { Cause::Throttle } else { Cause::Transient };
        self.tokens.take(self.options.retry.cost(cause))
    }

    /// When an attempt that starts now ends at the latest.
    pub(crate) fn attempt_deadline(&self) -> Instant {
        Instant::now() + self.options.retry.attempt_timeout
    }
}

/// The failure of a request that was cut off by our own deadline.
pub(crate) fn timed_out(what: &str, after: Duration) -> Failure {
    Failure {
        verdict: Verdict::Ambiguous,
        bad_signature: false,
        error: Error::new(ErrorKind::Unreachable, format!("{what}: no answer within {after:?}")),
    }
}
