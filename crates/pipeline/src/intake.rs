//! The first step of a job: read the file, judge its header, get its share of the byte budget.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use sealpress_media::{Fault, Media, Refusal, RefusalKind};

use crate::budget::Share;
use crate::error::{Error, ErrorKind};
use crate::job::Source;
use crate::workshop::Workshop;

/// A file that was read, seen, and given its place in the budget.
pub(crate) struct Taken {
    pub(crate) media: Media,
    pub(crate) share: Share,
}

impl Workshop {
    /// Reads the file inside the intake's small budget, judges its header, and waits for its share
    /// of the large one. The intake's share is held until then, so that files which were read and
    /// wait for room are bounded too. Nobody who holds a share of the large budget waits for the
    /// intake: no circle.
    #[tracing::instrument(name = "read", level = "debug", skip_all)]
    pub(crate) async fn take(&self, source: Source) -> Result<Taken, Error> {
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
        Ok(Taken { media, share })
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
