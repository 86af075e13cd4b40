//! What a pipeline does before the wire: intake and press, and the same two on their own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sealpress_media::{Media, Summary};
use sealpress_press::{Press, Pressed};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::budget::{Budget, Share};
use crate::error::Error;
use crate::intake::Taken;
use crate::job::{Fetch, Source};
use crate::options::Options;
use crate::pool::{Executor, Pool, Threads};

/// Intake and press with their memory: what a pipeline does before the wire.
pub(crate) struct Workshop {
    pub(crate) press: Arc<dyn Press>,
    pub(crate) pool: Pool,
    /// Files between their first byte and their header's estimate.
    pub(crate) intake: Budget,
    /// Everything from the header on.
    pub(crate) budget: Budget,
    pub(crate) max_input: u64,
}

/// What the pool gives back: the result, and the share, which the file no longer needs.
pub(crate) struct Worked {
    pub(crate) pressed: Pressed,
    /// SHA-256 of the result.
    pub(crate) sha256: [u8; 32],
    pub(crate) took: Duration,
    pub(crate) share: Share,
}

impl Workshop {
    pub(crate) fn new(executor: Arc<dyn Executor>, press: Arc<dyn Press>, options: &Options) -> Result<Self, Error> {
        // Before anybody opens a session: a press that is not there is nobody's item's fault.
        press.check()?;
        // An eighth for files whose header was not judged yet, the rest for everything else.
        let intake = options.memory / 8;
        Ok(Self {
            pool: Pool::new(executor, Arc::clone(&press)),
            press,
            intake: Budget::new(intake),
            budget: Budget::new(options.memory - intake),
            max_input: options.max_input,
        })
    }

    /// The share rides with the work: a task that nobody waits for any more still holds its memory
    /// until the pool has come to skip it.
    pub(crate) async fn press(&self, media: Media, share: Share) -> Result<Worked, Error> {
        let parent = tracing::Span::current();
        self.pool
            .press(move |worker| {
                let _span = tracing::debug_span!(parent: &parent, "press").entered();
                let started = Instant::now();
                let pressed = worker.press(&media)?;
                drop(media);
                let sha256 = Sha256::digest(pressed.media.bytes()).into();
                Ok(Worked { pressed, sha256, took: started.elapsed(), share })
            })
            .await
    }

    /// SHA-256 of a file that was read, computed on the pool. The share rides along.
    pub(crate) async fn hash(&self, Taken { media, share }: Taken) -> Result<([u8; 32], Taken), Error> {
        self.pool
            .compute(move || {
                let sha256: [u8; 32] = Sha256::digest(media.bytes()).into();
                Ok((sha256, Taken { media, share }))
            })
            .await
    }
}

/// The first half of a pipeline on its own: files in, prepared media out, nothing sent. Same
/// threads, same byte budget, same care for panics. Cheap to clone.
#[derive(Clone)]
pub struct Preparer {
    pub(crate) workshop: Arc<Workshop>,
}

/// One prepared file. It holds its share of the byte budget until it is dropped.
#[derive(Debug)]
#[non_exhaustive]
pub struct Prepared {
    /// What would be sent.
    pub media: Media,
    /// What was done.
    pub report: Summary,
    /// Bytes of the file as it came.
    pub input_bytes: u64,
    /// Time to read it and to wait for room.
    pub read: Duration,
    /// Time to press it.
    pub press: Duration,
    pub(crate) input_sha256: [u8; 32],
    pub(crate) sha256: [u8; 32],
    pub(crate) share: Share,
}

impl Preparer {
    /// Of `options` the threads and the memory count.
    ///
    /// # Errors
    /// If the system gives no threads, or there is no press ([`Press::check`]).
    pub fn new(press: impl Press, options: &Options) -> Result<Self, Error> {
        Self::shared(Arc::new(press), options)
    }

    /// The same over a press that is shared or chosen at run time.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn shared(press: Arc<dyn Press>, options: &Options) -> Result<Self, Error> {
        let executor = Arc::new(Threads::new(options.workers, options.queue())?);
        Ok(Self { workshop: Arc::new(Workshop::new(executor, press, options)?) })
    }

    /// Reads and presses a file when there is room for it.
    ///
    /// # Errors
    /// What a job of a pipeline would end with before the wire.
    pub async fn file(&self, path: impl Into<PathBuf>) -> Result<Prepared, Error> {
        self.prepare(Source::File(path.into())).await
    }

    /// Presses bytes that are in memory.
    ///
    /// # Errors
    /// As [`Self::file`].
    pub async fn bytes(&self, bytes: impl Into<Bytes>) -> Result<Prepared, Error> {
        self.prepare(Source::Bytes(bytes.into())).await
    }

    /// Fetches and presses media that are elsewhere when there is room for them.
    ///
    /// # Errors
    /// As [`Self::file`].
    pub async fn fetch(&self, fetch: impl Fetch) -> Result<Prepared, Error> {
        self.prepare(Source::Fetch(Box::new(fetch))).await
    }

    async fn prepare(&self, source: Source) -> Result<Prepared, Error> {
        let reading = Instant::now();
        let taken = self.workshop.take(source).await?;
        let (input_bytes, read) = (taken.media.len() as u64, reading.elapsed());
        let (input_sha256, Taken { media, share }) = self.workshop.hash(taken).await?;
        let Worked { pressed, sha256, took, mut share } = self.workshop.press(media, share).await?;
        let Pressed { media, summary: report, .. } = pressed;
        // The result, and the body that may be made of it.
        let size = media.len() as u64;
        share.shrink_to(size + size.div_ceil(3) * 4 + 4096);
        Ok(Prepared { media, report, input_bytes, read, press: took, input_sha256, sha256, share })
    }
}

impl std::fmt::Debug for Preparer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Preparer").finish_non_exhaustive()
    }
}
