//! The creation of a session.

use sealpress_client::NewSession;

use crate::engine::{Core, timed_out};
use crate::error::Error;
use crate::host::Route;
use crate::journal::JournalError;
use crate::remote::Verdict;

impl Core {
    /// Asks once for a new session; its id. Creating is not idempotent and leaves nothing to look
    /// for, so that an unclear outcome is the caller's to settle.
    #[tracing::instrument(level = "debug", skip_all)]
    pub(crate) async fn create(
        &self,
        new: &NewSession,
        begin: impl Future<Output = Result<(), JournalError>>,
    ) -> Result<String, Error> {
        let pass = self.pass(Route::Create, 0).await?;
        self.stop.check()?;
        begin.await.map_err(|e| self.journal_failed(e))?;
        let timeout = self.options.retry.attempt_timeout;
        let answer = tokio::time::timeout(timeout, self.remote.create(new)).await;
        match answer.unwrap_or_else(|_| Err(timed_out("session creation", timeout))) {
            Ok(session) => {
                self.passed(pass);
                self.tokens.give();
                Ok(session)
            }
            Err(failure) => {
                self.learn(pass, &failure);
                Err(failure.error.with_doubt(failure.verdict == Verdict::Ambiguous))
            }
        }
    }
}
