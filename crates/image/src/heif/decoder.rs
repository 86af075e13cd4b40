//! The door to whatever decodes HEVC: one coded picture in, its samples out.

use super::hvcc::Config;
use crate::error::Error;
use crate::limits::Limits;
use crate::planes::Plane;

/// Decodes intra pictures one after the other, single-threaded. Parameter sets are given with
/// every picture; a decoder may keep what it knows when they stay the same.
pub(super) trait HevcDecoder {
    /// Decodes one picture whose NAL units are `units` and hands the result to `sink`, already
    /// cropped to the conformance window.
    ///
    /// # Errors
    /// `unsupported-feature` for what this decoder does not do (another may), `corrupt` for damage;
    /// a picture is never completed by guessing.
    fn decode(
        &mut self,
        config: &Config<'_>,
        units: &[&[u8]],
        limits: &Limits,
        sink: &mut dyn FnMut(&Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error>;
}

/// A decoded picture that still belongs to its decoder.
pub(super) struct Frame<'a> {
    pub(super) y: Samples<'a>,
    /// Cb and Cr; `None` for grey.
    pub(super) chroma: Option<[Samples<'a>; 2]>,
}

/// One plane of any depth.
#[derive(Clone, Copy)]
pub(super) struct Samples<'a> {
    pub(super) data: Data<'a>,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) stride: usize,
    /// Bits per sample.
    pub(super) depth: u8,
}

#[derive(Clone, Copy)]
pub(super) enum Data<'a> {
    U8(&'a [u8]),
    U16(&'a [u16]),
    I32(&'a [i32]),
}

impl Samples<'_> {
    /// Writes the overlap of this plane and `to`, shifted to (`x`, `y`), as 8-bit samples; deeper
    /// ones are rounded to the nearest.
    ///
    /// # Errors
    /// `internal` where a decoder described its own memory wrongly.
    pub(super) fn copy_to(&self, to: &mut Plane, x: usize, y: usize) -> Result<(), Error> {
        let width = self.width.min(to.width.saturating_sub(x));
        let height = self.height.min(to.height.saturating_sub(y));
        if width == 0 {
            return Ok(());
        }
        for row in 0..height {
            let start = row * self.stride;
            let out = &mut to.row_mut(y + row)[x..x + width];
            self.row_to(start, out)
                .ok_or_else(|| Error::internal("a decoder returned less than the picture it described"))?;
        }
        Ok(())
    }

    /// Writes the same overlap of a sample's upper and lower eight bits, samples being shifted to sixteen.
    ///
    /// # Errors
    /// As [`copy_to`](Self::copy_to).
    pub(super) fn split_to(&self, high: &mut Plane, low: &mut Plane, x: usize, y: usize) -> Result<(), Error> {
        let width = self.width.min(high.width.saturating_sub(x));
        let height = self.height.min(high.height.saturating_sub(y));
        let shift = 16_u32.saturating_sub(u32::from(self.depth));
        for row in 0..height {
            let range = row * self.stride..row * self.stride + width;
            let high = &mut high.row_mut(y + row)[x..x + width];
            let low = &mut low.row_mut(y + row)[x..x + width];
            let mut split = |i: usize, sample: u32| {
                let wide = (sample << shift).min(0xFFFF);
                (high[i], low[i]) = ((wide >> 8) as u8, wide as u8);
            };
            let written = match self.data {
                Data::U8(data) => {
                    data.get(range).map(|row| row.iter().enumerate().for_each(|(i, v)| split(i, u32::from(*v))))
                }
                Data::U16(data) => {
                    data.get(range).map(|row| row.iter().enumerate().for_each(|(i, v)| split(i, u32::from(*v))))
                }
                Data::I32(data) => data
                    .get(range)
                    .map(|row| row.iter().enumerate().for_each(|(i, v)| split(i, (*v).clamp(0, 0xFFFF) as u32))),
            };
            written.ok_or_else(|| Error::internal("a decoder returned less than the picture it described"))?;
        }
        Ok(())
    }

    fn row_to(&self, start: usize, out: &mut [u8]) -> Option<()> {
        let range = start..start + out.len();
        match self.data {
            Data::U8(data) => out.copy_from_slice(data.get(range)?),
            Data::U16(data) => {
                let shift = self.depth.saturating_sub(8).min(8);
                let half = (1u32 << shift) >> 1;
                for (to, from) in out.iter_mut().zip(data.get(range)?) {
                    *to = ((u32::from(*from) + half) >> shift).min(255) as u8;
                }
            }
            Data::I32(data) => {
                let shift = self.depth.saturating_sub(8).min(8);
                let half = (1i32 << shift) >> 1;
                for (to, from) in out.iter_mut().zip(data.get(range)?) {
                    *to = (from.saturating_add(half) >> shift).clamp(0, 255) as u8;
                }
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeper_samples_are_rounded_and_stay_in_range() {
        let data = [0, 1, 2, 511, 512, 1021, 1022, 1023];
        let samples = Samples { data: Data::U16(&data), width: 8, height: 1, stride: 8, depth: 10 };
        let mut to = Plane::filled(8, 1, 7);
        samples.copy_to(&mut to, 0, 0).unwrap();
        assert_eq!(to.data, [0, 0, 1, 128, 128, 255, 255, 255]);
    }

    #[test]
    fn split_samples_keep_every_bit() {
        let data: Vec<u16> = (0..4096).collect();
        let samples = Samples { data: Data::U16(&data), width: 4096, height: 1, stride: 4096, depth: 12 };
        let (mut high, mut low) = (Plane::filled(4095, 1, 7), Plane::filled(4095, 1, 7));
        samples.split_to(&mut high, &mut low, 0, 0).unwrap();
        let joined = high.data.iter().zip(&low.data).map(|(h, l)| u16::from_be_bytes([*h, *l]) >> 4);
        assert!(joined.eq(0..4095));
    }

    #[test]
    fn only_the_overlap_is_written() {
        let data = [1, 2, 3, 4];
        let samples = Samples { data: Data::U8(&data), width: 2, height: 2, stride: 2, depth: 8 };
        let mut to = Plane::filled(3, 2, 0);
        samples.copy_to(&mut to, 2, 1).unwrap();
        assert_eq!(to.data, [0, 0, 0, 0, 0, 1]);
        samples.copy_to(&mut to, 3, 0).unwrap();
        let short = Samples { data: Data::U8(&data), width: 3, height: 2, stride: 3, depth: 8 };
        assert!(short.copy_to(&mut to, 0, 0).is_err());
    }
}
