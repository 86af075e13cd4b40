//! Why a file was not taken, typed: the same in the codec crates, across the border of a worker
//! process, in the pipeline and in reports.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// Why a file was not taken: the kind, whose turn it is, and words for a person. Carries no content
/// of the file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refusal {
    kind: RefusalKind,
    fault: Fault,
    message: String,
}

impl Refusal {
    /// A refusal of this kind. The message reaches logs and reports: no names of people, no secrets.
    pub fn new(kind: RefusalKind, fault: Fault, message: impl Into<String>) -> Self {
        Self { kind, fault, message: message.into() }
    }

    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        self.kind
    }

    /// Whose turn it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    /// For a person.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $name:literal,)+) => {
        /// The kinds of [`Refusal`]. One kind means one thing, whoever refuses.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum RefusalKind {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $kind,)+
        }

        impl RefusalKind {
            /// Every kind, for tables and tests.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// The name used in JSON output, such as `truncated`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }
        }
    };
}

kinds! {
    /// The structure or the content contradicts the format, or no reader makes sense of it.
    Corrupt = "corrupt",
    /// The process that decoded it died, and so did the one that tried again.
    Crashed = "crashed",
    /// No bytes at all.
    Empty = "empty",
    /// A password is needed, or an encryption that nobody here can undo.
    Encrypted = "encrypted",
    /// A bug or a broken machine, not the file.
    Internal = "internal",
    /// The result does not fit what the policy asks for.
    Limit = "limit",
    /// A document without a page.
    NoPages = "no-pages",
    /// What would be sent is too poor to be of use.
    Quality = "quality",
    /// Preparing it would lose a digital signature, and the policy keeps those.
    SignatureLost = "signature-lost",
    /// It took more time than it may.
    Timeout = "timeout",
    /// The file, or what its header asks for, is more than may be taken in.
    TooLarge = "too-large",
    /// The file ends before its content does.
    Truncated = "truncated",
    /// The format is read, but not this way of using it.
    UnsupportedFeature = "unsupported-feature",
    /// Not a format that is taken.
    UnsupportedFormat = "unsupported-format",
}

impl fmt::Display for RefusalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no kind of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRefusalKind;

impl fmt::Display for UnknownRefusalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a kind of refusal")
    }
}

impl std::error::Error for UnknownRefusalKind {}

impl FromStr for RefusalKind {
    type Err = UnknownRefusalKind;

    fn from_str(name: &str) -> Result<Self, UnknownRefusalKind> {
        Self::ALL.iter().find(|kind| kind.as_str() == name).copied().ok_or(UnknownRefusalKind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_kinds() {
        for kind in RefusalKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        assert_eq!("Truncated".parse::<RefusalKind>(), Err(UnknownRefusalKind));
    }

    #[test]
    fn kinds_and_their_names_differ() {
        let mut names: Vec<_> = RefusalKind::ALL.iter().map(|kind| kind.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RefusalKind::ALL.len());
    }
}
