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
}

impl Failure {
    pub(crate) fn new(kind: &str, fault: Fault, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), fault, message: message.into(), code: None }
    }

    /// A setting that is missing or wrong: exit code 2.
    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new("config", Fault::Caller, message)
    }

    pub(crate) fn io(doing: &str, e: &std::io::Error) -> Self {
        Self::new("unreadable", Fault::Caller, format!("{doing}: {e}"))
    }

    /// What a command that does one thing exits with when it failed. A press that is not there is a matter of
    /// the machine's configuration.
    pub(crate) fn exit(&self) -> ExitCode {
        use pipeline::ErrorKind::{Blocked, NoPress, Unauthorized};
        let is_setting =
            self.kind == "config" || [Blocked, NoPress, Unauthorized].iter().any(|kind| self.kind == kind.as_str());
        ExitCode::from(if is_setting { USAGE } else { SOME_FAILED })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<pipeline::Error> for Failure {
    fn from(e: pipeline::Error) -> Self {
        Self { code: e.code().map(str::to_owned), ..Self::new(e.name(), e.fault(), e.to_string()) }
    }
}

impl From<press::Error> for Failure {
    fn from(e: press::Error) -> Self {
        pipeline::Error::from(e).into()
    }
}

impl From<client::Error> for Failure {
    fn from(e: client::Error) -> Self {
        // Under the names that a run of many has for it: credentials, or something on the way.
        let kind = match (e.failure(), e.http_status(), e.code()) {
            (client::Failure::AuthStop, Some(403 | 407), None) => pipeline::ErrorKind::Blocked.as_str(),
            (client::Failure::AuthStop, Some(_), _) => pipeline::ErrorKind::Unauthorized.as_str(),
            _ => e.kind().as_str(),
        };
        Self { code: e.code().map(str::to_owned), ..Self::new(kind, e.fault(), e.to_string()) }
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
