//! What can go wrong with the emulator itself (not what it answers to its clients).

use std::{error, fmt, io};

/// A failure to start, configure or steer the emulator.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<io::Error>,
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The address could not be bound.
    Bind,
    /// A setting, a fault script or a credential is not usable.
    Config,
    /// The data directory could not be read or written.
    Storage,
    /// A session, attempt or medium of that id is not there.
    NotFound,
    /// The emulator's thread is gone.
    Internal,
}

impl ErrorKind {
    /// The kebab-case name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Config => "config",
            Self::Storage => "storage",
            Self::NotFound => "not-found",
            Self::Internal => "internal",
        }
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn io(kind: ErrorKind, message: impl Into<String>, source: io::Error) -> Self {
        Self { kind, message: message.into(), source: Some(source) }
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_ref().map(|e| e as _)
    }
}
