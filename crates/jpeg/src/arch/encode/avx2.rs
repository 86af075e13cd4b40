//! Two blocks at once, one to each half of a register.

use std::arch::x86_64::*;

use crate::cpu::Avx2;
use crate::decode::NATURAL;
use crate::encode::fdct::{BETWEEN, SHIFTS, weight};
use crate::encode::kernels::WIDE;
use crate::encode::quantize::Quantizer;
use crate::encode::{Block, SIDE};

/// See `encode::kernels::forward`.
pub(crate) fn forward(_: Avx2, rows: &[&[u8; WIDE]; SIDE], out: &mut [Block; 4]) {
    // SAFETY: the proof exists only where AVX2 does.
    unsafe { forward_avx2(rows, out) }
}

/// See `encode::kernels::forward_quantized`.
pub(crate) fn forward_quantized(_: Avx2, rows: &[&[u8; WIDE]; SIDE], quantizer: &Quantizer, out: &mut [Block; 4]) {
    // SAFETY: the proof exists only where AVX2 does.
    unsafe { forward_quantized_avx2(rows, quantizer, out) }
}

/// See `encode::kernels::quantize`.
pub(crate) fn quantize(_: Avx2, blocks: &[Block; 4], quantizer: &Quantizer, out: &mut [Block; 4]) {
    // SAFETY: the proof exists only where AVX2 does.
    unsafe { quantize_avx2(blocks, quantizer, out) }
}

#[target_feature(enable = "avx2")]
fn forward_avx2(rows: &[&[u8; WIDE]; SIDE], out: &mut [Block; 4]) {
    for (i, out) in out.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        store(two(rows, i), out);
    }
}

#[target_feature(enable = "avx2")]
fn forward_quantized_avx2(rows: &[&[u8; WIDE]; SIDE], quantizer: &Quantizer, out: &mut [Block; 4]) {
    for (i, out) in out.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        store(reorder(divide(two(rows, i), quantizer)), out);
    }
}

#[target_feature(enable = "avx2")]
fn quantize_avx2(blocks: &[Block; 4], quantizer: &Quantizer, out: &mut [Block; 4]) {
    for (blocks, out) in blocks.as_chunks::<2>().0.iter().zip(out.as_chunks_mut::<2>().0) {
        store(reorder(divide(load(blocks), quantizer)), out);
    }
}

/// Two blocks: row `y` of both in register `y`.
type Rows = [__m256i; SIDE];

/// Blocks `2i` and `2i + 1` of samples to coefficients, row by row.
#[target_feature(enable = "avx2")]
#[inline]
fn two(rows: &[&[u8; WIDE]; SIDE], i: usize) -> Rows {
    let mut lanes = [_mm256_setzero_si256(); SIDE];
    for (lanes, row) in lanes.iter_mut().zip(rows) {
        let samples = load_u8(&row.as_chunks().0[i]);
        *lanes = _mm256_sub_epi16(_mm256_cvtepu8_epi16(samples), _mm256_set1_epi16(128));
    }
    const FIRST: i32 = SHIFTS[0] as i32;
    const SECOND: i32 = SHIFTS[1] as i32;
    lines::<SECOND, false>(transpose(lines::<FIRST, true>(transpose(lanes))))
}

/// One line of the transform in every lane: input `i` in register `i`.
#[target_feature(enable = "avx2")]
#[inline]
fn lines<const SHIFT: i32, const FIRST: bool>(d: Rows) -> Rows {
    let sum = |i: usize| _mm256_add_epi16(d[i], d[7 - i]);
    let difference = |i: usize| _mm256_sub_epi16(d[i], d[7 - i]);
    let [t0, t1, t2, t3] = [sum(0), sum(1), sum(2), sum(3)];
    let [t7, t6, t5, t4] = [difference(0), difference(1), difference(2), difference(3)];
    let (t10, t13) = (_mm256_add_epi16(t0, t3), _mm256_sub_epi16(t0, t3));
    let (t11, t12) = (_mm256_add_epi16(t1, t2), _mm256_sub_epi16(t1, t2));
    let whole = |v: __m256i| {
        const BITS: i32 = BETWEEN as i32;
        if FIRST {
            _mm256_slli_epi16::<BITS>(v)
        } else {
            _mm256_srai_epi16::<BITS>(_mm256_add_epi16(v, _mm256_set1_epi16(1 << (BITS - 1))))
        }
    };
    let (p13, p45, p67) = (pairs(t13, t12), pairs(t4, t5), pairs(t6, t7));
    let even = |[a, b]: [i16; 2]| {
        let w = weights(a, b);
        round::<SHIFT>([_mm256_madd_epi16(p13[0], w), _mm256_madd_epi16(p13[1], w)])
    };
    let odd = |[a, b, c, d]: [i16; 4]| {
        let (first, second) = (weights(a, b), weights(c, d));
        let half = |i: usize| _mm256_add_epi32(_mm256_madd_epi16(p45[i], first), _mm256_madd_epi16(p67[i], second));
        round::<SHIFT>([half(0), half(1)])
    };
    [
        whole(_mm256_add_epi16(t10, t11)),
        odd(weight::ODD[0]),
        even(weight::EVEN[0]),
        odd(weight::ODD[1]),
        whole(_mm256_sub_epi16(t10, t11)),
        odd(weight::ODD[2]),
        even(weight::EVEN[1]),
        odd(weight::ODD[3]),
    ]
}

/// Lanes of both in turns: the lower halves of each half, and the upper.
#[target_feature(enable = "avx2")]
#[inline]
fn pairs(a: __m256i, b: __m256i) -> [__m256i; 2] {
    [_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)]
}

/// Both weights of a pair, in every lane.
#[target_feature(enable = "avx2")]
#[inline]
fn weights(a: i16, b: i16) -> __m256i {
    _mm256_set1_epi32(i32::from(a as u16) | i32::from(b) << 16)
}

/// Sums without their fractional bits, in the order before [`pairs`].
#[target_feature(enable = "avx2")]
#[inline]
fn round<const SHIFT: i32>(sums: [__m256i; 2]) -> __m256i {
    let half = _mm256_set1_epi32(1 << (SHIFT - 1));
    let cut = |sum| _mm256_srai_epi32::<SHIFT>(_mm256_add_epi32(sum, half));
    _mm256_packs_epi32(cut(sums[0]), cut(sums[1]))
}

/// Rows for columns, in both halves.
#[target_feature(enable = "avx2")]
#[inline]
fn transpose(r: Rows) -> Rows {
    let (a, b, c, d) = (pairs(r[0], r[1]), pairs(r[2], r[3]), pairs(r[4], r[5]), pairs(r[6], r[7]));
    let doubles = |a, b| [_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b)];
    let (e, f) = (doubles(a[0], b[0]), doubles(a[1], b[1]));
    let (g, h) = (doubles(c[0], d[0]), doubles(c[1], d[1]));
    [
        _mm256_unpacklo_epi64(e[0], g[0]),
        _mm256_unpackhi_epi64(e[0], g[0]),
        _mm256_unpacklo_epi64(e[1], g[1]),
        _mm256_unpackhi_epi64(e[1], g[1]),
        _mm256_unpacklo_epi64(f[0], h[0]),
        _mm256_unpackhi_epi64(f[0], h[0]),
        _mm256_unpacklo_epi64(f[1], h[1]),
        _mm256_unpackhi_epi64(f[1], h[1]),
    ]
}

#[target_feature(enable = "avx2")]
#[inline]
fn divide(rows: Rows, quantizer: &Quantizer) -> Rows {
    let both = |values: &[u16; 64], y: usize| _mm256_broadcastsi128_si256(load_8(&values.as_chunks().0[y]));
    let mut quantized = rows;
    for (y, row) in quantized.iter_mut().enumerate() {
        let size = _mm256_add_epi16(_mm256_abs_epi16(*row), both(&quantizer.correction, y));
        let size = _mm256_mulhi_epu16(size, both(&quantizer.reciprocal, y));
        *row = _mm256_sign_epi16(_mm256_mulhi_epu16(size, both(&quantizer.scale, y)), *row);
    }
    quantized
}

/// From rows to the order in which coefficients are written: each eight of those are gathered from
/// the few rows that have some of them.
#[target_feature(enable = "avx2")]
#[inline]
fn reorder(rows: Rows) -> Rows {
    let mut written = [_mm256_setzero_si256(); SIDE];
    for (eight, picks) in written.iter_mut().zip(&GATHER) {
        for (row, (any, picks)) in rows.iter().zip(picks) {
            if *any {
                let picks = _mm256_broadcastsi128_si256(load_u8(picks));
                *eight = _mm256_or_si256(*eight, _mm256_shuffle_epi8(*row, picks));
            }
        }
    }
    written
}

/// For each eight coefficients and each row: whether it has some of them, and where each byte of the
/// eight stands in it; 128 for what comes from other rows.
static GATHER: [[(bool, [u8; 16]); SIDE]; SIDE] = {
    let mut gather = [[(false, [128; 16]); SIDE]; SIDE];
    let mut i = 0;
    while i < 64 {
        let (row, column) = (NATURAL[i] as usize / SIDE, NATURAL[i] as usize % SIDE);
        let (any, picks) = &mut gather[i / SIDE][row];
        *any = true;
        picks[i % SIDE * 2] = column as u8 * 2;
        picks[i % SIDE * 2 + 1] = column as u8 * 2 + 1;
        i += 1;
    }
    gather
};

#[target_feature(enable = "avx2")]
#[inline]
fn load_u8(samples: &[u8; 16]) -> __m128i {
    // SAFETY: 16 bytes are there, and the load asks for no alignment.
    unsafe { _mm_loadu_si128(samples.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_8(values: &[u16; 8]) -> __m128i {
    // SAFETY: 16 bytes are there, and the load asks for no alignment.
    unsafe { _mm_loadu_si128(values.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load(blocks: &[Block; 2]) -> Rows {
    let row = |block: &Block, y: usize| {
        let row: &[i16; 8] = &block.as_chunks().0[y];
        // SAFETY: 16 bytes are there, and the load asks for no alignment.
        unsafe { _mm_loadu_si128(row.as_ptr().cast()) }
    };
    let mut rows = [_mm256_setzero_si256(); SIDE];
    for (y, both) in rows.iter_mut().enumerate() {
        *both = _mm256_set_m128i(row(&blocks[1], y), row(&blocks[0], y));
    }
    rows
}

#[target_feature(enable = "avx2")]
#[inline]
fn store(rows: Rows, out: &mut [Block; 2]) {
    let [first, second] = out;
    let both = first.as_chunks_mut::<8>().0.iter_mut().zip(second.as_chunks_mut::<8>().0);
    for (row, (first, second)) in rows.into_iter().zip(both) {
        store_8(_mm256_castsi256_si128(row), first);
        store_8(_mm256_extracti128_si256::<1>(row), second);
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn store_8(row: __m128i, out: &mut [i16; 8]) {
    // SAFETY: 16 bytes are there, and the store asks for no alignment.
    unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), row) };
}
