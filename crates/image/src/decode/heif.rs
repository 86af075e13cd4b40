//! One HEIC up to planes.

#[cfg(feature = "libheif")]
use sealpress_media::Dimensions;

#[cfg(feature = "libheif")]
use super::plane_bytes;
use super::{Codecs, Decoded, Request};
use crate::colour::{Colour, Declared};
use crate::convert::{RgbSink, Target, chroma_target};
use crate::deep;
use crate::error::Error;
use crate::hdr::Transfer;
use crate::heif::Heif;
use crate::jpeg::turbo::Shrink;
#[cfg(feature = "libheif")]
use crate::png;
use crate::report::{Action, Warning};

impl Codecs {
    pub(crate) fn heif(&mut self, heif: &Heif<'_>, request: &mut Request<'_>) -> Result<Decoded, Error> {
        let stored = heif.dimensions();
        let (colour, icc) = self.heif_colour(heif);
        let native = request.policy.native_hevc;
        let (planes, colour) = match colour.tone_map() {
            Some((map, name)) if heif.is_deep() => {
                let deep = heif.decode_deep(&request.limits, native)?;
                request.watch.check()?;
                let target = match &deep.high.chroma {
                    Some(_) => chroma_target(stored, request.wanted),
                    None => Target::Gray,
                };
                let sink = RgbSink::new(stored, target, &mut self.pool);
                request.reduced(name);
                (deep::to_srgb(deep, map, sink, &mut self.compressor, request.watch)?, Colour::Srgb)
            }
            _ => (heif.decode(&request.limits, native)?, colour),
        };
        let notes = heif.irregularities().iter().map(|note| Warning::Irregular { complaint: note.clone() });
        request.warnings.extend(notes);
        if planes.alpha.is_some() {
            request.actions.push(Action::Flattened);
        }
        let planes = crate::flatten::flatten(planes, request.policy.background, &mut self.pool);
        Ok(Decoded { planes, stored, shrink: Shrink::One, colour, icc })
    }

    /// By libheif, in RGB and upright.
    #[cfg(feature = "libheif")]
    pub(crate) fn foreign_heif(
        &mut self,
        bytes: &[u8],
        stored: Dimensions,
        request: &mut Request<'_>,
    ) -> Result<Decoded, Error> {
        let target = chroma_target(stored, request.wanted);
        request.limits.memory(crate::heif::foreign::memory(stored) + plane_bytes(stored, target))?;
        let mut sink = RgbSink::new(stored, target, &mut self.pool);
        let background = request.policy.background;
        let (mut rgb, mut clear) = (vec![0; stored.width() as usize * 3], false);
        let meaning = crate::heif::foreign::read(bytes, stored, &request.limits, &mut |row| {
            for (out, pixel) in rgb.as_chunks_mut::<3>().0.iter_mut().zip(row.as_chunks::<4>().0) {
                clear |= pixel[3] != 255;
                png::over([pixel[0], pixel[1], pixel[2]], pixel[3], background, out);
            }
            sink.push(&rgb, &mut self.compressor)
        })?;
        if clear {
            request.actions.push(Action::Flattened);
        }
        let number = |n: u16| u8::try_from(n).unwrap_or(2);
        let declared = match (&meaning.icc, meaning.colour) {
            (Some(icc), _) => Declared::Icc(icc),
            (None, Some(c)) => Declared::Cicp { primaries: number(c.primaries), transfer: number(c.transfer) },
            (None, None) => Declared::Srgb,
        };
        let colour = self.profiles.resolve(declared, 3);
        Ok(Decoded {
            planes: sink.finish(&mut self.compressor)?,
            stored,
            shrink: Shrink::One,
            colour,
            icc: meaning.icc,
        })
    }

    /// What the samples mean, and the profile that says so.
    fn heif_colour(&mut self, heif: &Heif<'_>) -> (Colour, Option<Vec<u8>>) {
        let number = |n: u16| u8::try_from(n).unwrap_or(2);
        // A profile says more than the numbers do, except about high dynamic range.
        let hdr = heif.colour().filter(|c| Transfer::from_cicp(number(c.transfer)).is_some());
        let icc = heif.icc().filter(|_| hdr.is_none());
        let declared = match (icc, heif.colour()) {
            (Some(icc), _) => Declared::Icc(icc),
            (None, Some(c)) => Declared::Cicp { primaries: number(c.primaries), transfer: number(c.transfer) },
            (None, None) => Declared::Srgb,
        };
        (self.profiles.resolve(declared, if heif.is_gray() { 1 } else { 3 }), icc.map(<[u8]>::to_vec))
    }
}
