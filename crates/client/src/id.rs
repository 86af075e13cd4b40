//! Ids as opaque newtypes: one type for each kind, so that a session's cannot be signed for a medium's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Longest id that is taken, in bytes. UUIDs have 36; vendors' examples are not always UUIDs.
const MAX_ID: usize = 256;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        ///
        /// Opaque: 1 to 256 bytes without white space and control characters, never parsed further.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes the id as it is.
            ///
            /// # Errors
            /// `Config` for text that cannot be an id: empty, over 256 bytes, with white space or
            /// control characters, or one of the two names that mean a folder in a URL.
            pub fn new(id: impl Into<String>) -> Result<Self, Error> {
                let id = id.into();
                check(&id).map_err(|reason| Error::config($what, reason))?;
                Ok(Self(id))
            }

            /// The id as the vendor wrote it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(id: String) -> Result<Self, Error> {
                Self::new(id)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(id: &str) -> Result<Self, Error> {
                Self::new(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A verification session.
    SessionId,
    "session id"
);
id!(
    /// One attempt within a session.
    AttemptId,
    "attempt id"
);
id!(
    /// An uploaded image, video or other file.
    MediaId,
    "media id"
);

fn check(id: &str) -> Result<(), &'static str> {
    match id {
        "" => Err("an id is empty"),
        "." | ".." => Err("an id must not be a dot segment"),
        _ if id.len() > MAX_ID => Err("an id is longer than 256 bytes"),
        _ if id.chars().any(|c| c.is_whitespace() || c.is_control()) => {
            Err("an id contains white space or control characters")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_opaque() {
        for id in
            ["7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21", "6q7r8s9t-0u1v-4w3x-4y5z-6a1b2c3d4e5f", "6cab5b0-c506", "a/b"]
        {
            assert_eq!(SessionId::new(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn what_could_escape_its_place_is_refused() {
        for id in ["", ".", "..", "a b", "a\r\nX: y", &"x".repeat(257)] {
            assert!(MediaId::new(id).is_err(), "{id:?}");
        }
    }
}
