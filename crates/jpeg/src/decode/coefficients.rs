//! Coefficients of a progressive file, as scan after scan adds to them.
//!
//! Most coefficients of a photo are zero, and most blocks of a document have none but the first. So
//! beside the coefficients there is, for each block, a word that says which of them are not zero:
//! a refining scan looks at those only, blocks without any are neither read nor written, and their
//! memory is never touched.

use super::NATURAL;
use super::bits::Bits;
use super::blocks::Block;
use super::frame::Band;
use super::huffman::{Kind, Table};
use super::transform::{Four, ZERO};
use crate::error::Error;

/// Bytes held for one block of a file in several scans.
pub const BLOCK_BYTES: u64 = 128 + 8 + 2;

const CODE: Error = Error::Corrupt("bits that are no code");
const PLACE: Error = Error::Corrupt("a coefficient behind the last");

/// All coefficients of one component.
#[derive(Debug, Default)]
pub(super) struct Coefficients {
    /// In the order in which they are written; meaningful only where the word is not zero.
    blocks: Vec<Block>,
    /// Bit `k` says that coefficient `k` (from 1 on) is not zero.
    nonzero: Vec<u64>,
    /// First coefficients.
    first: Vec<i16>,
}

impl Coefficients {
    /// None known, of a component of `blocks` blocks, a multiple of four. Without values only which of them
    /// are zero is held.
    pub(super) fn reset(&mut self, blocks: usize, with_values: bool) {
        self.nonzero.clear();
        self.nonzero.resize(blocks, 0);
        if !with_values {
            return;
        }
        // Fresh memory is zero without being touched; old memory is cleared a block at a time.
        if self.blocks.len() < blocks {
            self.blocks = Vec::new();
            self.blocks = vec![[0; 64]; blocks];
        }
        self.first.clear();
        self.first.resize(blocks, 0);
    }

    /// Bytes held.
    pub(super) fn capacity(&self) -> usize {
        self.blocks.capacity() * 128 + self.nonzero.capacity() * 8 + self.first.capacity() * 2
    }

    /// Four blocks from `at` on, a multiple of four, ready for the transform. `scratch` is for CPUs that
    /// want them row by row.
    pub(super) fn four<'a>(&'a self, at: usize, scratch: Option<&'a mut [Block; 4]>) -> Four<'a> {
        let at: [usize; 4] = std::array::from_fn(|i| at + i);
        let first = at.map(|at| self.first[at]);
        let Some(scratch) = scratch else {
            let block = |at: usize| if self.nonzero[at] == 0 { &ZERO } else { &self.blocks[at] };
            return Four { blocks: at.map(block), first };
        };
        for (block, at) in scratch.iter_mut().zip(at) {
            *block = [0; 64];
            let mut left = self.nonzero[at];
            while left != 0 {
                let k = (left.trailing_zeros() & 63) as usize;
                left &= left - 1;
                block[usize::from(NATURAL[k])] = self.blocks[at][k];
            }
        }
        Four { blocks: scratch.each_ref(), first }
    }

    /// First bits of a block's first coefficient.
    #[inline(always)]
    pub(super) fn dc<const VALUES: bool>(
        &mut self,
        bits: &mut Bits,
        window: &[u8],
        table: &Table,
        previous: &mut i32,
        at: usize,
        band: Band,
    ) -> Result<(), Error> {
        bits.refill(window);
        *previous = previous.wrapping_add(table.read(Kind::Dc, bits).ok_or(CODE)?.value);
        if VALUES {
            self.first[at] = (*previous << band.after) as i16;
        }
        Ok(())
    }

    /// One more bit of a block's first coefficient.
    #[inline(always)]
    pub(super) fn dc_more<const VALUES: bool>(&mut self, bits: &mut Bits, window: &[u8], at: usize, band: Band) {
        bits.refill(window);
        let more = bits.take(1) << band.after;
        if VALUES {
            self.first[at] |= more as i16;
        }
    }

    /// First bits of a band of a block. `run` counts blocks that have nothing more in this band.
    #[inline(always)]
    pub(super) fn ac<const VALUES: bool>(
        &mut self,
        bits: &mut Bits,
        window: &[u8],
        table: &Table,
        run: &mut u32,
        at: usize,
        band: Band,
    ) -> Result<(), Error> {
        if *run > 0 {
            *run -= 1;
            return Ok(());
        }
        let mut word = self.nonzero[at];
        let mut block = if VALUES { self.blocks.get_mut(at) } else { None };
        let (mut k, last) = (u32::from(band.first), u32::from(band.last));
        while k <= last {
            bits.refill(window);
            let symbol = table.read(Kind::Plain, bits).ok_or(CODE)?.run as u32;
            let (zeros, size) = (symbol >> 4, symbol & 15);
            if size == 0 {
                if zeros < 15 {
                    *run = (1 << zeros) - 1 + bits.take(zeros);
                    break;
                }
                k += 16;
                continue;
            }
            k += zeros;
            if k > last {
                return Err(PLACE);
            }
            set(block.as_deref_mut(), &mut word, k, bits.take_signed(size) << band.after);
            k += 1;
        }
        self.nonzero[at] = word;
        Ok(())
    }

    /// One more bit of a band of a block.
    #[inline(always)]
    pub(super) fn ac_more<const VALUES: bool>(
        &mut self,
        bits: &mut Bits,
        window: &[u8],
        table: &Table,
        run: &mut u32,
        at: usize,
        band: Band,
    ) -> Result<(), Error> {
        let all = (u64::MAX >> (63 - band.last)) & (u64::MAX << band.first);
        let mut word = self.nonzero[at];
        if *run > 0 && word & all == 0 {
            *run -= 1;
            return Ok(());
        }
        let one = 1_i16 << band.after;
        let mut block = if VALUES { self.blocks.get_mut(at) } else { None };
        // What is not yet behind us.
        let mut ahead = all;
        while *run == 0 && ahead != 0 {
            bits.refill(window);
            let symbol = table.read(Kind::Plain, bits).ok_or(CODE)?.run as u32;
            let (zeros, size) = (symbol >> 4, symbol & 15);
            let value = match size {
                0 if zeros < 15 => {
                    *run = (1 << zeros) + bits.take(zeros);
                    break;
                }
                0 => 0,
                1 if bits.take(1) == 1 => one,
                1 => -one,
                _ => return Err(Error::Corrupt("a refinement of more than one bit")),
            };
            // The place behind so many coefficients that were zero until now.
            let mut free = ahead & !word;
            for _ in 0..zeros {
                free &= free.wrapping_sub(1);
            }
            let place = free & free.wrapping_neg();
            // Of none, everything ahead.
            let passed = ahead & place.wrapping_sub(1);
            refine(block.as_deref_mut(), word & passed, one, bits, window);
            ahead &= !(passed | place);
            if size != 0 {
                if place == 0 {
                    return Err(PLACE);
                }
                set(block.as_deref_mut(), &mut word, place.trailing_zeros(), i32::from(value));
            }
        }
        if *run > 0 {
            refine(block, word & ahead, one, bits, window);
            *run -= 1;
        }
        self.nonzero[at] = word;
        Ok(())
    }
}

#[inline(always)]
fn set(block: Option<&mut Block>, word: &mut u64, k: u32, value: i32) {
    if let Some(block) = block {
        if *word == 0 {
            *block = [0; 64];
        }
        block[(k & 63) as usize] = value as i16;
    }
    *word |= 1 << (k & 63);
}

/// Adds a bit to each coefficient of `word` for which one is set.
#[inline(always)]
fn refine(block: Option<&mut Block>, mut word: u64, one: i16, bits: &mut Bits, window: &[u8]) {
    bits.refill(window);
    let Some(block) = block else {
        let count = word.count_ones();
        bits.skip(count.min(32));
        bits.refill(window);
        bits.skip(count - count.min(32));
        return;
    };
    let mut left = 56;
    while word != 0 {
        if left == 0 {
            bits.refill(window);
            left = 56;
        }
        left -= 1;
        let place = (word.trailing_zeros() & 63) as usize;
        word &= word - 1;
        let value = &mut block[place];
        if bits.take(1) == 1 && *value & one == 0 {
            *value = value.wrapping_add(if *value >= 0 { one } else { -one });
        }
    }
}
