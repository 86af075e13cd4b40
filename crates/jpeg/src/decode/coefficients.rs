//! Coefficients of a progressive file, as scan after scan adds to them.
//!
//! Most coefficients of a photo are zero, and most blocks of a document have none but the first. So
//! beside the coefficients there is, for each block, a word that says which of them are not zero:
//! a refining scan looks at those only, blocks without any are neither read nor written, and their
//! memory is never touched.

use super::NATURAL;
use super::bits::Bits;
use super::frame::Band;
use super::huffman::{Kind, Table};
use super::idct::Pair;

/// Bytes held for one block of a file in several scans.
pub const BLOCK_BYTES: u64 = 128 + 8 + 2;

/// All coefficients of one component.
#[derive(Debug, Default)]
pub(super) struct Coefficients {
    /// Two neighbours each; meaningful only where the word is not zero.
    pairs: Vec<Pair>,
    /// Bit `k` says that coefficient `k` (in writing order, from 1 on) is not zero.
    nonzero: Vec<u64>,
    /// First coefficients.
    first: Vec<i16>,
    /// Low bits still to come of each coefficient; 255 where nothing came.
    missing: Vec<u8>,
}

impl Coefficients {
    /// None known, of a component of `blocks` blocks, an even number.
    pub(super) fn reset(&mut self, blocks: usize) {
        // Fresh memory is zero without being touched; old memory is cleared a block at a time.
        if self.pairs.len() < blocks / 2 {
            self.pairs = Vec::new();
            self.pairs = vec![[0; 128]; blocks / 2];
        }
        self.nonzero.clear();
        self.nonzero.resize(blocks, 0);
        self.first.clear();
        self.first.resize(blocks, 0);
        self.missing.clear();
        self.missing.resize(64, 255);
    }

    /// Bytes held.
    pub(super) fn capacity(&self) -> usize {
        self.pairs.capacity() * 256 + self.nonzero.capacity() * 8 + self.first.capacity() * 2
    }

    /// Notes that a scan of this band comes; `None` where it does not follow the ones before.
    pub(super) fn expect(&mut self, band: Band) -> Option<()> {
        if band.first > 0 && self.missing[0] == 255 {
            return None;
        }
        for missing in self.missing.get_mut(usize::from(band.first)..=usize::from(band.last))? {
            let follows = if band.before == 0 { *missing == 255 } else { *missing == band.before };
            if !follows {
                return None;
            }
            *missing = band.after;
        }
        Some(())
    }

    /// Whether every bit of every coefficient came.
    pub(super) fn is_complete(&self) -> bool {
        self.missing.iter().all(|m| *m == 0)
    }

    /// The pair of blocks at an even index, ready for the transform; or the two first coefficients
    /// where there is nothing else.
    pub(super) fn pair(&mut self, at: usize) -> Result<&Pair, [i16; 2]> {
        let (words, first) = ([self.nonzero[at], self.nonzero[at + 1]], [self.first[at], self.first[at + 1]]);
        if words == [0, 0] {
            return Err(first);
        }
        let pair = &mut self.pairs[at / 2];
        for (block, (word, first)) in pair.as_chunks_mut::<64>().0.iter_mut().zip(words.into_iter().zip(first)) {
            if word == 0 {
                *block = [0; 64];
            }
            block[0] = first;
        }
        Ok(pair)
    }

    /// First bits of a block's first coefficient.
    #[inline(always)]
    pub(super) fn dc(
        &mut self,
        bits: &mut Bits,
        window: &[u8],
        table: &Table,
        previous: &mut i32,
        at: usize,
        band: Band,
    ) -> Option<()> {
        bits.refill(window);
        *previous = previous.wrapping_add(table.read(Kind::Dc, bits)?.value);
        self.first[at] = (*previous << band.after) as i16;
        Some(())
    }

    /// One more bit of a block's first coefficient.
    #[inline(always)]
    pub(super) fn dc_more(&mut self, bits: &mut Bits, window: &[u8], at: usize, band: Band) {
        bits.refill(window);
        self.first[at] |= (bits.take(1) << band.after) as i16;
    }

    /// First bits of a band of a block. `run` counts blocks that have nothing more in this band.
    #[inline(always)]
    pub(super) fn ac(
        &mut self,
        bits: &mut Bits,
        window: &[u8],
        table: &Table,
        run: &mut u32,
        at: usize,
        band: Band,
    ) -> Option<()> {
        if *run > 0 {
            *run -= 1;
            return Some(());
        }
        let mut word = self.nonzero[at];
        let block = block(&mut self.pairs, at);
        let (mut k, last) = (u32::from(band.first), u32::from(band.last));
        while k <= last {
            bits.refill(window);
            let symbol = table.read(Kind::Plain, bits)?.run as u32;
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
                return None;
            }
            set(block, &mut word, k, bits.take_signed(size) << band.after);
            k += 1;
        }
        self.nonzero[at] = word;
        Some(())
    }

    /// One more bit of a band of a block.
    #[inline(always)]
    pub(super) fn ac_more(
        &mut self,
        bits: &mut Bits,
        window: &[u8],
        table: &Table,
        run: &mut u32,
        at: usize,
        band: Band,
    ) -> Option<()> {
        let all = (u64::MAX >> (63 - band.last)) & (u64::MAX << band.first);
        let mut word = self.nonzero[at];
        if *run > 0 && word & all == 0 {
            *run -= 1;
            return Some(());
        }
        let one = 1_i16 << band.after;
        let block = block(&mut self.pairs, at);
        // What is not yet behind us.
        let mut ahead = all;
        while *run == 0 && ahead != 0 {
            bits.refill(window);
            let symbol = table.read(Kind::Plain, bits)?.run as u32;
            let (zeros, size) = (symbol >> 4, symbol & 15);
            let value = match size {
                0 if zeros < 15 => {
                    *run = (1 << zeros) + bits.take(zeros);
                    break;
                }
                0 => 0,
                1 if bits.take(1) == 1 => one,
                1 => -one,
                _ => return None,
            };
            // The place behind so many coefficients that were zero until now.
            let mut free = ahead & !word;
            for _ in 0..zeros {
                free &= free.wrapping_sub(1);
            }
            let place = free & free.wrapping_neg();
            // Of none, everything ahead.
            let passed = ahead & place.wrapping_sub(1);
            refine(block, word & passed, one, bits, window);
            ahead &= !(passed | place);
            if size != 0 {
                if place == 0 {
                    return None;
                }
                set(block, &mut word, place.trailing_zeros(), i32::from(value));
            }
        }
        if *run > 0 {
            refine(block, word & ahead, one, bits, window);
            *run -= 1;
        }
        self.nonzero[at] = word;
        Some(())
    }
}

#[inline(always)]
fn block(pairs: &mut [Pair], at: usize) -> &mut [i16; 64] {
    &mut pairs[at / 2].as_chunks_mut::<64>().0[at % 2]
}

#[inline(always)]
fn set(block: &mut [i16; 64], word: &mut u64, k: u32, value: i32) {
    if *word == 0 {
        *block = [0; 64];
    }
    *word |= 1 << (k & 63);
    block[usize::from(NATURAL[(k & 63) as usize])] = value as i16;
}

/// Adds a bit to each coefficient of `word` for which one is set.
#[inline(always)]
fn refine(block: &mut [i16; 64], mut word: u64, one: i16, bits: &mut Bits, window: &[u8]) {
    bits.refill(window);
    let mut left = 56;
    while word != 0 {
        if left == 0 {
            bits.refill(window);
            left = 56;
        }
        left -= 1;
        let place = usize::from(NATURAL[(word.trailing_zeros() & 63) as usize]);
        word &= word - 1;
        let value = &mut block[place];
        if bits.take(1) == 1 && *value & one == 0 {
            *value = value.wrapping_add(if *value >= 0 { one } else { -one });
        }
    }
}
