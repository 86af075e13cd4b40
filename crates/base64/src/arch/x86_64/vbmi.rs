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
    __m512i, _MM_HINT_T0, _mm_prefetch, _mm_sfence, _mm512_loadu_si512, _mm512_mask_blend_epi8,
    _mm512_mask_storeu_epi8, _mm512_maskz_loadu_epi8, _mm512_multishift_epi64_epi8, _mm512_permutexvar_epi8,
    _mm512_set1_epi8, _mm512_set1_epi64, _mm512_storeu_si512, _mm512_stream_si512,
};
use core::mem::{self, MaybeUninit};

use super::super::ALPHABET;
use super::steps;

/// Vectors per turn of the loop: their loads, permutations and stores overlap.
const TURN: usize = 4;

/// Bytes that a turn reads to take `TURN * 48` of them. Its loads are whole vectors: behind loads
/// with a mask the CPU's prefetcher does not run ahead, which halves the speed from main memory.
const WINDOW: usize = TURN * 48 + 16;

/// Characters from which on stores are moved to the boundaries of cache lines: beyond the caches of
/// one core a store across two lines costs two.
const ALIGNED: usize = 1 << 20;

/// Characters from which on the text goes past the caches, since it no longer fits there together
/// with the bytes: the lines that it fills need not be read from memory first. Measured with 32 MiB
/// of third-level cache, shared: as fast at 8 MB of bytes, 1.3 times as fast at 17 MB.
const STREAMED: usize = 12 << 20;

/// Bytes ahead of the loads that are asked for while the text goes past the caches.
const AHEAD: usize = 2048;

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

    /// One turn. All loads stand before all stores, since the compiler does not know that they never
    /// meet; and each store directly behind its permutations, which is worth 8 % over four at the end.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn turn<T>(self, window: &[u8; WINDOW], text: &mut [T; TURN], store: impl Fn(&mut T, __m512i)) {
        let at = |at: usize| load(window[at..].first_chunk().unwrap_or(ALPHABET));
        let [a, b, c, d] = [at(0), at(48), at(96), at(144)];
        store(&mut text[0], self.of(a));
        store(&mut text[1], self.of(b));
        store(&mut text[2], self.of(c));
        store(&mut text[3], self.of(d));
    }

    /// Encodes up to the first boundary of a line, where whole groups reach it.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn to_line<'s, 'd>(self, src: &'s [u8], dst: &'d mut [MaybeUninit<u8>]) -> Rest<'s, 'd> {
        let missing = dst.as_ptr().addr().wrapping_neg() % 64;
        if missing == 0 || !missing.is_multiple_of(4) {
            return (src, dst);
        }
        let ((bytes, src), (text, dst)) = (src.split_at(missing / 4 * 3), dst.split_at_mut(missing));
        store_front(text, self.of(load_front(bytes)));
        (src, dst)
    }

    /// Encodes as many turns as there are windows.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn turns<'s, 'd>(self, mut src: &'s [u8], mut dst: &'d mut [MaybeUninit<u8>]) -> Rest<'s, 'd> {
        while let Some(window) = src.first_chunk() {
            let (text, rest) = mem::take(&mut dst).split_at_mut(TURN * 64);
            let Some(vectors) = text.as_chunks_mut::<64>().0.first_chunk_mut() else { break };
            self.turn(window, vectors, |text, vector| store(text, vector));
            (src, dst) = (&src[TURN * 48..], rest);
        }
        (src, dst)
    }

    /// The same past the caches, where the text begins on a line.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn stream<'s, 'd>(self, mut src: &'s [u8], dst: &'d mut [MaybeUninit<u8>]) -> Rest<'s, 'd> {
        if !dst.as_ptr().cast::<Line>().is_aligned() {
            return (src, dst);
        }
        let turns = steps(src, TURN * 48, WINDOW);
        let (texts, dst) = dst.split_at_mut(turns * TURN * 64);
        // SAFETY: a line is 64 bytes of the same type, and any bytes are one.
        let (_, lines, _) = unsafe { texts.align_to_mut::<Line>() };
        assert_eq!(lines.len(), turns * TURN);
        for text in lines.as_chunks_mut::<TURN>().0 {
            let Some(window) = src.first_chunk() else { break };
            prefetch(window);
            self.turn(window, text, |line, vector| store_past_caches(line, vector));
            src = &src[TURN * 48..];
        }
        _mm_sfence();
        (src, dst)
    }
}

/// What is left of bytes and text.
type Rest<'s, 'd> = (&'s [u8], &'d mut [MaybeUninit<u8>]);

/// A cache line of text.
#[repr(C, align(64))]
struct Line([MaybeUninit<u8>; 64]);

/// Writes all of `dst`, whose length is the encoded length of `src`.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub(super) fn encode(mut src: &[u8], mut dst: &mut [MaybeUninit<u8>]) {
    let letters = Letters::new(0, 0);
    if dst.len() >= ALIGNED {
        (src, dst) = letters.to_line(src, dst);
    }
    if dst.len() >= STREAMED {
        (src, dst) = letters.stream(src, dst);
    }
    if src.len() >= WINDOW {
        (src, dst) = letters.turns(src, dst);
    }
    while src.len() >= 48 {
        let ((bytes, rest), (text, rest_out)) = (src.split_at(48), mem::take(&mut dst).split_at_mut(64));
        store_front(text, letters.of(load_front(bytes)));
        (src, dst) = (rest, rest_out);
    }
    if !src.is_empty() {
        // Characters that are not padding: 1 to 64.
        let count = dst.len() - (dst.len() / 4 * 3 - src.len());
        let text =
            _mm512_mask_blend_epi8(front(count), _mm512_set1_epi8(b'='.cast_signed()), letters.of(load_front(src)));
        store_front(dst, text);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: reads 64 bytes, which the array has; needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// The bytes of a slice of 1 to 64, and zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn load_front(bytes: &[u8]) -> __m512i {
    assert!(!bytes.is_empty() && bytes.len() <= 64);
    // SAFETY: the mask lets as many bytes be read as the slice has; masked-out bytes are not
    // touched and cannot fault.
    unsafe { _mm512_maskz_loadu_epi8(front(bytes.len()), bytes.as_ptr().cast()) }
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
    unsafe { _mm512_mask_storeu_epi8(text.as_mut_ptr().cast(), front(text.len()), vector) }
}

/// Goes to memory without a place in the caches. A fence has to stand between this and the next
/// who looks.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn store_past_caches(line: &mut Line, vector: __m512i) {
    // SAFETY: writes 64 bytes, which the line has, as it has the alignment; `stream` fences before
    // it lets go of the lines.
    unsafe { _mm512_stream_si512(line.0.as_mut_ptr().cast(), vector) }
}

/// Asks for the three lines of a window to come; reads nothing and cannot fault, wherever they lie.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn prefetch(window: &[u8; WINDOW]) {
    for line in 0..3 {
        _mm_prefetch::<_MM_HINT_T0>(window.as_ptr().wrapping_add(AHEAD + 64 * line).cast());
    }
}

/// A mask of the first `count` bytes, 1 to 64.
const fn front(count: usize) -> u64 {
    u64::MAX >> (64 - count)
}
