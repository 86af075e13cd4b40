//! A file in memory, seen but not believed.

use std::fmt;

use bytes::Bytes;

use crate::fault::Fault;
use crate::format::{self, Format, Sniffed};
use crate::refusal::{Refusal, RefusalKind};

/// A file in memory whose first bytes named a [`Format`]. Cloning is cheap; the bytes are shared.
///
/// The format is all that is known: the rest of the file may be broken, huge or hostile until a
/// normalizer or trimmer has made new media of it.
#[derive(Clone)]
pub struct Media {
    format: Format,
    bytes: Bytes,
}

impl Media {
    /// Looks at the content, never at a name.
    ///
    /// # Errors
    /// [`ErrorKind::Empty`] for no bytes at all, [`ErrorKind::UnsupportedFormat`] for content that
    /// is none of [`Format::ALL`].
    pub fn sniff(bytes: impl Into<Bytes>) -> Result<Self, Error> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Err(Error { kind: ErrorKind::Empty, detected: None });
        }
        match format::sniff(&bytes) {
            Sniffed::Known(format) => Ok(Self { format, bytes }),
            Sniffed::Foreign(name) => Err(Error { kind: ErrorKind::UnsupportedFormat, detected: Some(name) }),
            Sniffed::Unknown => Err(Error { kind: ErrorKind::UnsupportedFormat, detected: None }),
        }
    }

    /// Bytes whose format is known without a look at them: an encoder has just written them, or the
    /// other side of a process border has sniffed them. `None` for no bytes at all.
    pub fn known(format: Format, bytes: impl Into<Bytes>) -> Option<Self> {
        let bytes = bytes.into();
        (!bytes.is_empty()).then_some(Self { format, bytes })
    }

    /// What the first bytes say this is.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The whole file.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The whole file, given away.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Always false: media is never empty. Here because `len` is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Prints format and length, never content.
impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Media({}, {} bytes)", self.format, self.bytes.len())
    }
}

/// Why bytes are not media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    detected: Option<&'static str>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No bytes at all.
    Empty,
    /// None of the formats that sealpress reads.
    UnsupportedFormat,
}

impl ErrorKind {
    /// The name used in JSON output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::UnsupportedFormat => "unsupported-format",
        }
    }
}

impl Error {
    /// Which kind of refusal this is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Always the input's.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        Fault::Input
    }

    /// The format by its common name, where it is one we can name but do not read.
    #[must_use]
    pub const fn detected(&self) -> Option<&'static str> {
        self.detected
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.detected) {
            (ErrorKind::Empty, _) => f.write_str("the file is empty"),
            (ErrorKind::UnsupportedFormat, Some(name)) => write!(f, "unsupported format ({name})"),
            (ErrorKind::UnsupportedFormat, None) => f.write_str("unsupported format (not recognised)"),
        }
    }
}

impl std::error::Error for Error {}

impl From<ErrorKind> for RefusalKind {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Empty => Self::Empty,
            ErrorKind::UnsupportedFormat => Self::UnsupportedFormat,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(error.kind.into(), error.fault(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ftyp(brands: &[&[u8; 4]]) -> Vec<u8> {
        let mut out = u32::try_from(8 + 4 * (brands.len() + 1)).unwrap().to_be_bytes().to_vec();
        out.extend(b"ftyp");
        out.extend(brands[0]);
        out.extend([0; 4]);
        brands[1..].iter().for_each(|b| out.extend(b.iter()));
        out
    }

    fn format_of(bytes: Vec<u8>) -> Result<Format, Option<&'static str>> {
        Media::sniff(bytes).map(|m| m.format()).map_err(|e| e.detected())
    }

    #[test]
    fn content_decides() {
        assert_eq!(format_of(vec![0xFF, 0xD8, 0xFF, 0xE0]), Ok(Format::Jpeg));
        assert_eq!(format_of(b"\x89PNG\r\n\x1a\n".to_vec()), Ok(Format::Png));
        assert_eq!(format_of(b"RIFF\0\0\0\0WEBPVP8X".to_vec()), Ok(Format::WebP));
        assert_eq!(format_of(b"junk before\n%PDF-1.7".to_vec()), Ok(Format::Pdf));
        assert_eq!(format_of(b"II*\0\x08\0\0\0".to_vec()), Ok(Format::Tiff));
        assert_eq!(format_of(b"MM\0*\0\0\0\x08".to_vec()), Ok(Format::Tiff));
        assert_eq!(format_of(b"II*\0\x10\0\0\0CR\x02\0".to_vec()), Err(Some("cr2")));
        assert_eq!(format_of(b"MM\0+\0\x08".to_vec()), Err(Some("bigtiff")));
        assert_eq!(format_of(b"GIF89a".to_vec()), Err(Some("gif")));
        assert_eq!(format_of(b"{\"json\":1}".to_vec()), Err(None));
    }

    #[test]
    fn brands_tell_heic_from_avif_and_video() {
        assert_eq!(format_of(ftyp(&[b"heic", b"mif1"])), Ok(Format::Heic));
        assert_eq!(format_of(ftyp(&[b"mif1", b"heic"])), Ok(Format::Heic));
        let avif = if cfg!(feature = "avif") { Ok(Format::Heic) } else { Err(Some("avif")) };
        assert_eq!(format_of(ftyp(&[b"mif1", b"avif"])), avif);
        assert_eq!(format_of(ftyp(&[b"avif", b"mif1"])), avif);
        assert_eq!(format_of(ftyp(&[b"isom", b"mp41"])), Err(Some("iso-bmff")));
    }

    #[test]
    fn empty_is_its_own_refusal() {
        assert_eq!(Media::sniff(Vec::new()).unwrap_err().kind(), ErrorKind::Empty);
    }

    #[test]
    fn debug_shows_no_content() {
        let media = Media::sniff(b"%PDF-1.7 Jane Doe".to_vec()).unwrap();
        assert_eq!(format!("{media:?}"), "Media(pdf, 17 bytes)");
    }

    proptest! {
        #[test]
        fn any_bytes_are_sniffed_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Media::sniff(bytes);
        }
        #[test]
        fn any_ftyp_is_sniffed_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut whole = vec![0, 0, 0, 20];
            whole.extend(b"ftyp");
            whole.extend(bytes);
            let _ = Media::sniff(whole);
        }
    }
}
