//! The pixels of a scanned page, and what they are written as: an image of a PDF, or a PNG.

use bytes::Bytes;
use sealpress_media::{Format, Media};

use crate::error::{Error, ErrorKind};
use crate::object::{Dict, Object, Stream};
use crate::write::{deflate, differences};

/// What pixels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Samples {
    /// One bit a pixel, 0 is black; each row begins with a byte of its own.
    Bilevel,
    /// A byte a pixel.
    Grey,
    /// Three bytes a pixel.
    Colour,
    /// Four bytes a pixel, of which 0 is no ink.
    Inks,
}

/// Pixels in rows, from the upper left.
#[derive(Clone, Debug)]
pub(super) struct Raster {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) samples: Samples,
    pub(super) data: Vec<u8>,
}

impl Samples {
    /// Bytes of a row of so many pixels.
    pub(super) const fn row(self, width: usize) -> usize {
        match self {
            Self::Bilevel => width.div_ceil(8),
            Self::Grey => width,
            Self::Colour => width * 3,
            Self::Inks => width * 4,
        }
    }
}

impl Raster {
    /// The same upright, as this orientation (1 to 8, as in EXIF) wants it.
    pub(super) fn upright(self, orientation: u32) -> Self {
        if !(2..=8).contains(&orientation) {
            return self;
        }
        let (width, height) = if orientation >= 5 { (self.height, self.width) } else { (self.width, self.height) };
        let from = |x: usize, y: usize| {
            let (right, below) = (self.width - 1, self.height - 1);
            match orientation {
                2 => (right - x, y),
                3 => (right - x, below - y),
                4 => (x, below - y),
                5 => (y, x),
                6 => (y, below - x),
                7 => (right - y, below - x),
                _ => (right - y, x),
            }
        };
        self.redrawn(width, height, from)
    }

    /// The same with pixels that are as high as they are wide: faxes often have half as many rows to an inch as
    /// columns. `aspect` is the width of a pixel over its height.
    pub(super) fn square(self, aspect: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "sizes"
        )]
        let stretched = |length: usize, by: f64| ((length as f64 * by).round() as usize).max(1);
        // Beyond eight, somebody wrote nonsense.
        if (0.9..=1.1).contains(&aspect) || !(0.125..=8.0).contains(&aspect) {
            return self;
        }
        let (width, height) = if aspect > 1.0 {
            (stretched(self.width, aspect), self.height)
        } else {
            (self.width, stretched(self.height, 1.0 / aspect))
        };
        let (old_width, old_height) = (self.width, self.height);
        self.redrawn(width, height, |x, y| (x * old_width / width, y * old_height / height))
    }

    /// A raster of this size whose pixels are taken from those that `from` names.
    fn redrawn(&self, width: usize, height: usize, from: impl Fn(usize, usize) -> (usize, usize)) -> Self {
        let (old, new) = (self.samples.row(self.width), self.samples.row(width));
        let mut data = vec![0; new * height];
        for (y, row) in data.chunks_exact_mut(new.max(1)).enumerate() {
            for x in 0..width {
                let (from_x, from_y) = from(x, y);
                let there = &self.data[from_y * old..];
                match self.samples {
                    Samples::Bilevel => row[x / 8] |= (there[from_x / 8] >> (7 - from_x % 8) & 1) << (7 - x % 8),
                    Samples::Grey => row[x] = there[from_x],
                    Samples::Colour => row[3 * x..3 * x + 3].copy_from_slice(&there[3 * from_x..3 * from_x + 3]),
                    Samples::Inks => row[4 * x..4 * x + 4].copy_from_slice(&there[4 * from_x..4 * from_x + 4]),
                }
            }
        }
        Self { width, height, samples: self.samples, data }
    }

    /// The same with inks as the colours that the plain formula makes of them: for those who have no profile of them,
    /// or no place for it.
    pub(super) fn coloured(self) -> Self {
        if self.samples != Samples::Inks {
            return self;
        }
        let mut data = Vec::with_capacity(self.data.len() / 4 * 3);
        for inks in self.data.chunks_exact(4) {
            let paper = 255 - inks[3];
            data.extend(inks[..3].iter().map(|ink| product(255 - ink, paper)));
        }
        Self { samples: Samples::Colour, data, ..self }
    }

    /// Whether a colour profile is one of such samples: that of inks says nothing about what was made of them.
    pub(super) fn is_of(&self, profile: &[u8]) -> bool {
        let space: &[u8] = match self.samples {
            Samples::Bilevel | Samples::Grey => b"GRAY",
            Samples::Colour => b"RGB ",
            Samples::Inks => b"CMYK",
        };
        profile.get(16..20) == Some(space) && profile.get(36..40) == Some(b"acsp")
    }

    /// An image of a PDF, exact to the bit.
    pub(super) fn image(&self) -> Stream {
        let row = self.samples.row(self.width);
        let int = |n: usize| Object::Int(i64::try_from(n).unwrap_or(i64::MAX));
        let (space, components, bits) = match self.samples {
            Samples::Bilevel => (b"DeviceGray".as_slice(), 1, 1),
            Samples::Grey => (b"DeviceGray".as_slice(), 1, 8),
            Samples::Colour => (b"DeviceRGB".as_slice(), 3, 8),
            Samples::Inks => (b"DeviceCMYK".as_slice(), 4, 8),
        };
        let mut dict = Dict::default();
        dict.push(b"Type", Object::name(b"XObject"));
        dict.push(b"Subtype", Object::name(b"Image"));
        dict.push(b"Width", int(self.width));
        dict.push(b"Height", int(self.height));
        dict.push(b"ColorSpace", Object::name(space));
        dict.push(b"BitsPerComponent", int(bits));
        dict.push(b"Filter", Object::name(b"FlateDecode"));
        let data = if self.samples == Samples::Bilevel {
            deflate(&self.data)
        } else {
            let mut parameters = Dict::default();
            parameters.push(b"Predictor", Object::Int(15));
            parameters.push(b"Colors", int(components));
            parameters.push(b"Columns", int(self.width));
            dict.push(b"DecodeParms", Object::Dict(parameters));
            deflate(&differences(&self.data, row))
        };
        Stream { dict, data: Bytes::from(data) }
    }

    /// A PNG, with the colour profile of the page where it has one; inks must be colours by now.
    pub(super) fn png(&self, profile: Option<&[u8]>) -> Result<Media, Error> {
        let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut info = png::Info::with_size(size(self.width), size(self.height));
        (info.color_type, info.bit_depth) = match self.samples {
            Samples::Bilevel => (png::ColorType::Grayscale, png::BitDepth::One),
            Samples::Grey => (png::ColorType::Grayscale, png::BitDepth::Eight),
            Samples::Colour => (png::ColorType::Rgb, png::BitDepth::Eight),
            Samples::Inks => return Err(Error::new(ErrorKind::Internal, "a picture of inks")),
        };
        info.icc_profile = profile.filter(|profile| self.is_of(profile)).map(|profile| profile.to_vec().into());
        let mut out = Vec::new();
        let written = png::Encoder::with_info(&mut out, info).and_then(|mut encoder| {
            encoder.set_compression(png::Compression::Fast);
            let mut writer = encoder.write_header()?;
            writer.write_image_data(&self.data)?;
            writer.finish()
        });
        let unwritten = "the picture of a page cannot be written";
        written.map_err(|e| Error::because(ErrorKind::Internal, unwritten, e))?;
        Media::known(Format::Png, out).ok_or_else(|| Error::new(ErrorKind::Internal, unwritten))
    }
}

/// Two fractions of 255 multiplied.
pub(super) const fn product(a: u8, b: u8) -> u8 {
    ((a as u32 * b as u32 + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two columns, three rows: 1 2 / 3 4 / 5 6.
    fn small() -> Raster {
        Raster { width: 2, height: 3, samples: Samples::Grey, data: vec![1, 2, 3, 4, 5, 6] }
    }

    #[test]
    fn every_orientation_is_undone() {
        for (orientation, width, data) in [
            (1, 2, [1, 2, 3, 4, 5, 6]),
            (2, 2, [2, 1, 4, 3, 6, 5]),
            (3, 2, [6, 5, 4, 3, 2, 1]),
            (4, 2, [5, 6, 3, 4, 1, 2]),
            (5, 3, [1, 3, 5, 2, 4, 6]),
            (6, 3, [5, 3, 1, 6, 4, 2]),
            (7, 3, [6, 4, 2, 5, 3, 1]),
            (8, 3, [2, 4, 6, 1, 3, 5]),
        ] {
            let upright = small().upright(orientation);
            assert_eq!((upright.width, &upright.data[..]), (width, &data[..]), "orientation {orientation}");
        }
    }

    #[test]
    fn bits_are_turned_like_bytes() {
        let bits = Raster { width: 9, height: 1, samples: Samples::Bilevel, data: vec![0b1000_0001, 0b1000_0000] };
        assert_eq!(bits.clone().upright(2).data, [0b1100_0000, 0b1000_0000]);
        assert_eq!(bits.upright(6).data, [128, 0, 0, 0, 0, 0, 0, 128, 128]);
    }

    #[test]
    fn inks_become_colours_by_the_plain_formula() {
        let inks = |data: &[u8]| Raster { width: 1, height: 1, samples: Samples::Inks, data: data.to_vec() };
        for (ink, colour) in [
            ([0, 0, 0, 0], [255, 255, 255]),
            ([255, 0, 0, 0], [0, 255, 255]),
            ([0, 0, 0, 255], [0, 0, 0]),
            ([0, 128, 255, 128], [127, 63, 0]),
        ] {
            assert_eq!(inks(&ink).coloured().data, colour, "{ink:?}");
        }
        assert_eq!(small().coloured().data, small().data);
        assert_eq!(Raster { width: 2, ..inks(&[1, 2, 3, 4, 5, 6, 7, 8]) }.upright(2).data, [5, 6, 7, 8, 1, 2, 3, 4]);
    }

    #[test]
    fn pixels_become_square() {
        let tall = small().square(0.5);
        assert_eq!((tall.width, tall.height, &tall.data[..4]), (2, 6, &[1, 2, 1, 2][..]));
        assert_eq!(small().square(2.0).data[..4], [1, 1, 2, 2]);
        assert_eq!(small().square(1.04).data, small().data);
        assert_eq!(small().square(f64::NAN).data, small().data);
        assert_eq!(small().square(1e9).data, small().data);
    }
}
