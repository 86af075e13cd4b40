//! Lossless WebP specimens. Lossy ones cannot be made without FFI; those in `testdata` were made
//! once, and their recipe says how.

use super::{Exif, IccProfile};
use crate::Rgb;
use image_webp::{ColorType, WebPEncoder};

/// A lossless WebP in the making.
#[derive(Clone, Debug)]
pub struct WebP<'a> {
    picture: &'a Rgb,
    alpha: Option<Vec<u8>>,
    exif: Option<Exif>,
    icc: Option<IccProfile>,
}

impl<'a> WebP<'a> {
    /// Opaque, without metadata.
    pub fn new(picture: &'a Rgb) -> Self {
        Self { picture, alpha: None, exif: None, icc: None }
    }

    /// One opacity per pixel, row by row.
    #[must_use]
    pub fn alpha(mut self, alpha: Vec<u8>) -> Self {
        self.alpha = Some(alpha);
        self
    }

    /// An `EXIF` chunk.
    #[must_use]
    pub fn exif(mut self, exif: Exif) -> Self {
        self.exif = Some(exif);
        self
    }

    /// An `ICCP` chunk.
    #[must_use]
    pub fn icc(mut self, profile: IccProfile) -> Self {
        self.icc = Some(profile);
        self
    }

    /// The file.
    ///
    /// # Panics
    /// When a side is zero or above 16,384 pixels, or `alpha` is not one byte per pixel.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = WebPEncoder::new(&mut out);
        if let Some(profile) = self.icc {
            encoder.set_icc_profile(profile.bytes());
        }
        if let Some(exif) = &self.exif {
            encoder.set_exif_metadata(exif.tiff());
        }
        let (width, height) = (self.picture.width, self.picture.height);
        let done = match &self.alpha {
            None => encoder.encode(&self.picture.data, width, height, ColorType::Rgb8),
            Some(alpha) => {
                let pixels = self.picture.data.chunks_exact(3).zip(alpha);
                let data: Vec<u8> = pixels.flat_map(|(p, a)| [p[0], p[1], p[2], *a]).collect();
                encoder.encode(&data, width, height, ColorType::Rgba8)
            }
        };
        done.expect("encoding to memory");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::WebP;
    use crate::{Exif, IccProfile, Rgb};

    #[test]
    fn pixels_and_metadata_come_back() {
        let data = (0..20u32 * 10 * 3).map(|i| (i * 7 % 256) as u8).collect();
        let picture = Rgb::new(20, 10, data);
        let file = WebP::new(&picture).exif(Exif::new(6)).icc(IccProfile::DisplayP3).encode();
        let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(&file)).unwrap();
        assert_eq!(decoder.dimensions(), (20, 10));
        assert_eq!(decoder.exif_metadata().unwrap(), Some(Exif::new(6).tiff()));
        let mut pixels = vec![0; decoder.output_buffer_size().unwrap()];
        decoder.read_image(&mut pixels).unwrap();
        assert_eq!(pixels, picture.data);
    }
}
