//! Why a reader stopped: it does not understand the file, or there is an error.

use crate::error::Error;

/// The reader met something it does not understand; the next one takes over. Only the strict one says so
/// in the middle of a file.
#[derive(Debug)]
pub(crate) struct Leave(pub(crate) &'static str);

/// Why a file was not read to its end: the reader gave up (another one may not), or there is an error.
#[derive(Debug)]
pub(crate) enum Failure {
    Leave(Leave),
    Error(Error),
}

impl From<Leave> for Failure {
    fn from(leave: Leave) -> Self {
        Self::Leave(leave)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
