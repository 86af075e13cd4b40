//! What a vendor takes, as numbers, and the judgement of a file by them before anything is signed.

use sealpress_media::{Fault, Format, Media};

use crate::error::Error;

/// What a vendor takes: numbers that whoever prepares media needs, and nothing that only the
/// vendor's client needs. Bytes are counted on the file unless a name says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Formats that are taken.
    pub formats: Vec<Format>,
    /// Largest picture in bytes.
    pub image_bytes: u64,
    /// Largest picture as base64 characters, where the vendor counts those.
    pub image_encoded: Option<u64>,
    /// Largest PDF in bytes.
    pub pdf_bytes: u64,
    /// Pages of a PDF that are looked at.
    pub pdf_pages: u32,
    /// Longest side of a picture in pixels.
    pub longest_side: Option<u32>,
    /// Widest picture in pixels.
    pub max_width: Option<u32>,
    /// Highest picture in pixels.
    pub max_height: Option<u32>,
    /// Narrowest picture in pixels.
    pub min_width: u32,
    /// Lowest picture in pixels.
    pub min_height: u32,
    /// Whether a session has to be submitted once its media is in; otherwise the vendor starts by
    /// itself and [`finish`](crate::Provider::finish) does nothing.
    pub needs_finish: bool,
}

impl Limits {
    /// No format, no bytes, no pixels: fill in what the vendor takes.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            formats: Vec::new(),
            image_bytes: 0,
            image_encoded: None,
            pdf_bytes: 0,
            pdf_pages: 0,
            longest_side: None,
            max_width: None,
            max_height: None,
            min_width: 1,
            min_height: 1,
            needs_finish: false,
        }
    }

    /// Judges format and size; pixels are not the client's business.
    ///
    /// # Errors
    /// `Media` with [`Fault::Input`] for a format that is not taken, [`Fault::Limit`] for too many
    /// bytes.
    pub fn check(&self, media: &Media) -> Result<(), Error> {
        let (format, len) = (media.format(), media.len() as u64);
        if !self.formats.contains(&format) {
            return Err(Error::media("upload", Fault::Input, format!("{format} is not taken by this vendor")));
        }
        let most = if format.is_image() { self.image_bytes } else { self.pdf_bytes };
        if len > most {
            return Err(Error::media("upload", Fault::Limit, format!("{len} bytes of {format}, at most {most}")));
        }
        let encoded = len.div_ceil(3).saturating_mul(4);
        match self.image_encoded {
            Some(most) if format.is_image() && encoded > most => {
                Err(Error::media("upload", Fault::Limit, format!("{encoded} base64 characters, at most {most}")))
            }
            _ => Ok(()),
        }
    }
}
