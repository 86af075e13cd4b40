//! What disks, networks and memory do to files.

use crate::Rng;

/// One kind of damage. None changes a file's length but [`Lost`](Self::Lost).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// One bit.
    Bit,
    /// A block of zeros: a part of a download that never came.
    Zeros,
    /// A block of ones: flash memory that was erased.
    Ones,
    /// A block of anything: of another file.
    Other,
    /// Two blocks in each other's place.
    Swapped,
    /// A block as the one before it.
    Doubled,
    /// A block is gone, and the rest moved up.
    Lost,
}

impl Damage {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Bit, Self::Zeros, Self::Ones, Self::Other, Self::Swapped, Self::Doubled, Self::Lost];

    /// The file with one such damage at some place from `from` on. Blocks have `block` bytes and begin at a multiple of
    /// that.
    ///
    /// # Panics
    /// Where there are not two whole blocks behind `from`.
    pub fn apply(self, file: &[u8], from: usize, block: usize, rng: &mut Rng) -> Vec<u8> {
        let mut out = file.to_vec();
        let below = |rng: &mut Rng, n: usize| rng.below(u32::try_from(n).expect("a small file")) as usize;
        let first = from.div_ceil(block);
        let blocks = (file.len() / block).checked_sub(first + 1).filter(|n| *n > 0).expect("two whole blocks");
        let at = (first + 1 + below(rng, blocks)) * block;
        let range = at..at + block;
        match self {
            Self::Bit => {
                let bit = from * 8 + below(rng, (file.len() - from) * 8);
                out[bit / 8] ^= 1 << (bit % 8);
            }
            Self::Zeros => out[range].fill(0),
            Self::Ones => out[range].fill(255),
            Self::Other => out[range].iter_mut().for_each(|byte| *byte = rng.next_u32() as u8),
            Self::Swapped => {
                let other = (first + below(rng, blocks)) * block;
                let (low, high) = (other.min(at), other.max(at));
                let (head, tail) = out.split_at_mut(high);
                if low < high {
                    head[low..low + block].swap_with_slice(&mut tail[..block]);
                }
            }
            Self::Doubled => out.copy_within(at - block..at, at),
            Self::Lost => drop(out.drain(range)),
        }
        out
    }
}
