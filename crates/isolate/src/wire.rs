//! What host and worker say to each other.

use sealpress_image as image;
use sealpress_media::{Fault, Summary};
use sealpress_pdf as pdf;
use serde::{Deserialize, Serialize};

/// The host's first frame.
#[derive(Serialize, Deserialize)]
pub(crate) struct Hello {
    pub image: image::Policy,
    pub pdf: pdf::Policy,
    pub memory: u64,
    pub most_input: usize,
}

/// Every further frame of the host; the body is the file.
#[derive(Serialize, Deserialize)]
pub(crate) enum Request {
    Press,
}

/// The worker's answer; the body is the pressed file, where there is one.
#[derive(Serialize, Deserialize)]
pub(crate) enum Outcome {
    Pressed(Box<Summary>),
    Refused(Refusal),
}

/// A typed error of the press, as it crossed the process border.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The kebab-case name of the error's kind, such as `truncated`.
    pub kind: String,
    /// Whose turn it is.
    pub fault: Fault,
    /// For a person.
    pub message: String,
}

/// Every kind that media, image and pdf refuse with.
const KINDS: [&str; 11] = [
    "corrupt",
    "empty",
    "encrypted",
    "internal",
    "limit",
    "no-pages",
    "timeout",
    "too-large",
    "truncated",
    "unsupported-feature",
    "unsupported-format",
];

impl Refusal {
    /// The kind as one of the names we know: what comes from a worker may be made up.
    pub(crate) fn known_kind(&self) -> &'static str {
        KINDS.iter().find(|kind| **kind == self.kind).copied().unwrap_or("internal")
    }
}
