//! How a run ended, as a shell sees it.

use std::process::ExitCode;

/// How a run ended, as a shell sees it. The numbers are a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exit {
    /// Every item is confirmed and every session submitted.
    Done,
    /// A bug or a broken machine; the journal is as it was after the last good write.
    Internal,
    /// Flags, configuration, manifest, credentials or a locked journal.
    Usage,
    /// Finished, and some items failed: they are in `failed.csv`.
    Failed,
    /// Stopped because more items failed than `--max-errors` allows.
    TooManyErrors,
    /// Stopped by `--deadline`; run again to go on.
    Deadline,
    /// Finished, but for some items nobody knows whether they arrived.
    Quarantined,
    /// Stopped by SIGINT; run again to go on.
    Interrupted,
    /// Stopped by SIGTERM; run again to go on.
    Terminated,
}

impl Exit {
    /// The process' exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Failed => 3,
            Self::TooManyErrors => 4,
            Self::Deadline => 5,
            Self::Quarantined => 6,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
