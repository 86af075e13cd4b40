//! Which code looks at tiles. All variants give the same integers.

use super::looks::{Energies, SIDE, Tile, WIDE};
#[cfg(target_arch = "aarch64")]
use super::neon;
use super::scalar;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use crate::cpu::Cpu;

impl Cpu {
    /// The numbers of tiles that stand side by side, the first of which begins with `samples`.
    pub(crate) fn tiles(self, samples: &[u8], stride: usize, tiles: &mut [Tile]) {
        // Where a plane ends, so may the last tile.
        let room = samples.len().saturating_sub((SIDE - 1) * stride + WIDE - SIDE) / SIDE;
        let (roomy, last) = tiles.split_at_mut(tiles.len().min(room));
        match self {
            Self::Scalar => one_by_one(samples, stride, roomy, scalar::tile),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(proof) => {
                one_by_one(samples, stride, roomy, |samples, stride| avx2::tile(proof, samples, stride))
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(proof) => {
                let (pairs, odd) = roomy.as_chunks_mut::<2>();
                for (i, pair) in pairs.iter_mut().enumerate() {
                    *pair = avx512::pair(proof, &samples[i * 2 * SIDE..], stride);
                }
                let samples = &samples[pairs.len() * 2 * SIDE..];
                one_by_one(samples, stride, odd, |samples, stride| avx2::tile(proof.avx2(), samples, stride));
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => one_by_one(samples, stride, roomy, neon::tile),
        }
        if !last.is_empty() {
            one_by_one(&samples[roomy.len() * SIDE..], stride, last, scalar::tile);
        }
    }

    /// Squared differences of the tile that begins at `start`; there are [`REACH`](super::looks::REACH) samples to its
    /// left, to its right and below.
    pub(crate) fn energies(self, samples: &[u8], start: usize, stride: usize) -> Energies {
        match self {
            Self::Scalar => scalar::energies(samples, start, stride),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(proof) => avx2::energies(proof, samples, start, stride),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(proof) => avx512::energies(proof, samples, start, stride),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => neon::energies(samples, start, stride),
        }
    }

    /// Means of 2 × 2 samples; the rows are twice as long as `out`.
    pub(crate) fn halve(self, upper: &[u8], lower: &[u8], out: &mut [u8]) {
        // Bound by memory: vectors longer than AVX2's gain nothing.
        #[cfg(target_arch = "x86_64")]
        if let Some(proof) = self.avx2() {
            return avx2::halve(proof, upper, lower, out);
        }
        #[cfg(target_arch = "aarch64")]
        if self == Self::Neon {
            return neon::halve(upper, lower, out);
        }
        scalar::halve(upper, lower, out, 0);
    }
}

fn one_by_one(samples: &[u8], stride: usize, tiles: &mut [Tile], look: impl Fn(&[u8], usize) -> Tile) {
    for (i, tile) in tiles.iter_mut().enumerate() {
        *tile = look(&samples[i * SIDE..], stride);
    }
}
