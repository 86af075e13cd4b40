//! What a press is, whoever runs it: the pipeline knows these traits and nothing behind them.

use std::fmt;

use sealpress_media::{Media, Summary};

use crate::error::Error;
use crate::plan::{Plan, Probe};

/// Makes media that a vendor takes out of media that came: in this process, or in a locked-down one.
pub trait Press: Send + Sync + 'static {
    /// A worker with buffers of its own: one for each thread that presses.
    fn worker(&self) -> Box<dyn Worker>;

    /// Most bytes of memory that pressing holds beside the file itself, its output included, told from the
    /// header.
    ///
    /// # Errors
    /// What the header already rules out.
    fn estimate(&self, media: &Media) -> Result<u64, Error>;

    /// What the file is, what would be done to it and what that would hold, told from one look at its header.
    ///
    /// # Errors
    /// What the header already rules out.
    fn plan(&self, media: &Media) -> Result<Plan, Error>;

    /// Presses one file. For many, keep a [`worker`](Self::worker).
    ///
    /// # Errors
    /// See [`Error`].
    fn press(&self, media: &Media) -> Result<Pressed, Error> {
        self.worker().press(media)
    }

    /// Whether there is a press at all, judged before any file is. Whoever opens a session, marks an item or
    /// sends a byte asks first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with the reason.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// What stands between a file and this machine.
    fn isolation(&self) -> Isolation {
        Isolation::None
    }
}

/// One thread's press.
pub trait Worker: Send {
    /// Presses one file. Computes; never waits for the network or for people.
    ///
    /// # Errors
    /// See [`Error`]. After any of them the worker is as good as new.
    fn press(&mut self, media: &Media) -> Result<Pressed, Error>;
}

/// What came out of a press.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pressed {
    /// What is to be sent.
    pub media: Media,
    /// What is to be sent beside it, in order: the further pages of a document whose pages leave as pictures.
    pub further: Vec<Media>,
    /// What was done.
    pub summary: Summary,
}

impl Pressed {
    /// Media as it is to be sent, and what was done to get it.
    #[must_use]
    pub const fn new(media: Media, summary: Summary) -> Self {
        Self { media, further: Vec::new(), summary }
    }

    /// The same with more media that came of the same file.
    #[must_use]
    pub fn with_further(mut self, further: Vec<Media>) -> Self {
        self.further = further;
        self
    }
}

/// What stands between a file and this machine while it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// Nothing: files are decoded in this process, and what one does to its decoder it does to the process.
    None,
    /// A process of its own, which this platform cannot lock down: a crash costs one file, a decoder that
    /// was taken over can do what this program can.
    Process,
    /// A process of its own that has given up files, network and all system calls but a few.
    Locked,
}

impl Isolation {
    /// The name used in output and configuration: `none`, `process`, `locked`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Process => "process",
            Self::Locked => "locked",
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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

    fn plan(&self, _: &Media) -> Result<Plan, Error> {
        Ok(Plan::new(Probe::Unread {}, 0))
    }
}

impl Worker for Unchanged {
    fn press(&mut self, media: &Media) -> Result<Pressed, Error> {
        Ok(Pressed::new(media.clone(), Summary::unchanged(media.format())))
    }
}
