//! PNG specimens.

use super::{Exif, IccProfile};
use crate::Rgb;
use png::{BitDepth, ColorType, Compression, Encoder, Filter, chunk::ChunkType};

/// What the pixels of the file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PngKind {
    /// 8-bit RGB.
    Rgb8,
    /// 16-bit RGB; the low byte repeats the high one.
    Rgb16,
    /// 8-bit luma.
    Gray8,
    /// 16-bit luma.
    Gray16,
    /// 1-bit black and white, split at 128.
    Gray1,
    /// 8-bit RGB with alpha: see [`Png::alpha`].
    Rgba8,
    /// 16-bit RGB with alpha.
    Rgba16,
    /// 8-bit luma with alpha.
    GrayAlpha8,
    /// 216 colours of a 6×6×6 cube.
    Palette8,
    /// The same with a `tRNS` chunk that makes the first colour (black) see-through.
    Palette8Transparent,
}

/// A PNG in the making.
#[derive(Clone, Debug)]
pub struct Png<'a> {
    picture: &'a Rgb,
    kind: PngKind,
    alpha: Option<Vec<u8>>,
    exif: Option<Exif>,
    icc: Option<IccProfile>,
    gamma: Option<u32>,
    frames: u32,
}

impl<'a> Png<'a> {
    /// 8-bit RGB without any further chunk.
    pub fn new(picture: &'a Rgb) -> Self {
        Self { picture, kind: PngKind::Rgb8, alpha: None, exif: None, icc: None, gamma: None, frames: 1 }
    }

    /// Depth and colour type.
    #[must_use]
    pub fn kind(mut self, kind: PngKind) -> Self {
        self.kind = kind;
        self
    }

    /// One opacity per pixel, row by row, for the kinds with alpha (opaque without it).
    #[must_use]
    pub fn alpha(mut self, alpha: Vec<u8>) -> Self {
        self.alpha = Some(alpha);
        self
    }

    /// An `eXIf` chunk.
    #[must_use]
    pub fn exif(mut self, exif: Exif) -> Self {
        self.exif = Some(exif);
        self
    }

    /// An `iCCP` chunk.
    #[must_use]
    pub fn icc(mut self, profile: IccProfile) -> Self {
        self.icc = Some(profile);
        self
    }

    /// A `gAMA` chunk with this value (45,455 is the usual 1/2.2).
    #[must_use]
    pub fn gamma(mut self, gamma: u32) -> Self {
        self.gamma = Some(gamma);
        self
    }

    /// An animation whose further frames are the picture turned upside down.
    #[must_use]
    pub fn animated(mut self, frames: u32) -> Self {
        self.frames = frames.max(1);
        self
    }

    /// The file.
    ///
    /// # Panics
    /// When the picture has a side of zero, or `alpha` is not one byte per pixel.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, self.picture.width, self.picture.height);
        let (colour, depth) = match self.kind {
            PngKind::Rgb8 => (ColorType::Rgb, BitDepth::Eight),
            PngKind::Rgb16 => (ColorType::Rgb, BitDepth::Sixteen),
            PngKind::Gray8 => (ColorType::Grayscale, BitDepth::Eight),
            PngKind::Gray16 => (ColorType::Grayscale, BitDepth::Sixteen),
            PngKind::Gray1 => (ColorType::Grayscale, BitDepth::One),
            PngKind::Rgba8 => (ColorType::Rgba, BitDepth::Eight),
            PngKind::Rgba16 => (ColorType::Rgba, BitDepth::Sixteen),
            PngKind::GrayAlpha8 => (ColorType::GrayscaleAlpha, BitDepth::Eight),
            PngKind::Palette8 | PngKind::Palette8Transparent => (ColorType::Indexed, BitDepth::Eight),
        };
        encoder.set_color(colour);
        encoder.set_depth(depth);
        // The fast setting is the one whose output no CPU feature and no backend changes.
        encoder.set_compression(Compression::Fast);
        encoder.set_filter(if colour == ColorType::Indexed { Filter::NoFilter } else { Filter::Paeth });
        if colour == ColorType::Indexed {
            encoder.set_palette(cube());
        }
        if self.kind == PngKind::Palette8Transparent {
            encoder.set_trns(vec![0u8]);
        }
        if self.frames > 1 {
            encoder.set_animated(self.frames, 0).expect("frames and plays are in range");
            encoder.set_frame_delay(1, 5).expect("an animation has delays");
        }
        let mut writer = encoder.write_header().expect("a header to memory");
        if let Some(gamma) = self.gamma {
            writer.write_chunk(ChunkType(*b"gAMA"), &gamma.to_be_bytes()).expect("to memory");
        }
        if let Some(profile) = self.icc {
            let mut body = b"profile\0\0".to_vec();
            body.extend_from_slice(&crate::deflate::deflate(&profile.bytes()));
            writer.write_chunk(ChunkType(*b"iCCP"), &body).expect("to memory");
        }
        if let Some(exif) = &self.exif {
            writer.write_chunk(ChunkType(*b"eXIf"), &exif.tiff()).expect("to memory");
        }
        for frame in 0..self.frames {
            let turned = (frame > 0).then(|| self.picture.upright(3));
            let data = self.samples(turned.as_ref().unwrap_or(self.picture));
            writer.write_image_data(&data).expect("pixels to memory");
        }
        writer.finish().expect("the end to memory");
        out
    }

    fn samples(&self, picture: &Rgb) -> Vec<u8> {
        let pixels = picture.data.chunks_exact(3);
        let opaque = vec![255u8; picture.data.len() / 3];
        let alpha = self.alpha.as_ref().unwrap_or(&opaque);
        assert_eq!(alpha.len(), opaque.len(), "one opacity per pixel");
        let twice = |bytes: Vec<u8>| bytes.into_iter().flat_map(|byte| [byte, byte]).collect();
        let gray = |p: &[u8]| ((u32::from(p[0]) * 299 + u32::from(p[1]) * 587 + u32::from(p[2]) * 114) / 1_000) as u8;
        let rgba = || pixels.clone().zip(alpha).flat_map(|(p, a)| [p[0], p[1], p[2], *a]).collect();
        match self.kind {
            PngKind::Rgb8 => picture.data.clone(),
            PngKind::Rgb16 => twice(picture.data.clone()),
            PngKind::Gray8 => pixels.map(gray).collect(),
            PngKind::Gray16 => twice(pixels.map(gray).collect()),
            PngKind::Gray1 => bits(&pixels.map(gray).collect::<Vec<_>>(), picture.width as usize),
            PngKind::Rgba8 => rgba(),
            PngKind::Rgba16 => twice(rgba()),
            PngKind::GrayAlpha8 => pixels.zip(alpha).flat_map(|(p, a)| [gray(p), *a]).collect(),
            PngKind::Palette8 | PngKind::Palette8Transparent => {
                let step = |value: u8| (u16::from(value) + 25) / 51;
                pixels.map(|p| (step(p[0]) * 36 + step(p[1]) * 6 + step(p[2])) as u8).collect()
            }
        }
    }
}

fn cube() -> Vec<u8> {
    (0..216u8).flat_map(|i| [i / 36 * 51, i / 6 % 6 * 51, i % 6 * 51]).collect()
}

fn bits(gray: &[u8], width: usize) -> Vec<u8> {
    let pack = |eight: &[u8]| eight.iter().enumerate().fold(0u8, |byte, (bit, v)| byte | (v >> 7) << (7 - bit));
    gray.chunks(width).flat_map(|row| row.chunks(8).map(pack)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Png, PngKind};
    use crate::{Exif, IccProfile, Rgb};

    #[test]
    fn every_kind_decodes_to_its_size() {
        let picture = Rgb::filled(13, 7, [255, 102, 0]);
        for kind in [
            PngKind::Rgb8,
            PngKind::Rgb16,
            PngKind::Gray8,
            PngKind::Gray16,
            PngKind::Gray1,
            PngKind::Rgba8,
            PngKind::Rgba16,
            PngKind::GrayAlpha8,
            PngKind::Palette8,
            PngKind::Palette8Transparent,
        ] {
            let file = Png::new(&picture).kind(kind).exif(Exif::new(3)).icc(IccProfile::Srgb).encode();
            let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
            assert_eq!(reader.info().size(), (13, 7), "{kind:?}");
            assert!(reader.info().icc_profile.is_some(), "{kind:?}");
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut pixels).unwrap();
            if kind == PngKind::Rgb8 {
                assert_eq!(pixels, picture.data);
            }
        }
    }

    #[test]
    fn animations_have_their_frames() {
        let picture = Rgb::filled(9, 9, [1, 2, 3]);
        let file = Png::new(&picture).animated(3).encode();
        let reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
        assert_eq!(reader.info().animation_control().unwrap().num_frames, 3);
    }
}
