//! Why a job did not end with a receipt, in kinds that an operator acts on.

use std::fmt;
use std::sync::Arc;

use sealpress_client as client;
use sealpress_media::{Fault, Refusal};
use sealpress_press as press;

type Source = Arc<dyn std::error::Error + Send + Sync>;

/// Why a job did not end with a receipt. Cheap to clone: what stopped a run is told to every job.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    name: &'static str,
    fault: Fault,
    message: String,
    code: Option<String>,
    http_status: Option<u16>,
    in_doubt: bool,
    source: Option<Source>,
}

/// The kinds of [`Error`], by what an operator does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file could not be read or fetched.
    Read,
    /// The file is not media we take, or could not be pressed. [`Error::name`] says why.
    Press,
    /// There is no press: a worker process cannot be started or locked down. The run stops, and no file is to
    /// blame.
    NoPress,
    /// The request could not be built: a context that the vendor does not know, a wrong setting.
    Request,
    /// The vendor answered no, and would answer no again.
    Refused,
    /// Something between here and the vendor (a proxy, a firewall) refused the request. Many in a
    /// row stop the run.
    Blocked,
    /// What was confirmed is not in the vendor's list: the session is not submitted.
    Missing,
    /// Not delivered: attempts or the run's retry budget are used up. Another pass may do it.
    Unreachable,
    /// The host kept failing and the circuit stayed open longer than the job was willing to wait.
    CircuitOpen,
    /// Sent with an unclear outcome, and no good listing could be had. Must be looked up before it
    /// is ever sent again.
    InDoubt,
    /// 401 or 403: the run stops, and this is what stopped it.
    Unauthorized,
    /// The run had been stopped or was draining; this job was not tried, or not tried again.
    Stopped,
    /// The caller gave up before the first byte was sent.
    Cancelled,
    /// The same content was already sent in this session and context; the journal refused it.
    Duplicate,
    /// The vendor took the upload and cannot use the picture: another one is wanted. [`Error::code`] has the
    /// vendor's word for it, such as `blur`.
    Retake,
    /// The journal could not record the attempt, so that nothing was sent.
    Journal,
    /// A bug here or in a codec; it cost this job alone.
    Internal,
}

impl ErrorKind {
    /// The name used in JSON output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "unreadable",
            Self::Press => "press",
            Self::NoPress => "no-press",
            Self::Request => "request",
            Self::Refused => "refused",
            Self::Blocked => "blocked",
            Self::Missing => "media-missing",
            Self::Unreachable => "unreachable",
            Self::CircuitOpen => "circuit-open",
            Self::InDoubt => "in-doubt",
            Self::Unauthorized => "unauthorized",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
            Self::Duplicate => "duplicate",
            Self::Retake => "retake",
            Self::Journal => "journal",
            Self::Internal => "internal",
        }
    }

    const fn fault(self) -> Fault {
        match self {
            Self::Press | Self::Duplicate => Fault::Input,
            Self::Blocked | Self::Read | Self::Request | Self::Unauthorized | Self::Stopped | Self::Cancelled => {
                Fault::Caller
            }
            Self::Missing | Self::Refused | Self::Unreachable | Self::CircuitOpen | Self::InDoubt => Fault::Remote,
            Self::NoPress | Self::Journal | Self::Internal => Fault::Internal,
            Self::Retake => Fault::Input,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    /// An error of a [`crate::Fetch`] or [`crate::Press`] of yours. The message reaches logs and
    /// reports: no names of people, no secrets.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            name: kind.as_str(),
            fault: kind.fault(),
            message: message.into(),
            code: None,
            http_status: None,
            in_doubt: kind == ErrorKind::InDoubt,
            source: None,
        }
    }

    /// A file that the system does not give, in words that do not name it.
    #[must_use]
    pub fn unreadable(error: std::io::Error) -> Self {
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => "cannot be read: no such file".to_owned(),
            kind => format!("cannot be read: {kind}"),
        };
        Self::new(ErrorKind::Read, message).with_source(error)
    }

    /// The same error with what caused it behind it.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// A client's error in this crate's words; the vendor's own message stays behind `source`.
    pub(crate) fn of_client(kind: ErrorKind, error: client::Error) -> Self {
        let (kind, code) = match error.kind() {
            // Neither a success nor a failure of the way: whoever took the picture takes another.
            client::ErrorKind::Rejected { feedback } => (ErrorKind::Retake, Some(feedback.clone())),
            _ => (kind, error.code().map(str::to_owned)),
        };
        Self::new(kind, error.to_string())
            .with_fault(error.fault())
            .with_answer(error.http_status(), code)
            .with_source(error)
    }

    fn with_fault(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }

    fn with_answer(mut self, http_status: Option<u16>, code: Option<String>) -> Self {
        self.http_status = http_status;
        self.code = code;
        self
    }

    pub(crate) fn with_doubt(mut self, in_doubt: bool) -> Self {
        self.in_doubt = in_doubt;
        self
    }

    /// What to do next.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The kebab-case name for JSON and reports: for [`ErrorKind::Press`] the codec crates' own
    /// (`truncated`, `encrypted`, …), else the kind's.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whose turn it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    /// The vendor's own error code, where it answered with one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The HTTP status, where there was an answer.
    #[must_use]
    pub const fn http_status(&self) -> Option<u16> {
        self.http_status
    }

    /// The vendor's id of the request, where its answer had one: for its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        let source = self.source.as_deref()?;
        source.downcast_ref::<client::Error>()?.api()?.request_id.as_deref()
    }

    /// Whether the vendor may have recorded the upload all the same. Such an item must be given
    /// back with [`crate::Job::in_doubt`], so that it is looked up before it is sent.
    #[must_use]
    pub const fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Whether trying the same item again later can help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Unreachable
                | ErrorKind::CircuitOpen
                | ErrorKind::InDoubt
                | ErrorKind::NoPress
                | ErrorKind::Unauthorized
                | ErrorKind::Stopped
                | ErrorKind::Cancelled
                | ErrorKind::Journal
        )
    }
}

/// Under the name of the refusal's kind: `truncated`, `encrypted`, …
impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self { name: refusal.kind().as_str(), fault: refusal.fault(), ..Self::new(ErrorKind::Press, refusal.message()) }
    }
}

impl From<press::Error> for Error {
    fn from(error: press::Error) -> Self {
        match error {
            press::Error::Refused(refusal) => refusal.into(),
            unavailable => Self::new(ErrorKind::NoPress, unavailable.to_string()).with_source(unavailable),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}: {}", self.name, self.message)?;
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
