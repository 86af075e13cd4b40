//! The end of a run before its time.

use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind};

/// The end of a run before its time: pulled once, seen by every job, never undone.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    pulled: CancellationToken,
    cause: Mutex<Option<Error>>,
}

impl Stop {
    /// Stops the run. The first cause counts.
    pub(crate) fn pull(&self, cause: Error) {
        self.cause.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(cause);
        self.pulled.cancel();
    }

    pub(crate) fn cause(&self) -> Option<Error> {
        self.cause.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends when the run does.
    pub(crate) async fn pulled(&self) {
        self.pulled.cancelled().await;
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.pulled.is_cancelled() { Err(self.error()) } else { Ok(()) }
    }

    /// What a job ends with that was not the one to stop the run.
    pub(crate) fn error(&self) -> Error {
        match self.cause() {
            Some(cause) => Error::new(ErrorKind::Stopped, format!("the run has stopped: {cause}")).with_source(cause),
            None => Error::new(ErrorKind::Stopped, "the run has stopped"),
        }
    }
}
