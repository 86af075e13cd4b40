//! Two ways in which a file does not come out: the file was refused, or there is no press.

use std::fmt;
use std::io;

use sealpress_media::{Fault, Refusal};

/// Why a press gave nothing back.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// This file was not taken. The next one may be.
    Refused(Refusal),
    /// There is no press: a worker process could not be started or locked down. It says nothing about
    /// the file, and the next file would fare no better: whoever works on many must stop and blame none.
    #[non_exhaustive]
    Unavailable {
        /// What is missing, for an operator.
        reason: String,
        /// What the system said.
        source: Option<io::Error>,
    },
}

impl Error {
    /// There is no press, for this reason.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into(), source: None }
    }

    /// Whose turn it is: a press that is not there is a broken machine.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Refused(refusal) => refusal.fault(),
            Self::Unavailable { .. } => Fault::Internal,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Unavailable { reason, source: None } => write!(f, "files cannot be prepared here: {reason}"),
            Self::Unavailable { reason, source: Some(source) } => {
                write!(f, "files cannot be prepared here: {reason}: {source}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(_) | Self::Unavailable { source: None, .. } => None,
            Self::Unavailable { source: Some(source), .. } => Some(source),
        }
    }
}
