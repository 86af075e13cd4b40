//! The creation of a session.

use sealpress_client::{NewSession, SessionId};

use crate::engine::Core;
use crate::error::Error;
use crate::failure::Failure;
use crate::host::Route;
use crate::journal::JournalError;

impl Core {
    /// Asks once for a new session; its id. Creating is not idempotent and leaves nothing to look
    /// for, so that an unclear outcome is the caller's to settle.
    #[tracing::instrument(level = "debug", skip_all)]
    pub(crate) async fn create(
        &self,
        new: &NewSession,
        begin: impl Future<Output = Result<(), JournalError>>,
    ) -> Result<SessionId, Error> {
        let permit = self.permit(Route::Create, 0).await?;
        self.stop.check()?;
        begin.await.map_err(|e| self.journal_failed(e))?;
        let timeout = self.options.retry.attempt_timeout;
        let answer = tokio::time::timeout(timeout, self.provider.create(new)).await;
        let answer = match answer {
            Ok(answer) => answer.map_err(Failure::from),
            Err(_) => Err(Failure::timed_out("session creation", timeout)),
        };
        match answer {
            Ok(created) => {
                self.answered(permit);
                self.retry_budget.give();
                Ok(created.session)
            }
            Err(failure) => {
                self.record(permit, &failure);
                Err(failure.error.clone().with_doubt(failure.is_in_doubt()))
            }
        }
    }
}
