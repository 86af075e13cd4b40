//! Why a backfill could not go on, and the exit code that says the same to a shell.

use std::fmt;

use sealpress_media::Fault;

use crate::exit::Exit;

/// Why a backfill could not go on. What is wrong with a single row is not here: that is a failed
/// item of the journal.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What kind of trouble stopped the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A flag, variable or configuration file does not make sense.
    Config,
    /// The manifest cannot be read at all, or is not the one that the journal was made from.
    Manifest,
    /// Another process holds this journal.
    Locked,
    /// The journal is damaged: a record that cannot be trusted stands before good ones.
    Corrupt,
    /// The journal was written by another version, for another manifest or under another policy.
    Mismatch,
    /// A write to the journal failed. The run stops at once; nothing is sent that is not on disk.
    Journal,
    /// A change that the state machine forbids: a bug, or two writers.
    Illegal,
    /// The lease on a session ran out while it was being worked on.
    LeaseLost,
    /// The provider does not take the credentials; no item is marked failed for it.
    Unauthorized,
    /// It refuses what was asked for, whoever asks.
    Refused,
    /// There is no press: files cannot be prepared on this machine.
    NoPress,
    /// Reading or writing a file of ours failed.
    Io,
}

impl ErrorKind {
    /// The kebab-case name used in JSON and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Manifest => "manifest",
            Self::Locked => "locked",
            Self::Corrupt => "corrupt-journal",
            Self::Mismatch => "mismatch",
            Self::Journal => "journal",
            Self::Illegal => "illegal-transition",
            Self::LeaseLost => "lease-lost",
            Self::Unauthorized => "unauthorized",
            Self::Refused => "refused",
            Self::NoPress => "no-press",
            Self::Io => "io",
        }
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn caused(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, message: message.into(), source: Some(source.into()) }
    }

    /// The kind of trouble.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whose turn it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self.kind {
            ErrorKind::Config
            | ErrorKind::Manifest
            | ErrorKind::Locked
            | ErrorKind::Mismatch
            | ErrorKind::Unauthorized
            | ErrorKind::Refused
            | ErrorKind::Io => Fault::Caller,
            ErrorKind::LeaseLost => Fault::Remote,
            ErrorKind::Corrupt | ErrorKind::Journal | ErrorKind::Illegal | ErrorKind::NoPress => Fault::Internal,
        }
    }

    /// The exit code that says the same to a shell.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self.kind {
            ErrorKind::Config
            | ErrorKind::Manifest
            | ErrorKind::Locked
            | ErrorKind::Mismatch
            | ErrorKind::Unauthorized
            | ErrorKind::Refused
            | ErrorKind::NoPress
            | ErrorKind::Io => Exit::Usage,
            ErrorKind::Corrupt | ErrorKind::Journal | ErrorKind::Illegal | ErrorKind::LeaseLost => Exit::Internal,
        }
    }
}

/// Why a pipeline did not start.
impl From<sealpress_pipeline::Error> for Error {
    fn from(error: sealpress_pipeline::Error) -> Self {
        match error.kind() {
            sealpress_pipeline::ErrorKind::NoPress => Self::new(ErrorKind::NoPress, error.to_string()),
            _ => Self::caused(ErrorKind::Config, "the pipeline did not start", error),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;
