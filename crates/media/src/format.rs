//! The formats that are read, and how the first bytes of a file name them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of files that sealpress reads. What a file is called never matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// JPEG, MPO and Ultra HDR included: the primary image counts.
    Jpeg,
    /// PNG and APNG.
    Png,
    /// WebP: lossy, lossless, animated.
    WebP,
    /// HEIF container with HEVC pictures: what phones call HEIC.
    Heic,
    /// TIFF: scans and faxes, one picture a page.
    Tiff,
    /// PDF.
    Pdf,
}

impl Format {
    /// Every format, for tables and tests.
    pub const ALL: [Self; 6] = [Self::Jpeg, Self::Png, Self::WebP, Self::Heic, Self::Tiff, Self::Pdf];

    /// The IANA media type, such as `image/jpeg`.
    #[must_use]
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Heic => "image/heic",
            Self::Tiff => "image/tiff",
            Self::Pdf => "application/pdf",
        }
    }

    /// The usual file name extension, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
            Self::Heic => "heic",
            Self::Tiff => "tif",
            Self::Pdf => "pdf",
        }
    }

    /// The name used in JSON output: `jpeg`, `png`, `webp`, `heic`, `tiff`, `pdf`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::WebP => "webp",
            Self::Heic => "heic",
            Self::Tiff => "tiff",
            Self::Pdf => "pdf",
        }
    }

    /// Whether this is a picture, as opposed to a document of pages, which a TIFF is too.
    #[must_use]
    pub const fn is_image(self) -> bool {
        !matches!(self, Self::Tiff | Self::Pdf)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the first bytes of a file say.
pub(crate) enum Sniffed {
    Known(Format),
    /// A format we can name but do not read.
    Foreign(&'static str),
    Unknown,
}

/// How far into a file `%PDF-` may stand. Readers of the field accept it in the first KiB
/// (ISO 32000-1, implementation note 13).
const PDF_HEADER_WINDOW: usize = 1024;

pub(crate) fn sniff(bytes: &[u8]) -> Sniffed {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => return Sniffed::Known(Format::Jpeg),
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => return Sniffed::Known(Format::Png),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', b'V', b'P', b'8', b' ' | b'L' | b'X', ..] => {
            return Sniffed::Known(Format::WebP);
        }
        [b'I', b'I', b'*', 0, _, _, _, _, b'C', b'R', ..] => return Sniffed::Foreign("cr2"),
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => return Sniffed::Known(Format::Tiff),
        [_, _, _, _, b'f', b't', b'y', b'p', rest @ ..] => return sniff_bmff(bytes, rest),
        _ => {}
    }
    if let Some(name) = foreign(bytes) {
        return Sniffed::Foreign(name);
    }
    let window = &bytes[..bytes.len().min(PDF_HEADER_WINDOW)];
    if window.windows(5).any(|w| w == b"%PDF-") || is_headless_pdf(window) {
        return Sniffed::Known(Format::Pdf);
    }
    Sniffed::Unknown
}

/// A PDF that lost its first line still begins with the comment of high bytes that follows it, and
/// then with an object.
fn is_headless_pdf(window: &[u8]) -> bool {
    window.len() > 5
        && window[0] == b'%'
        && window[1..5].iter().all(|b| *b >= 0x80)
        && window.windows(6).any(|w| w == b" 0 obj")
}

/// ISO base media: the brands tell HEIF from AVIF from video. `body` is what follows `ftyp`.
fn sniff_bmff(bytes: &[u8], body: &[u8]) -> Sniffed {
    let declared = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    let end = declared.saturating_sub(8).min(body.len());
    let body = &body[..end];
    // Major brand, minor version, then compatible brands.
    let brands = || body.chunks_exact(4).enumerate().filter(|(i, _)| *i != 1).map(|(_, b)| b);
    let has = |names: &[&[u8; 4]]| brands().any(|b| names.iter().any(|n| b == n.as_slice()));
    let major = |names: &[&[u8; 4]]| brands().next().is_some_and(|b| names.iter().any(|n| b == n.as_slice()));

    const HEVC: [&[u8; 4]; 8] = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"];
    const AV1: [&[u8; 4]; 2] = [b"avif", b"avis"];
    if major(&AV1) || (has(&AV1) && !has(&HEVC)) {
        return if cfg!(feature = "avif") { Sniffed::Known(Format::Heic) } else { Sniffed::Foreign("avif") };
    }
    if has(&HEVC) || major(&[b"mif1", b"mif2", b"msf1"]) {
        return Sniffed::Known(Format::Heic);
    }
    if major(&[b"jxl "]) {
        return Sniffed::Foreign("jxl");
    }
    if major(&[b"crx "]) {
        return Sniffed::Foreign("cr3");
    }
    Sniffed::Foreign("iso-bmff")
}

fn foreign(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 14] = [
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"II+\0", "bigtiff"),
        (b"MM\0+", "bigtiff"),
        (b"BM", "bmp"),
        (b"\0\0\x01\0", "ico"),
        (b"\0\0\x02\0", "cur"),
        (b"8BPS", "psd"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
        (b"\xFF\x0A", "jxl"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
        (b"PK\x03\x04", "zip"),
        (b"\x8aMNG", "mng"),
        (b"<svg", "svg"),
    ];
    MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, name)| *name)
}
