//! What a PDF or TIFF says about itself: pages, version, encryption.

use bytes::Bytes;
use memchr::memmem;
use sealpress_media::{Format, Media};
use serde::Serialize;

use crate::clock::Deadline;
use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::guard;
use crate::policy::Policy;
use crate::scan::Scan;
use crate::source::{READERS, Source};
use crate::walk::Walk;

/// Pages counted one by one; a larger document's own word is taken.
const COUNTED_PAGES: u32 = 1_000;

/// What a PDF or TIFF says about itself, without rendering or copying anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Probe {
    /// Pages of the document; unknown where a password is needed. Beyond 1,000 pages this is what the
    /// document claims.
    pub pages: Option<u32>,
    /// Whether the file is encrypted, with or without a password.
    pub encrypted: bool,
    /// Whether a password is needed to read it.
    pub needs_password: bool,
    /// Version in the header, such as `1.7`.
    pub version: Option<String>,
}

impl Probe {
    /// Reads the structure of a PDF or TIFF.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedFormat`] for pictures, [`ErrorKind::TooLarge`], [`ErrorKind::Timeout`]
    /// and [`ErrorKind::Corrupt`] as for a trim under the default policy. A file that needs a password
    /// is no error here.
    pub fn read(media: &Media) -> Result<Self, Error> {
        let policy = Policy::default();
        if media.format() == Format::Tiff {
            let pages = Some(Scan::read(media, &policy)?.count());
            return Ok(Self { pages, encrypted: false, needs_password: false, version: None });
        }
        let bytes = admit(media, &policy)?;
        let version = version(&bytes);
        let work = move || pages(&bytes, &Policy::default());
        match guard::run(policy.read_budget, work) {
            Ok(Ok((pages, encrypted))) => Ok(Self { pages: Some(pages), encrypted, needs_password: false, version }),
            Ok(Err(e)) if e.kind() == ErrorKind::Encrypted => {
                Ok(Self { pages: None, encrypted: true, needs_password: true, version })
            }
            Ok(Err(e)) => Err(e),
            Err(stopped) => Err(stopped.into()),
        }
    }
}

impl From<guard::Stopped> for Error {
    fn from(stopped: guard::Stopped) -> Self {
        match stopped {
            guard::Stopped::Timeout => Self::new(ErrorKind::Timeout, "reading the file took too long"),
            guard::Stopped::Panicked => Self::new(ErrorKind::Corrupt, "the file broke its reader"),
            guard::Stopped::Busy => Self::new(ErrorKind::Busy, "the machine is too busy to read the file"),
        }
    }
}

/// The bytes of a PDF that is not too large to be looked at.
pub(crate) fn admit(media: &Media, policy: &Policy) -> Result<Bytes, Error> {
    if media.format() != Format::Pdf {
        return Err(Error::new(ErrorKind::UnsupportedFormat, "not a PDF"));
    }
    if media.len() as u64 > policy.max_input_bytes {
        return Err(Error::new(ErrorKind::TooLarge, "the file is larger than the policy allows"));
    }
    Ok(media.bytes().clone())
}

fn pages(bytes: &Bytes, policy: &Policy) -> Result<(u32, bool), Error> {
    let mut failed = Error::new(ErrorKind::Corrupt, "no reader makes sense of the file");
    for &reader in READERS {
        let source = match Source::open(reader, bytes, policy) {
            Ok(source) => source,
            Err(Failure::Leave(_)) => continue,
            Err(Failure::Error(e)) if e.kind() == ErrorKind::Encrypted => return Err(e),
            Err(Failure::Error(e)) => {
                failed = e;
                continue;
            }
        };
        match count(&source, Deadline::after(policy.read_budget)) {
            Some(pages) if pages > 0 => return Ok((pages, source.encrypted())),
            _ => failed = Error::new(ErrorKind::NoPages, "the file has no pages"),
        }
    }
    Err(failed)
}

fn count(source: &Source, deadline: Deadline) -> Option<u32> {
    let mut walk = Walk::new(source, deadline).ok()?;
    let mut pages = 0;
    while walk.next().ok()?.is_some() {
        pages += 1;
        if pages == COUNTED_PAGES {
            let catalog = source.catalog().ok()?;
            let root = source.entry(&catalog, b"Pages").ok()?;
            let claimed = root.dict()?.get(b"Count")?.as_int()?;
            return Some(u32::try_from(claimed).unwrap_or(pages).max(pages));
        }
    }
    if pages == 0 {
        pages = u32::try_from(source.stray_pages().len()).ok()?;
    }
    Some(pages)
}

/// `%PDF-x.y` within the first KiB.
fn version(bytes: &[u8]) -> Option<String> {
    let head = &bytes[..bytes.len().min(1024)];
    let at = memmem::find(head, b"%PDF-")? + 5;
    let version = head.get(at..at + 3)?;
    let sound = version[0].is_ascii_digit() && version[1] == b'.' && version[2].is_ascii_digit();
    sound.then(|| String::from_utf8_lossy(version).into_owned())
}
