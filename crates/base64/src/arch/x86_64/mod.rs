//! x86-64: which of the kernels this CPU can run, and the step into them.

mod avx2;
mod fused;
mod sha;
mod ssse3;
mod vbmi;

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU8, Ordering};

use super::Isa;

/// Whether the CPU, and the operating system that saves its registers, have all of these. Without
/// std nobody can ask the operating system, and the build's own promises must do.
macro_rules! has {
    ($($feature:tt),+) => {{
        #[cfg(feature = "std")]
        { $(std::arch::is_x86_feature_detected!($feature))&&+ }
        #[cfg(not(feature = "std"))]
        { $(cfg!(target_feature = $feature))&&+ }
    }};
}

/// A CPU with AVX-512 F, BW and VBMI.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Avx512(());

/// A CPU with AVX2.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Avx2(());

/// A CPU with SSSE3.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ssse3(());

/// A CPU with AVX-512 F, BW and VBMI, and the SHA extensions.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Avx512Sha(());

impl Avx512 {
    pub(crate) fn new() -> Option<Self> {
        has!("avx512f", "avx512bw", "avx512vbmi").then_some(Self(()))
    }

    #[inline]
    pub(crate) fn encode(self, src: &[u8], dst: &mut [MaybeUninit<u8>]) {
        // SAFETY: `new` saw the features that `encode` is compiled for.
        unsafe { vbmi::encode(src, dst) }
    }
}

impl Avx2 {
    pub(crate) fn new() -> Option<Self> {
        has!("avx2").then_some(Self(()))
    }

    #[inline]
    pub(crate) fn encode(self, src: &[u8], dst: &mut [MaybeUninit<u8>]) {
        // SAFETY: `new` saw the feature that `encode` is compiled for.
        unsafe { avx2::encode(src, dst) }
    }
}

impl Ssse3 {
    pub(crate) fn new() -> Option<Self> {
        has!("ssse3").then_some(Self(()))
    }

    #[inline]
    pub(crate) fn encode(self, src: &[u8], dst: &mut [MaybeUninit<u8>]) {
        // SAFETY: `new` saw the feature that `encode` is compiled for.
        unsafe { ssse3::encode(src, dst) }
    }
}

impl Avx512Sha {
    pub(crate) fn new() -> Option<Self> {
        has!("avx512f", "avx512bw", "avx512vbmi", "sha", "sse4.1", "ssse3").then_some(Self(()))
    }

    pub(crate) fn compress(self, state: &mut [u32; 8], blocks: &[[u8; 64]]) {
        // SAFETY: `new` saw the features that `compress` is compiled for.
        unsafe { sha::compress(state, blocks) }
    }

    pub(crate) fn hash(self, state: &mut [u32; 8], src: &[u8], start: usize) -> usize {
        // SAFETY: `new` saw the features that `hash` is compiled for.
        unsafe { fused::hash(state, src, start) }
    }

    pub(crate) fn hash_and_store(self, state: &mut [u32; 8], src: &[u8], start: usize, dst: &mut [u8]) -> usize {
        // SAFETY: `new` saw the features that `hash_and_store` is compiled for.
        unsafe { fused::hash_and_store(state, src, start, dst) }
    }
}

/// How often a kernel can read `reads` bytes and move on by `takes`.
const fn steps(src: &[u8], takes: usize, reads: usize) -> usize {
    match src.len().checked_sub(reads) {
        Some(spare) => spare / takes + 1,
        None => 0,
    }
}

/// The fastest kernel. The CPU is asked once; each later call costs one load.
#[inline]
pub(super) fn best() -> Isa {
    // Only `ask` writes here, and only what it holds the proof of: that is what lets the proofs
    // below be made again out of a number.
    static BEST: AtomicU8 = AtomicU8::new(UNKNOWN);
    const UNKNOWN: u8 = 0;
    const AVX512: u8 = 1;
    const AVX2: u8 = 2;
    const SSSE3: u8 = 3;
    const NONE: u8 = 4;

    #[cold]
    fn ask() -> u8 {
        let best = match super::all().next() {
            Some(Isa::Avx512(_)) => AVX512,
            Some(Isa::Avx2(_)) => AVX2,
            Some(Isa::Ssse3(_)) => SSSE3,
            _ => NONE,
        };
        BEST.store(best, Ordering::Relaxed);
        best
    }

    let best = match BEST.load(Ordering::Relaxed) {
        UNKNOWN => ask(),
        known => known,
    };
    match best {
        AVX512 => Isa::Avx512(Avx512(())),
        AVX2 => Isa::Avx2(Avx2(())),
        SSSE3 => Isa::Ssse3(Ssse3(())),
        _ => Isa::Portable,
    }
}
