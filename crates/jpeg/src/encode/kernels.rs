//! Four neighbouring blocks at once, by the fastest code that the CPU runs.

use super::fdct;
use super::quantize::Quantizer;
use super::{Block, SIDE};
#[cfg(target_arch = "x86_64")]
use crate::arch;
use crate::cpu::Cpu;
use crate::plane::Plane;

/// Samples of a row of four blocks.
pub(crate) const WIDE: usize = 4 * SIDE;

/// The samples of four neighbouring blocks: eight rows in the plane, or copies of them where the
/// picture ends before the blocks do.
pub(crate) enum Group<'a> {
    Whole([&'a [u8; WIDE]; SIDE]),
    Copied([[u8; WIDE]; SIDE]),
}

impl<'a> Group<'a> {
    /// Blocks `x` to `x + 3` of row `y` of blocks. What lies beyond the picture repeats its last
    /// column and row.
    pub(super) fn cut(plane: &'a Plane, x: usize, y: usize) -> Self {
        let row = |i: usize| plane.row((y * SIDE + i).min(plane.height - 1));
        let whole = (x * SIDE + WIDE <= plane.width)
            .then(|| std::array::from_fn(|i| row(i)[x * SIDE..].first_chunk().expect("the blocks end within the row")));
        whole.map_or_else(
            || {
                Self::Copied(std::array::from_fn(|i| {
                    let inside = &row(i)[x * SIDE..];
                    let inside = &inside[..inside.len().min(WIDE)];
                    let mut copy = [inside[inside.len() - 1]; WIDE];
                    copy[..inside.len()].copy_from_slice(inside);
                    copy
                }))
            },
            Self::Whole,
        )
    }

    /// The eight rows.
    #[inline(always)]
    pub(crate) fn rows(&self) -> [&[u8; WIDE]; SIDE] {
        match self {
            Self::Whole(rows) => *rows,
            Self::Copied(rows) => rows.each_ref(),
        }
    }

    /// Samples of one block, 128 less.
    fn block(&self, i: usize) -> Block {
        let rows = self.rows();
        std::array::from_fn(|k| i16::from(rows[k / SIDE][i * SIDE + k % SIDE]) - 128)
    }
}

/// Coefficients of four blocks, row by row and eight times too large.
pub(super) fn forward(cpu: Cpu, group: &Group<'_>, out: &mut [Block; 4]) {
    match cpu {
        #[cfg(target_arch = "x86_64")]
        Cpu::Avx512(proof) => arch::encode::avx512::forward(proof, &group.rows(), out),
        #[cfg(target_arch = "x86_64")]
        Cpu::Avx2(proof) => arch::encode::avx2::forward(proof, &group.rows(), out),
        Cpu::Scalar => *out = std::array::from_fn(|i| fdct::forward(&group.block(i))),
    }
}

/// The same, quantized and in the order in which they are written.
pub(super) fn forward_quantized(cpu: Cpu, group: &Group<'_>, quantizer: &Quantizer, out: &mut [Block; 4]) {
    match cpu {
        #[cfg(target_arch = "x86_64")]
        Cpu::Avx512(proof) => arch::encode::avx512::forward_quantized(proof, &group.rows(), quantizer, out),
        #[cfg(target_arch = "x86_64")]
        Cpu::Avx2(proof) => arch::encode::avx2::forward_quantized(proof, &group.rows(), quantizer, out),
        Cpu::Scalar => *out = std::array::from_fn(|i| quantizer.apply(&fdct::forward(&group.block(i)))),
    }
}

/// From what [`forward`] made to what [`forward_quantized`] makes.
pub(super) fn quantize(cpu: Cpu, blocks: &[Block; 4], quantizer: &Quantizer, out: &mut [Block; 4]) {
    match cpu {
        #[cfg(target_arch = "x86_64")]
        Cpu::Avx512(proof) => arch::encode::avx512::quantize(proof, blocks, quantizer, out),
        #[cfg(target_arch = "x86_64")]
        Cpu::Avx2(proof) => arch::encode::avx2::quantize(proof, blocks, quantizer, out),
        Cpu::Scalar => *out = blocks.each_ref().map(|block| quantizer.apply(block)),
    }
}
