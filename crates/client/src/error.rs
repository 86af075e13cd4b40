//! What went wrong between here and a vendor, in words that name no vendor: a code gets its meaning in the
//! vendor's own folder.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use sealpress_media::{Fault, Refusal};

/// What went wrong between here and a vendor. Small (one pointer), and free of keys, media and
/// personal data: `Display` never repeats a request or an answer.
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    source: Option<Box<dyn StdError + Send + Sync>>,
    /// Something had to be done first, and that failed: the call itself was never begun.
    preparing: bool,
}

/// The kinds of [`Error`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client is set up wrongly: URL, key, secret, certificate, an id that cannot stand in a URL.
    Config {
        /// What is wrong, for the operator.
        reason: Cow<'static, str>,
    },
    /// The media or its context would be refused; nothing was sent.
    Media {
        /// What is wrong with it.
        reason: Cow<'static, str>,
        /// Whether it is too large ([`Fault::Limit`]), of a kind that is not taken
        /// ([`Fault::Input`]) or used wrongly ([`Fault::Caller`]).
        fault: Fault,
    },
    /// The connection failed.
    Transport {
        /// False only where it is certain that the vendor saw nothing of the request.
        may_have_been_sent: bool,
    },
    /// No answer in time.
    Timeout {
        /// False only where it is certain that the vendor saw nothing of the request.
        may_have_been_sent: bool,
    },
    /// The vendor answered with a status other than 2xx.
    Api(ApiError),
    /// The vendor took the request and judged the picture unusable: ask for another one.
    Rejected {
        /// The vendor's word for it, such as `blur`.
        feedback: String,
    },
    /// A successful answer that could not be understood.
    Decode {
        /// The field, as in `image.size`; `.` where the answer as a whole was not JSON.
        path: String,
    },
    /// The signature of an answer or webhook is wrong, or missing where it is required.
    ResponseSignature {
        /// True where there was none at all.
        missing: bool,
    },
    /// An answer or download is larger than the cap, in bytes.
    TooLarge {
        /// The cap.
        limit: u64,
    },
    /// The caller cancelled a wait.
    Cancelled,
}

/// What a vendor said with a status other than 2xx. The status counts first: codes are unreliable
/// in the field (one vendor's documents show the same one for everything).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiError {
    /// HTTP status, 300..=599.
    pub http_status: u16,
    /// The vendor's code where there is one, as text: `"1402"`, `"invalid_client"`.
    pub code: Option<String>,
    /// What code or status mean by this vendor's own tables, where they say so.
    pub meaning: Option<&'static str>,
    /// The vendor's words, at most 500 characters. Vendors may repeat input in it: it is not
    /// printed by `Display` or `Debug`.
    pub message: Option<String>,
    /// A request id from the answer's headers, for the vendor's support.
    pub request_id: Option<String>,
    /// `Retry-After`, unclamped.
    pub retry_after: Option<Duration>,
}

/// What a failed upload or submit means for whoever keeps the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// Certainly not processed: may be sent again.
    NotSent,
    /// Perhaps processed: look at the vendor's list before sending again.
    InDoubt,
    /// This item will never be taken as it is.
    Permanent,
    /// Credentials or set-up are wrong: stop the run, no item is to blame.
    AuthStop,
    /// Not processed, and the vendor wants a pause; the time is the vendor's own, unclamped.
    Throttled(Option<Duration>),
}

impl ErrorKind {
    /// The name used in JSON output.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Config { .. } => "config",
            Self::Media { .. } => "media",
            Self::Transport { .. } => "transport",
            Self::Timeout { .. } => "timeout",
            Self::Api(_) => "api",
            Self::Rejected { .. } => "rejected",
            Self::Decode { .. } => "decode",
            Self::ResponseSignature { .. } => "response-signature",
            Self::TooLarge { .. } => "too-large",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Error {
    /// An error of this kind in this operation (`"upload"`, `"create session"`).
    #[must_use]
    pub fn new(kind: ErrorKind, operation: &'static str) -> Self {
        Self { inner: Box::new(Inner { kind, operation, source: None, preparing: false }) }
    }

    /// The same with what caused it. The source must be free of secrets.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// The same for a failure of what had to be done first, such as fetching a token.
    pub(crate) fn in_preparation(mut self) -> Self {
        self.inner.preparing = true;
        self
    }

    /// Set up or used wrongly: a [`ErrorKind::Config`] of this operation, with words for the operator.
    pub fn config(operation: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Config { reason: reason.into() }, operation)
    }

    pub(crate) fn media(operation: &'static str, fault: Fault, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Media { reason: reason.into(), fault }, operation)
    }

    /// Media that the vendor's limits rule out before anything is sent: what `media::Limits::check` said.
    pub fn refused(operation: &'static str, refusal: Refusal) -> Self {
        Self::media(operation, refusal.fault(), refusal.message().to_owned())
    }

    /// Which kind of failure this is.
    #[must_use]
    pub const fn kind(&self) -> &ErrorKind {
        &self.inner.kind
    }

    /// What was being done, such as `upload`.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.inner.operation
    }

    /// Whose turn it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match &self.inner.kind {
            ErrorKind::Config { .. } | ErrorKind::Cancelled => Fault::Caller,
            ErrorKind::Media { fault, .. } => *fault,
            ErrorKind::Rejected { .. } => Fault::Input,
            ErrorKind::TooLarge { .. } => Fault::Limit,
            ErrorKind::Transport { .. }
            | ErrorKind::Timeout { .. }
            | ErrorKind::Decode { .. }
            | ErrorKind::ResponseSignature { .. } => Fault::Remote,
            ErrorKind::Api(api) => api.fault(),
        }
    }

    /// What this means for the books, when an upload or a submit failed with it.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self.failure_of_call() {
            // A token that is refused is refused for every item.
            Failure::Permanent if self.inner.preparing => Failure::AuthStop,
            Failure::InDoubt if self.inner.preparing => Failure::NotSent,
            failure => failure,
        }
    }

    fn failure_of_call(&self) -> Failure {
        match &self.inner.kind {
            ErrorKind::Config { .. } => Failure::AuthStop,
            ErrorKind::Media { .. } | ErrorKind::Rejected { .. } => Failure::Permanent,
            ErrorKind::Transport { may_have_been_sent: false }
            | ErrorKind::Timeout { may_have_been_sent: false }
            | ErrorKind::Cancelled => Failure::NotSent,
            ErrorKind::Transport { .. }
            | ErrorKind::Timeout { .. }
            | ErrorKind::Decode { .. }
            | ErrorKind::TooLarge { .. }
            | ErrorKind::ResponseSignature { .. } => Failure::InDoubt,
            ErrorKind::Api(api) => api.failure(),
        }
    }

    /// Whether the same call may succeed later. Says nothing about whether it is safe to repeat:
    /// for an upload or a submit ask [`failure`](Self::failure).
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match &self.inner.kind {
            ErrorKind::Transport { .. } | ErrorKind::Timeout { .. } | ErrorKind::Decode { .. } => true,
            ErrorKind::Api(api) => matches!(api.http_status, 408 | 425 | 429 | 500 | 502..=504),
            _ => false,
        }
    }

    /// The vendor's code, where it sent one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.api()?.code.as_deref()
    }

    /// The HTTP status, where there was an answer other than 2xx.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        Some(self.api()?.http_status)
    }

    /// How long the vendor asked to wait, unclamped.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.api()?.retry_after
    }

    /// Everything the vendor said, where it answered with a status other than 2xx.
    #[must_use]
    pub fn api(&self) -> Option<&ApiError> {
        match &self.inner.kind {
            ErrorKind::Api(api) => Some(api),
            _ => None,
        }
    }

    /// Whether the vendor says that the session takes nothing more (409).
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.http_status() == Some(409)
    }

    /// Whether key, secret or token were refused (401, 403).
    #[must_use]
    pub fn is_auth(&self) -> bool {
        matches!(self.http_status(), Some(401 | 403))
    }

    /// Whether somebody on the way said no, a proxy or a firewall, and not the vendor: a 403 or 407 without a
    /// code of the vendor's.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.api().is_some_and(ApiError::is_foreign)
    }

    /// Whether the session, attempt or media does not exist (404).
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.http_status() == Some(404)
    }
}

impl ApiError {
    /// An answer with this status, and nothing else known of it: for providers of your own.
    #[must_use]
    pub const fn new(http_status: u16) -> Self {
        Self { http_status, code: None, message: None, request_id: None, retry_after: None, meaning: None }
    }

    /// A 401, or a redirect, is the same for every call whoever says it; these are not.
    fn is_foreign(&self) -> bool {
        matches!(self.http_status, 403 | 407) && self.code.is_none()
    }

    pub(crate) const fn fault(&self) -> Fault {
        match self.http_status {
            413 => Fault::Limit,
            408 | 425 | 429 | 500.. => Fault::Remote,
            _ => Fault::Caller,
        }
    }

    fn failure(&self) -> Failure {
        match self.http_status {
            // A redirect is never followed: the base URL is wrong, for every item.
            300..=399 | 401 | 403 | 407 => Failure::AuthStop,
            429 => Failure::Throttled(self.retry_after),
            503 if self.retry_after.is_some() => Failure::Throttled(self.retry_after),
            408 | 425 => Failure::NotSent,
            400..=499 => Failure::Permanent,
            // A proxy's 502 or 504, or a 500, says nothing about what happened behind it.
            _ => Failure::InDoubt,
        }
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("http_status", &self.http_status)
            .field("code", &self.code)
            .field("meaning", &self.meaning)
            .field("request_id", &self.request_id)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config { reason } | Self::Media { reason, .. } => f.write_str(reason),
            Self::Transport { may_have_been_sent: false } => f.write_str("could not connect"),
            Self::Transport { may_have_been_sent: true } => f.write_str("the connection broke"),
            Self::Timeout { may_have_been_sent: false } => f.write_str("could not connect in time"),
            Self::Timeout { may_have_been_sent: true } => f.write_str("no answer in time"),
            Self::Api(api) => {
                let who = if api.is_foreign() { "a proxy or firewall on the way" } else { "the vendor" };
                write!(f, "{who} answered HTTP {}", api.http_status)?;
                api.code.iter().try_for_each(|code| write!(f, ", code {code}"))?;
                api.meaning.map_or(Ok(()), |meaning| write!(f, " ({meaning})"))?;
                api.request_id.iter().try_for_each(|id| write!(f, ", request {id}"))
            }
            Self::Rejected { feedback } => write!(f, "the vendor cannot use the picture: {feedback}"),
            Self::Decode { path } => write!(f, "the answer could not be understood at `{path}`"),
            Self::ResponseSignature { missing: true } => f.write_str("the answer is not signed"),
            Self::ResponseSignature { missing: false } => f.write_str("the signature of the answer is wrong"),
            Self::TooLarge { limit } => write!(f, "the answer is larger than {limit} bytes"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.inner.operation, self.inner.kind)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("operation", &self.inner.operation)
            .field("kind", &self.inner.kind)
            .field("source", &self.inner.source.as_ref().map(ToString::to_string))
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(http_status: u16, retry_after: Option<u64>) -> Error {
        let retry_after = retry_after.map(Duration::from_secs);
        let message = Some("Jane Doe".to_owned());
        let code = Some("1402".to_owned());
        let api = ApiError { http_status, code, meaning: Some("by its table"), message, request_id: None, retry_after };
        Error::new(ErrorKind::Api(api), "upload")
    }

    #[test]
    fn statuses_mean_what_the_state_machine_needs() {
        let table = [
            (302, None, Failure::AuthStop),
            (400, None, Failure::Permanent),
            (401, None, Failure::AuthStop),
            (403, None, Failure::AuthStop),
            (404, None, Failure::Permanent),
            (408, None, Failure::NotSent),
            (409, None, Failure::Permanent),
            (413, None, Failure::Permanent),
            (429, None, Failure::Throttled(None)),
            (429, Some(7), Failure::Throttled(Some(Duration::from_secs(7)))),
            (500, None, Failure::InDoubt),
            (502, None, Failure::InDoubt),
            (503, None, Failure::InDoubt),
            (503, Some(1), Failure::Throttled(Some(Duration::from_secs(1)))),
            (504, None, Failure::InDoubt),
        ];
        for (status, after, failure) in table {
            assert_eq!(api(status, after).failure(), failure, "{status}");
        }
    }

    #[test]
    fn what_the_vendor_said_is_kept_but_not_printed() {
        let error = api(400, None);
        assert_eq!(error.api().unwrap().message.as_deref(), Some("Jane Doe"));
        assert_eq!(error.to_string(), "upload: the vendor answered HTTP 400, code 1402 (by its table)");
        assert!(!format!("{error:?} {error:#?}").contains("Jane"));
    }

    #[test]
    fn an_error_is_one_pointer() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
