//! The boolean decoder of RFC 6386 § 7: bits of unequal chances out of a partition's bytes.

use std::hint::select_unpredictable;

use crate::ending::Ending;

/// Reads one partition.
#[derive(Clone)]
pub(super) struct Bools<'a> {
    data: &'a [u8],
    /// What is in `value` ends here; behind the partition there are zeros.
    at: usize,
    /// What is read next, from the highest bit down.
    value: u64,
    /// Bits in `value` beyond the eight that a decision needs.
    spare: i32,
    /// One less than the range: from 127 to 254.
    range: u32,
}

/// Zeros that may follow the last decision, in bytes: encoders write four at most, and one may be padding.
const PADDING: usize = 8;

impl<'a> Bools<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, value: 0, spare: -8, range: 254 }
    }

    /// The next decision, which is `true` with a chance of 256 - `chance` in 256.
    #[inline(always)]
    pub(super) fn bit(&mut self, chance: u8) -> bool {
        if self.spare < 0 {
            self.fill();
        }
        let split = (self.range * u32::from(chance)) >> 8;
        let big = u64::from(split + 1) << 56;
        let bit = self.value >= big;
        let range = if bit { self.range - split } else { split + 1 };
        self.value = if bit { self.value - big } else { self.value };
        let shift = range.leading_zeros() - 24;
        self.range = (range << shift) - 1;
        self.value <<= shift;
        self.spare -= shift as i32;
        bit
    }

    /// Reads over a decision, whichever it is; nothing branches on it.
    #[inline(always)]
    pub(super) fn pass(&mut self, chance: u8) {
        if self.spare < 0 {
            self.fill();
        }
        let split = (self.range * u32::from(chance)) >> 8;
        let big = u64::from(split + 1) << 56;
        let bit = self.value >= big;
        let range = select_unpredictable(bit, self.range - split, split + 1);
        self.value = select_unpredictable(bit, self.value.wrapping_sub(big), self.value);
        let shift = range.leading_zeros() - 24;
        self.range = (range << shift) - 1;
        self.value <<= shift;
        self.spare -= shift as i32;
    }

    /// Whether an even decision is `true`.
    #[inline]
    pub(super) fn flag(&mut self) -> bool {
        self.bit(128)
    }

    /// A number of even decisions, the highest bit first.
    pub(super) fn number(&mut self, bits: u32) -> u32 {
        (0..bits).fold(0, |n, _| n << 1 | u32::from(self.flag()))
    }

    /// Reads over a number that may be there, with its sign.
    pub(super) fn pass_optional(&mut self, bits: u32) {
        if self.flag() {
            self.number(bits + 1);
        }
    }

    /// Whether a byte was wanted that is not there: no decoder goes on behind that.
    pub(super) fn is_beyond(&self) -> bool {
        self.at > self.data.len()
    }

    /// How the partition stands where the last decision was read. Every known encoder ends it with the lower end of its
    /// range and zeros, so that nothing but zeros is left.
    pub(super) fn ending(&self) -> Ending {
        if self.is_beyond() {
            return Ending::Beyond;
        }
        let read = (self.at * 8 - (self.spare + 8) as usize) / 8;
        if read + PADDING < self.data.len() {
            return Ending::Amiss;
        }
        let rest = self.data.get(self.at..).unwrap_or_default();
        if self.value == 0 && rest.iter().all(|b| *b == 0) { Ending::Exact } else { Ending::Odd }
    }

    /// Fills the window with whole bytes. Bits of the next one may stand below them already, as they will again.
    #[inline(always)]
    fn fill(&mut self) {
        let held = (self.spare + 8) as u32;
        match self.data.get(self.at..).and_then(<[u8]>::first_chunk) {
            Some(next) => {
                self.value |= u64::from_be_bytes(*next) >> held;
                let bytes = (64 - held) / 8;
                self.at += bytes as usize;
                self.spare += bytes as i32 * 8;
            }
            None => {
                let byte = self.data.get(self.at).copied().unwrap_or(0);
                self.value |= u64::from(byte) << (56 - held);
                self.at += 1;
                self.spare += 8;
            }
        }
    }
}
