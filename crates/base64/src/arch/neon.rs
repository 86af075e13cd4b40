//! NEON: 48 bytes in, 64 characters out. `ld3` takes the groups apart, so that each of the three
//! registers holds one byte of sixteen groups; `st4` puts the four characters of each together.

use core::arch::aarch64::{
    uint8x16x3_t, uint8x16x4_t, vandq_u8, vdupq_n_u8, vld1q_u8_x4, vld3q_u8, vqtbl4q_u8, vshrq_n_u8, vsliq_n_u8,
    vst4q_u8,
};
use core::mem::MaybeUninit;

use super::{ALPHABET, scalar};

/// A CPU with NEON, which every aarch64 has that Rust's targets are made for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Neon(());

impl Neon {
    pub(crate) const fn new() -> Self {
        const { assert!(cfg!(target_feature = "neon"), "NEON is part of every aarch64 target with floats") };
        Self(())
    }

    #[inline]
    pub(crate) fn encode(self, src: &[u8], dst: &mut [MaybeUninit<u8>]) {
        // SAFETY: `new` compiles only where the target has NEON.
        unsafe { encode(src, dst) }
    }
}

/// Writes all of `dst`, whose length is the encoded length of `src`.
#[target_feature(enable = "neon")]
fn encode(src: &[u8], dst: &mut [MaybeUninit<u8>]) {
    // SAFETY: reads 64 bytes, which the array has.
    let alphabet = unsafe { vld1q_u8_x4(ALPHABET.as_ptr()) };
    let (blocks, src) = src.as_chunks::<48>();
    let (texts, dst) = dst.split_at_mut(blocks.len() * 64);
    for (bytes, text) in blocks.iter().zip(texts.as_chunks_mut::<64>().0) {
        store(text, letters(alphabet, load(bytes)));
    }
    scalar::encode(src, dst);
}

/// The letters of sixteen groups `a b c`.
#[inline]
#[target_feature(enable = "neon")]
fn letters(alphabet: uint8x16x4_t, uint8x16x3_t(a, b, c): uint8x16x3_t) -> uint8x16x4_t {
    let six = vdupq_n_u8(63);
    // `sli` shifts its second operand left and keeps the lower bits of the first.
    let first = vshrq_n_u8(a, 2);
    let second = vandq_u8(vsliq_n_u8(vshrq_n_u8(b, 4), a, 4), six);
    let third = vandq_u8(vsliq_n_u8(vshrq_n_u8(c, 6), b, 2), six);
    let fourth = vandq_u8(c, six);
    uint8x16x4_t(
        vqtbl4q_u8(alphabet, first),
        vqtbl4q_u8(alphabet, second),
        vqtbl4q_u8(alphabet, third),
        vqtbl4q_u8(alphabet, fourth),
    )
}

#[inline]
#[target_feature(enable = "neon")]
fn load(bytes: &[u8; 48]) -> uint8x16x3_t {
    // SAFETY: reads 48 bytes, which the array has; needs no alignment.
    unsafe { vld3q_u8(bytes.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
fn store(text: &mut [MaybeUninit<u8>; 64], letters: uint8x16x4_t) {
    // SAFETY: writes 64 bytes, which the array has; needs no alignment.
    unsafe { vst4q_u8(text.as_mut_ptr().cast(), letters) }
}
