//! Base64 and SHA-256 in one pass over the file, where the CPU has instructions for both.

use core::fmt;

#[cfg(target_arch = "x86_64")]
use crate::arch::x86_64::Avx512Sha as Cpu;

/// No other CPU has the two halves of the pass.
#[cfg(not(target_arch = "x86_64"))]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Cpu {}

/// Base64 and the compression function of SHA-256 in one pass, on CPUs with AVX-512 VBMI and the
/// SHA extensions. Whoever holds one has such a CPU. The text costs no time beside the hash, and
/// need not be stored.
///
/// This is the inner step alone: the initial state, the block in which the text begins, what
/// follows the last whole block, and SHA-256's own padding are the caller's.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fused(Cpu);

#[cfg(target_arch = "x86_64")]
impl Fused {
    /// `None` where the CPU lacks one of the two.
    #[must_use]
    pub fn new() -> Option<Self> {
        Cpu::new().map(Self)
    }

    /// Takes whole blocks of anything into the state.
    pub fn compress(self, state: &mut [u32; 8], blocks: &[[u8; 64]]) {
        self.0.compress(state, blocks);
    }

    /// Takes the base64 of `src`, from character `start` on, into the state, as far as it fills
    /// whole blocks of unpadded text. Returns the characters taken, a multiple of 64.
    #[must_use = "what is left of the text is still to be hashed"]
    pub fn hash(self, state: &mut [u32; 8], src: &[u8], start: usize) -> usize {
        self.0.hash(state, src, start)
    }

    /// [`hash`](Self::hash), and writes the characters taken to the front of `dst`; takes no more
    /// than fit there.
    #[must_use = "what is left of the text is still to be hashed"]
    pub fn hash_and_store(self, state: &mut [u32; 8], src: &[u8], start: usize, dst: &mut [u8]) -> usize {
        self.0.hash_and_store(state, src, start, dst)
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Fused {
    /// `None`: no CPU of this architecture has both halves.
    #[must_use]
    pub const fn new() -> Option<Self> {
        None
    }

    /// Takes whole blocks of anything into the state.
    pub fn compress(self, _: &mut [u32; 8], _: &[[u8; 64]]) {
        match self.0 {}
    }

    /// Takes the base64 of `src` into the state.
    #[must_use = "what is left of the text is still to be hashed"]
    pub fn hash(self, _: &mut [u32; 8], _: &[u8], _: usize) -> usize {
        match self.0 {}
    }

    /// The same, and stores the text.
    #[must_use = "what is left of the text is still to be hashed"]
    pub fn hash_and_store(self, _: &mut [u32; 8], _: &[u8], _: usize, _: &mut [u8]) -> usize {
        match self.0 {}
    }
}

impl fmt::Debug for Fused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fused")
    }
}
