//! Coefficients of one block (ITU-T H.265 § 7.3.8.11).

use super::cabac::{Cabac, Contexts, MANY};
use super::contexts as context;
use super::headers::Pps;
use super::scans::{INDICES, ORDERS, SIGNIFICANCE};
use crate::cpu::{Cpu, Work};

/// The order in which coefficients come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    Diagonal,
    Horizontal,
    Vertical,
}

/// A block of coefficients.
pub(super) struct Block {
    /// Logarithm of its side, 2 to 5.
    pub(super) size: u32,
    pub(super) is_chroma: bool,
    pub(super) bypass: bool,
    pub(super) scan: Scan,
}

/// A block to be read, and by what.
struct Read<'r, 'd> {
    block: &'r Block,
    cabac: &'r mut Cabac<'d>,
    contexts: &'r mut Contexts,
    pps: &'r Pps,
}

impl Work for Read<'_, '_> {
    type Output = Option<()>;

    #[inline(always)]
    fn run(self) -> Option<()> {
        // What nobody else can see stays in registers.
        let mut cabac = self.cabac.clone();
        let done = self.block.read_by(&mut cabac, self.contexts, self.pps);
        *self.cabac = cabac;
        done
    }
}

impl Block {
    /// Reads them. `None` where they make no sense.
    pub(super) fn read(&self, cpu: Cpu, cabac: &mut Cabac<'_>, contexts: &mut Contexts, pps: &Pps) -> Option<()> {
        cpu.run(Read { block: self, cabac, contexts, pps })
    }

    #[inline(always)]
    fn read_by(&self, cabac: &mut Cabac<'_>, contexts: &mut Contexts, pps: &Pps) -> Option<()> {
        let color = usize::from(self.is_chroma);
        // The samples of small blocks may stand for themselves, which changes nothing here.
        if pps.transform_skip && !self.bypass && self.size == 2 {
            cabac.bin(contexts, context::SKIP + color);
        }
        let (column, row) = self.last(cabac, contexts);
        let (scan, size) = (self.scan as usize, self.size as usize - 2);
        let index = |size: usize, x: u32, y: u32| INDICES[size][scan][(x + 8 * y) as usize & 63];
        let subblocks = &ORDERS[size][scan];
        let last_subblock = usize::from(index(size, column >> 2, row >> 2));
        let last_place = u32::from(index(2, column & 3, row & 3));
        let hides = pps.hides_signs && !self.bypass;
        let tables = &SIGNIFICANCE[color][size][scan];
        // Whether subblocks have coefficients: a row's in the bits of a number.
        let mut coded = [0_u16; 9];
        let mut greater = 1;
        for i in (0..=last_subblock).rev() {
            let (x, y) = (usize::from(subblocks[i].0 & 7), usize::from(subblocks[i].1 & 7));
            let right = usize::from(coded[y] >> (x + 1) & 1);
            let below = usize::from(coded[y + 1] >> x & 1);
            let is_between = i > 0 && i < last_subblock;
            if is_between && !cabac.bin(contexts, context::SUBBLOCK + (right | below) + 2 * color) {
                continue;
            }
            coded[y] |= 1 << x;
            let table = &tables[usize::from(x + y > 0)][right + 2 * below];
            // Which there are: the first of the order in the lowest bit.
            let (mut found, mut left) = if i == last_subblock { (1_u32, last_place) } else { (0, 16) };
            while left > 1 {
                left -= 1;
                found = found << 1 | u32::from(cabac.bin(contexts, usize::from(table[left as usize & 15])));
            }
            if left == 1 {
                // The first is known where all others were none.
                let first = is_between && found == 0 || cabac.bin(contexts, usize::from(table[0]));
                found = found << 1 | u32::from(first);
            }
            if found == 0 {
                continue;
            }
            let set = if i == 0 || self.is_chroma { 0 } else { 2 } + usize::from(i != last_subblock && greater == 0);
            // The first and the last are more than three apart.
            let hides = hides && found >> found.trailing_zeros() > 0b1111;
            let count = found.count_ones();
            greater = levels(cabac, contexts, &Levels { set, color, count, hides })?;
        }
        Some(())
    }

    /// Where the last coefficient is, column and row.
    #[inline(always)]
    fn last(&self, cabac: &mut Cabac<'_>, contexts: &mut Contexts) -> (u32, u32) {
        let size = self.size;
        let (offset, shift) =
            if self.is_chroma { (15, size - 2) } else { (3 * (size - 2) + ((size - 1) >> 2), (size + 1) >> 2) };
        let most = 2 * size - 1;
        let mut prefixes = [0; 2];
        for (prefix, base) in prefixes.iter_mut().zip([context::LAST_X, context::LAST_Y]) {
            while *prefix < most && cabac.bin(contexts, base + (offset + (*prefix >> shift)) as usize) {
                *prefix += 1;
            }
        }
        let [x, y] = prefixes;
        let mut whole = |prefix: u32| {
            if prefix < 4 {
                return prefix;
            }
            let bits = (prefix >> 1) - 1;
            ((2 + (prefix & 1)) << bits) + cabac.number(bits)
        };
        let (x, y) = (whole(x), whole(y));
        if self.scan == Scan::Vertical { (y, x) } else { (x, y) }
    }
}

/// What levels of a subblock are read by.
struct Levels {
    /// Of contexts.
    set: usize,
    color: usize,
    count: u32,
    /// Whether the last sign is not written.
    hides: bool,
}

/// Levels and signs of a subblock's coefficients. Gives the standard's greater1Ctx, for the next subblock.
#[inline(always)]
fn levels(cabac: &mut Cabac<'_>, contexts: &mut Contexts, levels: &Levels) -> Option<usize> {
    /// What follows each greater1Ctx where a level is one, two bits each.
    const NEXT: usize = 0b11_11_10_00;
    let Levels { set, color, count, hides } = *levels;
    // Of the first eight: which are greater than one, the first in the lowest bit.
    let start = context::GREATER1 + 16 * color + 4 * set;
    let mut greater_than_one = 0_u32;
    // Of eight at the most.
    let behind = 1_u32 << count.min(8);
    let (mut greater, mut bit) = (1, 1);
    while bit < behind {
        let is_greater = cabac.bin(contexts, start + greater);
        // Nought stays, and so does three.
        let next = NEXT >> (2 * greater) & 3;
        (greater, greater_than_one) = if is_greater { (0, greater_than_one | bit) } else { (next, greater_than_one) };
        bit <<= 1;
    }
    let first = greater_than_one & greater_than_one.wrapping_neg();
    // Behind the first eight, all levels are written.
    let mut more = greater_than_one | ((1 << count) - 1) & 0xFFFF_FF00;
    if greater_than_one != 0 && !cabac.bin(contexts, context::GREATER2 + 4 * color + set) {
        more ^= first;
    }
    let mut evens = cabac.evens();
    let mut used = count - u32::from(hides);
    let mut rice = 0;
    while more != 0 {
        let bit = more & more.wrapping_neg();
        more ^= bit;
        let base = if bit > 128 { 1 } else { 2 + u32::from(bit == first) };
        // § 9.3.3.11: what of the level was not said yet.
        let mut rest = evens << (64 - MANY) << used;
        if used + length(rest, rice) > MANY {
            cabac.pass(evens, used);
            evens = cabac.evens();
            (used, rest) = (0, evens << (64 - MANY));
        }
        let prefix = rest.leading_ones();
        // Levels have sixteen bits.
        if prefix > MOST {
            return None;
        }
        used += length(rest, rice);
        if rice < 4 {
            let behind = rest << (prefix + 1);
            let level = if prefix <= 3 {
                (prefix << rice) + (behind >> 1 >> (63 - rice)) as u32
            } else {
                (((1 << (prefix - 3)) + 3 - 1) << rice) + (behind >> (64 - (prefix - 3 + rice))) as u32
            };
            rice += u32::from(base + level > 3 << rice);
        }
    }
    cabac.pass(evens, used);
    Some(greater)
}

/// The longest prefix of a level that makes sense.
const MOST: u32 = 20;
const _: () = assert!(2 * MOST - 2 + 4 <= MANY);

/// Bits of the rest of a level, with which these begin.
#[inline(always)]
const fn length(bits: u64, rice: u32) -> u32 {
    let prefix = bits.leading_ones();
    // Longer ones are followed by as many bits less three.
    prefix + 1 + rice + prefix.saturating_sub(3)
}
