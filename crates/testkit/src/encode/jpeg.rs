//! JPEG specimens.

use super::{Exif, IccProfile};
use crate::Rgb;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// Chroma sampling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sampling {
    /// Chroma halved both ways: what phones write.
    S420,
    /// Chroma halved across.
    S422,
    /// Full chroma.
    S444,
    /// Chroma halved down: a 4:2:2 photo after a lossless quarter turn.
    S440,
    /// Chroma quartered across.
    S411,
    /// Chroma quartered down.
    S441,
    /// Chroma quartered across, halved down.
    S410,
}

/// The colour model of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Model {
    YCbCr,
    Gray,
    Cmyk,
    Ycck,
}

/// A JPEG in the making.
#[derive(Clone, Debug)]
pub struct Jpeg<'a> {
    picture: &'a Rgb,
    quality: u8,
    sampling: Sampling,
    model: Model,
    is_progressive: bool,
    is_optimized: bool,
    restart: u16,
    exif: Option<Exif>,
    icc: Option<Vec<u8>>,
    trailer: Vec<u8>,
}

impl<'a> Jpeg<'a> {
    /// Baseline, quality 85, 4:2:0, JFIF.
    pub fn new(picture: &'a Rgb) -> Self {
        Self {
            picture,
            quality: 85,
            sampling: Sampling::S420,
            model: Model::YCbCr,
            is_progressive: false,
            is_optimized: false,
            restart: 0,
            exif: None,
            icc: None,
            trailer: Vec::new(),
        }
    }

    /// Quality 1–100 on the usual scale.
    #[must_use]
    pub fn quality(mut self, quality: u8) -> Self {
        self.quality = quality;
        self
    }

    /// Chroma sampling.
    #[must_use]
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// Progressive scans.
    #[must_use]
    pub fn progressive(mut self) -> Self {
        self.is_progressive = true;
        self
    }

    /// Huffman tables made for this picture.
    #[must_use]
    pub fn optimized(mut self) -> Self {
        self.is_optimized = true;
        self
    }

    /// One component of luma.
    #[must_use]
    pub fn gray(mut self) -> Self {
        self.model = Model::Gray;
        self
    }

    /// Four inks, stored inverted with an Adobe marker of transform 0, as print tools do.
    #[must_use]
    pub fn cmyk(mut self) -> Self {
        self.model = Model::Cmyk;
        self
    }

    /// Four inks stored as YCCK with an Adobe marker of transform 2.
    #[must_use]
    pub fn ycck(mut self) -> Self {
        self.model = Model::Ycck;
        self
    }

    /// A restart marker every `units` MCUs.
    #[must_use]
    pub fn restart(mut self, units: u16) -> Self {
        self.restart = units;
        self
    }

    /// An EXIF block right after the start, in place of JFIF, as phones write it.
    #[must_use]
    pub fn exif(mut self, exif: Exif) -> Self {
        self.exif = Some(exif);
        self
    }

    /// [`Jpeg::exif`] with this orientation. The pixels stay: see [`Rgb::stored_for`].
    #[must_use]
    pub fn orientation(self, orientation: u16) -> Self {
        self.exif(Exif::new(orientation))
    }

    /// An ICC profile in APP2.
    #[must_use]
    pub fn icc(self, profile: IccProfile) -> Self {
        self.icc_bytes(profile.bytes())
    }

    /// Any bytes as the ICC profile, broken ones too.
    #[must_use]
    pub fn icc_bytes(mut self, profile: Vec<u8>) -> Self {
        self.icc = Some(profile);
        self
    }

    /// Bytes after the end marker, as gain maps and motion photos leave them.
    #[must_use]
    pub fn trailer(mut self, bytes: &[u8]) -> Self {
        self.trailer = bytes.to_vec();
        self
    }

    /// The file.
    ///
    /// # Panics
    /// When a side is above 65,535 pixels or zero: JPEG cannot hold it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, self.quality);
        encoder.set_sampling_factor(match self.sampling {
            Sampling::S420 => SamplingFactor::R_4_2_0,
            Sampling::S422 => SamplingFactor::R_4_2_2,
            Sampling::S444 => SamplingFactor::R_4_4_4,
            Sampling::S440 => SamplingFactor::R_4_4_0,
            Sampling::S411 => SamplingFactor::R_4_1_1,
            Sampling::S441 => SamplingFactor::R_4_4_1,
            Sampling::S410 => SamplingFactor::R_4_1_0,
        });
        encoder.set_progressive(self.is_progressive);
        encoder.set_optimized_huffman_tables(self.is_optimized);
        encoder.set_restart_interval(self.restart);
        if let Some(icc) = &self.icc {
            encoder.add_icc_profile(icc).expect("a profile of sane size");
        }
        let side = |pixels: u32| u16::try_from(pixels).expect("JPEG sides fit 16 bits");
        let (width, height) = (side(self.picture.width), side(self.picture.height));
        let (data, colour) = self.samples();
        encoder.encode(&data, width, height, colour).expect("encoding to memory");
        if let Some(exif) = &self.exif {
            out = with_exif(&out, &exif.tiff());
        }
        out.extend_from_slice(&self.trailer);
        out
    }

    fn samples(&self) -> (Vec<u8>, ColorType) {
        let pixels = self.picture.data.chunks_exact(3);
        match self.model {
            Model::YCbCr => (self.picture.data.clone(), ColorType::Rgb),
            Model::Gray => (pixels.map(gray).collect(), ColorType::Luma),
            Model::Cmyk => (pixels.flat_map(cmyk).collect(), ColorType::Cmyk),
            Model::Ycck => (pixels.flat_map(cmyk).collect(), ColorType::CmykAsYcck),
        }
    }
}

fn gray(pixel: &[u8]) -> u8 {
    let [r, g, b] = [0, 1, 2].map(|channel| u32::from(pixel[channel]));
    ((r * 299 + g * 587 + b * 114 + 500) / 1_000) as u8
}

/// Four inks with full black generation; 255 is full ink.
fn cmyk(pixel: &[u8]) -> [u8; 4] {
    let light = pixel.iter().copied().max().unwrap_or(0);
    let ink = |value: u8| {
        let light = u32::from(light).max(1);
        ((light - u32::from(value).min(light)) * 255 / light) as u8
    };
    [ink(pixel[0]), ink(pixel[1]), ink(pixel[2]), 255 - light]
}

/// Replaces the JFIF segment by APP1 with `tiff`.
fn with_exif(jpeg: &[u8], tiff: &[u8]) -> Vec<u8> {
    let jfif = match jpeg {
        [0xff, 0xd8, 0xff, 0xe0, high, low, ..] => 2 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    };
    let length = u16::try_from(tiff.len() + 8).expect("EXIF fits one segment");
    let mut out = jpeg[..2].to_vec();
    out.extend_from_slice(&[0xff, 0xe1]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(b"Exif\0\0");
    out.extend_from_slice(tiff);
    out.extend_from_slice(&jpeg[2 + jfif..]);
    out
}

#[cfg(test)]
mod tests {
    use super::{Jpeg, Sampling};
    use crate::Rgb;

    #[test]
    fn the_headers_say_what_was_asked_for() {
        let picture = Rgb::filled(37, 21, [200, 40, 90]);
        let phone = Jpeg::new(&picture).orientation(6).progressive().encode();
        assert_eq!(&phone[..4], [0xff, 0xd8, 0xff, 0xe1]);
        assert_eq!(&phone[6..12], b"Exif\0\0");
        assert!(!phone.windows(4).any(|w| w == b"JFIF"));
        assert!(phone.windows(2).any(|w| w == [0xff, 0xc2]));
        for (sampling, factors) in
            [(Sampling::S420, 0x22), (Sampling::S422, 0x21), (Sampling::S444, 0x11), (Sampling::S440, 0x12)]
        {
            let file = Jpeg::new(&picture).sampling(sampling).encode();
            let sof = file.windows(4).position(|w| w == [0xff, 0xc0, 0, 17]).unwrap();
            assert_eq!(file[sof + 11], factors, "{sampling:?}");
        }
        let inks = Jpeg::new(&picture).ycck().encode();
        assert!(inks.windows(5).any(|w| w == b"Adobe"));
        assert!(Jpeg::new(&picture).trailer(b"tail").encode().ends_with(b"\xff\xd9tail"));
    }
}
