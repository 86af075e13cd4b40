//! The inverse DCT of two neighbouring blocks, at half size or whole, to the bit what libjpeg-turbo
//! gives ("islow"): 13 bits of fraction in the constants, two more kept between the passes.
//!
//! The halved one is the mean of 2 × 2 samples of the whole one, taken before rounding.

use crate::cpu::Cpu;

/// Two blocks of coefficients, each row by row.
pub(crate) type Pair = [i16; 128];
/// Steps of the quantizer, row by row, at most 255.
pub(crate) type Steps = [i16; 64];
/// Rows of two blocks at half size, side by side.
pub(crate) type Half = [[u8; 8]; 4];
/// Rows of two blocks, side by side.
pub(crate) type Whole = [[u8; 16]; 8];

/// Fractional bits of the constants.
pub(crate) const FRACTION: u32 = 13;
/// Additional bits kept between the passes.
const KEPT: u32 = 2;
/// What the first pass drops, and the second, at half size.
pub(crate) const HALF_SHIFTS: [u32; 2] = [FRACTION - KEPT + 1, FRACTION + KEPT + 3 + 1];
/// The same for whole blocks.
pub(crate) const WHOLE_SHIFTS: [u32; 2] = [FRACTION - KEPT, FRACTION + KEPT + 3];

/// Weights in 13 bits: products of cosines, named by what they multiply in [`half`].
pub(crate) mod weight {
    pub(crate) const HALF_26: [i16; 2] = [15137, -6270];
    /// For coefficients 1, 3, 5, 7: the inner two outputs, then the outer two.
    pub(crate) const HALF_ODD: [[i16; 4]; 2] = [[8697, -17799, 11893, -1730], [20995, 7373, -4926, -4176]];
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

impl Cpu {
    /// Two blocks at half size.
    pub(super) fn half(self, pair: &Pair, steps: &Steps) -> Half {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(proof) => crate::arch::half(proof, pair, steps),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(proof) => crate::arch::half(proof.avx2(), pair, steps),
            Self::Scalar => half(pair, steps),
        }
    }

    /// Two whole blocks.
    pub(super) fn whole(self, pair: &Pair, steps: &Steps) -> Whole {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(proof) => crate::arch::whole(proof, pair, steps),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(proof) => crate::arch::whole(proof.avx2(), pair, steps),
            Self::Scalar => whole(pair, steps),
        }
    }
}

/// What both give where only the first coefficient is not zero.
pub(super) fn flat(first: i16, step: i16) -> u8 {
    let value = i32::from(first.wrapping_mul(step));
    (((value + 4) >> 3) + 128).clamp(0, 255) as u8
}

/// Plain code, the oracle of the vectors.
pub(super) fn half(pair: &Pair, steps: &Steps) -> Half {
    let mut out = Half::default();
    for (block, coefficients) in pair.as_chunks::<64>().0.iter().enumerate() {
        let mut columns = [[0_i16; 8]; 4];
        for x in 0..8 {
            let at = |y: usize| coefficients[y * 8 + x].wrapping_mul(steps[y * 8 + x]);
            for (row, sum) in columns.iter_mut().zip(half_line(at)) {
                row[x] = saturate(round(sum, HALF_SHIFTS[0]));
            }
        }
        for (row, out) in columns.iter().zip(&mut out) {
            for (out, sum) in out[block * 4..].iter_mut().zip(half_line(|x| row[x])) {
                *out = sample(round(sum, HALF_SHIFTS[1]));
            }
        }
    }
    out
}

/// Plain code, the oracle of the vectors.
pub(super) fn whole(pair: &Pair, steps: &Steps) -> Whole {
    let mut out = Whole::default();
    for (block, coefficients) in pair.as_chunks::<64>().0.iter().enumerate() {
        let mut columns = [[0_i16; 8]; 8];
        for x in 0..8 {
            let at = |y: usize| coefficients[y * 8 + x].wrapping_mul(steps[y * 8 + x]);
            for (row, sum) in columns.iter_mut().zip(whole_line(at)) {
                row[x] = saturate(round(sum, WHOLE_SHIFTS[0]));
            }
        }
        for (row, out) in columns.iter().zip(&mut out) {
            for (out, sum) in out[block * 8..].iter_mut().zip(whole_line(|x| row[x])) {
                *out = sample(round(sum, WHOLE_SHIFTS[1]));
            }
        }
    }
    out
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
