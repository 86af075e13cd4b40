//! What a pipeline does before the wire: a file is read, its header judged, its share of the byte
//! budget acquired, and then it is pressed. The same on its own for whoever sends nothing.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sealpress_media::{Fault, Media, Refusal, RefusalKind, Summary};
use sealpress_press::{Press, Pressed};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use crate::budget::{Budget, Share};
use crate::early;
use crate::error::{Error, ErrorKind};
use crate::options::Options;
use crate::pool::{Executor, Pool, Threads};
use crate::source::{Fetch, Source};

/// Intake and press with their memory: what a pipeline does before the wire.
pub(crate) struct PrepareStage {
    pub(crate) press: Arc<dyn Press>,
    pub(crate) pool: Pool,
    /// Files between their first byte and their header's estimate.
    pub(crate) intake: Budget,
    /// Everything from the header on.
    pub(crate) budget: Budget,
    pub(crate) max_input: u64,
}

/// A file that was read, seen, and given its place in the budget.
pub(crate) struct Admitted {
    pub(crate) media: Media,
    pub(crate) share: Share,
}

/// What the pool gives back: the result, and the share, which the file no longer needs.
pub(crate) struct PressOutput {
    pub(crate) pressed: Pressed,
    /// SHA-256 of the result.
    pub(crate) sha256: [u8; 32],
    pub(crate) took: Duration,
    pub(crate) share: Share,
}

impl PrepareStage {
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
    pub(crate) async fn press(&self, media: Media, share: Share) -> Result<PressOutput, Error> {
        let parent = tracing::Span::current();
        self.pool
            .press(move |worker| {
                let _span = tracing::debug_span!(parent: &parent, "press").entered();
                let started = Instant::now();
                let pressed = worker.press(&media)?;
                drop(media);
                let sha256 = Sha256::digest(pressed.media.bytes()).into();
                Ok(PressOutput { pressed, sha256, took: started.elapsed(), share })
            })
            .await
    }

    /// SHA-256 of a file that was read, computed on the pool. The share rides along.
    pub(crate) async fn hash(&self, Admitted { media, share }: Admitted) -> Result<([u8; 32], Admitted), Error> {
        self.pool
            .compute(move || {
                let sha256: [u8; 32] = Sha256::digest(media.bytes()).into();
                Ok((sha256, Admitted { media, share }))
            })
            .await
    }
}

impl PrepareStage {
    /// Reads the file inside the intake's small budget, judges its header, and waits for its share
    /// of the large one. The intake's share is held until then, so that files which were read and
    /// wait for room are bounded too. Nobody who holds a share of the large budget waits for the
    /// intake: no circle.
    #[tracing::instrument(name = "read", level = "debug", skip_all)]
    pub(crate) async fn admit(&self, source: Source) -> Result<Admitted, Error> {
        let limit = self.max_input;
        let (bytes, _intake) = match source {
            Source::Bytes(bytes) => (bytes, None),
            Source::File(path) => {
                let (size, path) = blocking(move || Ok((size_of(&path)?, path))).await?;
                too_large(size, limit)?;
                let intake = self.intake.acquire(size).await;
                let bytes = blocking(move || read(&path, size)).await?;
                (Bytes::from(bytes), Some(intake))
            }
            Source::Fetch(mut fetch) => {
                let hint = fetch.size().await?;
                too_large(hint.unwrap_or(0), limit)?;
                let mut intake = self.intake.acquire(hint.unwrap_or(u64::MAX)).await;
                let bytes = fetch.fetch(limit).await?;
                intake.shrink_to(bytes.len() as u64);
                (bytes, Some(intake))
            }
        };
        too_large(bytes.len() as u64, limit)?;
        let media = Media::sniff(bytes).map_err(Refusal::from)?;
        let needs = self.estimate(media.clone()).await?;
        let share = self.budget.acquire(needs).await;
        Ok(Admitted { media, share })
    }

    /// File, pixels and result, and the body: base64 makes 4 bytes of 3, plus a frame.
    async fn estimate(&self, media: Media) -> Result<u64, Error> {
        let press = std::sync::Arc::clone(&self.press);
        let len = media.len() as u64;
        // Headers are cheap but hostile too: off the threads that wait, and a panic is caught.
        let work = self.pool.compute(move || Ok(press.estimate(&media)?)).await?;
        let body = len.clamp(LIKELY_OUTPUT, LARGEST_OUTPUT) / 3 * 4;
        Ok(len.saturating_add(work).saturating_add(body))
    }
}

/// The first half of a pipeline on its own: files in, prepared media out, nothing sent. Same
/// threads, same byte budget, same care for panics. Cheap to clone.
#[derive(Clone)]
pub struct Preparer {
    pub(crate) stage: Arc<PrepareStage>,
    /// Which upload it is for, where somebody said.
    pub(crate) tag: Option<u64>,
}

/// One prepared file. It holds its share of the byte budget until it is dropped.
#[derive(Debug)]
#[non_exhaustive]
pub struct Prepared {
    /// What would be sent.
    pub media: Media,
    /// What would be sent beside it, in order: the further pages of a document whose pages leave as pictures. A job
    /// sends one file, and refuses what has more.
    pub further: Vec<Media>,
    /// What was done.
    pub summary: Summary,
    /// Bytes of the file as it came.
    pub input_bytes: u64,
    /// Time to read it and to wait for room.
    pub read: Duration,
    /// Time to press it.
    pub press: Duration,
    pub(crate) input_sha256: [u8; 32],
    pub(crate) sha256: [u8; 32],
    pub(crate) share: Share,
    /// The item's span, which goes on with its job.
    pub(crate) span: Option<Span>,
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
        Ok(Self { stage: Arc::new(PrepareStage::new(executor, press, options)?), tag: None })
    }

    /// The same for what will be the job of this tag: it is seen in the item's span from here on.
    #[must_use]
    pub const fn tag(mut self, tag: u64) -> Self {
        self.tag = Some(tag);
        self
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

    /// Runs `work` on the threads that press: hashing and signing, which compute and never wait.
    ///
    /// # Errors
    /// `internal` where it panicked.
    pub async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        self.stage.pool.compute(|| Ok(work())).await
    }

    /// Bytes of the budget that are spoken for, and all there are.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.stage.budget
    }

    async fn prepare(&self, source: Source) -> Result<Prepared, Error> {
        let Some(tag) = self.tag else { return self.prepare_unseen(source).await };
        let span = early::item(tag);
        let mut prepared =
            async { self.prepare_unseen(source).await.inspect_err(early::refused) }.instrument(span.clone()).await?;
        prepared.span = Some(span);
        Ok(prepared)
    }

    async fn prepare_unseen(&self, source: Source) -> Result<Prepared, Error> {
        let reading = Instant::now();
        let admitted = self.stage.admit(source).await?;
        let (input_bytes, read) = (admitted.media.len() as u64, reading.elapsed());
        let (input_sha256, Admitted { media, share }) = self.stage.hash(admitted).await?;
        early::content(&input_sha256);
        let PressOutput { pressed, sha256, took, mut share } = self.stage.press(media, share).await?;
        let Pressed { media, further, summary, .. } = pressed;
        // The result, and the body that may be made of it.
        let size = media.len() as u64 + further.iter().map(|media| media.len() as u64).sum::<u64>();
        share.shrink_to(size + size.div_ceil(3) * 4 + 4096);
        Ok(Prepared {
            media,
            further,
            summary,
            input_bytes,
            read,
            press: took,
            input_sha256,
            sha256,
            share,
            span: None,
        })
    }
}

impl Prepared {
    /// Whether the file came out as it went in, byte for byte.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.input_sha256 == self.sha256
    }
}

impl std::fmt::Debug for Preparer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Preparer").finish_non_exhaustive()
    }
}

/// A photo of 1920 pixels at quality 85 rarely has more.
const LIKELY_OUTPUT: u64 = 2 << 20;
/// The largest media that any vendor of ours takes: a PDF of 20,000,000 bytes.
const LARGEST_OUTPUT: u64 = 20_000_000;

fn too_large(size: u64, limit: u64) -> Result<(), Error> {
    if size > limit {
        let message = format!("{size} bytes, files of more than {limit} are not read");
        return Err(Refusal::new(RefusalKind::TooLarge, Fault::Limit, message).into());
    }
    Ok(())
}

/// Asked before the file is opened: opening a pipe would wait for a writer.
fn size_of(path: &Path) -> Result<u64, Error> {
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if about.is_file() {
        Ok(about.len())
    } else {
        Err(Error::new(ErrorKind::Read, "cannot be read: not a regular file"))
    }
}

/// A file of the size that it had a moment ago; one that grows is not read on for ever.
fn read(path: &Path, size: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let room = usize::try_from(size).unwrap_or(usize::MAX);
    bytes.try_reserve_exact(room).map_err(|e| Error::new(ErrorKind::Internal, "no memory").with_source(e))?;
    File::open(path).and_then(|file| file.take(size).read_to_end(&mut bytes)).map_err(unreadable)?;
    Ok(bytes)
}

fn unreadable(e: std::io::Error) -> Error {
    Error::new(ErrorKind::Read, format!("cannot be read: {}", e.kind())).with_source(e)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "reading the file panicked")))
}
