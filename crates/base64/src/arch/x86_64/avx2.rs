//! AVX2: 24 bytes in, 32 characters out. In every dword, from a group of bytes `a b c`:
//!
//! ```text
//! spread      words  b:a, b:c             (low word first; each written high byte:low byte as a:b, b:c)
//! even        a>>2 in the low word,  the middle six bits (b<<2|c>>6) & 63 in the high word
//! odd         (a<<4|b>>4) & 63 in the second byte,  c & 63 in the fourth
//! sixes       even | odd: the four indices, in the order of the text
//! offsets     what to add to an index to get its letter, found through
//!             0 for A-Z, 1 for a-z, 2..=11 for 0-9, 12 for +, 13 for /
//! ```

use core::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm_slli_si128, _mm256_add_epi8, _mm256_and_si256, _mm256_cmpgt_epi8,
    _mm256_loadu_si256, _mm256_mullo_epi16, _mm256_or_si256, _mm256_set_m128i, _mm256_set1_epi8, _mm256_set1_epi32,
    _mm256_setr_epi8, _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_storeu_si256, _mm256_sub_epi8, _mm256_subs_epu8,
};
use core::hint::black_box;
use core::mem::{self, MaybeUninit};

use super::ssse3;

/// Vectors per turn of the loop.
const TURN: usize = 4;

/// Bytes that a turn reads to take `TURN * 24` of them: four before, and four behind.
const WINDOW: usize = TURN * 24 + 8;

/// The constants, in registers.
#[derive(Clone, Copy)]
struct Letters {
    spread: __m256i,
    high: __m256i,
    low: __m256i,
    offsets: __m256i,
}

/// Writes all of `dst`, whose length is the encoded length of `src`.
#[target_feature(enable = "avx2")]
pub(super) fn encode(mut src: &[u8], mut dst: &mut [MaybeUninit<u8>]) {
    if let Some(first) = src.first_chunk() {
        let letters = Letters::new();
        let (text, mut rest) = mem::take(&mut dst).split_at_mut(32);
        store(text, letters.of(load_halves(first)));
        // From here on the four bytes before the next group stay in `src`.
        src = &src[20..];
        while let Some(window) = src.first_chunk::<WINDOW>() {
            let (text, behind) = rest.split_at_mut(TURN * 32);
            for (at, text) in text.chunks_exact_mut(32).enumerate() {
                store(text, letters.of(load(window[24 * at..].first_chunk().unwrap_or(&[0; 32]))));
            }
            (src, rest) = (&src[TURN * 24..], behind);
        }
        while let Some(bytes) = src.first_chunk() {
            let (text, behind) = rest.split_at_mut(32);
            store(text, letters.of(load(bytes)));
            (src, rest) = (&src[24..], behind);
        }
        (src, dst) = (&src[4..], rest);
    }
    ssse3::encode(src, dst);
}

impl Letters {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new() -> Self {
        Self {
            spread: _mm256_setr_epi8(
                5, 4, 6, 5, 8, 7, 9, 8, 11, 10, 12, 11, 14, 13, 15, 14, //
                1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10,
            ),
            // The compiler knows that these multiplications are shifts, and spells them out in
            // three instructions each, which halves the speed. It may not see the constants.
            high: black_box(_mm256_set1_epi32(0x0010_0001)),
            low: black_box(_mm256_set1_epi32(0x0100_0010)),
            offsets: _mm256_setr_epi8(
                65, 71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -19, -16, 0, 0, //
                65, 71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -19, -16, 0, 0,
            ),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn of(self, bytes: __m256i) -> __m256i {
        let words = _mm256_shuffle_epi8(bytes, self.spread);
        // Low word: shifted right by 10. High word: left by 4, then right by 10.
        let even = _mm256_srli_epi16(_mm256_mullo_epi16(words, self.high), 10);
        // Low word: left by 4. High word: left by 8.
        let odd = _mm256_mullo_epi16(_mm256_and_si256(words, _mm256_set1_epi32(0x003f_03f0)), self.low);
        let sixes = _mm256_or_si256(even, odd);
        // 0 up to index 51, then 1..=12; and one more for every index from 26 (a comparison
        // that holds is -1).
        let over = _mm256_subs_epu8(sixes, _mm256_set1_epi8(51));
        let small = _mm256_cmpgt_epi8(sixes, _mm256_set1_epi8(25));
        _mm256_add_epi8(sixes, _mm256_shuffle_epi8(self.offsets, _mm256_sub_epi8(over, small)))
    }
}

/// The 24 bytes behind the first four of 32, as one load: each half of the vector then holds its
/// twelve, the lower one behind four others, the upper one before four others.
#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: reads 32 bytes, which the array has; needs no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// The first 24 bytes, laid out as [`load`] does it, where nothing stands before them.
#[inline]
#[target_feature(enable = "avx2")]
fn load_halves(bytes: &[u8; 28]) -> __m256i {
    let half = |at: usize| -> __m128i {
        let half: &[u8; 16] = bytes[at..].first_chunk().unwrap_or(&[0; 16]);
        // SAFETY: reads 16 bytes, which the array has; needs no alignment.
        unsafe { _mm_loadu_si128(half.as_ptr().cast()) }
    };
    _mm256_set_m128i(half(12), _mm_slli_si128::<4>(half(0)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(text: &mut [MaybeUninit<u8>], vector: __m256i) {
    assert_eq!(text.len(), 32);
    // SAFETY: writes 32 bytes, which the slice has; needs no alignment.
    unsafe { _mm256_storeu_si256(text.as_mut_ptr().cast(), vector) }
}
