//! AVX-512 VBMI: 48 bytes in, 64 characters out, in three instructions.
//!
//! Base64 cuts a stream of bits, highest first, into sixes. `vpermb` lays the eight bytes around
//! each eight characters into a qword with the bytes reversed, so that in the qword's value the
//! stream runs from the highest bit downwards without a gap. `vpmultishiftqb` then picks for every
//! output byte the eight bits that end with its six. A second `vpermb` looks the letter up; it
//! reads only the lower six bits of each index, so nothing needs masking.
//!
//! A vector may begin at any character of a group of four: at phase `r` its first character starts
//! `6 r` bits into the stream. Only the two controls change with the phase, not the instructions;
//! and a control that lists the characters of each dword backwards gives big-endian dwords for
//! SHA-256 at no cost. Plain encoding is phase 0.
//!
//! The last vector of a text uses a masked load and store, so there is no scalar tail.

use core::arch::x86_64::{
    __m512i, _mm512_loadu_si512, _mm512_mask_blend_epi8, _mm512_mask_storeu_epi8, _mm512_maskz_loadu_epi8,
    _mm512_multishift_epi64_epi8, _mm512_permutexvar_epi8, _mm512_set1_epi8, _mm512_set1_epi64, _mm512_storeu_si512,
};
use core::mem::MaybeUninit;

use super::super::ALPHABET;

/// Vectors per turn of the loop: their loads, permutations and stores overlap.
const TURN: usize = 4;

/// The `vpermb` control of each phase: byte `7 - i` of qword `q` is stream byte `i` of its eight
/// characters.
pub(super) const GATHER: [[u8; 64]; 4] = {
    let mut all = [[0; 64]; 4];
    let mut phase = 0;
    while phase < 4 {
        let mut at = 0;
        while at < 64 {
            let (qword, i) = (at / 8, 7 - at % 8);
            all[phase][at] = (qword * 6 + phase * 6 / 8 + i) as u8;
            at += 1;
        }
        phase += 1;
    }
    all
};

/// The `vpmultishiftqb` control of a phase, the same for all qwords: character `i` starts `s` bits
/// below the top and ends `58 - s` above the bottom. `flip` 0 keeps the order of text, 3 reverses
/// the characters of every dword.
pub(super) const fn shifts(phase: usize, flip: usize) -> i64 {
    let mut control = [0; 8];
    let mut i = 0;
    while i < 8 {
        control[i] = (58 - (phase * 6 % 8 + 6 * (i ^ flip))) as u8;
        i += 1;
    }
    i64::from_le_bytes(control)
}

/// The constants of one phase, in registers.
#[derive(Clone, Copy)]
pub(super) struct Letters {
    gather: __m512i,
    shifts: __m512i,
    alphabet: __m512i,
}

impl Letters {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    pub(super) fn new(phase: usize, flip: usize) -> Self {
        Self { gather: load(&GATHER[phase]), shifts: _mm512_set1_epi64(shifts(phase, flip)), alphabet: load(ALPHABET) }
    }

    /// 64 characters of up to 51 bytes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    pub(super) fn of(self, bytes: __m512i) -> __m512i {
        let bits = _mm512_permutexvar_epi8(self.gather, bytes);
        let sixes = _mm512_multishift_epi64_epi8(self.shifts, bits);
        _mm512_permutexvar_epi8(sixes, self.alphabet)
    }
}

/// Writes all of `dst`, whose length is the encoded length of `src`.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub(super) fn encode(src: &[u8], dst: &mut [MaybeUninit<u8>]) {
    let letters = Letters::new(0, 0);
    let (turns, src) = src.as_chunks::<{ TURN * 48 }>();
    let (turns_out, dst) = dst.split_at_mut(turns.len() * TURN * 64);
    for (bytes, text) in turns.iter().zip(turns_out.as_chunks_mut::<{ TURN * 64 }>().0) {
        // All loads stand before all stores: the compiler does not know that they never meet.
        let vectors: [__m512i; TURN] = {
            let (bytes, _) = bytes.as_chunks::<48>();
            [load_48(&bytes[0]), load_48(&bytes[1]), load_48(&bytes[2]), load_48(&bytes[3])]
        };
        for (vector, text) in vectors.into_iter().zip(text.as_chunks_mut::<64>().0) {
            store(text, letters.of(vector));
        }
    }
    let (blocks, src) = src.as_chunks::<48>();
    let (blocks_out, dst) = dst.split_at_mut(blocks.len() * 64);
    for (bytes, text) in blocks.iter().zip(blocks_out.as_chunks_mut::<64>().0) {
        store(text, letters.of(load_48(bytes)));
    }
    if !src.is_empty() {
        let text = letters.of(load_front(src));
        // One or two characters of padding: 1 byte over leaves 2, 2 bytes over leave 1.
        let padding = [0, 0b11, 0b1][src.len() % 3] << (dst.len() - [0, 2, 1][src.len() % 3]);
        store_front(dst, _mm512_mask_blend_epi8(padding, text, _mm512_set1_epi8(b'='.cast_signed())));
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: reads 64 bytes, which the array has; needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load_48(bytes: &[u8; 48]) -> __m512i {
    // SAFETY: the mask lets the lower 48 bytes be read, which the array has; masked-out bytes are
    // not touched and cannot fault.
    unsafe { _mm512_maskz_loadu_epi8(u64::MAX >> 16, bytes.as_ptr().cast()) }
}

/// The bytes of a slice of 1 to 64, and zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn load_front(bytes: &[u8]) -> __m512i {
    assert!(!bytes.is_empty() && bytes.len() <= 64);
    // SAFETY: the mask lets as many bytes be read as the slice has; masked-out bytes are not
    // touched and cannot fault.
    unsafe { _mm512_maskz_loadu_epi8(u64::MAX >> (64 - bytes.len()), bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn store(text: &mut [MaybeUninit<u8>; 64], vector: __m512i) {
    // SAFETY: writes 64 bytes, which the array has; needs no alignment.
    unsafe { _mm512_storeu_si512(text.as_mut_ptr().cast(), vector) }
}

/// As many characters as the slice of 1 to 64 has room for.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn store_front(text: &mut [MaybeUninit<u8>], vector: __m512i) {
    assert!(!text.is_empty() && text.len() <= 64);
    // SAFETY: the mask lets as many bytes be written as the slice has; masked-out bytes are not
    // touched and cannot fault.
    unsafe { _mm512_mask_storeu_epi8(text.as_mut_ptr().cast(), u64::MAX >> (64 - text.len()), vector) }
}
