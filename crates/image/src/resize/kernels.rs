//! Which code does the two passes over one output row. All variants compute the same integers.

use super::coeffs::Weights;
use super::scalar;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use crate::cpu::Cpu;

/// Samples that are read from an output's first input on, at most and for any weights of at most 64
/// taps.
pub(crate) const BEHIND: usize = 64;

impl Cpu {
    /// One row of column sums. `rows` and `weights` are equally many, an even number; every row has
    /// at least `out.len()` samples.
    pub(crate) fn down(self, rows: &[&[u8]], weights: &[i16], out: &mut [i16]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(proof) if out.len() >= avx2::COLUMNS => avx2::down(proof, rows, weights, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(proof) if out.len() >= avx512::COLUMNS => avx512::down(proof, rows, weights, out),
            _ => scalar::down(rows, weights, out),
        }
    }

    /// One row of output. `row` reaches at least [`BEHIND`] samples behind the last start.
    pub(crate) fn across(self, row: &[i16], weights: &Weights, bias: i32, out: &mut [u8]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(proof) => avx2::across(proof, row, weights, bias, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(proof) => avx512::across(proof, row, weights, bias, out),
            _ => scalar::across(row, weights, bias, out, 0),
        }
    }
}
