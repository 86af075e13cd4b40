//! What stands before the macroblocks (RFC 6386 § 9).

use super::bools::Bools;
use super::layout::{Chances, ORDER, PLACE, POSITION};
use super::quantizer::{self, Steps};
use super::segments;
use super::strength::{self, Filter, Strength};
use super::tables::{CHANGES, COEFFICIENTS};
use crate::planes::Plane;

/// What macroblocks are read by.
pub(super) struct Header {
    /// Macroblocks across and down.
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Chances of a macroblock's segment, where each macroblock names one.
    pub(super) map: Option<[u8; 3]>,
    /// The chance that a macroblock has coefficients, where each says whether it has.
    pub(super) skips: Option<u8>,
    /// Chances of coefficients by plane, position and what stands beside them.
    pub(super) chances: [Chances; 4],
    pub(super) filter: Filter,
    /// Of the four segments; where there are none, of the first.
    pub(super) steps: [Steps; 4],
    /// Of the four segments, and of macroblocks that are predicted as a whole or by blocks.
    pub(super) strengths: [[Strength; 2]; 4],
}

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
        // Colour space, and whether samples need no clamping: everybody clamps them.
        bools.number(2);
        let (segments, map) = segments::read(&mut bools);
        let (filter, strengths) = strength::read(&mut bools, segments.as_ref());
        let count = 1 << bools.number(2);
        let steps = quantizer::read(&mut bools, segments.as_ref());
        bools.flag();
        let chances = chances(&mut bools);
        let skips = bools.flag().then(|| bools.number(8) as u8);
        let partitions = partitions(rest, count)?;
        // Where there is nothing to read, nobody reads it, even if nothing is wanted.
        if partitions.last()?.left() == 0 {
            return None;
        }
        let (columns, rows) = (width.div_ceil(16), height.div_ceil(16));
        Some((Self { columns, rows, map, skips, chances, filter, steps, strengths }, bools, partitions))
    }

    /// Whether the planes have room for whole macroblocks.
    pub(super) fn fits(&self, planes: &[Plane; 3]) -> bool {
        planes.iter().zip([16, 8, 8]).all(|(plane, side)| {
            plane.stride >= self.columns * side && plane.data.len() >= plane.stride * self.rows * side
        })
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
    table.map(|bands| {
        let mut chances = [0; 18 * POSITION];
        for (at, position) in chances.as_chunks_mut::<POSITION>().0.iter_mut().take(17).enumerate() {
            for (padded, chances) in position.as_chunks_mut::<16>().0.iter_mut().zip(&bands[BANDS[at]]) {
                padded[..11].copy_from_slice(chances);
            }
            position[PLACE] = ORDER[at & 15];
        }
        chances
    })
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
