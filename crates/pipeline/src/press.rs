use sealpress_media::{Media, Summary};

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
    pub report: Summary,
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
        Ok(Pressed { media: media.clone(), report: Summary::unchanged(media.format()) })
    }
}
