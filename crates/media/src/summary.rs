//! What was done to one file, the same for pictures and documents.

use serde::{Deserialize, Serialize};

use crate::dimensions::Dimensions;
use crate::format::Format;
use crate::quality::Judged;

/// What was done to one file, the same for pictures and documents: what tables, journals and
/// process borders carry. The crate that did it has a richer report of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Summary {
    /// What the file was.
    pub format: Format,
    /// What came out.
    pub output_format: Format,
    /// Pixels as the file had them, as stored; pictures only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Dimensions>,
    /// Pixels of what came out; pictures only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<Dimensions>,
    /// Pages of the whole file: counted, or, where nobody had to come to its end, as many as it claims; documents
    /// only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_pages: Option<u32>,
    /// Numbers of the pages that were kept, from 1; PDFs only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<Vec<u32>>,
    /// How good the picture is that came out; pictures that were looked at only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Box<Judged>>,
    /// What was done.
    pub actions: Vec<Note>,
    /// What a person may want to look at.
    pub warnings: Vec<Note>,
}

/// One action or warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Note {
    /// A kebab-case name that does not change.
    pub name: String,
    /// The same in words, with the figures of this file.
    pub text: String,
}

impl Summary {
    /// Nothing done and nothing to say: the file goes as it is.
    #[must_use]
    pub const fn unchanged(format: Format) -> Self {
        Self {
            format,
            output_format: format,
            original: None,
            dimensions: None,
            source_pages: None,
            pages: None,
            judged: None,
            actions: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl Note {
    /// A note under a name that does not change.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}
