//! What a request that did not end with the answer hoped for means, for its item and for the run.

use std::time::Duration;

use sealpress_client::{self as client, Failure as Meaning};

use crate::error::{Error, ErrorKind};

/// A failed request.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What it means for the books. Whatever the client may add is read as [`Meaning::InDoubt`].
    pub(crate) meaning: Meaning,
    /// The answer's signature was wrong or missing where one is required.
    pub(crate) bad_signature: bool,
    pub(crate) error: Error,
}

impl Failure {
    /// A request that was cut off by our own deadline.
    pub(crate) fn timed_out(what: &str, after: Duration) -> Self {
        let error = Error::new(ErrorKind::Unreachable, format!("{what}: no answer within {after:?}"));
        Self { meaning: Meaning::InDoubt, bad_signature: false, error }
    }

    /// It may have been processed or not.
    pub(crate) const fn is_in_doubt(&self) -> bool {
        !matches!(self.meaning, Meaning::NotSent | Meaning::Throttled(_) | Meaning::Permanent | Meaning::AuthStop)
    }

    /// The vendor said no, or somebody on the way did, and would say it again.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(self.meaning, Meaning::Permanent | Meaning::AuthStop)
    }

    /// 409: the session is past taking this.
    pub(crate) fn is_conflict(&self) -> bool {
        self.error.http_status() == Some(409)
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        let bad_signature = matches!(error.kind(), client::ErrorKind::ResponseSignature { .. });
        let meaning = error.failure();
        let kind = match meaning {
            Meaning::AuthStop if error.is_foreign() => ErrorKind::Blocked,
            Meaning::AuthStop => ErrorKind::Unauthorized,
            Meaning::Permanent => ErrorKind::Refused,
            _ => ErrorKind::Unreachable,
        };
        Self { meaning, bad_signature, error: Error::of_client(kind, error) }
    }
}

/// What went wrong in a call beside the pipeline's own, under the name that a job would have for it.
impl From<client::Error> for Error {
    fn from(error: client::Error) -> Self {
        Failure::from(error).error
    }
}
