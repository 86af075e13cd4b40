//! The arithmetic decoder (ITU-T H.265 § 9.3.4.3): bins out of a slice's bytes, and where they end.

use std::hint::select_unpredictable;

use super::contexts::{COUNT, FIRST, RANGES, UNLIKELY};

/// What the contexts have learned: what the state of each means. More than there are, so that any index is one.
#[derive(Clone)]
pub(super) struct Contexts([u64; 256]);

const _: () = assert!(COUNT <= 256);

impl Contexts {
    /// As an intra slice of this quantizer begins.
    pub(super) fn new(quantizer: i32) -> Self {
        let quantizer = quantizer.clamp(0, 51);
        let mut states = [0; 256];
        for (state, first) in states.iter_mut().zip(FIRST) {
            let (slope, offset) = (i32::from(first >> 4) * 5 - 45, (i32::from(first & 15) << 3) - 16);
            let level = (((slope * quantizer) >> 4) + offset).clamp(1, 126);
            let symbol = level > 63;
            let level = if symbol { level - 64 } else { 63 - level };
            *state = STATES[(level as usize) << 1 | usize::from(symbol)];
        }
        Self(states)
    }
}

/// What a state with its symbol means, from the highest bit down: the more probable symbol; for each two bits of the
/// range that of the less probable symbol, eight bits each; and, in the lowest bits, the state behind the less probable
/// symbol and that behind the other, eight bits each. More than there are, so that any index is one.
static STATES: [u64; 256] = {
    let mut states = [0; 256];
    let mut i = 0;
    while i < 128 {
        let (level, symbol) = (i >> 1, i as u64 & 1);
        let mut part = 0;
        while part < 4 {
            states[i] |= (RANGES[level][part] as u64) << (PLACE as usize - 8 * part);
            part += 1;
        }
        let likely = (if level < 62 { level + 1 } else { level }) as u64;
        // The two symbols change places where neither is more probable.
        let swapped = if level == 0 { symbol ^ 1 } else { symbol };
        states[i] |= symbol << 63 | ((UNLIKELY[level] as u64) << 1 | swapped) << 8 | likely << 1 | symbol;
        i += 1;
    }
    states
};

/// For each range from 256 on: 2 to the power of 64 divided by it, rounded up.
static RECIPROCALS: [u64; 256] = {
    let mut reciprocals = [0; 256];
    let mut i = 0;
    while i < 256 {
        reciprocals[i] = (1_u128 << 64).div_ceil(256 + i as u128) as u64;
        i += 1;
    }
    reciprocals
};

/// Reads one stretch of bytes.
#[derive(Clone)]
pub(super) struct Cabac<'a> {
    data: &'a [u8],
    /// What is in `value` ends here; behind the data there are zeros.
    at: usize,
    /// The standard's offset of nine bits, the highest ones, then what is read next.
    value: u64,
    /// Bits below the offset.
    spare: u32,
    /// From 256 to 510, in the place of the offset.
    range: u64,
}

/// The place of the offset's lowest bit.
const PLACE: u32 = 55;
/// Bits that are there before a bin is read: none takes more.
const ENOUGH: u32 = 8;
/// Bins that nobody foretells of which as many are seen at once.
pub(super) const MANY: u32 = 46;

impl<'a> Cabac<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        let mut cabac = Self { data, at: 0, value: 0, spare: 0, range: 510 << PLACE };
        // Nine bits are the offset.
        let byte = |at| u64::from(data.get(at).copied().unwrap_or(0));
        cabac.value = byte(0) << 56 | byte(1) << 48;
        cabac.at = 2;
        cabac.spare = 7;
        cabac
    }

    /// A bin that a context foretells.
    #[inline(always)]
    pub(super) fn bin(&mut self, contexts: &mut Contexts, context: usize) -> bool {
        if self.spare < ENOUGH {
            self.refill();
        }
        let state = &mut contexts.0[context & 0xFF];
        let now = *state;
        // Both are looked up before it is known which it is.
        let (likely, unlikely) = (STATES[usize::from(now as u8)], STATES[usize::from((now >> 8) as u8)]);
        let part = self.range >> (PLACE + 3) & 24;
        let low = now << part & 0xFF << PLACE;
        let high = self.range - low;
        // Nobody can foretell this, so nothing branches on it.
        let is_likely = self.value < high;
        let value = select_unpredictable(is_likely, self.value, self.value.wrapping_sub(high));
        let range = select_unpredictable(is_likely, high, low);
        *state = select_unpredictable(is_likely, likely, unlikely);
        let shift = range.leading_zeros();
        (self.value, self.range) = (value << shift, range << shift);
        self.spare -= shift;
        (now >> 63 == 0) != is_likely
    }

    /// A bin that nobody foretells.
    #[inline]
    pub(super) fn even(&mut self) -> bool {
        if self.spare < ENOUGH {
            self.refill();
        }
        let half = self.range >> 1;
        let bit = self.value >= half;
        self.value = select_unpredictable(bit, self.value.wrapping_sub(half), self.value) << 1;
        self.spare -= 1;
        bit
    }

    /// A number of at most 32 such bins, the highest first.
    #[inline]
    pub(super) fn number(&mut self, bits: u32) -> u32 {
        let evens = self.evens();
        self.pass(evens, bits);
        (evens >> (MANY - bits)) as u32
    }

    /// The next [`MANY`] bins, were they all such that nobody foretells.
    ///
    /// They are the digits of the offset divided by the range. The quotient is exact though the reciprocal is rounded up
    /// by less than one: it is too large by less than the offset, of 55 bits, times 2^-64, which is less than a fraction
    /// with the range for its denominator can lack to the next whole number.
    #[inline(always)]
    pub(super) fn evens(&mut self) -> u64 {
        if self.spare < MANY {
            self.refill();
        }
        let offset = self.value >> (PLACE - MANY);
        let reciprocal = RECIPROCALS[(self.range >> PLACE) as usize & 0xFF];
        ((u128::from(offset) * u128::from(reciprocal)) >> 64) as u64
    }

    /// Goes on behind the first `bits` of these bins.
    #[inline(always)]
    pub(super) fn pass(&mut self, evens: u64, bits: u32) {
        // What is lost above stands in neither.
        let whole = (evens >> (MANY - bits)).wrapping_mul(self.range);
        self.value = (self.value << bits).wrapping_sub(whole);
        self.spare -= bits;
    }

    /// Whether something ends here.
    #[inline]
    pub(super) fn ends(&mut self) -> bool {
        if self.spare < ENOUGH {
            self.refill();
        }
        self.range -= 2 << PLACE;
        let ends = self.value >= self.range;
        if !ends {
            let shift = self.range.leading_zeros();
            self.range <<= shift;
            self.value <<= shift;
            self.spare -= shift;
        }
        ends
    }

    /// What stands behind the end that was just read: a one, and zeros up to the next byte, from which on the rest is
    /// given. `None` where there is something else.
    pub(super) fn rest(&self) -> Option<&'a [u8]> {
        let bits = self.at * 8 - self.spare as usize;
        let last = *self.data.get((bits - 1) / 8)?;
        // The last bit read is the one.
        let padding = 7 - (bits - 1) % 8;
        (last.trailing_zeros() as usize == padding).then(|| &self.data[bits.div_ceil(8)..])
    }

    /// Whether bins were read that are not there.
    pub(super) fn is_beyond(&self) -> bool {
        self.at * 8 - self.spare as usize > self.data.len() * 8
    }

    /// Fills up with whole bytes, so that there are [`MANY`] bits at least. Bits of the next one may stand below them
    /// already, as they will again.
    #[inline(always)]
    fn refill(&mut self) {
        let next = match self.data.get(self.at..).and_then(<[u8]>::first_chunk) {
            Some(next) => u64::from_be_bytes(*next),
            None => last(self.data, self.at),
        };
        self.value |= next >> (64 - PLACE + self.spare);
        let bytes = (PLACE - self.spare) / 8;
        self.at += bytes as usize;
        self.spare += bytes * 8;
    }
}

/// The last bytes, and zeros behind them.
#[cold]
fn last(data: &[u8], at: usize) -> u64 {
    data.iter().skip(at).chain(std::iter::repeat(&0)).take(8).fold(0, |n, byte| n << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use sealpress_testkit::Rng;

    use super::*;

    /// The standard's decoder, word for word (§ 9.3.2.5 and § 9.3.4.3).
    struct Standard<'a> {
        data: &'a [u8],
        read: usize,
        range: u32,
        offset: u32,
        states: [(usize, bool); COUNT],
    }

    impl Standard<'_> {
        fn bit(&mut self) -> u32 {
            let byte = self.data.get(self.read / 8).copied().unwrap_or(0);
            self.read += 1;
            u32::from(byte >> (8 - (self.read - 1) % 8 - 1) & 1)
        }

        fn renormalize(&mut self) {
            while self.range < 256 {
                self.range <<= 1;
                self.offset = self.offset << 1 | self.bit();
            }
        }

        fn bin(&mut self, context: usize) -> bool {
            let (state, symbol) = self.states[context];
            let low = u32::from(RANGES[state][(self.range >> 6 & 3) as usize]);
            self.range -= low;
            let bin = if self.offset >= self.range {
                self.offset -= self.range;
                self.range = low;
                self.states[context] = (usize::from(UNLIKELY[state]), symbol ^ (state == 0));
                !symbol
            } else {
                self.states[context].0 = if state < 62 { state + 1 } else { state };
                symbol
            };
            self.renormalize();
            bin
        }

        fn even(&mut self) -> bool {
            self.offset = self.offset << 1 | self.bit();
            let bin = self.offset >= self.range;
            self.offset -= if bin { self.range } else { 0 };
            bin
        }

        fn ends(&mut self) -> bool {
            self.range -= 2;
            let ends = self.offset >= self.range;
            if !ends {
                self.renormalize();
            }
            ends
        }
    }

    fn both(data: &[u8], quantizer: i32) -> (Cabac<'_>, Contexts, Standard<'_>) {
        let contexts = Contexts::new(quantizer);
        let state = |i: usize| STATES.iter().position(|state| *state == contexts.0[i]).unwrap();
        let states = std::array::from_fn(|i| (state(i) >> 1, state(i) & 1 == 1));
        let mut standard = Standard { data, read: 0, range: 510, offset: 0, states };
        standard.offset = (0..9).fold(0, |n, _| n << 1 | standard.bit());
        (Cabac::new(data), contexts, standard)
    }

    #[test]
    fn bins_are_those_of_the_standard() {
        let mut rng = Rng::new(11);
        for round in 0..200 {
            // Beyond the end, too.
            let data: Vec<u8> = (0..300).map(|_| rng.below(256) as u8).collect();
            let (mut cabac, mut contexts, mut standard) = both(&data, round % 52);
            for step in 0..2500 {
                match rng.below(8) {
                    0 => assert_eq!(cabac.even(), standard.even(), "{round}, {step}"),
                    1 => {
                        let bits = rng.below(33);
                        let number = (0..bits).fold(0, |n, _| n << 1 | u32::from(standard.even()));
                        assert_eq!(cabac.number(bits), number, "{round}, {step}: {bits} bits");
                    }
                    2 => {
                        let ends = cabac.ends();
                        assert_eq!(ends, standard.ends(), "{round}, {step}");
                        if ends {
                            break;
                        }
                    }
                    _ => {
                        let context = rng.below(COUNT as u32) as usize;
                        assert_eq!(cabac.bin(&mut contexts, context), standard.bin(context), "{round}, {step}");
                    }
                }
                assert_eq!(cabac.range >> PLACE, u64::from(standard.range), "{round}, {step}");
                assert_eq!(cabac.at * 8 - cabac.spare as usize, standard.read, "{round}, {step}");
            }
        }
    }

    #[test]
    fn quotients_are_exact_to_the_last_bit() {
        for range in 256..511_u64 {
            let most = (range << MANY) - 1;
            for whole in [0, 1, (1 << MANY) / 3, (1 << MANY) - 2, (1 << MANY) - 1] {
                for offset in [whole * range, whole * range + range - 1] {
                    assert!(offset <= most);
                    let value = offset << (PLACE - MANY);
                    let mut cabac = Cabac { data: &[], at: 0, value, spare: PLACE, range: range << PLACE };
                    let evens = cabac.evens();
                    assert_eq!(evens, offset / range, "{offset} by {range}");
                    cabac.pass(evens, MANY);
                    assert_eq!(cabac.value >> PLACE, offset % range, "{offset} by {range}");
                }
            }
        }
    }
}
