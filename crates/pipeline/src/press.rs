use sealpress_media::{Dimensions, Format, Media};
use serde::Serialize;

use crate::error::Error;

/// Makes media that a vendor takes out of media that came. In this process or in a locked-down one:
/// the pipeline does not know which.
pub trait Press: Send + Sync + 'static {
    /// A worker with buffers of its own. Each thread of the pool keeps one, and gets a new one when
    /// a panic cost it the old one.
    fn worker(&self) -> Box<dyn Worker>;

    /// Bytes that pressing needs beside the file itself, decoded pixels and result together, judged
    /// on the header alone.
    ///
    /// # Errors
    /// What the header already rules out.
    fn estimate(&self, media: &Media) -> Result<u64, Error>;
}

/// One thread's press.
pub trait Worker: Send {
    /// Computes; never waits, never does I/O of its own.
    ///
    /// # Errors
    /// [`Error::press`] with the name and fault of the crate that refused.
    fn press(&mut self, media: &Media) -> Result<Pressed, Error>;
}

/// What came out of a press.
#[derive(Debug)]
pub struct Pressed {
    /// What is to be sent.
    pub media: Media,
    /// What was done.
    pub report: Report,
}

/// What was done to one file, the same for pictures and documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// What the file was.
    pub format: Format,
    /// What is sent.
    pub output_format: Format,
    /// Pixels as the file had them, as stored; pictures only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<Dimensions>,
    /// Pixels of what is sent; pictures only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<Dimensions>,
    /// Pages of the file, as far as they were looked at; PDFs only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_pages: Option<u32>,
    /// Numbers of the pages that were kept, from 1; PDFs only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<Vec<u32>>,
    /// What was done.
    pub actions: Vec<Note>,
    /// What a person may want to look at.
    pub warnings: Vec<Note>,
}

/// One action or warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Note {
    /// A kebab-case name that does not change.
    pub name: String,
    /// The same in words, with the figures of this file.
    pub reason: String,
}

impl Report {
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
            actions: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl Note {
    /// A note under a name that does not change.
    pub fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), reason: reason.into() }
    }
}

/// Sends every file as it came: for media that another system has prepared already.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unchanged;

impl Press for Unchanged {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(*self)
    }

    fn estimate(&self, _: &Media) -> Result<u64, Error> {
        Ok(0)
    }
}

impl Worker for Unchanged {
    fn press(&mut self, media: &Media) -> Result<Pressed, Error> {
        Ok(Pressed { media: media.clone(), report: Report::unchanged(media.format()) })
    }
}
