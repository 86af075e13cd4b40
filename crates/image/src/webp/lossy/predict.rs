//! Predictions, and what is added to them (RFC 6386 § 12): plain code, and the oracle of the vectors.

use super::area::{Area, STRIDE};
use super::layout::Content;
use super::modes::{Luma, Mode, block};
use super::residue::Residue;
use super::transform;

/// What a macroblock of a plane is predicted from, before edges are smoothed.
pub(super) struct Beside {
    /// The corner, the row above, and four samples that go on from it.
    pub(super) above: [u8; 21],
    /// The column on the left; and when the macroblock is made, its last one, for the next.
    pub(super) left: [u8; 16],
    /// Whether there is nothing above and on the left: then the samples are ones that the standard names.
    pub(super) is_first_row: bool,
    pub(super) is_first_column: bool,
}

/// What stands for samples above the picture, the corner included.
pub(super) const ABOVE: u8 = 127;
/// What stands for samples on the left of the picture, and for the corner in all rows but the first.
pub(super) const LEFT: u8 = 129;

impl Beside {
    /// The mean of what is there beside a square of `N × N`.
    pub(super) fn mean<const N: usize>(&self) -> u8 {
        let sum = |samples: &[u8]| samples.iter().map(|s| u32::from(*s)).sum::<u32>();
        let (above, left) = (sum(&self.above[1..=N]), sum(&self.left[..N]));
        let n = N as u32;
        let mean = match (self.is_first_row, self.is_first_column) {
            (false, false) => (above + left + n) / (2 * n),
            (true, false) => (left + n / 2) / n,
            (false, true) => (above + n / 2) / n,
            (true, true) => 128,
        };
        mean as u8
    }
}

impl Area {
    fn new<const N: usize>(beside: &Beside) -> Self {
        let mut area = [0; 17 * STRIDE];
        area[..21].copy_from_slice(&beside.above);
        for (y, left) in beside.left[..N].iter().enumerate() {
            area[(y + 1) * STRIDE] = *left;
        }
        // Blocks below the first row have on their upper right what the first has.
        for y in [4, 8, 12] {
            area.copy_within(17..21, y * STRIDE + 17);
        }
        Self(area)
    }

    fn predict<const N: usize>(&mut self, mode: Mode, beside: &Beside) {
        let mean = beside.mean::<N>();
        let corner = i32::from(beside.above[0]);
        for y in 0..N {
            let left = beside.left[y];
            for x in 0..N {
                let above = beside.above[x + 1];
                *self.sample(x, y) = match mode {
                    Mode::Dc => mean,
                    Mode::TrueMotion => (i32::from(left) + i32::from(above) - corner).clamp(0, 255) as u8,
                    Mode::Vertical => above,
                    Mode::Horizontal => left,
                };
            }
        }
    }

    /// Predicts the block whose first sample is at `x` and `y` (§ 12.3).
    fn predict_block(&mut self, mode: u8, x: usize, y: usize) {
        let at = y * STRIDE + x;
        let [corner, above @ ..]: [u8; 9] = std::array::from_fn(|i| self.0[at + i]);
        let left: [u8; 4] = std::array::from_fn(|i| self.0[at + (i + 1) * STRIDE]);
        let block = block_of(mode, corner, above, left);
        for (row, samples) in block.iter().enumerate() {
            self.0[at + (row + 1) * STRIDE + 1..][..4].copy_from_slice(samples);
        }
    }

    fn put<const N: usize>(&self, out: &mut [u8], stride: usize, beside: &mut Beside) {
        for (y, row) in out.chunks_mut(stride).take(N).enumerate() {
            row[..N].copy_from_slice(&self.0[(y + 1) * STRIDE + 1..][..N]);
            beside.left[y] = row[N - 1];
        }
    }
}

/// Samples of a block out of those beside it, from the lower left one over the corner to the upper right one.
fn block_of(mode: u8, corner: u8, above: [u8; 8], left: [u8; 4]) -> [[u8; 4]; 4] {
    // Both ends stand there twice.
    let [i, j, k, l] = left;
    let [a, b, c, d, e, f, g, h] = above;
    let edge = [l, l, k, j, i, corner, a, b, c, d, e, f, g, h, h].map(u32::from);
    let two = |i: usize| (edge[i] + edge[i + 1]).div_ceil(2) as u8;
    let three = |i: usize| ((edge[i] + 2 * edge[i + 1] + edge[i + 2] + 2) / 4) as u8;
    let each = |of: &dyn Fn(usize, usize) -> u8| std::array::from_fn(|y| std::array::from_fn(|x| of(x, y)));
    match mode {
        block::DC => {
            let sum: u32 = edge[1..5].iter().chain(&edge[6..10]).sum();
            [[((sum + 4) / 8) as u8; 4]; 4]
        }
        block::TRUE_MOTION => each(&|x, y| {
            let sum = i32::from(left[y]) + i32::from(above[x]) - i32::from(corner);
            sum.clamp(0, 255) as u8
        }),
        block::VERTICAL => each(&|x, _| three(5 + x)),
        block::HORIZONTAL => each(&|_, y| three(3 - y)),
        block::LEFT_DOWN => each(&|x, y| three(6 + x + y)),
        block::RIGHT_DOWN => each(&|x, y| three(4 + x - y)),
        block::VERTICAL_RIGHT => each(&|x, y| match (x, y) {
            (0, 3) => three(2),
            (0, 2) => three(3),
            (_, 0 | 2) => two(5 + x - y / 2),
            _ => three(4 + x - y / 2),
        }),
        block::VERTICAL_LEFT => each(&|x, y| match (x, y) {
            (3, 2) => three(10),
            (3, 3) => three(11),
            (_, 0 | 2) => two(6 + x + y / 2),
            _ => three(6 + x + y / 2),
        }),
        block::HORIZONTAL_DOWN => each(&|x, y| match (x, y) {
            (2 | 3, 0) => three(3 + x),
            (0 | 2, _) => two(4 + x / 2 - y),
            _ => three(4 + x / 2 - y),
        }),
        // Upwards to the right.
        _ => each(&|x, y| match 3_usize.checked_sub(x / 2 + y) {
            None | Some(0) => l,
            Some(at) if x % 2 == 0 => two(at),
            Some(at) => three(at - 1),
        }),
    }
}

/// Makes the samples of a macroblock's luma from `out` on.
pub(super) fn luma(luma: &Luma, beside: &mut Beside, residue: &mut Residue, out: &mut [u8], stride: usize) {
    residue.multiply();
    let mut area = Area::new::<16>(beside);
    if let Luma::Whole(mode) = luma {
        area.predict::<16>(*mode, beside);
    }
    for i in 0..16 {
        let (x, y) = (i % 4 * 4, i / 4 * 4);
        if let Luma::Blocks(modes) = luma {
            area.predict_block(modes[i], x, y);
        }
        let content = residue.contents[i / 4] >> (i % 4 * 2) & 3;
        transform::add(&residue.groups[i / 4], i % 4, content, &mut area, x, y);
    }
    residue.groups[..4].fill([0; 64]);
    area.put::<16>(out, stride, beside);
}

/// Makes the samples of both planes of a macroblock's chroma from `out` on.
pub(super) fn chroma(mode: Mode, beside: &mut [Beside; 2], residue: &mut Residue, out: [&mut [u8]; 2], stride: usize) {
    residue.multiply();
    for (plane, (beside, out)) in beside.iter_mut().zip(out).enumerate() {
        let mut area = Area::new::<8>(beside);
        area.predict::<8>(mode, beside);
        let of_plane = 0b1111 << (4 * plane);
        let any = (residue.contents[4] | residue.contents[5]) & of_plane;
        for i in 0..4 {
            let slot = 2 * plane + i % 2;
            // Where one block needs the whole transform, all of the plane's get it.
            let content = match any & Content::MORE {
                0 => residue.contents[4 + i / 2] >> (2 * slot) & 3,
                _ => Content::MANY,
            };
            transform::add(&residue.groups[4 + i / 2], slot, content, &mut area, i % 2 * 4, i / 2 * 4);
        }
        area.put::<8>(out, stride, beside);
    }
    residue.groups[4..6].fill([0; 64]);
}
