//! SHA-256's compression with the SHA extensions.

use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_loadu_si128, _mm_setr_epi8, _mm_setr_epi32,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
};

/// FIPS 180-4, 4.2.2.
const ROUND: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, //
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, //
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, //
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, //
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, //
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, //
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, //
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/// The eight words as the instructions want them: `a b e f` and `c d g h`, first word highest.
#[derive(Clone, Copy)]
pub(super) struct State {
    abef: __m128i,
    cdgh: __m128i,
}

/// Takes whole blocks into the state.
#[target_feature(enable = "sha,sse4.1,ssse3")]
pub(super) fn compress(state: &mut [u32; 8], blocks: &[[u8; 64]]) {
    // Words of the message are big-endian.
    let swap = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
    let mut inner = State::new(state);
    for block in blocks {
        let (quarters, _) = block.as_chunks::<16>();
        inner = inner.take([
            _mm_shuffle_epi8(load(&quarters[0]), swap),
            _mm_shuffle_epi8(load(&quarters[1]), swap),
            _mm_shuffle_epi8(load(&quarters[2]), swap),
            _mm_shuffle_epi8(load(&quarters[3]), swap),
        ]);
    }
    inner.leave(state);
}

impl State {
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    pub(super) fn new(state: &[u32; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = state.map(u32::cast_signed);
        Self { abef: _mm_setr_epi32(f, e, b, a), cdgh: _mm_setr_epi32(h, g, d, c) }
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    pub(super) fn leave(self, state: &mut [u32; 8]) {
        let Self { abef, cdgh } = self;
        *state = [
            _mm_extract_epi32(abef, 3),
            _mm_extract_epi32(abef, 2),
            _mm_extract_epi32(cdgh, 3),
            _mm_extract_epi32(cdgh, 2),
            _mm_extract_epi32(abef, 1),
            _mm_extract_epi32(abef, 0),
            _mm_extract_epi32(cdgh, 1),
            _mm_extract_epi32(cdgh, 0),
        ]
        .map(i32::cast_unsigned);
    }

    /// One block, given as its sixteen words.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    pub(super) fn take(self, [mut w0, mut w1, mut w2, mut w3]: [__m128i; 4]) -> Self {
        let Self { mut abef, mut cdgh } = self;
        // Four rounds; the roles of the two halves change with every two.
        macro_rules! four {
            ($words:expr, $at:literal) => {
                let keyed = _mm_add_epi32($words, round::<$at>());
                cdgh = _mm_sha256rnds2_epu32(cdgh, abef, keyed);
                abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(keyed, 0x0e));
            };
        }
        // Sixteen rounds, and the sixteen words that follow.
        macro_rules! sixteen {
            ($at:literal, $b:literal, $c:literal, $d:literal) => {
                four!(w0, $at);
                w0 = next(w0, w1, w2, w3);
                four!(w1, $b);
                w1 = next(w1, w2, w3, w0);
                four!(w2, $c);
                w2 = next(w2, w3, w0, w1);
                four!(w3, $d);
                w3 = next(w3, w0, w1, w2);
            };
        }
        sixteen!(0, 4, 8, 12);
        sixteen!(16, 20, 24, 28);
        sixteen!(32, 36, 40, 44);
        four!(w0, 48);
        four!(w1, 52);
        four!(w2, 56);
        four!(w3, 60);
        Self { abef: _mm_add_epi32(abef, self.abef), cdgh: _mm_add_epi32(cdgh, self.cdgh) }
    }
}

/// Four words of the schedule from the sixteen before them.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn next(w0: __m128i, w1: __m128i, w2: __m128i, w3: __m128i) -> __m128i {
    let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
    _mm_sha256msg2_epu32(sum, w3)
}

/// The constants of four rounds.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn round<const AT: usize>() -> __m128i {
    let k = const { [ROUND[AT], ROUND[AT + 1], ROUND[AT + 2], ROUND[AT + 3]] }.map(u32::cast_signed);
    _mm_setr_epi32(k[0], k[1], k[2], k[3])
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn load(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: reads 16 bytes, which the array has; needs no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}
