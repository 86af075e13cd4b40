//! The inverse DCTs for AVX-512: four blocks at once, one to each quarter of a register, so that no
//! step crosses the quarters but the first and the last. The integers are those of
//! [`crate::decode::idct`], which judges them.
//!
//! Blocks come as they are written and are sorted on the way in. Products of two coefficients with
//! their weights are added in one instruction: coefficients come in pairs (2, 6), (1, 3), (5, 7) and,
//! for whole blocks, (0, 4).

use std::arch::x86_64::*;

use crate::cpu::{Avx512, Work};
use crate::decode::NATURAL;
use crate::decode::idct::{self, FIVE_SHIFTS, FRACTION, HALF_SHIFTS, WHOLE_SHIFTS, weight};
use crate::decode::tables::Steps;
use crate::decode::transform::Four;
use crate::plane::Scale;

/// For each place of a block, row by row, where its coefficient is written.
static WRITTEN: [i16; 64] = {
    let mut written = [0; 64];
    let mut k = 0;
    while k < 64 {
        written[NATURAL[k] as usize] = k as i16;
        k += 1;
    }
    written
};

/// Runs `work`, compiled for this CPU as far as it is inlined.
pub(crate) fn run<W: Work>(_: Avx512, work: W) -> W::Output {
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,movbe,popcnt")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2")]
    fn inner<W: Work>(work: W) -> W::Output {
        work.run()
    }
    // SAFETY: the proof exists only where these features do.
    unsafe { inner(work) }
}

/// Transforms four blocks, as written, to samples side by side.
#[inline(always)]
pub(crate) fn transform(_: Avx512, scale: Scale, four: &Four<'_>, steps: &Steps, out: &mut [u8], stride: usize) {
    // SAFETY: the proof exists only where these features do.
    unsafe { transform_avx512(scale, four, steps, out, stride) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")]
#[inline]
fn transform_avx512(scale: Scale, four: &Four<'_>, steps: &Steps, out: &mut [u8], stride: usize) {
    let zero = _mm512_setzero_si512();
    let (mut low, mut high, mut any) = ([zero; 4], [zero; 4], zero);
    for i in 0..4 {
        let halves = four.blocks[i].as_chunks::<32>().0;
        (low[i], high[i]) = (load(&halves[0]), load(&halves[1]));
        // The first coefficients come beside the blocks.
        any = _mm512_or_si512(any, _mm512_or_si512(_mm512_maskz_mov_epi16(!1, low[i]), high[i]));
    }
    if _mm512_test_epi32_mask(any, any) == 0 {
        return flat(scale, four.first, steps[0], out, stride);
    }
    let (steps, written) = (steps.as_chunks::<32>().0, WRITTEN.as_chunks::<32>().0);
    let (steps_0, steps_4) = (load(&steps[0]), load(&steps[1]));
    let (written_0, written_4) = (load(&written[0]), load(&written[1]));
    let (mut upper, mut lower) = ([zero; 4], [zero; 4]);
    for i in 0..4 {
        let low = _mm512_mask_set1_epi16(low[i], 1, four.first[i]);
        upper[i] = _mm512_mullo_epi16(_mm512_permutex2var_epi16(low, written_0, high[i]), steps_0);
        lower[i] = _mm512_mullo_epi16(_mm512_permutex2var_epi16(low, written_4, high[i]), steps_4);
    }
    let ([r0, r1, r2, r3], [r4, r5, r6, r7]) = (quarters(upper), quarters(lower));
    let rows = [r0, r1, r2, r3, r4, r5, r6, r7];
    match scale {
        Scale::Half => half(rows, out, stride),
        Scale::FiveEighths => five(rows, out, stride),
        Scale::Full => whole(rows, out, stride),
    }
}

/// Blocks of which only the first coefficient is not zero.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
#[inline]
fn flat(scale: Scale, first: [i16; 4], step: i16, out: &mut [u8], stride: usize) {
    let samples = _mm_cvtsi32_si128(i32::from_le_bytes(first.map(|f| idct::flat(f, step))));
    match scale {
        Scale::Half => {
            let order = _mm_setr_epi8(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
            let row = _mm_shuffle_epi8(samples, order);
            for y in 0..4 {
                store(out, y * stride, row);
            }
        }
        Scale::FiveEighths => {
            let samples = first.map(|f| idct::flat(f, step));
            for y in 0..5 {
                for (out, sample) in out[y * stride..].chunks_exact_mut(5).zip(samples) {
                    out.fill(sample);
                }
            }
        }
        Scale::Full => {
            let left = _mm_shuffle_epi8(samples, _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
            let right = _mm_shuffle_epi8(samples, _mm_setr_epi8(2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
            for y in 0..8 {
                store(out, y * stride, left);
                store(out, y * stride + 16, right);
            }
        }
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load(values: &[i16; 32]) -> __m512i {
    // SAFETY: 64 bytes are there, and the load asks for no alignment.
    unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load_bytes(values: &[u8; 64]) -> __m512i {
    // SAFETY: 64 bytes are there, and the load asks for no alignment.
    unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
}

/// Writes sixteen samples.
#[target_feature(enable = "avx512f")]
#[inline]
fn store(out: &mut [u8], at: usize, samples: __m128i) {
    let out = &mut out[at..at + 16];
    // SAFETY: 16 bytes are there, and the store asks for no alignment.
    unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), samples) };
}

/// Writes thirty-two samples.
#[target_feature(enable = "avx512f")]
#[inline]
fn store_32(out: &mut [u8], at: usize, samples: __m256i) {
    let out = &mut out[at..at + 32];
    // SAFETY: 32 bytes are there, and the store asks for no alignment.
    unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), samples) };
}

/// Of four registers: the first gets the first quarter of each, and so on.
#[target_feature(enable = "avx512f")]
#[inline]
fn quarters(z: [__m512i; 4]) -> [__m512i; 4] {
    let [a, b] = [_mm512_shuffle_i32x4::<0x44>(z[0], z[1]), _mm512_shuffle_i32x4::<0xEE>(z[0], z[1])];
    let [c, d] = [_mm512_shuffle_i32x4::<0x44>(z[2], z[3]), _mm512_shuffle_i32x4::<0xEE>(z[2], z[3])];
    [
        _mm512_shuffle_i32x4::<0x88>(a, c),
        _mm512_shuffle_i32x4::<0xDD>(a, c),
        _mm512_shuffle_i32x4::<0x88>(b, d),
        _mm512_shuffle_i32x4::<0xDD>(b, d),
    ]
}

/// Both weights of a pair, in every lane.
#[target_feature(enable = "avx512f")]
#[inline]
fn weights(a: i16, b: i16) -> __m512i {
    _mm512_set1_epi32(i32::from(a as u16) | i32::from(b) << 16)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn odd(p13: __m512i, p57: __m512i, w: [i16; 4]) -> __m512i {
    let sum = _mm512_madd_epi16(p13, weights(w[0], w[1]));
    _mm512_add_epi32(sum, _mm512_madd_epi16(p57, weights(w[2], w[3])))
}

#[target_feature(enable = "avx512f")]
#[inline]
fn round<const SHIFT: u32>(sum: __m512i) -> __m512i {
    _mm512_srai_epi32::<SHIFT>(_mm512_add_epi32(sum, _mm512_set1_epi32(1 << (SHIFT - 1))))
}

/// One line of the halved transform in every lane. `first` holds the first coefficient in the upper
/// halves of its lanes.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn half_line<const SHIFT: u32>(first: __m512i, p26: __m512i, p13: __m512i, p57: __m512i) -> [__m512i; 4] {
    let first = _mm512_srai_epi32::<{ 16 - (FRACTION + 1) }>(first);
    let even = _mm512_madd_epi16(p26, weights(weight::HALF_26[0], weight::HALF_26[1]));
    let inner = odd(p13, p57, weight::HALF_ODD[0]);
    let outer = odd(p13, p57, weight::HALF_ODD[1]);
    let (plus, minus) = (_mm512_add_epi32(first, even), _mm512_sub_epi32(first, even));
    [
        round::<SHIFT>(_mm512_add_epi32(plus, outer)),
        round::<SHIFT>(_mm512_add_epi32(minus, inner)),
        round::<SHIFT>(_mm512_sub_epi32(minus, inner)),
        round::<SHIFT>(_mm512_sub_epi32(plus, outer)),
    ]
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
#[inline]
fn half(c: [__m512i; 8], out: &mut [u8], stride: usize) {
    const FIRST: u32 = HALF_SHIFTS[0];
    const SECOND: u32 = HALF_SHIFTS[1];
    let zero = _mm512_setzero_si512();
    let low = half_line::<FIRST>(
        _mm512_unpacklo_epi16(zero, c[0]),
        _mm512_unpacklo_epi16(c[2], c[6]),
        _mm512_unpacklo_epi16(c[1], c[3]),
        _mm512_unpacklo_epi16(c[5], c[7]),
    );
    let high = half_line::<FIRST>(
        _mm512_unpackhi_epi16(zero, c[0]),
        _mm512_unpackhi_epi16(c[2], c[6]),
        _mm512_unpackhi_epi16(c[1], c[3]),
        _mm512_unpackhi_epi16(c[5], c[7]),
    );
    // Of each row the pairs (1, 3), (5, 7), (2, 6), (-, 0), which then change places with rows.
    let pick = _mm512_broadcast_i32x4(_mm_setr_epi8(2, 3, 6, 7, 10, 11, 14, 15, 4, 5, 12, 13, -1, -1, 0, 1));
    let mut r = [pick; 4];
    for y in 0..4 {
        r[y] = _mm512_shuffle_epi8(_mm512_packs_epi32(low[y], high[y]), pick);
    }
    let [r0, r1, r2, r3] = r;
    let (odd_01, even_01) = (_mm512_unpacklo_epi32(r0, r1), _mm512_unpackhi_epi32(r0, r1));
    let (odd_23, even_23) = (_mm512_unpacklo_epi32(r2, r3), _mm512_unpackhi_epi32(r2, r3));
    let [o0, o1, o2, o3] = half_line::<SECOND>(
        _mm512_unpackhi_epi64(even_01, even_23),
        _mm512_unpacklo_epi64(even_01, even_23),
        _mm512_unpacklo_epi64(odd_01, odd_23),
        _mm512_unpackhi_epi64(odd_01, odd_23),
    );
    let columns = _mm512_packs_epi16(_mm512_packs_epi32(o0, o1), _mm512_packs_epi32(o2, o3));
    let turn = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    let rows = _mm512_shuffle_epi8(_mm512_xor_si512(columns, _mm512_set1_epi8(-128)), turn);
    // From four rows of each block to four blocks of each row.
    let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    let rows = _mm512_permutexvar_epi32(order, rows);
    store(out, 0, _mm512_castsi512_si128(rows));
    store(out, stride, _mm512_extracti32x4_epi32::<1>(rows));
    store(out, 2 * stride, _mm512_extracti32x4_epi32::<2>(rows));
    store(out, 3 * stride, _mm512_extracti32x4_epi32::<3>(rows));
}

/// One line of the transform of 5/8 in every lane. `first` holds the first coefficient in the upper
/// halves of its lanes.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
#[inline]
fn five_line<const SHIFT: u32>(first: __m512i, p24: __m512i, p13: __m512i) -> [__m512i; 5] {
    let first = _mm512_srai_epi32::<{ 16 - FRACTION }>(first);
    let mut even = [first; 3];
    for (even, [a, b]) in even.iter_mut().zip(weight::FIVE_24) {
        *even = _mm512_add_epi32(first, _mm512_madd_epi16(p24, weights(a, b)));
    }
    let outer = _mm512_madd_epi16(p13, weights(weight::FIVE_13[0][0], weight::FIVE_13[0][1]));
    let inner = _mm512_madd_epi16(p13, weights(weight::FIVE_13[1][0], weight::FIVE_13[1][1]));
    [
        round::<SHIFT>(_mm512_add_epi32(even[0], outer)),
        round::<SHIFT>(_mm512_add_epi32(even[1], inner)),
        round::<SHIFT>(even[2]),
        round::<SHIFT>(_mm512_sub_epi32(even[1], inner)),
        round::<SHIFT>(_mm512_sub_epi32(even[0], outer)),
    ]
}

/// Samples of every block. The first register has by column, the last but one column, the upper four
/// samples; the second the upper four of the last column, then the five of the lowest row.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
#[inline]
fn five_samples(c: [__m512i; 5]) -> [__m512i; 2] {
    const FIRST: u32 = FIVE_SHIFTS[0];
    const SECOND: u32 = FIVE_SHIFTS[1];
    let zero = _mm512_setzero_si512();
    let low = five_line::<FIRST>(
        _mm512_unpacklo_epi16(zero, c[0]),
        _mm512_unpacklo_epi16(c[2], c[4]),
        _mm512_unpacklo_epi16(c[1], c[3]),
    );
    let high = five_line::<FIRST>(
        _mm512_unpackhi_epi16(zero, c[0]),
        _mm512_unpackhi_epi16(c[2], c[4]),
        _mm512_unpackhi_epi16(c[1], c[3]),
    );
    // Of each row the pairs (1, 3), (2, 4), (-, 0), which then change places with rows.
    let pick = _mm512_broadcast_i32x4(_mm_setr_epi8(2, 3, 6, 7, 4, 5, 8, 9, -1, -1, 0, 1, -1, -1, -1, -1));
    let mut r = [pick; 5];
    for y in 0..5 {
        r[y] = _mm512_shuffle_epi8(_mm512_packs_epi32(low[y], high[y]), pick);
    }
    let (pairs_01, first_01) = (_mm512_unpacklo_epi32(r[0], r[1]), _mm512_unpackhi_epi32(r[0], r[1]));
    let (pairs_23, first_23) = (_mm512_unpacklo_epi32(r[2], r[3]), _mm512_unpackhi_epi32(r[2], r[3]));
    let upper = five_line::<SECOND>(
        _mm512_unpacklo_epi64(first_01, first_23),
        _mm512_unpackhi_epi64(pairs_01, pairs_23),
        _mm512_unpacklo_epi64(pairs_01, pairs_23),
    );
    // The lowest row is alone: the same in all lanes.
    let lowest = five_line::<SECOND>(
        _mm512_shuffle_epi32::<0xAA>(r[4]),
        _mm512_shuffle_epi32::<0x55>(r[4]),
        _mm512_shuffle_epi32::<0>(r[4]),
    );
    let sign = _mm512_set1_epi8(-128);
    let columns = _mm512_packs_epi16(_mm512_packs_epi32(upper[0], upper[1]), _mm512_packs_epi32(upper[2], upper[3]));
    let four = _mm512_mask_mov_epi32(lowest[0], 0x2222, lowest[1]);
    let four = _mm512_mask_mov_epi32(four, 0x4444, lowest[2]);
    let four = _mm512_mask_mov_epi32(four, 0x8888, lowest[3]);
    let rest = _mm512_packs_epi16(_mm512_packs_epi32(upper[4], four), _mm512_packs_epi32(lowest[4], lowest[4]));
    [_mm512_xor_si512(columns, sign), _mm512_xor_si512(rest, sign)]
}

/// For two rows of samples, or the lowest: where in the registers of [`five_samples`] each stands. A row
/// takes the first twenty bytes of a half.
static FIVE_ROWS: [[u8; 64]; 3] = {
    let mut rows = [[0; 64]; 3];
    let mut i = 0;
    while i < 100 {
        let (y, block, x) = (i / 20, i % 20 / 5, i % 5);
        let at = match (x, y) {
            (_, 4) => 64 + 4 + x,
            (4, _) => 64 + y,
            _ => 4 * x + y,
        };
        rows[y / 2][y % 2 * 32 + i % 20] = (16 * block + at) as u8;
        i += 1;
    }
    rows
};

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")]
#[inline]
fn five(c: [__m512i; 8], out: &mut [u8], stride: usize) {
    let [columns, rest] = five_samples([c[0], c[1], c[2], c[3], c[4]]);
    for (i, order) in FIVE_ROWS.iter().enumerate() {
        let two = _mm512_permutex2var_epi8(columns, load_bytes(order), rest);
        // Twelve samples more than there are: what comes next is written afterwards, or is no picture.
        store_32(out, 2 * i * stride, _mm512_castsi512_si256(two));
        if i < 2 {
            store_32(out, (2 * i + 1) * stride, _mm512_extracti64x4_epi64::<1>(two));
        }
    }
}

/// One line of the whole transform in every lane.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn whole_line<const SHIFT: u32>(p04: __m512i, p26: __m512i, p13: __m512i, p57: __m512i) -> [__m512i; 8] {
    const ONE: i16 = 1 << FRACTION;
    let plus = _mm512_madd_epi16(p04, weights(ONE, ONE));
    let minus = _mm512_madd_epi16(p04, weights(ONE, -ONE));
    let outer = _mm512_madd_epi16(p26, weights(weight::WHOLE_26[0][0], weight::WHOLE_26[0][1]));
    let inner = _mm512_madd_epi16(p26, weights(weight::WHOLE_26[1][0], weight::WHOLE_26[1][1]));
    let even = [
        _mm512_add_epi32(plus, outer),
        _mm512_add_epi32(minus, inner),
        _mm512_sub_epi32(minus, inner),
        _mm512_sub_epi32(plus, outer),
    ];
    let mut samples = [even[0]; 8];
    for i in 0..4 {
        let odd = odd(p13, p57, weight::WHOLE_ODD[i]);
        samples[i] = round::<SHIFT>(_mm512_add_epi32(even[i], odd));
        samples[7 - i] = round::<SHIFT>(_mm512_sub_epi32(even[i], odd));
    }
    samples
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn whole_pass<const SHIFT: u32>(c: [__m512i; 8]) -> [__m512i; 8] {
    let low = whole_line::<SHIFT>(
        _mm512_unpacklo_epi16(c[0], c[4]),
        _mm512_unpacklo_epi16(c[2], c[6]),
        _mm512_unpacklo_epi16(c[1], c[3]),
        _mm512_unpacklo_epi16(c[5], c[7]),
    );
    let high = whole_line::<SHIFT>(
        _mm512_unpackhi_epi16(c[0], c[4]),
        _mm512_unpackhi_epi16(c[2], c[6]),
        _mm512_unpackhi_epi16(c[1], c[3]),
        _mm512_unpackhi_epi16(c[5], c[7]),
    );
    let mut both = [low[0]; 8];
    for i in 0..8 {
        both[i] = _mm512_packs_epi32(low[i], high[i]);
    }
    both
}

/// Rows for columns, in every quarter.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn transpose(r: [__m512i; 8]) -> [__m512i; 8] {
    let words = |a: usize, b: usize| (_mm512_unpacklo_epi16(r[a], r[b]), _mm512_unpackhi_epi16(r[a], r[b]));
    let ((a0, a1), (b0, b1), (c0, c1), (d0, d1)) = (words(0, 1), words(2, 3), words(4, 5), words(6, 7));
    let doubles = |a, b| (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let ((e0, e1), (f0, f1)) = (doubles(a0, b0), doubles(a1, b1));
    let ((g0, g1), (h0, h1)) = (doubles(c0, d0), doubles(c1, d1));
    [
        _mm512_unpacklo_epi64(e0, g0),
        _mm512_unpackhi_epi64(e0, g0),
        _mm512_unpacklo_epi64(e1, g1),
        _mm512_unpackhi_epi64(e1, g1),
        _mm512_unpacklo_epi64(f0, h0),
        _mm512_unpackhi_epi64(f0, h0),
        _mm512_unpacklo_epi64(f1, h1),
        _mm512_unpackhi_epi64(f1, h1),
    ]
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
#[inline]
fn whole(rows: [__m512i; 8], out: &mut [u8], stride: usize) {
    const FIRST: u32 = WHOLE_SHIFTS[0];
    const SECOND: u32 = WHOLE_SHIFTS[1];
    let columns = whole_pass::<SECOND>(transpose(whole_pass::<FIRST>(rows)));
    // Two columns to a register; then pairs of neighbours by row.
    let zip = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
    let sign = _mm512_set1_epi8(-128);
    let mut q = [sign; 4];
    for i in 0..4 {
        let two = _mm512_packs_epi16(columns[2 * i], columns[2 * i + 1]);
        q[i] = _mm512_shuffle_epi8(_mm512_xor_si512(two, sign), zip);
    }
    let [q0, q1, q2, q3] = q;
    let (a0, a1) = (_mm512_unpacklo_epi16(q0, q1), _mm512_unpackhi_epi16(q0, q1));
    let (b0, b1) = (_mm512_unpacklo_epi16(q2, q3), _mm512_unpackhi_epi16(q2, q3));
    let rows = [
        _mm512_unpacklo_epi32(a0, b0),
        _mm512_unpackhi_epi32(a0, b0),
        _mm512_unpacklo_epi32(a1, b1),
        _mm512_unpackhi_epi32(a1, b1),
    ];
    // Each holds two rows of each block: first all the upper ones, then the lower.
    let order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    for (i, two) in rows.into_iter().enumerate() {
        let two = _mm512_permutexvar_epi64(order, two);
        let at = 2 * i * stride;
        store_32(out, at, _mm512_castsi512_si256(two));
        store_32(out, at + stride, _mm512_extracti64x4_epi64::<1>(two));
    }
}
