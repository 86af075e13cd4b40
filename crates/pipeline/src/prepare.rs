//! What a pipeline does before the wire: a file is read, its header judged, its share of the byte
//! budget acquired, and then it is pressed. The same on its own for whoever sends nothing.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sealpress_media::{Fault, Media, Preflight, Refusal, RefusalKind, Subject, Summary};
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
    /// What is made of what the press measured, where it is made here.
    preflight: Option<Preflight>,
    /// Whether files become jobs, which are known by their content.
    identifies: bool,
}

/// A file that was read, seen, and given its place in the budget.
pub(crate) struct Admitted {
    pub(crate) media: Media,
    pub(crate) share: Share,
}

/// What a job's content is known by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    /// SHA-256 of the file as it came.
    pub(crate) input: [u8; 32],
    /// SHA-256 of what is sent.
    pub(crate) output: [u8; 32],
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
            preflight: options.preflight.clone(),
            identifies: true,
        })
    }

    /// The same for files that become no jobs: hashing costs a twentieth of what pressing does.
    fn anonymous(self) -> Self {
        Self { identifies: false, ..self }
    }

    /// Presses a file that was `read` in this time, and whose SHA-256 is `input` where it becomes a job.
    ///
    /// The share rides with the work: a task that nobody waits for any more still holds its memory until the pool has
    /// come to skip it.
    pub(crate) async fn press(
        &self,
        Admitted { media, share }: Admitted,
        read: Duration,
        input: Option<[u8; 32]>,
    ) -> Result<Prepared, Error> {
        let parent = Span::current();
        let input_bytes = media.len() as u64;
        self.pool
            .press(move |worker| {
                let _span = tracing::debug_span!(parent: &parent, "press").entered();
                let started = Instant::now();
                let Pressed { media: pressed, further, summary, .. } = worker.press(&media)?;
                let unchanged = pressed.bytes() == media.bytes();
                drop(media);
                let mut prepared = Prepared {
                    identity: input.map(|input| Identity { input, output: Sha256::digest(pressed.bytes()).into() }),
                    media: pressed,
                    further,
                    summary,
                    input_bytes,
                    read,
                    press: started.elapsed(),
                    unchanged,
                    share,
                    is_further: false,
                    span: None,
                };
                // Input and pixels are gone.
                let left = prepared.files().map(|media| room(media.len() as u64)).sum();
                prepared.share.shrink_to(left);
                Ok(prepared)
            })
            .await
    }

    /// Judges by what the picture shows, which the press does not know. Judged twice, it is judged alike.
    ///
    /// # Errors
    /// The finding for which it is refused, under its code.
    pub(crate) fn judge(&self, mut summary: Summary, subject: Subject) -> Result<Summary, Error> {
        let Some(judged) = summary.judged.take() else { return Ok(summary) };
        let judged = match &self.preflight {
            Some(policy) => policy.judge(judged.quality, subject),
            None => Some(judged.seen_as(subject)),
        };
        let refused =
            judged.as_ref().zip(self.preflight.as_ref()).and_then(|(j, policy)| j.refused_by(policy, subject));
        if let Some(finding) = refused {
            let message = format!("{}: {finding}", finding.code.as_str());
            return Err(Refusal::new(RefusalKind::Quality, Fault::Input, message).into());
        }
        summary.judged = judged.map(Box::new);
        Ok(summary)
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
/// threads, same byte budget, same care for panics. Cheap to clone. What is to become a job comes from
/// [`Pipeline::preparer`](crate::Pipeline::preparer).
#[derive(Clone)]
pub struct Preparer {
    pub(crate) stage: Arc<PrepareStage>,
    /// Which upload it is for, where somebody said.
    pub(crate) tag: Option<u64>,
    /// What the pictures show, where somebody said.
    pub(crate) subject: Option<Subject>,
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
    pub(crate) unchanged: bool,
    pub(crate) identity: Option<Identity>,
    pub(crate) share: Share,
    /// Whether it is a further piece of a file, which was counted with its first.
    pub(crate) is_further: bool,
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
        let stage = Arc::new(PrepareStage::new(executor, press, options)?.anonymous());
        Ok(Self { stage, tag: None, subject: None })
    }

    /// The same for what will be the job of this tag: it is seen in the item's span from here on.
    #[must_use]
    pub const fn tag(mut self, tag: u64) -> Self {
        self.tag = Some(tag);
        self
    }

    /// The same for pictures of this, which are judged as such.
    #[must_use]
    pub const fn shows(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
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

    /// The files that it leaves as, each with its own share of the byte budget: a document whose pages leave as
    /// pictures is several, in the order of its pages; anything else is one. The same document, prepared under the
    /// same rules, is as many.
    ///
    /// # Errors
    /// `internal` where hashing panicked.
    pub async fn pieces(&self, mut prepared: Prepared) -> Result<Vec<Prepared>, Error> {
        if prepared.further.is_empty() {
            return Ok(vec![prepared]);
        }
        let split = move || {
            let further = std::mem::take(&mut prepared.further);
            let mut pieces = Vec::with_capacity(further.len() + 1);
            let piece = |media: Media| Prepared {
                identity: prepared
                    .identity
                    .map(|file| Identity { output: Sha256::digest(media.bytes()).into(), ..file }),
                unchanged: false,
                share: prepared.share.split(room(media.len() as u64)),
                media,
                further: Vec::new(),
                summary: prepared.summary.clone(),
                input_bytes: prepared.input_bytes,
                // It was read and pressed once.
                read: Duration::ZERO,
                press: Duration::ZERO,
                is_further: true,
                span: None,
            };
            pieces.extend(further.into_iter().map(piece));
            pieces.insert(0, prepared);
            pieces
        };
        self.compute(split).await
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
        let read = reading.elapsed();
        let (input, admitted) = if self.stage.identifies {
            let (sha256, admitted) = self.stage.hash(admitted).await?;
            early::content(&sha256);
            (Some(sha256), admitted)
        } else {
            (None, admitted)
        };
        let mut prepared = self.stage.press(admitted, read, input).await?;
        if let Some(subject) = self.subject {
            prepared.summary = self.stage.judge(prepared.summary, subject)?;
        }
        Ok(prepared)
    }
}

/// A result, and the body that may be made of it: base64 makes 4 bytes of 3, plus a frame.
const fn room(size: u64) -> u64 {
    size + size.div_ceil(3) * 4 + 4096
}

impl Prepared {
    /// SHA-256 of the file as it came, of one that is to become a job.
    #[must_use]
    pub fn input_sha256(&self) -> Option<[u8; 32]> {
        self.identity.map(|identity| identity.input)
    }

    /// Whether the file came out as it went in, byte for byte.
    #[must_use]
    pub const fn is_unchanged(&self) -> bool {
        self.unchanged
    }

    fn files(&self) -> impl Iterator<Item = &Media> {
        std::iter::once(&self.media).chain(&self.further)
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
    let about = std::fs::metadata(path).map_err(Error::unreadable)?;
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
    File::open(path).and_then(|file| file.take(size).read_to_end(&mut bytes)).map_err(Error::unreadable)?;
    Ok(bytes)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "reading the file panicked")))
}
