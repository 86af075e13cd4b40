//! The sequence parameter set (ITU-T H.265 § 7.3.2.2): the true size of what a decoder is going to
//! allocate, and the colour description in its VUI. Both are needed before decoding.

use crate::error::Error;
use crate::planes::Subsampling;

/// Longest SPS that is looked at, emulation prevention included. Real ones have 40 to 120 bytes;
/// one with every scaling list and reference set stays below this.
const MAX_BYTES: usize = 8192;

/// What the sequence parameter set says about the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sps {
    /// Luma samples as coded, whole coding blocks.
    pub(super) coded_width: u32,
    pub(super) coded_height: u32,
    /// The conformance window, in luma samples: what of the coded picture is shown.
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    /// 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub(super) chroma_format: u8,
    /// Bits per luma sample, 8 to 16.
    pub(super) depth: u8,
    /// Bits per chroma sample.
    pub(super) chroma_depth: u8,
    /// Colour, where the VUI has it.
    pub(super) colour: Option<Colour>,
    /// `chroma_sample_loc_type_top_field`, 0 where not written.
    pub(super) chroma_location: u8,
    /// `sps_seq_parameter_set_id`.
    pub(super) id: u32,
    /// What coded data are read by; `None` where that is not known to the last bit.
    pub(super) tools: Option<Tools>,
}

/// Sizes and tools of the coding. Sizes are logarithms to the base of 2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tools {
    pub(super) poc_bits: u32,
    pub(super) min_block: u32,
    /// Of a coding tree block, the largest.
    pub(super) block: u32,
    pub(super) min_transform: u32,
    pub(super) max_transform: u32,
    /// How often a transform may be split, `max_transform_hierarchy_depth_intra`.
    pub(super) transform_depth: u32,
    pub(super) offsets: bool,
    /// Sets of references to other pictures.
    pub(super) reference_sets: u32,
    /// Whether pictures long past may be referred to.
    pub(super) long_term: bool,
    pub(super) motion_from_time: bool,
}

/// Colour as numbers of ITU-T H.273.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour {
    pub(crate) primaries: u16,
    pub(crate) transfer: u16,
    pub(crate) matrix: u16,
    pub(crate) full_range: bool,
}

impl Colour {
    /// Whether it says nothing: a limited range is a word, a full one is what writers put there who know nothing.
    pub(super) const fn is_unspecified(self) -> bool {
        matches!((self.primaries, self.transfer, self.matrix), (2, 2, 2)) && self.full_range
    }
}

impl Sps {
    /// `unit` is a whole NAL unit of type SPS.
    pub(super) fn read(unit: &[u8]) -> Result<Self, Error> {
        let raw = unit.get(2..).unwrap_or_default();
        let rbsp = unescape(&raw[..raw.len().min(MAX_BYTES)]);
        let mut bits = Bits::new(&rbsp);
        let sps = Self::parse(&mut bits)?;
        if sps.chroma_format > 3 || sps.depth > 16 || sps.chroma_depth > 16 {
            return Err(Error::corrupt("an HEVC sequence with impossible samples"));
        }
        Ok(sps)
    }

    /// Whether a decoder would allocate the same.
    pub(super) fn same_layout(&self, other: &Self) -> bool {
        let layout = |s: &Self| {
            let window = (s.left, s.top, s.width, s.height);
            (s.coded_width, s.coded_height, window, s.chroma_format, s.depth, s.chroma_depth)
        };
        layout(self) == layout(other)
    }

    /// How chroma is sampled; `None` for grey.
    pub(super) fn subsampling(&self) -> Option<Subsampling> {
        match self.chroma_format {
            1 => Some(Subsampling::S420),
            2 => Some(Subsampling::S422),
            3 => Some(Subsampling::S444),
            _ => None,
        }
    }

    fn parse(b: &mut Bits<'_>) -> Result<Self, Error> {
        b.skip(4)?;
        let max_sub_layers = b.bits(3)?;
        b.skip(1)?;
        profile_tier_level(b, max_sub_layers)?;
        let id = b.golomb()?;
        let chroma_format = b.golomb()?;
        let separate_planes = chroma_format == 3 && b.flag()?;
        let coded_width = b.golomb()?;
        let coded_height = b.golomb()?;
        let window = if b.flag()? { [b.golomb()?, b.golomb()?, b.golomb()?, b.golomb()?] } else { [0; 4] };
        let depth = b.golomb()?.saturating_add(8);
        let chroma_depth = b.golomb()?.saturating_add(8);
        if separate_planes {
            return Err(Error::unsupported_feature("HEVC with separate colour planes"));
        }
        // Window offsets count chroma samples.
        let (unit_x, unit_y) = match chroma_format {
            1 => (2, 2),
            2 => (2, 1),
            _ => (1, 1),
        };
        let shrink = |size: u32, a: u32, b: u32, unit: u32| {
            let cut = a.checked_add(b)?.checked_mul(unit)?;
            size.checked_sub(cut).filter(|&n| n > 0)
        };
        let [l, r, t, d] = window;
        let (Some(width), Some(height)) = (shrink(coded_width, l, r, unit_x), shrink(coded_height, t, d, unit_y))
        else {
            return Err(Error::corrupt("an HEVC sequence that shows nothing of its picture"));
        };
        let mut sps = Self {
            coded_width,
            coded_height,
            left: l * unit_x,
            top: t * unit_y,
            width,
            height,
            chroma_format: u8::try_from(chroma_format).unwrap_or(u8::MAX),
            depth: u8::try_from(depth).unwrap_or(u8::MAX),
            chroma_depth: u8::try_from(chroma_depth).unwrap_or(u8::MAX),
            colour: None,
            chroma_location: 0,
            id,
            tools: None,
        };
        // The rest serves the colour and the walk over coded data: a decoder that understands more may yet succeed.
        sps.tools = sps.parse_tools(b, max_sub_layers);
        Ok(sps)
    }

    /// From `log2_max_pic_order_cnt_lsb_minus4` to the end, colour on the way. `None` where the bits end or where there
    /// is something that the walk does not know.
    fn parse_tools(&mut self, b: &mut Bits<'_>, max_sub_layers: u32) -> Option<Tools> {
        let small = |n: u32| Some(n).filter(|&n| n <= 16);
        let poc_bits = small(b.golomb().ok()?)? + 4;
        let every_layer = b.flag().ok()?;
        for _ in if every_layer { 0 } else { max_sub_layers }..=max_sub_layers {
            b.golombs(3).ok()?;
        }
        let mut number = || b.golomb().ok().and_then(small);
        let min_block = number()? + 3;
        let block = min_block + number()?;
        let min_transform = number()? + 2;
        let max_transform = min_transform + number()?;
        number()?;
        let transform_depth = number()?;
        if b.flag().ok()? && b.flag().ok()? {
            scaling_lists(b).ok()?;
        }
        b.skip(1).ok()?;
        let offsets = b.flag().ok()?;
        // Blocks whose samples are written as they are.
        if b.flag().ok()? {
            return None;
        }
        let reference_sets = b.golomb().ok().filter(|&n| n <= 64)?;
        for set in 0..reference_sets {
            reference_set(b, set)?;
        }
        let long_term = b.flag().ok()?;
        if long_term {
            let count = b.golomb().ok().filter(|&n| n <= 32)?;
            b.skip(count as usize * (poc_bits as usize + 1)).ok()?;
        }
        let motion_from_time = b.flag().ok()?;
        b.skip(1).ok()?;
        if b.flag().ok()? {
            self.parse_usability(b)?;
        }
        // Extensions, of which no file is known to try the walk on.
        if b.flag().ok()? && b.bits(8).ok()? != 0 {
            return None;
        }
        Some(Tools {
            poc_bits,
            min_block,
            block,
            min_transform,
            max_transform,
            transform_depth,
            offsets,
            reference_sets,
            long_term,
            motion_from_time,
        })
        .filter(|tools| (4..=6).contains(&tools.block) && tools.max_transform <= 5.min(tools.block))
        .filter(|tools| tools.min_transform < tools.min_block)
    }

    /// The VUI (annex E).
    fn parse_usability(&mut self, b: &mut Bits<'_>) -> Option<()> {
        if b.flag().ok()? && b.bits(8).ok()? == 255 {
            b.skip(32).ok()?;
        }
        if b.flag().ok()? {
            b.skip(1).ok()?;
        }
        if b.flag().ok()? {
            b.skip(3).ok()?;
            let full_range = b.flag().ok()?;
            let (mut primaries, mut transfer, mut matrix) = (2, 2, 2);
            if b.flag().ok()? {
                primaries = b.bits(8).ok()? as u16;
                transfer = b.bits(8).ok()? as u16;
                matrix = b.bits(8).ok()? as u16;
            }
            self.colour = Some(Colour { primaries, transfer, matrix, full_range });
        }
        if b.flag().ok()? {
            self.chroma_location = u8::try_from(b.golomb().ok()?).ok().filter(|&n| n <= 5)?;
            b.golomb().ok()?;
        }
        b.skip(3).ok()?;
        if b.flag().ok()? {
            b.golombs(4).ok()?;
        }
        if b.flag().ok()? {
            b.skip(64).ok()?;
            if b.flag().ok()? {
                b.golomb().ok()?;
            }
            // Parameters of a hypothetical decoder's buffers: videos only.
            if b.flag().ok()? {
                return None;
            }
        }
        if b.flag().ok()? {
            b.skip(3).ok()?;
            b.golombs(5).ok()?;
        }
        Some(())
    }
}

/// Reads over a set of references (§ 7.3.7) behind so many others. `None` where it is predicted from one of these, as
/// in videos only.
pub(super) fn reference_set(b: &mut Bits<'_>, others: u32) -> Option<()> {
    if others > 0 && b.flag().ok()? {
        return None;
    }
    let pictures = b.golomb().ok()?.checked_add(b.golomb().ok()?).filter(|&n| n <= 32)?;
    for _ in 0..pictures {
        b.golomb().ok()?;
        b.skip(1).ok()?;
    }
    Some(())
}

fn profile_tier_level(b: &mut Bits<'_>, max_sub_layers: u32) -> Result<(), Error> {
    b.skip(88)?;
    b.skip(8)?;
    let mut present = Vec::with_capacity(7);
    for _ in 0..max_sub_layers {
        present.push((b.flag()?, b.flag()?));
    }
    if max_sub_layers > 0 {
        b.skip(2 * (8 - max_sub_layers as usize))?;
    }
    for (profile, level) in present {
        b.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    Ok(())
}

pub(super) fn scaling_lists(b: &mut Bits<'_>) -> Result<(), Error> {
    for size in 0..4u32 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !b.flag()? {
                b.golomb()?;
                continue;
            }
            let coefficients = 64.min(1usize << (4 + 2 * size));
            b.golombs(coefficients + usize::from(size > 1))?;
        }
    }
    Ok(())
}

/// Drops the emulation prevention bytes: the 3 of every 0 0 3.
pub(super) fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memmem::find(rest, &[0, 0, 3]) {
        out.extend_from_slice(&rest[..at + 2]);
        rest = &rest[at + 3..];
    }
    out.extend_from_slice(rest);
    out
}

/// Bits from the most significant one down.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// Bits read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn flag(&mut self) -> Result<bool, Error> {
        let byte = self.data.get(self.at / 8).ok_or_else(|| Error::corrupt("an HEVC parameter set ends too early"))?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    pub(super) fn bits(&mut self, n: u32) -> Result<u32, Error> {
        let mut value = 0;
        for _ in 0..n {
            value = value << 1 | u32::from(self.flag()?);
        }
        Ok(value)
    }

    pub(super) fn skip(&mut self, n: usize) -> Result<(), Error> {
        self.at += n;
        if self.at > self.data.len() * 8 {
            return Err(Error::corrupt("an HEVC parameter set ends too early"));
        }
        Ok(())
    }

    /// An Exp-Golomb number with a sign.
    pub(super) fn signed(&mut self) -> Result<i32, Error> {
        let n = self.golomb()?;
        let half = (n / 2 + n % 2) as i32;
        Ok(if n % 2 == 1 { half } else { -half })
    }

    /// An Exp-Golomb number of at most 32 bits. Signed ones have the same length.
    pub(super) fn golomb(&mut self) -> Result<u32, Error> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros == 32 {
                return Err(Error::corrupt("a number in an HEVC parameter set is too large"));
            }
        }
        let tail = self.bits(zeros)?;
        Ok((1u32 << zeros) - 1 + tail)
    }

    pub(super) fn golombs(&mut self, n: usize) -> Result<(), Error> {
        for _ in 0..n {
            self.golomb()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golomb_numbers() {
        // 1 | 010 | 011 | 00100 | 00101
        let data = [0b1010_0110, 0b0100_0010, 0b1000_0000];
        let mut b = Bits { data: &data, at: 0 };
        let read: Vec<_> = (0..5).map(|_| b.golomb().unwrap()).collect();
        assert_eq!(read, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn emulation_prevention() {
        assert_eq!(unescape(&[0, 0, 3, 1, 0, 0, 3, 0, 0, 3]), [0, 0, 1, 0, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn any_bits_end(data in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Sps::read(&data);
        }
    }
}
