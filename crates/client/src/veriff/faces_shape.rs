//! Names of the fields of the bulk import of faces, which no document shows: one struct in one place.

use std::borrow::Cow;

/// Names of the fields of an import. Unknown: the documents do not show them, and these are guesses after
/// the rest of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FacesShape {
    /// The list: `faces`.
    pub list: Cow<'static, str>,
    /// A face's name: `name`.
    pub name: Cow<'static, str>,
    /// Its picture, as a data URI: `image`.
    pub image: Cow<'static, str>,
    /// Or the session that it is taken from: `sessionId`.
    pub session: Cow<'static, str>,
    /// Longest body that is sent, in bytes: 40,000,000. No limit is published.
    pub most_bytes: usize,
}

impl Default for FacesShape {
    fn default() -> Self {
        Self {
            list: "faces".into(),
            name: "name".into(),
            image: "image".into(),
            session: "sessionId".into(),
            most_bytes: 40_000_000,
        }
    }
}
