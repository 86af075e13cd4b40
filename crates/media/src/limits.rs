//! What a vendor accepts, in plain numbers: they stand with the vendor's client, once, and whatever
//! prepares or sends media is made from them.

use crate::fault::Fault;
use crate::format::Format;
use crate::media::Media;
use crate::refusal::{Refusal, RefusalKind};

/// What a vendor accepts. Bytes are counted on the file unless a name says otherwise, pixels on the
/// upright picture.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Formats that are accepted.
    pub formats: Vec<Format>,
    /// Most bytes of a picture.
    pub image_bytes: u64,
    /// Most base64 characters of a picture, without a data URI's prefix, where the vendor counts those.
    pub image_base64: Option<u64>,
    /// Most bytes of a PDF.
    pub pdf_bytes: u64,
    /// Pages of a PDF that are looked at.
    pub pdf_pages: u32,
    /// Most pixels of a row.
    pub max_width: u32,
    /// Most rows.
    pub max_height: u32,
    /// Fewest pixels of a row.
    pub min_width: u32,
    /// Fewest rows.
    pub min_height: u32,
}

impl Limits {
    /// No format, no bytes, any size: fill in what the vendor accepts.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            formats: Vec::new(),
            image_bytes: 0,
            image_base64: None,
            pdf_bytes: 0,
            pdf_pages: 0,
            max_width: u32::MAX,
            max_height: u32::MAX,
            min_width: 1,
            min_height: 1,
        }
    }

    /// Whether files of this format are accepted.
    #[must_use]
    pub fn accepts(&self, format: Format) -> bool {
        self.formats.contains(&format)
    }

    /// Judges format and bytes; pixels are the business of whoever can read them.
    ///
    /// # Errors
    /// `unsupported-format` for one that is not accepted, `limit` for too many bytes.
    pub fn check(&self, media: &Media) -> Result<(), Refusal> {
        let (format, len) = (media.format(), media.len() as u64);
        if !self.accepts(format) {
            let message = format!("{format} is not taken by this vendor");
            return Err(Refusal::new(RefusalKind::UnsupportedFormat, Fault::Input, message));
        }
        let most = if format.is_image() { self.image_bytes } else { self.pdf_bytes };
        if len > most {
            return Err(too_much(format!("{len} bytes of {format}, at most {most}")));
        }
        let base64 = len.div_ceil(3).saturating_mul(4);
        match self.image_base64 {
            Some(most) if format.is_image() && base64 > most => {
                Err(too_much(format!("{base64} base64 characters, at most {most}")))
            }
            _ => Ok(()),
        }
    }
}

fn too_much(message: String) -> Refusal {
    Refusal::new(RefusalKind::Limit, Fault::Limit, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jpeg(len: usize) -> Media {
        let mut bytes = vec![0; len];
        bytes[..3].copy_from_slice(&[0xFF, 0xD8, 0xFF]);
        Media::sniff(bytes).unwrap()
    }

    #[test]
    fn format_bytes_and_characters_are_judged() {
        let limits = Limits { formats: vec![Format::Jpeg], image_bytes: 20, ..Limits::none() };
        assert_eq!(limits.check(&jpeg(20)), Ok(()));
        assert_eq!(limits.check(&jpeg(21)).unwrap_err().kind(), RefusalKind::Limit);
        let limits = Limits { image_base64: Some(24), ..limits };
        assert_eq!(limits.check(&jpeg(18)), Ok(()));
        assert_eq!(limits.check(&jpeg(19)).unwrap_err().fault(), Fault::Limit);
        let pdf = Media::sniff(&b"%PDF-1.7"[..]).unwrap();
        let refused = limits.check(&pdf).unwrap_err();
        assert_eq!((refused.kind(), refused.fault()), (RefusalKind::UnsupportedFormat, Fault::Input));
    }
}
