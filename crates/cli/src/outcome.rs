//! Exit codes, and a failure in the words that the JSON promises.

use std::fmt;
use std::process::ExitCode;

use sealpress_client as client;
use sealpress_media::Fault;
use sealpress_pipeline as pipeline;
use sealpress_press as press;
use serde::Serialize;

/// Flags, environment or configuration are wrong.
pub(crate) const USAGE: u8 = 2;
/// Some inputs failed; the others were done.
pub(crate) const SOME_FAILED: u8 = 3;

/// One input's failure as JSON promises it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Failure {
    pub(crate) kind: String,
    pub(crate) fault: Fault,
    pub(crate) message: String,
    /// The vendor's own code, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// The status of the answer, where there was one that said no.
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    /// The id that the vendor's support asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: &str, fault: Fault, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), fault, message: message.into(), code: None, http_status: None, request_id: None }
    }

    /// A setting that is missing or wrong: exit code 2.
    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new("config", Fault::Caller, message)
    }

    /// Of a wait whose time ran out: everybody answered, and there was nothing yet.
    pub(crate) fn of_wait(e: client::Error) -> Self {
        match e.kind() {
            client::ErrorKind::Timeout { .. } => Self::new(e.kind().as_str(), e.fault(), e.to_string()),
            _ => e.into(),
        }
    }

    pub(crate) fn io(doing: &str, e: &std::io::Error) -> Self {
        Self::new("unreadable", Fault::Caller, format!("{doing}: {e}"))
    }

    /// Whether it is the settings' or the machine's, and no input's: what stops a run of many.
    pub(crate) fn is_settings(&self) -> bool {
        use pipeline::ErrorKind::{NoPress, Unauthorized};
        self.kind == "config" || [NoPress, Unauthorized].iter().any(|kind| self.kind == kind.as_str())
    }

    /// What a command that does one thing exits with when it failed.
    pub(crate) fn exit(&self) -> ExitCode {
        ExitCode::from(if self.is_settings() { USAGE } else { SOME_FAILED })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<pipeline::Error> for Failure {
    fn from(e: pipeline::Error) -> Self {
        Self {
            code: e.code().map(str::to_owned),
            http_status: e.http_status(),
            request_id: e.request_id().map(str::to_owned),
            ..Self::new(e.name(), e.fault(), e.to_string())
        }
    }
}

impl From<press::Error> for Failure {
    fn from(e: press::Error) -> Self {
        pipeline::Error::from(e).into()
    }
}

/// Under the name that a run of many has for it, where it has one.
impl From<client::Error> for Failure {
    fn from(e: client::Error) -> Self {
        use client::ErrorKind::{Api, Rejected, Timeout, Transport};
        match e.kind() {
            Api(_) | Rejected { .. } | Timeout { .. } | Transport { .. } => pipeline::Error::from(e).into(),
            kind => Self::new(kind.as_str(), e.fault(), e.to_string()),
        }
    }
}

/// 0 when all is done, 3 when some failed.
pub(crate) fn exit(failed: usize) -> ExitCode {
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(SOME_FAILED) }
}

/// A runtime for commands that wait; most of them do one thing at a time.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|e| Failure::new("internal", Fault::Internal, format!("no runtime: {e}")))
}
