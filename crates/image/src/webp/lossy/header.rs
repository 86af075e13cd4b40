//! What stands before the macroblocks (RFC 6386 § 9).

use super::bools::Bools;
use super::tables::{CHANGES, COEFFICIENTS};

/// What macroblocks are read by.
pub(super) struct Header {
    /// Macroblocks across and down.
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Chances of a macroblock's segment, where each macroblock names one.
    pub(super) segments: Option<[u8; 3]>,
    /// The chance that a macroblock has coefficients, where each says whether it has.
    pub(super) skips: Option<u8>,
    /// Chances of coefficients by plane, position and what stands beside them.
    pub(super) chances: [Chances; 4],
}

/// By position in the block, one behind the last being asked for and not used.
pub(super) type Chances = [[[u8; 11]; 3]; 17];

/// The band of each position (§ 13.3).
const BANDS: [usize; 17] = [0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 0];

impl Header {
    /// The header, what is left of the first partition, and the partitions of coefficients. `None` where one of these is
    /// larger than the data.
    pub(super) fn read(data: &[u8]) -> Option<(Self, Bools<'_>, Vec<Bools<'_>>)> {
        let (head, rest) = data.split_first_chunk::<10>()?;
        // Of a version that everybody reads, and to be shown.
        if head[0] >> 1 & 7 > 3 || head[0] & 0x10 == 0 {
            return None;
        }
        let size = u32::from_le_bytes([head[0], head[1], head[2], 0]) >> 5;
        let side = |low: u8, high: u8| usize::from(u16::from_le_bytes([low, high]) & 0x3FFF);
        let (width, height) = (side(head[6], head[7]), side(head[8], head[9]));
        let (first, rest) = rest.split_at_checked(size as usize)?;
        let mut bools = Bools::new(first);
        // Colour space and clamping.
        bools.number(2);
        let segments = segments(&mut bools);
        loop_filter(&mut bools);
        let count = 1 << bools.number(2);
        bools.number(7);
        for _ in 0..5 {
            bools.pass_optional(4);
        }
        bools.flag();
        let chances = chances(&mut bools);
        let skips = bools.flag().then(|| bools.number(8) as u8);
        let partitions = partitions(rest, count)?;
        let (columns, rows) = (width.div_ceil(16), height.div_ceil(16));
        Some((Self { columns, rows, segments, skips, chances }, bools, partitions))
    }
}

/// § 9.3.
fn segments(bools: &mut Bools<'_>) -> Option<[u8; 3]> {
    if !bools.flag() {
        return None;
    }
    let (has_map, has_data) = (bools.flag(), bools.flag());
    if has_data {
        bools.flag();
        (0..4).for_each(|_| bools.pass_optional(7));
        (0..4).for_each(|_| bools.pass_optional(6));
    }
    has_map.then(|| std::array::from_fn(|_| if bools.flag() { bools.number(8) as u8 } else { 255 }))
}

/// § 9.6.
fn loop_filter(bools: &mut Bools<'_>) {
    bools.number(1 + 6 + 3);
    if bools.flag() && bools.flag() {
        (0..8).for_each(|_| bools.pass_optional(6));
    }
}

/// § 13.4.
fn chances(bools: &mut Bools<'_>) -> [Chances; 4] {
    let mut table = COEFFICIENTS;
    let all = table.as_flattened_mut().as_flattened_mut().as_flattened_mut();
    for (chance, change) in all.iter_mut().zip(CHANGES.as_flattened().as_flattened().as_flattened()) {
        if bools.bit(*change) {
            *chance = bools.number(8) as u8;
        }
    }
    table.map(|bands| BANDS.map(|band| bands[band]))
}

/// § 9.5: the sizes of all but the last, three bytes each, then their data.
fn partitions(data: &[u8], count: usize) -> Option<Vec<Bools<'_>>> {
    let (sizes, mut rest) = data.split_at_checked(3 * (count - 1))?;
    let mut partitions = Vec::with_capacity(count);
    for size in sizes.as_chunks::<3>().0 {
        let size = u32::from_le_bytes([size[0], size[1], size[2], 0]);
        let (data, behind) = rest.split_at_checked(size as usize)?;
        partitions.push(Bools::new(data));
        rest = behind;
    }
    partitions.push(Bools::new(rest));
    Some(partitions)
}
