//! The boolean decoder of RFC 6386 § 7: bits of unequal chances out of a partition's bytes.
//!
//! What is next depends on the range that the last decision left, so that decisions come one by one and what counts is
//! how long one keeps the next waiting. The range stands in the highest byte of 32 bits, where it is normalized by one
//! shift of as many places as it has leading zeros; and what is to be added before the product is rounded down is added
//! to the product, so that neither one nor the other needs a step of its own.

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
    /// One less than the range: from 127 to 254, in bits 24 to 31.
    rest: u64,
}

/// Zeros that may follow the last decision, in bytes: encoders write four at most, and one may be padding.
const PADDING: usize = 8;

/// What the range counts in.
const ONE: u64 = 1 << 24;

/// Bits that a decision takes at most.
const MOST: i32 = 7;

impl<'a> Bools<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, value: 0, spare: -8, rest: 254 * ONE }
    }

    /// The next decision, which is `true` with a chance of 256 - `chance` in 256.
    #[inline(always)]
    pub(super) fn bit(&mut self, chance: u8) -> bool {
        if self.spare < 0 {
            self.fill();
        }
        self.decide(chance)
    }

    /// As [`Self::bit`], where bits were [held](Self::hold) before.
    #[inline(always)]
    pub(super) fn decide(&mut self, chance: u8) -> bool {
        let split = self.split(chance);
        let bit = self.value >> 56 > split;
        if bit {
            self.value -= (split + 1) << 56;
            self.normalize((self.rest >> 24) - split);
        } else {
            self.normalize(split + 1);
        }
        bit
    }

    /// A decision about which a guess would be wrong too often to be made: nothing branches on it.
    #[inline(always)]
    pub(super) fn even_bit(&mut self, chance: u8) -> u32 {
        if self.spare < 0 {
            self.fill();
        }
        let split = self.split(chance);
        let bit = self.value >> 56 > split;
        self.value = select_unpredictable(bit, self.value.wrapping_sub((split + 1) << 56), self.value);
        self.normalize(select_unpredictable(bit, (self.rest >> 24) - split, split + 1));
        u32::from(bit)
    }

    /// An even decision between a value and what is below zero by as much. Not the first of a partition: from the second
    /// on the range is at most 254, so that a half of it takes one bit.
    #[inline(always)]
    pub(super) fn signed(&mut self, value: i32) -> i32 {
        if self.spare < 0 {
            self.fill();
        }
        let split = self.rest >> 25;
        // All ones where the upper half is meant.
        let bit = ((split as i64 - (self.value >> 56) as i64) >> 63) as u64;
        self.value = (self.value - ((split + 1) << 56 & bit)) << 1;
        self.rest = (self.rest.wrapping_add(bit << 24)) | ONE;
        self.spare -= 1;
        (value ^ bit as i32) - bit as i32
    }

    /// Sees to it that three decisions and a sign can be made without looking for more bits.
    #[inline(always)]
    pub(super) fn hold(&mut self) {
        if self.spare < 3 * MOST {
            self.fill();
        }
    }

    /// Bytes that are not in the window yet.
    #[inline(always)]
    pub(super) fn left(&self) -> usize {
        self.data.len().saturating_sub(self.at)
    }

    /// One less than the part of the range that a decision takes which is `false`.
    #[inline(always)]
    fn split(&self, chance: u8) -> u64 {
        (self.rest * u64::from(chance)) >> 32
    }

    #[inline(always)]
    fn normalize(&mut self, range: u64) {
        let zeros = (range as u32).leading_zeros();
        self.rest = u64::from(((range as u32) << (zeros & 31)).wrapping_sub(ONE as u32));
        self.value <<= (zeros - 24) & 63;
        self.spare += 24 - zeros as i32;
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

    /// A number that may be there, with its sign behind it.
    pub(super) fn optional(&mut self, bits: u32) -> Option<i32> {
        self.flag().then(|| {
            let number = self.number(bits) as i32;
            if self.flag() { -number } else { number }
        })
    }

    /// Whether the partition begins as coded ones do. With 255 it would be beyond its own range, and whoever reads it has
    /// another idea of what that means.
    pub(super) fn is_coded(&self) -> bool {
        self.data.first() != Some(&255)
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
