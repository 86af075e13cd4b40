//! Which code does the two passes over one output row. All variants compute the same integers.

use super::coeffs::Weights;
use super::scalar;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

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
            _ => scalar::down(rows, weights, out),
        }
    }

    /// One row of output. `row` reaches at least [`BEHIND`] samples behind the last start.
    pub(crate) fn across(self, row: &[i16], weights: &Weights, bias: i32, out: &mut [u8]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => avx2::across(token, row, weights, bias, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(token) => avx512::across(token, row, weights, bias, out),
            Self::Scalar => scalar::across(row, weights, bias, out, 0),
        }
    }
}
