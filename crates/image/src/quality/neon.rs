//! A row of a tile is two registers.

use std::arch::aarch64::*;

use super::looks::{DIRECTIONS, Energies, SIDE, Tile, WHITE, WIDE};
use super::scalar;

/// Samples of a register.
const LANES: usize = 16;

/// `samples` reaches three samples behind the tile's last row.
pub(super) fn tile(samples: &[u8], stride: usize) -> Tile {
    // SAFETY: every CPU of this family has these instructions.
    unsafe { tile_neon(samples, stride) }
}

pub(super) fn energies(samples: &[u8], start: usize, stride: usize) -> Energies {
    // SAFETY: as above.
    unsafe { energies_neon(samples, start, stride) }
}

pub(super) fn halve(upper: &[u8], lower: &[u8], out: &mut [u8]) {
    // SAFETY: as above.
    unsafe { halve_neon(upper, lower, out) }
}

#[target_feature(enable = "neon")]
fn tile_neon(samples: &[u8], stride: usize) -> Tile {
    let (mut least, mut most) = (vdupq_n_u8(255), vdupq_n_u8(0));
    let (mut sum, mut white) = (vdupq_n_u16(0), vdupq_n_u8(0));
    // Columns 1 to 8 and so on; the last two of the fourth are not counted. At most 30 · 2,040 a word.
    let mut noise = [vdupq_n_u16(0); 4];
    // Second differences along the two rows before.
    let mut before = [[vdupq_n_s16(0); 4]; 2];
    for y in 0..SIDE {
        let row: &[u8; WIDE] = samples[y * stride..].first_chunk().expect("a tile is whole");
        for all in [load(row, 0), load(row, LANES)] {
            least = vminq_u8(least, all);
            most = vmaxq_u8(most, all);
            // 64 times two samples a word.
            sum = vpadalq_u8(sum, all);
            // -1 in each byte that is white; 64 do not overflow a byte.
            white = vsubq_u8(white, vcgeq_u8(all, vdupq_n_u8(WHITE)));
        }
        let along: [int16x8_t; 4] =
            [along(row_at(row, 0)), along(row_at(row, 8)), along(row_at(row, 16)), along(row_at(row, 24))];
        if y >= 2 {
            for i in 0..4 {
                let both = vsubq_s16(vaddq_s16(before[0][i], along[i]), vshlq_n_s16::<1>(before[1][i]));
                noise[i] = vaddq_u16(noise[i], vreinterpretq_u16_s16(vabsq_s16(both)));
            }
        }
        before = [before[1], along];
    }
    let counted: uint16x8_t = vsetq_lane_u16::<7>(0, vsetq_lane_u16::<6>(0, noise[3]));
    let noise = vaddlvq_u16(noise[0]) + vaddlvq_u16(noise[1]) + vaddlvq_u16(noise[2]) + vaddlvq_u16(counted);
    Tile {
        least: vminvq_u8(least),
        most: vmaxvq_u8(most),
        sum: vaddlvq_u16(sum),
        noise,
        white: u32::from(vaddlvq_u8(white)),
    }
}

/// Ten samples, of which the middle eight have neighbours.
fn row_at(row: &[u8; WIDE], first: usize) -> &[u8; 10] {
    row[first..].first_chunk().expect("inside of the row")
}

/// Each of the middle eight less the mean of its neighbours, times minus two.
#[target_feature(enable = "neon")]
fn along(ten: &[u8; 10]) -> int16x8_t {
    let eight = |first: usize| -> uint8x8_t {
        let from: &[u8; 8] = ten[first..].first_chunk().expect("eight of ten");
        // SAFETY: 8 readable bytes; the load needs no alignment.
        unsafe { vld1_u8(from.as_ptr()) }
    };
    let sides = vaddl_u8(eight(0), eight(2));
    vreinterpretq_s16_u16(vsubq_u16(sides, vshll_n_u8::<1>(eight(1))))
}

#[target_feature(enable = "neon")]
fn energies_neon(samples: &[u8], start: usize, stride: usize) -> Energies {
    let row = |at: usize| -> &[u8; SIDE] { samples[at..].first_chunk().expect("neighbours are inside") };
    let mut out = Energies::default();
    for (out, (across, down)) in out.iter_mut().zip(DIRECTIONS) {
        let near = down * stride as isize + across;
        for (out, offset) in out.iter_mut().zip([near, near * 3]) {
            let mut sum = vdupq_n_u32(0);
            for y in 0..SIDE {
                let at = start + y * stride;
                let (here, there) = (row(at), row(at.wrapping_add_signed(offset)));
                for first in [0, LANES] {
                    let off = vabdq_u8(load(here, first), load(there, first));
                    sum = vpadalq_u16(sum, vmull_u8(vget_low_u8(off), vget_low_u8(off)));
                    sum = vpadalq_u16(sum, vmull_high_u8(off, off));
                }
            }
            *out = vaddvq_u32(sum);
        }
    }
    out
}

#[target_feature(enable = "neon")]
fn halve_neon(upper: &[u8], lower: &[u8], out: &mut [u8]) {
    let whole = out.len() / 8 * 8;
    let rows = upper.as_chunks::<LANES>().0.iter().zip(lower.as_chunks::<LANES>().0);
    for (out, (upper, lower)) in out.as_chunks_mut::<8>().0.iter_mut().zip(rows) {
        let sum = vpadalq_u8(vpaddlq_u8(load(upper, 0)), load(lower, 0));
        let mean = vrshrn_n_u16::<2>(sum);
        // SAFETY: 8 writable bytes; the store needs no alignment.
        unsafe { vst1_u8(out.as_mut_ptr(), mean) };
    }
    scalar::halve(upper, lower, out, whole);
}

/// The samples from the `first` on.
#[inline]
#[target_feature(enable = "neon")]
fn load<const N: usize>(from: &[u8; N], first: usize) -> uint8x16_t {
    let from: &[u8; LANES] = from[first..].first_chunk().expect("inside of the row");
    // SAFETY: 16 readable bytes; the load needs no alignment.
    unsafe { vld1q_u8(from.as_ptr()) }
}
