//! SSSE3: 12 bytes in, 16 characters out. The same steps as AVX2, which explains them.

use core::arch::x86_64::{
    __m128i, _mm_add_epi8, _mm_and_si128, _mm_cmpgt_epi8, _mm_loadu_si128, _mm_mullo_epi16, _mm_or_si128,
    _mm_set1_epi8, _mm_set1_epi32, _mm_setr_epi8, _mm_shuffle_epi8, _mm_srli_epi16, _mm_storeu_si128, _mm_sub_epi8,
    _mm_subs_epu8,
};
use core::hint::black_box;
use core::mem::MaybeUninit;

use super::super::scalar;
use super::steps;

/// Vectors per turn of the loop.
const TURN: usize = 4;

/// The constants, in registers.
#[derive(Clone, Copy)]
struct Letters {
    spread: __m128i,
    high: __m128i,
    low: __m128i,
    offsets: __m128i,
}

/// Writes all of `dst`, whose length is the encoded length of `src`.
#[target_feature(enable = "ssse3")]
pub(super) fn encode(mut src: &[u8], dst: &mut [MaybeUninit<u8>]) {
    let letters = Letters::new();
    // A load of 16 bytes takes 12 of them.
    let turns = steps(src, TURN * 12, TURN * 12 + 4);
    let (texts, dst) = dst.split_at_mut(turns * TURN * 16);
    for text in texts.as_chunks_mut::<{ TURN * 16 }>().0 {
        let Some(bytes) = src.first_chunk::<{ TURN * 12 + 4 }>() else { break };
        for (at, text) in text.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            if let Some(bytes) = bytes[12 * at..].first_chunk() {
                store(text, letters.of(load(bytes)));
            }
        }
        src = &src[TURN * 12..];
    }
    let blocks = steps(src, 12, 16);
    let (texts, dst) = dst.split_at_mut(blocks * 16);
    for text in texts.as_chunks_mut::<16>().0 {
        let Some(bytes) = src.first_chunk() else { break };
        store(text, letters.of(load(bytes)));
        src = &src[12..];
    }
    scalar::encode(src, dst);
}

impl Letters {
    #[inline]
    #[target_feature(enable = "ssse3")]
    fn new() -> Self {
        Self {
            spread: _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10),
            // Hidden from the compiler for the reason given in avx2.rs.
            high: black_box(_mm_set1_epi32(0x0010_0001)),
            low: black_box(_mm_set1_epi32(0x0100_0010)),
            offsets: _mm_setr_epi8(65, 71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -19, -16, 0, 0),
        }
    }

    #[inline]
    #[target_feature(enable = "ssse3")]
    fn of(self, bytes: __m128i) -> __m128i {
        let words = _mm_shuffle_epi8(bytes, self.spread);
        let even = _mm_srli_epi16(_mm_mullo_epi16(words, self.high), 10);
        let odd = _mm_mullo_epi16(_mm_and_si128(words, _mm_set1_epi32(0x003f_03f0)), self.low);
        let sixes = _mm_or_si128(even, odd);
        let over = _mm_subs_epu8(sixes, _mm_set1_epi8(51));
        let small = _mm_cmpgt_epi8(sixes, _mm_set1_epi8(25));
        _mm_add_epi8(sixes, _mm_shuffle_epi8(self.offsets, _mm_sub_epi8(over, small)))
    }
}

#[inline]
#[target_feature(enable = "ssse3")]
fn load(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: reads 16 bytes, which the array has; needs no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "ssse3")]
fn store(text: &mut [MaybeUninit<u8>; 16], vector: __m128i) {
    // SAFETY: writes 16 bytes, which the array has; needs no alignment.
    unsafe { _mm_storeu_si128(text.as_mut_ptr().cast(), vector) }
}
