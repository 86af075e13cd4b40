//! Why a gateway answers by itself, in nobody's format: each vendor's folder says it in the vendor's.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use sealpress_client as client;
use sealpress_media::{Fault, RefusalKind};
use sealpress_pipeline as pipeline;

/// Why a request is not handed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    kind: ProblemKind,
    message: String,
    retry_after: Option<Duration>,
}

/// The kinds of [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// No API key came along.
    NoKey,
    /// It has not the form of a key.
    BadKey,
    /// It belongs to no account of this gateway.
    UnknownKey,
    /// No signature, or no token, came along.
    NoSignature,
    /// It has not the form of a signature.
    BadSignature,
    /// It was made over other bytes or with another secret.
    WrongSignature,
    /// The body cannot be read: not JSON, not multipart, cut off.
    BadBody,
    /// There is no media in it.
    NoMedia,
    /// It is not base64.
    BadBase64,
    /// Nothing says what the media shows.
    NoContext,
    /// The file was looked at, and is not taken.
    Media,
    /// The path cannot be handed on.
    BadPath,
    /// The body is larger than is taken.
    TooLarge,
    /// The body did not come in time.
    TooSlow,
    /// No room, or uploads of the session still under way.
    Busy,
    /// The vendor could not be reached, or did not answer.
    Unreachable,
    /// The vendor did not answer in time.
    Timeout,
    /// A bug or a broken machine.
    Internal,
}

impl ProblemKind {
    /// The name in the header `x-sealpress-error`, in metrics and the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoKey => "no-key",
            Self::BadKey => "bad-key",
            Self::UnknownKey => "unknown-key",
            Self::NoSignature => "no-signature",
            Self::BadSignature => "bad-signature",
            Self::WrongSignature => "wrong-signature",
            Self::BadBody => "bad-body",
            Self::NoMedia => "no-media",
            Self::BadBase64 => "bad-base64",
            Self::NoContext => "no-context",
            Self::Media => "media",
            Self::BadPath => "bad-path",
            Self::TooLarge => "too-large",
            Self::TooSlow => "too-slow",
            Self::Busy => "busy",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }

    /// The status that says so.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NoKey
            | Self::BadKey
            | Self::UnknownKey
            | Self::NoSignature
            | Self::BadSignature
            | Self::WrongSignature => StatusCode::UNAUTHORIZED,
            Self::BadBody | Self::NoMedia | Self::BadBase64 | Self::NoContext | Self::Media | Self::BadPath => {
                StatusCode::BAD_REQUEST
            }
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Unreachable => StatusCode::BAD_GATEWAY,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Problem {
    /// The message is read by the caller: what is wrong, and what to do.
    pub fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// Come again after so long.
    pub(crate) fn busy(message: impl Into<String>, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(ProblemKind::Busy, message) }
    }

    pub(crate) fn internal() -> Self {
        Self::new(ProblemKind::Internal, "the gateway cannot do this now: its operator has to look")
    }

    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// For whoever called.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// When to come again.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// What a file was refused for, and what its sender can do about it.
impl From<pipeline::Error> for Problem {
    fn from(error: pipeline::Error) -> Self {
        if !matches!(error.fault(), Fault::Input | Fault::Limit) {
            return Self::internal();
        }
        let kind = RefusalKind::ALL.iter().find(|kind| kind.as_str() == error.name()).copied();
        let hint = match kind {
            // It ends with the advice already.
            Some(RefusalKind::Quality) => return Self::new(ProblemKind::Media, error.to_string()),
            Some(RefusalKind::Encrypted) => "remove the password and send it again",
            Some(RefusalKind::Corrupt | RefusalKind::Truncated | RefusalKind::Empty | RefusalKind::NoPages) => {
                "the file is damaged or was cut off on its way: send the original, or take the photo again"
            }
            Some(RefusalKind::UnsupportedFormat) => "send JPEG, PNG, WebP, HEIC, TIFF or PDF",
            Some(RefusalKind::UnsupportedFeature) => "save it as an ordinary JPEG or PDF and send that",
            Some(RefusalKind::TooLarge | RefusalKind::Limit) => "send a smaller one",
            Some(RefusalKind::SignatureLost) => "send the document without pages that have to be cut",
            _ => "send another file",
        };
        Self::new(ProblemKind::Media, format!("{error}: {hint}"))
    }
}

/// The vendor did not answer. Whether it has the file all the same is said, since only the caller can look.
impl From<client::Error> for Problem {
    fn from(error: client::Error) -> Self {
        use client::ErrorKind;
        let told = |sent: bool| {
            if sent {
                "it may have been received all the same: look before sending it again"
            } else {
                "it was not sent: it can be sent again"
            }
        };
        match error.kind() {
            ErrorKind::Timeout { may_have_been_sent } => Self::new(
                ProblemKind::Timeout,
                format!("the vendor did not answer in time; {}", told(*may_have_been_sent)),
            ),
            ErrorKind::Transport { may_have_been_sent } => {
                let message = format!("the vendor could not be reached; {}", told(*may_have_been_sent));
                Self::new(ProblemKind::Unreachable, message)
            }
            ErrorKind::Media { .. } => Self::new(ProblemKind::Media, error.to_string()),
            _ => Self::internal(),
        }
    }
}
