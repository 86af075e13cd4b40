//! The HEVC configuration record (`hvcC`, ISO/IEC 14496-15 § 8.3.3.1) and length-prefixed NAL
//! units.

use super::boxes::Reader;
use super::sps::Sps;
use crate::error::Error;
use crate::limits::Limits;

/// Parameter sets that one picture may bring. Encoders write three; the standard's tables hold
/// 16 + 16 + 64.
const MAX_PARAMETER_SETS: usize = 96;

/// Slice segments of one picture: the most that any level of the standard allows (table A.8).
const MAX_SLICES: usize = 600;

/// NAL unit types (ITU-T H.265 table 7-1).
pub(super) mod nal {
    pub(crate) const VPS: u8 = 32;
    pub(crate) const SPS: u8 = 33;
    pub(crate) const PPS: u8 = 34;
    /// Types below this one carry slices.
    pub(crate) const FIRST_NON_VCL: u8 = 32;
}

/// What a decoder needs before the first slice.
#[derive(Clone)]
pub(super) struct Config<'a> {
    /// Bytes of the length in front of each NAL unit of the picture's data: 1, 2 or 4.
    pub(super) length_size: u8,
    /// Parameter sets of the base layer in the order of the file, without length or start code.
    pub(super) parameter_sets: Vec<&'a [u8]>,
    /// The sequence parameter set, parsed. Where there are several, all agree on the size.
    pub(super) sps: Sps,
    /// The record itself, to see cheaply whether two pictures share it.
    pub(super) raw: &'a [u8],
}

impl<'a> Config<'a> {
    /// Reads the record and the SPS in it; the picture's size is judged here.
    pub(super) fn read(raw: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        let mut r = Reader::new(raw);
        if r.u8()? != 1 {
            return Err(Error::unsupported_feature("an HEVC configuration of another version than 1"));
        }
        r.take(20)?;
        let length_size = (r.u8()? & 3) + 1;
        if length_size == 3 {
            return Err(Error::corrupt("NAL unit lengths of three bytes"));
        }
        let mut parameter_sets = Vec::new();
        let mut sps: Option<Sps> = None;
        for _ in 0..r.u8()? {
            r.u8()?;
            for _ in 0..r.u16()? {
                let length = r.u16()?;
                let unit = r.take(usize::from(length))?;
                let Some((kind, 0)) = kind_and_layer(unit) else { continue };
                if !matches!(kind, nal::VPS | nal::SPS | nal::PPS) {
                    continue;
                }
                if parameter_sets.len() == MAX_PARAMETER_SETS {
                    return Err(Error::corrupt("too many HEVC parameter sets"));
                }
                if kind == nal::SPS {
                    judge(&mut sps, unit, limits)?;
                }
                parameter_sets.push(unit);
            }
        }
        let sps = sps.ok_or_else(|| Error::corrupt("an HEVC configuration without a sequence parameter set"))?;
        Ok(Self { length_size, parameter_sets, sps, raw })
    }

    /// The NAL units of the first picture in `data`, the base layer's only. Parameter sets in between are
    /// held to the same size as those in the record.
    pub(super) fn units<'d>(&self, data: &'d [u8], limits: &Limits) -> Result<Vec<&'d [u8]>, Error> {
        let mut rest = data;
        let mut units = Vec::new();
        let mut sps = Some(self.sps.clone());
        let (mut sets, mut slices) = (0, 0);
        let blocks = |samples: u32| samples.div_ceil(16) as usize;
        let max_slices = (blocks(self.sps.coded_width) * blocks(self.sps.coded_height)).min(MAX_SLICES);
        // Zeros behind the last unit are padding.
        while rest.len() >= 4 || rest.iter().any(|&b| b != 0) {
            let (length, tail) = rest
                .split_at_checked(usize::from(self.length_size))
                .ok_or_else(|| Error::corrupt("picture data ends inside of a NAL unit's length"))?;
            let length = length.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
            let (unit, tail) = tail
                .split_at_checked(length)
                .ok_or_else(|| Error::corrupt("a NAL unit is longer than the picture's data"))?;
            rest = tail;
            let Some((kind, 0)) = kind_and_layer(unit) else { continue };
            if matches!(kind, nal::VPS | nal::SPS | nal::PPS) {
                sets += 1;
                if sets > MAX_PARAMETER_SETS {
                    return Err(Error::corrupt("too many HEVC parameter sets"));
                }
            }
            if kind == nal::SPS {
                judge(&mut sps, unit, limits)?;
            }
            if kind < nal::FIRST_NON_VCL {
                // first_slice_segment_in_pic_flag is the first bit after the NAL header.
                let first = unit.get(2).is_some_and(|b| b & 0x80 != 0);
                match (slices, first) {
                    (0, false) => return Err(Error::corrupt("the picture's first slice is missing")),
                    (0, true) | (_, false) => slices += 1,
                    // The next picture: nobody asked for it.
                    (_, true) => return Ok(units),
                }
                if slices > max_slices {
                    return Err(Error::corrupt("more slices than the picture has blocks"));
                }
            }
            units.push(unit);
        }
        if slices == 0 {
            return Err(Error::corrupt("picture data without a slice"));
        }
        Ok(units)
    }
}

/// Whether a NAL unit carries a slice.
pub(super) fn is_slice(unit: &[u8]) -> bool {
    kind_and_layer(unit).is_some_and(|(kind, _)| kind < nal::FIRST_NON_VCL)
}

/// Type and layer from the two bytes of a NAL header; `None` for what is none.
pub(super) fn kind_and_layer(unit: &[u8]) -> Option<(u8, u8)> {
    match unit {
        [a, b, ..] if a & 0x80 == 0 && b & 7 != 0 => Some((a >> 1 & 0x3F, (a & 1) << 5 | b >> 3)),
        _ => None,
    }
}

/// Parses an SPS, holds it to the limits and to the one seen before.
fn judge(seen: &mut Option<Sps>, unit: &[u8], limits: &Limits) -> Result<(), Error> {
    let new = Sps::read(unit)?;
    limits.dimensions(new.coded_width, new.coded_height)?;
    match seen {
        Some(old) if !old.same_layout(&new) => Err(Error::unsupported_feature("pictures of two sizes in one item")),
        Some(_) => Ok(()),
        None => {
            *seen = Some(new);
            Ok(())
        }
    }
}
