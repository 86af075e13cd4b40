//! Coefficients of a progressive file, as scan after scan adds to them.
//!
//! Most coefficients of a photo are zero, and most blocks of a document have none but the first. So
//! beside the coefficients there is, for each block, a word that says which of them are not zero:
//! a refining scan looks at those only, blocks without any are neither read nor written, and their
//! memory is never touched.

use std::ops::Range;

use super::NATURAL;
use super::bits::Bits;
use super::blocks::Block;
use super::frame::Band;
use super::huffman::{Kind, RUN_OF_BLOCKS, Table};
use super::transform::{Four, ZERO};
use crate::cpu::Deposit;
use crate::error::Error;

/// Bytes held for one block of a file in several scans.
pub const BLOCK_BYTES: u64 = 128 + 8 + 2;

/// The bit of coefficient 0.
const FIRST: u64 = 1 << 63;

const CODE: Error = Error::Corrupt("bits that are no code");
const PLACE: Error = Error::Corrupt("a coefficient behind the last");

/// Neighbouring blocks, and a band of them.
pub(super) struct Stretch {
    pub(super) blocks: Range<usize>,
    pub(super) band: Band,
}

/// All coefficients of one component.
#[derive(Debug, Default)]
pub(super) struct Coefficients {
    /// In the order in which they are written; meaningful only where the word is not zero.
    blocks: Vec<Block>,
    /// Bit `63 - k` says that coefficient `k` (from 1 on) is not zero: bits read for some of them, the
    /// first of which comes highest, are then dealt out by one instruction.
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
                let k = (left.leading_zeros() & 63) as usize;
                left &= !(FIRST >> k);
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

    /// First bits of a band of blocks. `run` counts blocks that have nothing more in this band.
    #[inline(always)]
    pub(super) fn ac<const VALUES: bool>(
        &mut self,
        bits: &mut Bits,
        plain: &[u8],
        table: &Table,
        run: &mut u32,
        Stretch { blocks, band }: Stretch,
    ) -> Result<(), Error> {
        let (first, last) = (u32::from(band.first), u32::from(band.last));
        let mut at = blocks.start;
        while at < blocks.end {
            if *run > 0 {
                let skipped = (*run as usize).min(blocks.end - at);
                *run -= skipped as u32;
                at += skipped;
                continue;
            }
            let mut word = self.nonzero[at];
            let mut block = if VALUES { self.blocks.get_mut(at) } else { None };
            let mut k = first;
            while k <= last {
                bits.refill(plain);
                let symbol = table.read(Kind::Band, bits).ok_or(CODE)?;
                if symbol.run >= RUN_OF_BLOCKS {
                    let more = symbol.run - RUN_OF_BLOCKS;
                    *run = (1 << more) - 1 + bits.take(more);
                    break;
                }
                k += symbol.run;
                if symbol.value != 0 {
                    if k > last {
                        return Err(PLACE);
                    }
                    set(block.as_deref_mut(), &mut word, k, symbol.value << band.after);
                }
                k += 1;
            }
            self.nonzero[at] = word;
            at += 1;
        }
        Ok(())
    }

    /// One more bit of a band of blocks.
    #[inline(always)]
    pub(super) fn ac_more<const VALUES: bool>(
        &mut self,
        bits: &mut Bits,
        plain: &[u8],
        table: &Table,
        run: &mut u32,
        Stretch { blocks, band }: Stretch,
        cpu: impl Deposit,
    ) -> Result<(), Error> {
        let all = (u64::MAX >> band.first) & (u64::MAX << (63 - band.last));
        let one = 1_i16 << band.after;
        for at in blocks {
            let mut word = self.nonzero[at];
            let mut block = if VALUES { self.blocks.get_mut(at) } else { None };
            if *run > 0 {
                *run -= 1;
                correct(cpu, block, word & all, one, bits, plain);
                continue;
            }
            // What is not yet behind us.
            let mut ahead = all;
            while ahead != 0 {
                bits.refill(plain);
                let symbol = table.read(Kind::Plain, bits).ok_or(CODE)?.run;
                let (zeros, size) = (symbol >> 4, symbol & 15);
                let value = match size {
                    0 if zeros < 15 => {
                        *run = (1 << zeros) - 1 + bits.take(zeros);
                        correct(cpu, block.as_deref_mut(), word & ahead, one, bits, plain);
                        break;
                    }
                    0 => 0,
                    1 => one * (2 * bits.take(1) as i16 - 1),
                    _ => return Err(Error::Corrupt("a refinement of more than one bit")),
                };
                // The place behind so many coefficients that were zero until now.
                let free = ahead & !word;
                let count = free.count_ones();
                let place = if zeros < count { cpu.deposit(1 << (count - 1 - zeros), free) } else { 0 };
                // Of none, everything ahead.
                let passed = if place == 0 { ahead } else { ahead & !(place << 1).wrapping_sub(1) };
                correct(cpu, block.as_deref_mut(), word & passed, one, bits, plain);
                ahead &= !(passed | place);
                if value != 0 {
                    if place == 0 {
                        return Err(PLACE);
                    }
                    set(block.as_deref_mut(), &mut word, place.leading_zeros(), i32::from(value));
                }
            }
            self.nonzero[at] = word;
        }
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
    *word |= FIRST >> (k & 63);
}

/// Reads a bit for each coefficient of `word` and adds it to those for which it is set.
#[inline(always)]
fn correct(cpu: impl Deposit, block: Option<&mut Block>, word: u64, one: i16, bits: &mut Bits, plain: &[u8]) {
    let count = word.count_ones();
    let read = if count <= 32 {
        if bits.known < count {
            bits.refill(plain);
        }
        u64::from(bits.take(count))
    } else {
        bits.refill(plain);
        let high = u64::from(bits.take(32));
        bits.refill(plain);
        high << (count - 32) | u64::from(bits.take(count - 32))
    };
    let Some(block) = block else { return };
    let mut left = cpu.deposit(read, word);
    while left != 0 {
        let k = left.leading_zeros();
        left &= !(FIRST >> k);
        let value = &mut block[(k & 63) as usize];
        // Away from zero.
        let sign = *value >> 15;
        *value = value.wrapping_add((one ^ sign) - sign);
    }
}
