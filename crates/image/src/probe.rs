//! What a file's header says.

use std::borrow::Cow;

use sealpress_media::{Dimensions, Format, Media};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::colour;
use crate::error::{Error, ErrorKind};
use crate::heif::Heif;
use crate::jpeg::scan::Scan;
use crate::limits::Limits;
use crate::orient;
use crate::png::chunks::Chunks;
use crate::policy::Policy;
use crate::webp::Container;

/// What a file's header says. Nothing is decoded and nothing of the picture's size is allocated;
/// the rest of the file may still be broken.
#[derive(Debug)]
pub struct Probe {
    format: Format,
    dimensions: Dimensions,
    orientation: u8,
    frames: u32,
    has_alpha: bool,
    bit_depth: u8,
    colour: Cow<'static, str>,
    icc_profile: Option<String>,
    pub(crate) detail: Detail,
}

/// What each format's reader found, for plans and estimates.
#[derive(Debug)]
pub(crate) enum Detail {
    Jpeg(Box<Scan>),
    Png(Chunks),
    WebP(Container),
    Heif {
        /// Bytes that the decode holds.
        memory: u64,
    },
}

impl Probe {
    /// Reads the header.
    ///
    /// # Errors
    /// `unsupported-format` for PDF, `truncated` or `corrupt` for a header that is not whole or
    /// makes no sense. Size alone is no error here.
    pub fn read(media: &Media) -> Result<Self, Error> {
        let bytes = media.bytes();
        let sized = |width: u32, height: u32| {
            Dimensions::new(width, height)
                .map_err(|e| Error::with_source(ErrorKind::Corrupt, "a side of zero pixels", e))
        };
        match media.format() {
            Format::Jpeg => {
                let mut scan = Scan::header(bytes)?;
                // The true height may stand behind the first scan; whether it does costs a search, not a walk.
                if scan.frame.height == 0 || memchr::memmem::find(bytes, &[0xFF, 0xDC, 0, 4]).is_some() {
                    scan = Scan::whole(bytes).unwrap_or(scan);
                }
                let dimensions = sized(u32::from(scan.frame.width), u32::from(scan.height()))?;
                Ok(Self {
                    format: Format::Jpeg,
                    dimensions,
                    orientation: scan.orientation.unwrap_or(1),
                    frames: 1,
                    has_alpha: false,
                    bit_depth: scan.frame.precision,
                    colour: jpeg_colour(&scan),
                    icc_profile: scan.icc.as_deref().and_then(colour::profile_name),
                    detail: Detail::Jpeg(Box::new(scan)),
                })
            }
            Format::Png => {
                let chunks = Chunks::header(bytes)?;
                let meaning = crate::png::meaning(bytes, &chunks, &Policy::default().limits()).ok();
                Ok(Self {
                    format: Format::Png,
                    dimensions: sized(chunks.width, chunks.height)?,
                    orientation: chunks.orientation.unwrap_or(1),
                    frames: chunks.frames,
                    has_alpha: chunks.has_alpha(),
                    bit_depth: chunks.bit_depth,
                    colour: Cow::Borrowed(match chunks.colour_type {
                        0 | 4 => "grey",
                        3 => "palette",
                        _ => "RGB",
                    }),
                    icc_profile: meaning.as_ref().and_then(|m| m.icc()).and_then(colour::profile_name),
                    detail: Detail::Png(chunks),
                })
            }
            Format::WebP => {
                let container = Container::read(bytes)?;
                Ok(Self {
                    format: Format::WebP,
                    dimensions: sized(container.width, container.height)?,
                    orientation: container.orientation.unwrap_or(1),
                    frames: container.frames,
                    has_alpha: container.alpha,
                    bit_depth: 8,
                    colour: Cow::Borrowed(if container.lossless { "RGB" } else { "YCbCr 4:2:0" }),
                    icc_profile: container.icc.clone().and_then(|r| colour::profile_name(&bytes[r])),
                    detail: Detail::WebP(container),
                })
            }
            Format::Heic => {
                let unlimited = Limits { max_pixels: u64::MAX, ..Policy::default().limits() };
                let heif = match Heif::read(bytes, &unlimited) {
                    Ok(heif) => heif,
                    #[cfg(feature = "libheif")]
                    Err(e) if matches!(e.kind(), ErrorKind::UnsupportedFormat | ErrorKind::UnsupportedFeature) => {
                        return Self::foreign_heif(bytes);
                    }
                    Err(e) => return Err(e),
                };
                let colour = match heif.subsampling().map(|s| (s.horizontal, s.vertical)) {
                    None => "grey",
                    Some((1, 1)) => "YCbCr 4:4:4",
                    Some((2, 1)) => "YCbCr 4:2:2",
                    _ => "YCbCr 4:2:0",
                };
                Ok(Self {
                    format: Format::Heic,
                    dimensions: heif.dimensions(),
                    orientation: heif.orientation(),
                    frames: heif.frames(),
                    has_alpha: heif.has_alpha(),
                    bit_depth: heif.bit_depth(),
                    colour: Cow::Borrowed(colour),
                    icc_profile: heif.icc().and_then(colour::profile_name),
                    detail: Detail::Heif { memory: heif.memory() },
                })
            }
            other => Err(Error::new(ErrorKind::UnsupportedFormat, format!("{other} is not a picture"))),
        }
    }

    /// A HEIF that only libheif can read, if anybody can.
    #[cfg(feature = "libheif")]
    fn foreign_heif(bytes: &[u8]) -> Result<Self, Error> {
        let dimensions = Heif::outline(bytes)?;
        Ok(Self {
            format: Format::Heic,
            dimensions,
            orientation: 1,
            frames: 1,
            has_alpha: false,
            bit_depth: 8,
            colour: Cow::Borrowed("read by libheif"),
            icc_profile: None,
            detail: Detail::Heif {
                memory: crate::heif::foreign::memory(dimensions)
                    + crate::decode::plane_bytes(dimensions, crate::convert::Target::Full),
            },
        })
    }

    /// What the file is, by content.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Size as stored, before any turn.
    #[must_use]
    pub const fn dimensions(&self) -> Dimensions {
        self.dimensions
    }

    /// Which way is up, 1–8 as in EXIF; 1 where the file says nothing or nonsense. For HEIF this is
    /// the container's own turn, and EXIF does not count.
    #[must_use]
    pub const fn orientation(&self) -> u8 {
        self.orientation
    }

    /// Size as a person sees it.
    #[must_use]
    pub const fn upright_dimensions(&self) -> Dimensions {
        if orient::transposes(self.orientation) { self.dimensions.transposed() } else { self.dimensions }
    }

    /// Frames of an animation or sequence, 1 for a still picture.
    #[must_use]
    pub const fn frames(&self) -> u32 {
        self.frames
    }

    /// Whether pixels can be transparent.
    #[must_use]
    pub const fn has_alpha(&self) -> bool {
        self.has_alpha
    }

    /// Bits per sample as stored.
    #[must_use]
    pub const fn bit_depth(&self) -> u8 {
        self.bit_depth
    }

    /// Colour components and their sampling, in words.
    #[must_use]
    pub fn colour(&self) -> &str {
        &self.colour
    }

    /// Name of the ICC profile, where there is one that can be read.
    #[must_use]
    pub fn icc_profile(&self) -> Option<&str> {
        self.icc_profile.as_deref()
    }
}

fn jpeg_colour(scan: &Scan) -> Cow<'static, str> {
    let factors = &scan.frame.factors;
    let way = if scan.frame.progressive() { "progressive" } else { "baseline" };
    let way = if scan.frame.arithmetic() { "arithmetic" } else { way };
    let colour = match (factors.len(), scan.adobe) {
        (1, _) => "grey".to_owned(),
        (4, Some(2)) => "YCCK".to_owned(),
        (4, _) => "CMYK".to_owned(),
        (3, Some(0)) => "RGB".to_owned(),
        _ => {
            let (y, cb) = (factors[0], factors.get(1).copied().unwrap_or((1, 1)));
            let name = match (y.0 / cb.0.max(1), y.1 / cb.1.max(1)) {
                (1, 1) => "4:4:4",
                (2, 1) => "4:2:2",
                (2, 2) => "4:2:0",
                (1, 2) => "4:4:0",
                (4, 1) => "4:1:1",
                _ => "of unusual sampling",
            };
            format!("YCbCr {name}")
        }
    };
    Cow::Owned(format!("{colour}, {way}"))
}

impl Serialize for Probe {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut out = s.serialize_struct("Probe", 9)?;
        out.serialize_field("format", &self.format)?;
        out.serialize_field("dimensions", &self.dimensions)?;
        out.serialize_field("orientation", &self.orientation)?;
        out.serialize_field("upright_dimensions", &self.upright_dimensions())?;
        out.serialize_field("frames", &self.frames)?;
        out.serialize_field("has_alpha", &self.has_alpha)?;
        out.serialize_field("bit_depth", &self.bit_depth)?;
        out.serialize_field("colour", &self.colour)?;
        out.serialize_field("icc_profile", &self.icc_profile)?;
        out.end()
    }
}
