//! The forward transform in plain code: libjpeg's accurate integer one, to the bit, and the oracle
//! of the vectors. A line is two sums of four inputs at once for each odd output, with libjpeg's
//! constants multiplied out; rounding only comes behind the sums, so it is the same.

use super::{Block, SIDE};

/// Fractional bits of the weights.
pub(crate) const FRACTION: u32 = 13;
/// Fractional bits between the passes.
pub(crate) const BETWEEN: u32 = 2;
/// By how much the passes shift sums of products.
pub(crate) const SHIFTS: [u32; 2] = [FRACTION - BETWEEN, FRACTION + BETWEEN];

/// Weights with [`FRACTION`] fractional bits.
pub(crate) mod weight {
    /// Of t13 and t12, for the outputs 2 and 6.
    pub(crate) const EVEN: [[i16; 2]; 2] = [[10_703, 4_433], [4_433, -10_704]];
    /// Of t4, t5, t6 and t7, for the outputs 1, 3, 5 and 7.
    pub(crate) const ODD: [[i16; 4]; 4] = [
        [2_260, 6_437, 9_633, 11_363],
        [-6_436, -11_362, -2_259, 9_633],
        [9_633, 2_261, -11_362, 6_437],
        [-11_363, 9_633, -6_436, 2_260],
    ];
}

/// One block of samples, row by row and 128 less, to coefficients eight times too large.
pub(super) fn forward(samples: &Block) -> Block {
    let mut block = *samples;
    for row in block.as_chunks_mut::<SIDE>().0 {
        *row = line::<true>(*row);
    }
    for x in 0..SIDE {
        let column = line::<false>(std::array::from_fn(|y| block[y * SIDE + x]));
        for (y, value) in column.into_iter().enumerate() {
            block[y * SIDE + x] = value;
        }
    }
    block
}

fn line<const FIRST: bool>(d: [i16; SIDE]) -> [i16; SIDE] {
    let d = d.map(i32::from);
    let round = |sum: i32, shift: u32| ((sum + (1 << (shift - 1))) >> shift) as i16;
    let shift = SHIFTS[usize::from(!FIRST)];
    let (t0, t7, t1, t6) = (d[0] + d[7], d[0] - d[7], d[1] + d[6], d[1] - d[6]);
    let (t2, t5, t3, t4) = (d[2] + d[5], d[2] - d[5], d[3] + d[4], d[3] - d[4]);
    let (t10, t13, t11, t12) = (t0 + t3, t0 - t3, t1 + t2, t1 - t2);
    let whole = |sum: i32| if FIRST { (sum << BETWEEN) as i16 } else { round(sum, BETWEEN) };
    let even = weight::EVEN.map(|w| round(t13 * i32::from(w[0]) + t12 * i32::from(w[1]), shift));
    let odd = weight::ODD.map(|w| {
        let [a, b, c, d] = w.map(i32::from);
        round(t4 * a + t5 * b + t6 * c + t7 * d, shift)
    });
    [whole(t10 + t11), odd[0], even[0], odd[1], whole(t10 - t11), odd[2], even[1], odd[3]]
}
