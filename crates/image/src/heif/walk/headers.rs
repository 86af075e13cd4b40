//! Picture parameter sets and slice headers (ITU-T H.265 § 7.3.2.3 and § 7.3.6): what of them the walk needs. `None`
//! where they end too early or say something that the walk does not know.

use super::super::sps::{Bits, Sps, Tools, reference_set, scaling_lists};

/// The picture parameter set.
#[derive(Default)]
pub(super) struct Pps {
    pub(super) id: u32,
    pub(super) sps: u32,
    output_flag: bool,
    extra_bits: u32,
    pub(super) hides_signs: bool,
    quantizer: i32,
    pub(super) transform_skip: bool,
    /// How deep in the tree the quantizer may change, where it may.
    pub(super) quantizer_depth: Option<u32>,
    slice_chroma_quantizers: bool,
    pub(super) bypasses: bool,
    pub(super) rows_in_step: bool,
    filters_across: bool,
    overrides_filter: bool,
    filter_disabled: bool,
    extension: bool,
}

impl Pps {
    pub(super) fn read(b: &mut Bits<'_>) -> Option<Self> {
        let mut pps = Self { id: b.golomb().ok()?, sps: b.golomb().ok()?, ..Self::default() };
        // Slices that go on where others ended.
        if b.flag().ok()? {
            return None;
        }
        pps.output_flag = b.flag().ok()?;
        pps.extra_bits = b.bits(3).ok()?;
        pps.hides_signs = b.flag().ok()?;
        b.skip(1).ok()?;
        b.golombs(2).ok()?;
        pps.quantizer = 26_i32.checked_add(b.signed().ok()?)?;
        b.skip(1).ok()?;
        pps.transform_skip = b.flag().ok()?;
        if b.flag().ok()? {
            pps.quantizer_depth = Some(b.golomb().ok()?);
        }
        b.golombs(2).ok()?;
        pps.slice_chroma_quantizers = b.flag().ok()?;
        b.skip(2).ok()?;
        pps.bypasses = b.flag().ok()?;
        // Tiles.
        if b.flag().ok()? {
            return None;
        }
        pps.rows_in_step = b.flag().ok()?;
        pps.filters_across = b.flag().ok()?;
        if b.flag().ok()? {
            pps.overrides_filter = b.flag().ok()?;
            pps.filter_disabled = b.flag().ok()?;
            if !pps.filter_disabled {
                b.golombs(2).ok()?;
            }
        }
        if b.flag().ok()? {
            scaling_lists(b).ok()?;
        }
        b.skip(1).ok()?;
        b.golomb().ok()?;
        pps.extension = b.flag().ok()?;
        // Extensions.
        if b.flag().ok()? && b.bits(8).ok()? != 0 {
            return None;
        }
        Some(pps)
    }
}

/// The header of a slice.
#[derive(Default)]
pub(super) struct Slice {
    pub(super) is_first: bool,
    /// The block that it begins with, counted by rows.
    pub(super) address: u32,
    pub(super) offsets_luma: bool,
    pub(super) offsets_chroma: bool,
    pub(super) quantizer: i32,
}

impl Slice {
    /// Reads a header. Behind it, `b` stands where coded data begin.
    pub(super) fn read<'p>(
        b: &mut Bits<'_>,
        kind: u8,
        find: impl Fn(u32) -> Option<(&'p Sps, &'p Tools, &'p Pps)>,
    ) -> Option<(Self, (&'p Sps, &'p Tools, &'p Pps))> {
        let is_first = b.flag().ok()?;
        if (16..=23).contains(&kind) {
            b.skip(1).ok()?;
        }
        let sets = find(b.golomb().ok()?)?;
        let (sps, tools, pps) = sets;
        let mut slice = Self { is_first, ..Self::default() };
        if !is_first {
            let blocks = |side: u32| side.div_ceil(1 << tools.block);
            slice.address = b.bits(bits_below(blocks(sps.coded_width) * blocks(sps.coded_height))).ok()?;
        }
        slice.tools(b, kind, sets)?;
        if pps.rows_in_step {
            let count = b.golomb().ok()?;
            if count > 0 {
                let bits = b.golomb().ok().filter(|&n| n < 32)? + 1;
                // Where the rows begin is found by reading them.
                b.skip((count as usize).checked_mul(bits as usize)?).ok()?;
            }
        }
        if pps.extension {
            let bytes = b.golomb().ok().filter(|&n| n <= 256)?;
            b.skip(bytes as usize * 8).ok()?;
        }
        // A one, then zeros up to the next byte.
        let is_one = b.flag().ok()?;
        let rest = b.position().next_multiple_of(8) - b.position();
        (is_one && b.bits(rest as u32).ok()? == 0).then_some((slice, sets))
    }

    fn tools(&mut self, b: &mut Bits<'_>, kind: u8, (sps, tools, pps): (&Sps, &Tools, &Pps)) -> Option<()> {
        b.skip(pps.extra_bits as usize).ok()?;
        // Other pictures are predicted from others.
        if b.golomb().ok()? != 2 {
            return None;
        }
        if pps.output_flag {
            b.skip(1).ok()?;
        }
        if !matches!(kind, 19 | 20) {
            references(b, tools)?;
        }
        if tools.offsets {
            self.offsets_luma = b.flag().ok()?;
            self.offsets_chroma = sps.chroma_format != 0 && b.flag().ok()?;
        }
        self.quantizer = pps.quantizer.checked_add(b.signed().ok()?)?;
        if pps.slice_chroma_quantizers {
            b.golombs(2).ok()?;
        }
        let mut filter_disabled = pps.filter_disabled;
        if pps.overrides_filter && b.flag().ok()? {
            filter_disabled = b.flag().ok()?;
            if !filter_disabled {
                b.golombs(2).ok()?;
            }
        }
        if pps.filters_across && (self.offsets_luma || self.offsets_chroma || !filter_disabled) {
            b.skip(1).ok()?;
        }
        Some(())
    }
}

/// Which other pictures must be kept.
fn references(b: &mut Bits<'_>, tools: &Tools) -> Option<()> {
    b.skip(tools.poc_bits as usize).ok()?;
    if b.flag().ok()? {
        b.skip(bits_below(tools.reference_sets) as usize).ok()?;
    } else {
        reference_set(b, tools.reference_sets)?;
    }
    if tools.long_term {
        return None;
    }
    if tools.motion_from_time {
        b.skip(1).ok()?;
    }
    Some(())
}

/// Bits of a number below `n`.
fn bits_below(n: u32) -> u32 {
    n.max(1).next_power_of_two().trailing_zeros()
}
