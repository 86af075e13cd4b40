//! The inverse DCT, whole, at 5/8 or at half size, to the bit what libjpeg-turbo gives ("islow"): 13 bits of
//! fraction in the constants, two more kept between the passes. Plain code, the oracle of the vectors.
//!
//! The halved one is the mean of 2 × 2 samples of the whole one, taken before rounding. That of 5/8 is
//! an inverse DCT of five points over the first five coefficients each way.

use super::blocks::Block;
use super::tables::Steps;
use super::transform::Four;
use crate::plane::Scale;

/// Fractional bits of the constants.
pub(crate) const FRACTION: u32 = 13;
/// Additional bits kept between the passes.
const KEPT: u32 = 2;
/// What the first pass drops, and the second, at half size.
pub(crate) const HALF_SHIFTS: [u32; 2] = [FRACTION - KEPT + 1, FRACTION + KEPT + 3 + 1];
/// The same for whole blocks.
pub(crate) const WHOLE_SHIFTS: [u32; 2] = [FRACTION - KEPT, FRACTION + KEPT + 3];

/// The same at 5/8.
pub(crate) const FIVE_SHIFTS: [u32; 2] = WHOLE_SHIFTS;

/// Weights in 13 bits: products of cosines, named by what they multiply.
pub(crate) mod weight {
    pub(crate) const HALF_26: [i16; 2] = [15137, -6270];
    /// For coefficients 1, 3, 5, 7: the inner two outputs, then the outer two.
    pub(crate) const HALF_ODD: [[i16; 4]; 2] = [[8697, -17799, 11893, -1730], [20995, 7373, -4926, -4176]];
    /// For coefficients 2, 4: what the outermost outputs get, the next, the middle one.
    pub(crate) const FIVE_24: [[i16; 2]; 3] = [[9372, 3580], [-3580, -9372], [-11584, 11584]];
    /// For coefficients 1, 3: what the outermost outputs get, then the next.
    pub(crate) const FIVE_13: [[i16; 2]; 2] = [[11019, 6810], [6810, -11018]];
    /// For coefficients 2, 6: what the outer outputs get, then the inner.
    pub(crate) const WHOLE_26: [[i16; 2]; 2] = [[10703, 4433], [4433, -10704]];
    /// For coefficients 1, 3, 5, 7: what each output gets, from the outermost inwards.
    pub(crate) const WHOLE_ODD: [[i16; 4]; 4] = [
        [11363, 9633, 6437, 2260],
        [9633, -2259, -11362, -6436],
        [6437, -11362, 2261, 9633],
        [2260, -6436, 9633, -11363],
    ];
}

/// What a block gives where only the first coefficient is not zero.
pub(crate) fn flat(first: i16, step: i16) -> u8 {
    let value = i32::from(first.wrapping_mul(step));
    (((value + 4) >> 3) + 128).clamp(0, 255) as u8
}

/// Transforms four blocks, row by row, to samples side by side.
pub(crate) fn transform(scale: Scale, four: &Four<'_>, steps: &Steps, out: &mut [u8], stride: usize) {
    for (i, (block, first)) in four.blocks.iter().zip(four.first).enumerate() {
        let mut block = **block;
        block[0] = first;
        match scale {
            Scale::Full => put(&whole(&block, steps), &mut out[i * 8..], stride),
            Scale::FiveEighths => put(&five(&block, steps), &mut out[i * 5..], stride),
            Scale::Half => put(&half(&block, steps), &mut out[i * 4..], stride),
        }
    }
}

fn put<const N: usize>(rows: &[[u8; N]; N], out: &mut [u8], stride: usize) {
    for (y, row) in rows.iter().enumerate() {
        out[y * stride..][..N].copy_from_slice(row);
    }
}

fn half(block: &Block, steps: &Steps) -> [[u8; 4]; 4] {
    let mut columns = [[0_i16; 8]; 4];
    for x in 0..8 {
        let at = |y: usize| block[y * 8 + x].wrapping_mul(steps[y * 8 + x]);
        for (row, sum) in columns.iter_mut().zip(half_line(at)) {
            row[x] = saturate(round(sum, HALF_SHIFTS[0]));
        }
    }
    columns.map(|row| half_line(|x| row[x]).map(|sum| sample(round(sum, HALF_SHIFTS[1]))))
}

fn five(block: &Block, steps: &Steps) -> [[u8; 5]; 5] {
    let mut columns = [[0_i16; 5]; 5];
    for x in 0..5 {
        let at = |y: usize| block[y * 8 + x].wrapping_mul(steps[y * 8 + x]);
        for (row, sum) in columns.iter_mut().zip(five_line(at)) {
            row[x] = saturate(round(sum, FIVE_SHIFTS[0]));
        }
    }
    columns.map(|row| five_line(|x| row[x]).map(|sum| sample(round(sum, FIVE_SHIFTS[1]))))
}

fn whole(block: &Block, steps: &Steps) -> [[u8; 8]; 8] {
    let mut columns = [[0_i16; 8]; 8];
    for x in 0..8 {
        let at = |y: usize| block[y * 8 + x].wrapping_mul(steps[y * 8 + x]);
        for (row, sum) in columns.iter_mut().zip(whole_line(at)) {
            row[x] = saturate(round(sum, WHOLE_SHIFTS[0]));
        }
    }
    columns.map(|row| whole_line(|x| row[x]).map(|sum| sample(round(sum, WHOLE_SHIFTS[1]))))
}

/// One line of eight coefficients to four samples. The fifth has no part in them.
fn half_line(at: impl Fn(usize) -> i16) -> [i32; 4] {
    let odd = [at(1), at(3), at(5), at(7)];
    let first = i32::from(at(0)) << (FRACTION + 1);
    let even = dot(&weight::HALF_26, &[at(2), at(6)]);
    let [inner, outer] = weight::HALF_ODD.map(|w| dot(&w, &odd));
    let (plus, minus) = (first.wrapping_add(even), first.wrapping_sub(even));
    [plus.wrapping_add(outer), minus.wrapping_add(inner), minus.wrapping_sub(inner), plus.wrapping_sub(outer)]
}

/// One line of five coefficients to five samples.
fn five_line(at: impl Fn(usize) -> i16) -> [i32; 5] {
    let first = i32::from(at(0)) << FRACTION;
    let [outer, inner, middle] = weight::FIVE_24.map(|w| first.wrapping_add(dot(&w, &[at(2), at(4)])));
    let [outer_odd, inner_odd] = weight::FIVE_13.map(|w| dot(&w, &[at(1), at(3)]));
    [
        outer.wrapping_add(outer_odd),
        inner.wrapping_add(inner_odd),
        middle,
        inner.wrapping_sub(inner_odd),
        outer.wrapping_sub(outer_odd),
    ]
}

fn whole_line(at: impl Fn(usize) -> i16) -> [i32; 8] {
    let odd = [at(1), at(3), at(5), at(7)];
    let (a, b) = (i32::from(at(0)), i32::from(at(4)));
    let [outer, inner] = weight::WHOLE_26.map(|w| dot(&w, &[at(2), at(6)]));
    let (plus, minus) = ((a + b) << FRACTION, (a - b) << FRACTION);
    let even =
        [plus.wrapping_add(outer), minus.wrapping_add(inner), minus.wrapping_sub(inner), plus.wrapping_sub(outer)];
    let odd = weight::WHOLE_ODD.map(|w| dot(&w, &odd));
    let mut out = [0; 8];
    for i in 0..4 {
        out[i] = even[i].wrapping_add(odd[i]);
        out[7 - i] = even[i].wrapping_sub(odd[i]);
    }
    out
}

fn dot<const N: usize>(weights: &[i16; N], values: &[i16; N]) -> i32 {
    weights.iter().zip(values).fold(0, |sum: i32, (w, v)| sum.wrapping_add(i32::from(*w) * i32::from(*v)))
}

const fn round(sum: i32, shift: u32) -> i32 {
    sum.wrapping_add(1 << (shift - 1)) >> shift
}

fn saturate(value: i32) -> i16 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

fn sample(value: i32) -> u8 {
    // Two steps, as the vectors do.
    (i32::from(saturate(value)).clamp(-128, 127) + 128) as u8
}
