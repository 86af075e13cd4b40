//! Vectors from slices and to them.

use std::arch::x86_64::*;

#[inline(always)]
pub(super) fn load(from: &[u8; 16]) -> __m128i {
    // SAFETY: 16 readable bytes; the load needs no alignment.
    unsafe { _mm_loadu_si128(from.as_ptr().cast()) }
}

/// Sixteen samples from `at` on.
#[inline(always)]
pub(super) fn load_16(from: &[u8], at: usize) -> __m128i {
    load(from[at..].first_chunk().expect("sixteen samples"))
}

/// Eight samples from `at` on, and zeros.
#[inline(always)]
pub(super) fn load_8(from: &[u8], at: usize) -> __m128i {
    let from: &[u8; 8] = from[at..].first_chunk().expect("eight samples");
    // SAFETY: 8 readable bytes; the load needs no alignment.
    unsafe { _mm_loadl_epi64(from.as_ptr().cast()) }
}

#[inline(always)]
pub(super) fn store_16(value: __m128i, to: &mut [u8], at: usize) {
    let to: &mut [u8; 16] = to[at..].first_chunk_mut().expect("sixteen samples");
    // SAFETY: 16 writable bytes; the store needs no alignment.
    unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), value) }
}

/// The lower half.
#[inline(always)]
pub(super) fn store_8(value: __m128i, to: &mut [u8], at: usize) {
    let to: &mut [u8; 8] = to[at..].first_chunk_mut().expect("eight samples");
    // SAFETY: 8 writable bytes; the store needs no alignment.
    unsafe { _mm_storel_epi64(to.as_mut_ptr().cast(), value) }
}

/// The upper half.
#[inline(always)]
pub(super) fn store_high_8(value: __m128i, to: &mut [u8], at: usize) {
    let to: &mut [u8; 8] = to[at..].first_chunk_mut().expect("eight samples");
    // SAFETY: every x86-64 CPU has SSE2.
    let pair = unsafe { _mm_castsi128_pd(value) };
    // SAFETY: 8 writable bytes; the store needs no alignment.
    unsafe { _mm_storeh_pd(to.as_mut_ptr().cast(), pair) }
}

#[inline(always)]
pub(super) fn load_words(from: &[i16; 16]) -> __m256i {
    // SAFETY: `__m256i` is 32 bytes as `[i16; 16]` is, and any are one.
    unsafe { std::mem::transmute(*from) }
}

#[inline(always)]
pub(super) fn clear(words: &mut [i16; 64]) {
    *words = [0; 64];
}
