//! Sessions that ended at the provider without us: expired, abandoned, or unknown there. What they had is
//! lost with them; where the operator says so they are made anew, and the old one is named.

use sealpress_client::{SessionId, SessionState as Standing};
use sealpress_media::Fault;
use sealpress_pipeline::planted::{self, Bug};
use sealpress_pipeline::{Error as Refusal, ErrorKind as Why};

use super::Runner;
use super::claimed::ClaimedSession;
use crate::error::Result;
use crate::store::state::{Change, Failure};

/// The reason of items and submissions whose session is gone.
const GONE: &str = "session-gone";

/// What is to blame for a refusal.
pub(super) enum Blame {
    /// The session, which is gone.
    Session,
    /// What was refused: the session stands.
    Refused,
    /// Nothing yet: the provider cannot be asked for now.
    Open(Refusal),
}

/// Whether a refusal means that the session is gone: the provider is asked.
pub(super) async fn blame(runner: &Runner, session: &SessionId, refusal: &Refusal) -> Blame {
    let may_be = refusal.kind() == Why::Refused && matches!(refusal.http_status(), Some(400 | 404 | 409 | 410));
    if !may_be || planted::is(Bug::GoneIgnored) {
        return Blame::Refused;
    }
    match runner.pipeline.state(session).await {
        Ok(Standing::Gone) => Blame::Session,
        Ok(_) => Blame::Refused,
        Err(error) if error.http_status() == Some(404) => Blame::Session,
        Err(error) if error.is_retryable() && !planted::is(Bug::UnaskedBlamed) => Blame::Open(error),
        Err(_) => Blame::Refused,
    }
}

/// What is said of an item or a submission that is refused for it.
pub(super) fn failure(claimed: &ClaimedSession) -> Failure {
    let message = if claimed.is_ours() {
        "the session has ended at the provider, or is unknown there, and takes nothing more: --recreate-expired makes \
         it anew"
    } else {
        "the session has ended at the provider, or is unknown there, and takes nothing more; the manifest names it: give \
         its rows another"
    };
    Failure::new(GONE, Fault::Remote, message)
}

/// Forgets the session, so that the next claim of it makes one.
pub(super) async fn make_anew(runner: &Runner, remote: &SessionId, claimed: &ClaimedSession) -> Result<()> {
    tracing::warn!(session = %remote, "the session has ended at the provider; it is made anew");
    runner.journal.apply(claimed, vec![Change::Gone { orphan: remote.clone() }]).await
}
