//! Why a file is not decoded.

use std::fmt;

/// Why a file is not decoded, or how far its picture is from complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The file ends before its picture does.
    Truncated,
    /// The file ends in order, but parts of its picture never came: this says which.
    Incomplete(&'static str),
    /// What stands there contradicts the format: this says what.
    Corrupt(&'static str),
    /// Nothing wrong, as far as was read, but not for this decoder: this says why.
    Unsupported(&'static str),
    /// More of something than the caller allows: this says of what.
    Limit(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the file ends before its picture does"),
            Self::Incomplete(what) => write!(f, "incomplete: {what}"),
            Self::Corrupt(what) => write!(f, "corrupt: {what}"),
            Self::Unsupported(what) => write!(f, "not for this decoder: {what}"),
            Self::Limit(what) => write!(f, "more than allowed: {what}"),
        }
    }
}

impl std::error::Error for Error {}
