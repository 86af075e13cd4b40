//! The two passes over one output row. All variants compute the same integers, so that the scalar one
//! judges the others to the bit.
//!
//! *Down*: every column of the output row is a weighted sum of the same column in `taps` source
//! rows: `u8 × Q14 → i32`, rounded to `i16` with [`MID_BITS`] fractional bits and saturated.
//!
//! *Across*: every output sample is a weighted sum of `taps` neighbours in that `i16` row:
//! `Q6 × Q14 → i32` with 20 fractional bits, to which the bias is added, rounded to `u8` and
//! saturated. Weights of one output add up to at most about 1.2 (video range expansion), so with the
//! overshoot of any filter here neither pass comes near the ends of `i32`.

use super::coeffs::{WEIGHT_BITS, Weights};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

/// Fractional bits of the row between the passes.
pub(crate) const MID_BITS: u32 = 6;
/// Fractional bits of the bias and of sums in the pass across.
pub(crate) const SUM_BITS: u32 = WEIGHT_BITS + MID_BITS;
pub(super) const DOWN_SHIFT: u32 = WEIGHT_BITS - MID_BITS;

/// Samples that are read from an output's first input on, at most and for any weights of at most 64
/// taps.
pub(crate) const BEHIND: usize = 64;

/// Which variant runs; chosen once, when the CPU was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// Plain code for any CPU, and the oracle of the others.
    Scalar,
    /// 32 columns or 8 outputs at a time. Holding the token proves that the CPU can.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Token),
    /// 64 columns or 16 outputs at a time.
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Token),
}

impl Kernel {
    /// The fastest variant that this CPU runs.
    pub(crate) fn detect() -> Self {
        Self::all().pop().unwrap_or(Self::Scalar)
    }

    /// All variants that this CPU runs, the fastest last.
    pub(super) fn all() -> Vec<Self> {
        let mut all = vec![Self::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(avx2::Token::new().map(Self::Avx2));
            all.extend(avx512::Token::new().map(Self::Avx512));
        }
        all
    }

    /// One row of column sums. `rows` and `weights` are equally many, an even number; every row has
    /// at least `out.len()` samples.
    pub(crate) fn down(self, rows: &[&[u8]], weights: &[i16], out: &mut [i16]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) if out.len() >= avx2::COLUMNS => avx2::down(token, rows, weights, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(token) if out.len() >= avx512::COLUMNS => avx512::down(token, rows, weights, out),
            _ => down(rows, weights, out),
        }
    }

    /// One row of output. `row` reaches at least [`BEHIND`] samples behind the last start.
    pub(crate) fn across(self, row: &[i16], weights: &Weights, bias: i32, out: &mut [u8]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => avx2::across(token, row, weights, bias, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(token) => avx512::across(token, row, weights, bias, out),
            Self::Scalar => across(row, weights, bias, out, 0),
        }
    }
}

fn down(rows: &[&[u8]], weights: &[i16], out: &mut [i16]) {
    for (x, out) in out.iter_mut().enumerate() {
        let mut sum = 1 << (DOWN_SHIFT - 1);
        for (row, weight) in rows.iter().zip(weights) {
            sum += i32::from(row[x]) * i32::from(*weight);
        }
        *out = (sum >> DOWN_SHIFT).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
    }
}

/// From output `first` on.
pub(super) fn across(row: &[i16], weights: &Weights, bias: i32, out: &mut [u8], first: usize) {
    for (i, out) in out.iter_mut().enumerate().skip(first) {
        let values = &weights.values[i * weights.taps..][..weights.taps];
        let source = &row[weights.starts[i]..][..weights.taps];
        let mut sum = bias + (1 << (SUM_BITS - 1));
        for (sample, weight) in source.iter().zip(values) {
            sum += i32::from(*sample) * i32::from(*weight);
        }
        *out = (sum >> SUM_BITS).clamp(0, 255) as u8;
    }
}
