//! Base64 and SHA-256 in one pass: 64 characters are one vector of the encoder and one block of
//! the hash. The rounds of a block wait for each other and leave most of the
//! core idle; encoding the following blocks fits into the gaps and costs nothing.
//!
//! Only whole blocks of unpadded text pass through here. Where the text begins inside a block, the
//! caller has completed that block and names the character at which the next one starts.

use core::arch::x86_64::{
    __m128i, __m512i, _MM_HINT_T0, _mm_prefetch, _mm512_castsi512_si128, _mm512_extracti32x4_epi32,
};
use core::mem::MaybeUninit;

use super::sha::State;
use super::vbmi::{Letters, load_front, store};
use crate::arch::as_uninit;

/// Bytes ahead of the load that are asked for. The hash is too slow for the CPU's own prefetcher to
/// run far ahead, and each miss would stop the rounds.
const AHEAD: usize = 1024;

/// Hashes the whole blocks of the text of `src` from character `start` on; returns the characters
/// taken, a multiple of 64.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,sha,sse4.1,ssse3")]
pub(super) fn hash(state: &mut [u32; 8], src: &[u8], start: usize) -> usize {
    let Some(blocks) = Blocks::new(src, start, usize::MAX) else { return 0 };
    let count = blocks.count;
    let letters = Letters::new(blocks.phase, 3);
    let mut inner = State::new(state);
    for bytes in blocks {
        inner = inner.take(quarters(letters.of(load_front(bytes))));
    }
    inner.leave(state);
    count * 64
}

/// The same, and writes the text to `dst`; no more blocks than fit there.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,sha,sse4.1,ssse3")]
pub(super) fn hash_and_store(state: &mut [u32; 8], src: &[u8], start: usize, dst: &mut [u8]) -> usize {
    let Some(blocks) = Blocks::new(src, start, dst.len() / 64) else { return 0 };
    let count = blocks.count;
    let (words, letters) = (Letters::new(blocks.phase, 3), Letters::new(blocks.phase, 0));
    let mut inner = State::new(state);
    let dst: &mut [MaybeUninit<u8>] = as_uninit(dst);
    for (bytes, text) in blocks.zip(dst.as_chunks_mut::<64>().0) {
        let bytes = load_front(bytes);
        store(text, letters.of(bytes));
        inner = inner.take(quarters(words.of(bytes)));
    }
    inner.leave(state);
    count * 64
}

/// The bytes that each block of text is made of: 48, and up to three more where the block begins
/// inside a group.
struct Blocks<'a> {
    src: &'a [u8],
    phase: usize,
    need: usize,
    count: usize,
}

impl<'a> Blocks<'a> {
    fn new(src: &'a [u8], start: usize, most: usize) -> Option<Self> {
        let phase = start % 4;
        let count = ((src.len() / 3 * 4).checked_sub(start)? / 64).min(most);
        let src = src.get(start / 4 * 3..)?;
        Some(Self { src, phase, need: 48 + phase, count })
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let bytes = self.src.get(..self.need)?;
        if self.count == 0 {
            return None;
        }
        self.count -= 1;
        // SAFETY: a prefetch reads nothing and cannot fault, wherever it points.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().wrapping_add(AHEAD).cast()) };
        self.src = &self.src[48..];
        Some(bytes)
    }
}

/// The sixteen words of a block.
#[inline]
#[target_feature(enable = "avx512f")]
fn quarters(block: __m512i) -> [__m128i; 4] {
    [
        _mm512_castsi512_si128(block),
        _mm512_extracti32x4_epi32(block, 1),
        _mm512_extracti32x4_epi32(block, 2),
        _mm512_extracti32x4_epi32(block, 3),
    ]
}
