//! What is to be added to a prediction: a macroblock's coefficients (RFC 6386 § 13), times their steps.

use super::bools::Bools;
use super::header::Header;
use super::layout::{Chances, Content, Group, PLACE, POSITION};
use super::quantizer::Steps;
use super::transform;

/// Planes that coefficients are of, in the order of their chances (§ 13.3).
const LUMA_BUT_FIRST: usize = 0;
const SECOND_ORDER: usize = 1;
const CHROMA: usize = 2;
const LUMA: usize = 3;

/// A macroblock's coefficients. All are zero before it is read and again when its samples are made.
pub(super) struct Residue {
    /// Four rows of luma blocks; two that have two blocks of blue chroma and two of red; and two that nobody uses.
    pub(super) groups: [Group; 8],
    /// What each group's blocks hold, two bits for each from the lowest on: see [`Content`].
    pub(super) contents: [u8; 6],
    /// By what luma's coefficients are still to be multiplied: the first of each block, and all others.
    pub(super) luma: [i16; 2],
    pub(super) chroma: [i16; 2],
    /// Whether there are coefficients that multiplied are beyond [`LARGEST`].
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "plain code takes any"))]
    pub(super) extreme: bool,
}

/// With no coefficient beyond this, no sum of either pass of the transform is beyond 16 bits: they grow by less than
/// 3.85 each. No encoder makes any: differences of samples are 2040 at most.
const LARGEST: i32 = 2200;

/// Bytes that a macroblock may take at most: 25 blocks of 16 coefficients of 19 decisions of seven bits.
const MOST_BYTES: usize = 25 * 16 * 19 * 7 / 8 + 8;

/// Whether the blocks at a macroblock's edge have coefficients, for those beside them.
#[derive(Clone, Default)]
pub(super) struct Edge {
    luma: [u8; 4],
    chroma: [[u8; 2]; 2],
    second: u8,
}

impl Edge {
    /// Behind a macroblock without coefficients. The second order stays as it was where there is none.
    pub(super) fn skip(&mut self, whole: bool) {
        (self.luma, self.chroma) = Default::default();
        if whole {
            self.second = 0;
        }
    }
}

impl Residue {
    pub(super) const fn new() -> Self {
        Self { groups: [[0; 64]; 8], contents: [0; 6], luma: [0; 2], chroma: [0; 2], extreme: false }
    }

    /// Whether there is nothing to add.
    pub(super) fn is_empty(&self) -> bool {
        self.contents == [0; 6]
    }

    /// Reads a macroblock's coefficients.
    #[inline(always)]
    pub(super) fn read(
        &mut self,
        header: &Header,
        tokens: &mut Bools<'_>,
        whole: bool,
        steps: &Steps,
        left: &mut Edge,
        above: &mut Edge,
    ) {
        if tokens.left() > MOST_BYTES {
            self.read_from::<true>(header, tokens, whole, steps, left, above);
        } else {
            self.read_from::<false>(header, tokens, whole, steps, left, above);
        }
    }

    /// Where the partition's end is `FAR`, nobody looks for it.
    #[inline(always)]
    fn read_from<const FAR: bool>(
        &mut self,
        header: &Header,
        tokens: &mut Bools<'_>,
        whole: bool,
        steps: &Steps,
        left: &mut Edge,
        above: &mut Edge,
    ) {
        (self.luma, self.chroma) = (steps.luma, steps.chroma);
        let mut extreme = false;
        let mut luma = LUMA;
        if whole {
            luma = LUMA_BUT_FIRST;
            let mut second = [0; 64];
            let beside = left.second + above.second;
            let mut block = Block { values: &mut second, at: 0, limit: i32::MAX, extreme: &mut false };
            let count = block.read::<FAR>(tokens, &header.chances[SECOND_ORDER], beside, 0);
            let has = u8::from(count > 0);
            (left.second, above.second) = (has, has);
            if has > 0 {
                extreme = transform::second(&second, steps.second, &mut self.groups, LARGEST);
            }
            self.luma[0] = 1;
        }
        let values: &mut [i16; 512] = self.groups.as_flattened_mut().try_into().expect("eight groups of 64");
        let (chances, first) = (&header.chances[luma], usize::from(whole));
        let limit = limit(steps.luma);
        for (i, (contents, left)) in self.contents.iter_mut().zip(&mut left.luma).enumerate() {
            *contents = 0;
            for (slot, above) in above.luma.iter_mut().enumerate() {
                let mut block = Block { values, at: 64 * i + 4 * slot, limit, extreme: &mut extreme };
                let count = block.read::<FAR>(tokens, chances, *left + *above, first);
                *left = u8::from(count > first);
                *above = *left;
                *contents |= block.content(count) << (2 * slot);
            }
        }
        let limit = self::limit(steps.chroma);
        let [.., upper, lower] = &mut self.contents;
        (*upper, *lower) = (0, 0);
        for (plane, (left, above)) in left.chroma.iter_mut().zip(&mut above.chroma).enumerate() {
            for (i, (contents, left)) in [&mut *upper, &mut *lower].into_iter().zip(left).enumerate() {
                for (column, above) in above.iter_mut().enumerate() {
                    let slot = 2 * plane + column;
                    let mut block = Block { values, at: 64 * (4 + i) + 4 * slot, limit, extreme: &mut extreme };
                    let count = block.read::<FAR>(tokens, &header.chances[CHROMA], *left + *above, 0);
                    *left = u8::from(count > 0);
                    *above = *left;
                    *contents |= block.content(count) << (2 * slot);
                }
            }
        }
        self.extreme = extreme;
        if extreme {
            self.settle();
        }
    }

    /// Of what no encoder makes, everybody keeps the lowest bits; where they are all zero, there is nothing.
    #[cold]
    fn settle(&mut self) {
        for (i, contents) in self.contents.iter_mut().enumerate() {
            let step = if i < 4 { self.luma[0] } else { self.chroma[0] };
            for slot in 0..4 {
                let value = &self.groups[i][4 * slot];
                if *contents >> (2 * slot) & 3 == Content::FIRST && value.wrapping_mul(step) == 0 {
                    *contents &= !(3 << (2 * slot));
                }
            }
        }
    }

    /// Multiplies all by their steps.
    pub(super) fn multiply(&mut self) {
        for (i, group) in self.groups.iter_mut().enumerate() {
            let [first, rest] = if i < 4 { self.luma } else { self.chroma };
            for (at, value) in group.iter_mut().enumerate() {
                *value = value.wrapping_mul(if at < 16 && at % 4 == 0 { first } else { rest });
            }
        }
        (self.luma, self.chroma) = ([1; 2], [1; 2]);
    }
}

/// The largest coefficient that is not beyond [`LARGEST`] when it is multiplied.
fn limit(steps: [i16; 2]) -> i32 {
    LARGEST / i32::from(steps[0].max(steps[1]))
}

/// Where a block's coefficients go.
struct Block<'a, const N: usize> {
    /// A power of two, so that nobody looks whether there is a place.
    values: &'a mut [i16; N],
    at: usize,
    limit: i32,
    extreme: &'a mut bool,
}

impl<const N: usize> Block<'_, N> {
    #[inline(always)]
    fn content(&self, count: usize) -> u8 {
        match count {
            0 | 1 => u8::from(self.values[self.at & (N - 1)] != 0) * Content::FIRST,
            2 | 3 => Content::FEW,
            _ => Content::MANY,
        }
    }

    /// Coefficients of one block (§ 13.2) from the `first` on; gives how far they go.
    #[inline(always)]
    fn read<const FAR: bool>(&mut self, tokens: &mut Bools<'_>, chances: &Chances, beside: u8, first: usize) -> usize {
        let bit = |tokens: &mut Bools<'_>, chance| if FAR { tokens.decide(chance) } else { tokens.bit(chance) };
        // What may be wanted next is within reach of one address, so that it is there when it is known what is.
        let mut at = (first & 1) * POSITION;
        let mut chance = at + usize::from(beside & 3) * 16;
        loop {
            if FAR {
                tokens.hold();
            }
            if !bit(tokens, chances[chance]) {
                return at / POSITION;
            }
            while !bit(tokens, chances[chance + 1]) {
                at += POSITION;
                if at >= 16 * POSITION {
                    return 16;
                }
                chance = at;
                if FAR {
                    tokens.hold();
                }
            }
            let place = usize::from(chances[at + PLACE]);
            let value = if bit(tokens, chances[chance + 2]) {
                let value = self.large(tokens, chances, chance);
                chance = at + POSITION + 32;
                value
            } else {
                chance = at + POSITION + 16;
                1
            };
            at += POSITION;
            self.values[(self.at + place) & (N - 1)] = tokens.signed(value) as i16;
            if at >= 16 * POSITION {
                return 16;
            }
        }
    }

    /// A coefficient of two and more.
    #[inline(always)]
    fn large(&mut self, tokens: &mut Bools<'_>, chances: &Chances, at: usize) -> i32 {
        /// Chances of the bits beyond the base of the larger categories.
        const EXTRA: [&[u8]; 4] = [
            &[173, 148, 140],
            &[176, 155, 140, 135],
            &[180, 157, 141, 134, 130],
            &[254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129],
        ];
        let chance = |i: usize| chances[at + i];
        if !tokens.bit(chance(3)) {
            return if tokens.bit(chance(4)) { 3 + tokens.even_bit(chance(5)) } else { 2 } as i32;
        }
        let value = if !tokens.bit(chance(6)) {
            if tokens.bit(chance(7)) {
                7 + 2 * tokens.even_bit(165) + tokens.even_bit(145)
            } else {
                5 + tokens.even_bit(159)
            }
        } else {
            let high = tokens.bit(chance(8));
            let low = tokens.bit(chance(if high { 10 } else { 9 }));
            let category = usize::from(high) * 2 + usize::from(low);
            let beyond = EXTRA[category].iter().fold(0, |value, chance| value << 1 | tokens.even_bit(*chance));
            beyond + 3 + (8 << category)
        } as i32;
        *self.extreme |= value > self.limit;
        value
    }
}
