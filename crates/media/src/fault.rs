//! Whose turn it is when something fails.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whose turn it is when a job failed. Every error of every crate answers `fault()` with one of
/// these, so that a caller can decide without knowing the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Fault {
    /// The file is broken, encrypted or of a kind nobody takes: ask the person for another one.
    Input,
    /// The file is sound but larger, longer or costlier than the policy allows.
    Limit,
    /// The caller used the library wrongly: wrong arguments, wrong configuration, wrong credentials.
    Caller,
    /// The other side or the way to it: worth another try later.
    Remote,
    /// A bug or a broken machine: page someone.
    Internal,
}

impl Fault {
    /// The name used in JSON output: `input`, `limit`, `caller`, `remote` or `internal`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Limit => "limit",
            Self::Caller => "caller",
            Self::Remote => "remote",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
