//! Which code looks at tiles. All variants give the same integers.

#[cfg(target_arch = "x86_64")]
use super::avx2;
use super::looks::{Energies, Tile};
use super::scalar;

/// Which variant runs; chosen once, when the CPU was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// Plain code for any CPU, and the oracle of the others.
    Scalar,
    /// 32 samples at a time, which is a row of a tile.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Token),
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
        all.extend(avx2::Token::new().map(Self::Avx2));
        all
    }

    /// The numbers of the tile that begins with `samples`.
    pub(crate) fn tile(self, samples: &[u8], stride: usize) -> Tile {
        match self {
            Self::Scalar => scalar::tile(samples, stride),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => avx2::tile(token, samples, stride),
        }
    }

    /// Squared differences of the tile that begins at `start`; there are [`REACH`](super::looks::REACH) samples to its
    /// left, to its right and below.
    pub(crate) fn energies(self, samples: &[u8], start: usize, stride: usize) -> Energies {
        match self {
            Self::Scalar => scalar::energies(samples, start, stride),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => avx2::energies(token, samples, start, stride),
        }
    }

    /// Means of 2 × 2 samples; the rows are twice as long as `out`.
    pub(crate) fn halve(self, upper: &[u8], lower: &[u8], out: &mut [u8]) {
        match self {
            Self::Scalar => scalar::halve(upper, lower, out, 0),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => avx2::halve(token, upper, lower, out),
        }
    }
}
