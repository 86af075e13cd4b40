//! Why a picture was refused, and whose turn it is.

use std::borrow::Cow;
use std::fmt;

use sealpress_media::{Fault, Refusal, RefusalKind};

/// Why a picture could not be normalized.
pub struct Error {
    kind: ErrorKind,
    detail: Cow<'static, str>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of [`Error`]; the names are the same in every crate and in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Not a picture of a format that is read here.
    UnsupportedFormat,
    /// The format is read, but not this way of using it: 12-bit or lossless JPEG, a sequence
    /// without a still picture.
    UnsupportedFeature,
    /// Picture data ends before the picture does.
    Truncated,
    /// The structure or the picture data contradicts the format.
    Corrupt,
    /// The header asks for more pixels, memory or scans than the policy grants.
    TooLarge,
    /// The result does not fit the policy's minimum size or byte limits.
    Limit,
    /// Too blurred or too empty, by [`Preflight::Refuse`](sealpress_media::Preflight).
    Quality,
    /// The work took longer than the policy grants.
    Timeout,
    /// A bug here or in a codec.
    Internal,
}

impl ErrorKind {
    /// The name used in JSON output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnsupportedFormat => "unsupported-format",
            Self::UnsupportedFeature => "unsupported-feature",
            Self::Truncated => "truncated",
            Self::Corrupt => "corrupt",
            Self::TooLarge => "too-large",
            Self::Limit => "limit",
            Self::Quality => "quality",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }
}

impl From<ErrorKind> for RefusalKind {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::UnsupportedFormat => Self::UnsupportedFormat,
            ErrorKind::UnsupportedFeature => Self::UnsupportedFeature,
            ErrorKind::Truncated => Self::Truncated,
            ErrorKind::Corrupt => Self::Corrupt,
            ErrorKind::TooLarge => Self::TooLarge,
            ErrorKind::Limit => Self::Limit,
            ErrorKind::Quality => Self::Quality,
            ErrorKind::Timeout => Self::Timeout,
            ErrorKind::Internal => Self::Internal,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(error.kind.into(), error.fault(), error.to_string())
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    /// `detail` says what was found, in words for a person; never content of the file.
    pub(crate) fn new(kind: ErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), source: None }
    }

    /// The same with the codec's own error behind it.
    pub(crate) fn with_source(
        kind: ErrorKind,
        detail: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, detail: detail.into(), source: Some(source.into()) }
    }

    pub(crate) fn unsupported_feature(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::UnsupportedFeature, detail)
    }

    pub(crate) fn truncated(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Truncated, detail)
    }

    pub(crate) fn corrupt(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Corrupt, detail)
    }

    pub(crate) fn too_large(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::TooLarge, detail)
    }

    pub(crate) fn internal(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Internal, detail)
    }

    /// Which kind of refusal this is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whose turn it is: the file's owner ([`Fault::Input`]), the policy's ([`Fault::Limit`]) or
    /// ours ([`Fault::Internal`]).
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self.kind {
            ErrorKind::UnsupportedFormat
            | ErrorKind::UnsupportedFeature
            | ErrorKind::Truncated
            | ErrorKind::Corrupt
            | ErrorKind::Quality => Fault::Input,
            ErrorKind::TooLarge | ErrorKind::Limit | ErrorKind::Timeout => Fault::Limit,
            ErrorKind::Internal => Fault::Internal,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}: {}", self.kind, self.detail)?;
        if let Some(source) = &self.source {
            write!(f, "; {source}")?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}
