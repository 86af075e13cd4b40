//! Why a PDF was not taken: the kinds, whose turn it is, the reader's own error behind it.

use std::fmt;

use sealpress_media::{Fault, Refusal, RefusalKind};

/// Why a PDF could not be trimmed. Carries no content of the file.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    detail: &'static str,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The media is a picture, not a document, or a TIFF that is packed or coloured in a rare way.
    UnsupportedFormat,
    /// The file needs a password, or is encrypted in a way nobody here can undo.
    Encrypted,
    /// The file has a structure but not a single page.
    NoPages,
    /// No reader makes sense of the file.
    Corrupt,
    /// The file breaks off, and what its pages need is missing.
    Truncated,
    /// The file is signed, cannot leave as it is, and the policy refuses to lose the signature.
    SignatureLost,
    /// Reading used little of the processor and yet took very long: the machine is busy, the file is not
    /// at fault.
    Busy,
    /// The file is larger than [`Policy::max_input_bytes`](crate::Policy::max_input_bytes).
    TooLarge,
    /// The kept pages do not fit: more bytes, objects or pixels than the policy allows.
    Limit,
    /// Reading took longer than [`Policy::read_budget`](crate::Policy::read_budget).
    Timeout,
    /// What was written did not read back: a bug of ours.
    Internal,
}

impl ErrorKind {
    /// The name used in JSON output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnsupportedFormat => "unsupported-format",
            Self::Encrypted => "encrypted",
            Self::NoPages => "no-pages",
            Self::Corrupt => "corrupt",
            Self::Truncated => "truncated",
            Self::SignatureLost => "signature-lost",
            Self::TooLarge => "too-large",
            Self::Limit => "limit",
            Self::Timeout | Self::Busy => "timeout",
            Self::Internal => "internal",
        }
    }
}

impl Error {
    pub(crate) const fn new(kind: ErrorKind, detail: &'static str) -> Self {
        Self { kind, detail, source: None }
    }

    pub(crate) fn because(
        kind: ErrorKind,
        detail: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, detail, source: Some(source.into()) }
    }

    /// Which kind of failure this is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether another reader may do better.
    pub(crate) const fn may_be_read_otherwise(&self) -> bool {
        matches!(self.kind, ErrorKind::Corrupt | ErrorKind::NoPages | ErrorKind::Internal)
    }

    /// Whose turn it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self.kind {
            ErrorKind::UnsupportedFormat
            | ErrorKind::Encrypted
            | ErrorKind::NoPages
            | ErrorKind::Corrupt
            | ErrorKind::Truncated
            | ErrorKind::SignatureLost => Fault::Input,
            ErrorKind::Busy => Fault::Internal,
            ErrorKind::TooLarge | ErrorKind::Limit | ErrorKind::Timeout => Fault::Limit,
            ErrorKind::Internal => Fault::Internal,
        }
    }
}

impl From<ErrorKind> for RefusalKind {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::UnsupportedFormat => Self::UnsupportedFormat,
            ErrorKind::Encrypted => Self::Encrypted,
            ErrorKind::NoPages => Self::NoPages,
            ErrorKind::Corrupt => Self::Corrupt,
            ErrorKind::TooLarge => Self::TooLarge,
            ErrorKind::Limit => Self::Limit,
            ErrorKind::Timeout | ErrorKind::Busy => Self::Timeout,
            ErrorKind::Truncated => Self::Truncated,
            ErrorKind::SignatureLost => Self::SignatureLost,
            ErrorKind::Internal => Self::Internal,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(error.kind.into(), error.fault(), error.detail)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn std::error::Error + 'static))
    }
}
