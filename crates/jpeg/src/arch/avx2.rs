//! The inverse DCTs for AVX2, and the door through which the bit reader is compiled for BMI2. All
//! compute the same integers as the plain code of [`crate::decode::idct`], which judges them.
//!
//! Two blocks lie in the two halves of a register, so no step crosses the halves but the last.
//! Products of two coefficients with their weights are added in one instruction: coefficients come
//! in pairs (2, 6), (1, 3), (5, 7) and, for whole blocks, (0, 4).

use std::arch::x86_64::*;

use crate::cpu::{Avx2, Deposit, Work};
use crate::decode::blocks::Block;
use crate::decode::idct::{self, FIVE_SHIFTS, FRACTION, HALF_SHIFTS, WHOLE_SHIFTS, weight};
use crate::decode::tables::Steps;
use crate::decode::transform::Four;
use crate::plane::Scale;

/// Rows of two blocks at half size, side by side.
type Half = [[u8; 8]; 4];
/// Rows of two blocks, side by side.
type Whole = [[u8; 16]; 8];

pub(crate) fn run<W: Work>(_: Avx2, work: W) -> W::Output {
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,movbe,popcnt")]
    fn inner<W: Work>(work: W) -> W::Output {
        work.run()
    }
    // SAFETY: the proof exists only where these features do.
    unsafe { inner(work) }
}

impl Deposit for Avx2 {
    #[inline(always)]
    fn deposit(self, bits: u64, mask: u64) -> u64 {
        // SAFETY: the proof exists only where BMI2 does.
        unsafe { _pdep_u64(bits, mask) }
    }
}

/// Transforms four blocks, row by row, to samples side by side.
#[inline(always)]
pub(crate) fn transform(_: Avx2, scale: Scale, four: &Four<'_>, steps: &Steps, out: &mut [u8], stride: usize) {
    // SAFETY: the proof exists only where AVX2 does.
    unsafe { transform_avx2(scale, four, steps, out, stride) }
}

#[target_feature(enable = "avx2")]
fn transform_avx2(scale: Scale, four: &Four<'_>, steps: &Steps, out: &mut [u8], stride: usize) {
    let n = scale.samples();
    for (i, [a, b]) in [[0, 1], [2, 3]].into_iter().enumerate() {
        let blocks = [four.blocks[a], four.blocks[b]];
        let first = [four.first[a], four.first[b]];
        let out = &mut out[i * 2 * n..];
        match scale {
            _ if is_flat(blocks) => {
                let samples = first.map(|f| idct::flat(f, steps[0]));
                for row in out.chunks_mut(stride).take(n) {
                    row[..n].fill(samples[0]);
                    row[n..2 * n].fill(samples[1]);
                }
            }
            Scale::Half => put(&half(blocks, first, steps), out, stride),
            Scale::FiveEighths => put(&five(blocks, first, steps), out, stride),
            Scale::Full => put(&whole(blocks, first, steps), out, stride),
        }
    }
}

fn put<const W: usize, const H: usize>(rows: &[[u8; W]; H], out: &mut [u8], stride: usize) {
    for (y, row) in rows.iter().enumerate() {
        out[y * stride..][..W].copy_from_slice(row);
    }
}

/// Whether nothing but the first coefficients, which are not looked at, can differ from zero.
#[target_feature(enable = "avx2")]
#[inline]
fn is_flat(blocks: [&Block; 2]) -> bool {
    let mut any = _mm256_setzero_si256();
    for y in 0..8 {
        let values = rows(blocks, y);
        let values = if y > 0 { values } else { _mm256_blend_epi16::<1>(values, _mm256_setzero_si256()) };
        any = _mm256_or_si256(any, values);
    }
    _mm256_testz_si256(any, any) == 1
}

/// Row `y` of both blocks.
#[target_feature(enable = "avx2")]
#[inline]
fn rows(blocks: [&Block; 2], y: usize) -> __m256i {
    _mm256_set_m128i(load(&blocks[1].as_chunks().0[y]), load(&blocks[0].as_chunks().0[y]))
}

/// The first row of both blocks with their first coefficients, times the quantizer's steps.
#[target_feature(enable = "avx2")]
#[inline]
fn first_row(blocks: [&Block; 2], first: [i16; 2], steps: &Steps) -> __m256i {
    let values = _mm256_insert_epi16::<0>(rows(blocks, 0), first[0]);
    times(_mm256_insert_epi16::<8>(values, first[1]), steps, 0)
}

#[target_feature(enable = "avx2")]
#[inline]
fn times(values: __m256i, steps: &Steps, y: usize) -> __m256i {
    _mm256_mullo_epi16(values, _mm256_broadcastsi128_si256(load(&steps.as_chunks().0[y])))
}

#[inline(always)]
fn load(values: &[i16; 8]) -> __m128i {
    // SAFETY: 16 bytes are there, and the load asks for no alignment.
    unsafe { _mm_loadu_si128(values.as_ptr().cast()) }
}

/// Both weights of a pair, in every lane.
#[target_feature(enable = "avx2")]
#[inline]
fn weights(a: i16, b: i16) -> __m256i {
    _mm256_set1_epi32(i32::from(a as u16) | i32::from(b) << 16)
}

#[target_feature(enable = "avx2")]
#[inline]
fn odd(p13: __m256i, p57: __m256i, w: [i16; 4]) -> __m256i {
    let sum = _mm256_madd_epi16(p13, weights(w[0], w[1]));
    _mm256_add_epi32(sum, _mm256_madd_epi16(p57, weights(w[2], w[3])))
}

#[target_feature(enable = "avx2")]
#[inline]
fn round<const SHIFT: i32>(sum: __m256i) -> __m256i {
    _mm256_srai_epi32::<SHIFT>(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << (SHIFT - 1))))
}

/// One line of the halved transform in every lane. `first` holds the first coefficient in the
/// upper halves of its lanes.
#[target_feature(enable = "avx2")]
#[inline]
fn half_line<const SHIFT: i32>(first: __m256i, p26: __m256i, p13: __m256i, p57: __m256i) -> [__m256i; 4] {
    let first = _mm256_srai_epi32::<{ 16 - (FRACTION as i32 + 1) }>(first);
    let even = _mm256_madd_epi16(p26, weights(weight::HALF_26[0], weight::HALF_26[1]));
    let inner = odd(p13, p57, weight::HALF_ODD[0]);
    let outer = odd(p13, p57, weight::HALF_ODD[1]);
    let (plus, minus) = (_mm256_add_epi32(first, even), _mm256_sub_epi32(first, even));
    [
        round::<SHIFT>(_mm256_add_epi32(plus, outer)),
        round::<SHIFT>(_mm256_add_epi32(minus, inner)),
        round::<SHIFT>(_mm256_sub_epi32(minus, inner)),
        round::<SHIFT>(_mm256_sub_epi32(plus, outer)),
    ]
}

#[target_feature(enable = "avx2")]
#[inline]
fn half(blocks: [&Block; 2], first: [i16; 2], steps: &Steps) -> Half {
    const FIRST: i32 = HALF_SHIFTS[0] as i32;
    const SECOND: i32 = HALF_SHIFTS[1] as i32;
    let zero = _mm256_setzero_si256();
    let c0 = first_row(blocks, first, steps);
    let mut c = [c0; 8];
    for y in [1, 2, 3, 5, 6, 7] {
        c[y] = times(rows(blocks, y), steps, y);
    }
    let [_, c1, c2, c3, _, c5, c6, c7] = c;
    let low = half_line::<FIRST>(
        _mm256_unpacklo_epi16(zero, c0),
        _mm256_unpacklo_epi16(c2, c6),
        _mm256_unpacklo_epi16(c1, c3),
        _mm256_unpacklo_epi16(c5, c7),
    );
    let high = half_line::<FIRST>(
        _mm256_unpackhi_epi16(zero, c0),
        _mm256_unpackhi_epi16(c2, c6),
        _mm256_unpackhi_epi16(c1, c3),
        _mm256_unpackhi_epi16(c5, c7),
    );
    // Of each row the pairs (1, 3), (5, 7), (2, 6), (-, 0), which then change places with rows.
    let pick = _mm256_broadcastsi128_si256(_mm_setr_epi8(2, 3, 6, 7, 10, 11, 14, 15, 4, 5, 12, 13, -1, -1, 0, 1));
    let mut r = [pick; 4];
    for y in 0..4 {
        r[y] = _mm256_shuffle_epi8(_mm256_packs_epi32(low[y], high[y]), pick);
    }
    let [r0, r1, r2, r3] = r;
    let (odd_01, even_01) = (_mm256_unpacklo_epi32(r0, r1), _mm256_unpackhi_epi32(r0, r1));
    let (odd_23, even_23) = (_mm256_unpacklo_epi32(r2, r3), _mm256_unpackhi_epi32(r2, r3));
    let [o0, o1, o2, o3] = half_line::<SECOND>(
        _mm256_unpackhi_epi64(even_01, even_23),
        _mm256_unpacklo_epi64(even_01, even_23),
        _mm256_unpacklo_epi64(odd_01, odd_23),
        _mm256_unpackhi_epi64(odd_01, odd_23),
    );
    let columns = _mm256_packs_epi16(_mm256_packs_epi32(o0, o1), _mm256_packs_epi32(o2, o3));
    let turn = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    let rows = _mm256_shuffle_epi8(_mm256_xor_si256(columns, _mm256_set1_epi8(-128)), turn);
    let rows = _mm256_permutevar8x32_epi32(rows, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    let mut out = Half::default();
    // SAFETY: 32 bytes are there, and the store asks for no alignment.
    unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), rows) };
    out
}

/// One line of the transform of 5/8 in every lane. `first` holds the first coefficient in the upper
/// halves of its lanes.
#[target_feature(enable = "avx2")]
#[inline]
fn five_line<const SHIFT: i32>(first: __m256i, p24: __m256i, p13: __m256i) -> [__m256i; 5] {
    let first = _mm256_srai_epi32::<{ 16 - FRACTION as i32 }>(first);
    let mut even = [first; 3];
    for (even, [a, b]) in even.iter_mut().zip(weight::FIVE_24) {
        *even = _mm256_add_epi32(first, _mm256_madd_epi16(p24, weights(a, b)));
    }
    let outer = _mm256_madd_epi16(p13, weights(weight::FIVE_13[0][0], weight::FIVE_13[0][1]));
    let inner = _mm256_madd_epi16(p13, weights(weight::FIVE_13[1][0], weight::FIVE_13[1][1]));
    [
        round::<SHIFT>(_mm256_add_epi32(even[0], outer)),
        round::<SHIFT>(_mm256_add_epi32(even[1], inner)),
        round::<SHIFT>(even[2]),
        round::<SHIFT>(_mm256_sub_epi32(even[1], inner)),
        round::<SHIFT>(_mm256_sub_epi32(even[0], outer)),
    ]
}

/// Samples of every block. The first register has by column, the last but one column, the upper four
/// samples; the second the upper four of the last column, then the five of the lowest row.
#[target_feature(enable = "avx2")]
#[inline]
fn five_samples(c: [__m256i; 5]) -> [__m256i; 2] {
    const FIRST: i32 = FIVE_SHIFTS[0] as i32;
    const SECOND: i32 = FIVE_SHIFTS[1] as i32;
    let zero = _mm256_setzero_si256();
    let low = five_line::<FIRST>(
        _mm256_unpacklo_epi16(zero, c[0]),
        _mm256_unpacklo_epi16(c[2], c[4]),
        _mm256_unpacklo_epi16(c[1], c[3]),
    );
    let high = five_line::<FIRST>(
        _mm256_unpackhi_epi16(zero, c[0]),
        _mm256_unpackhi_epi16(c[2], c[4]),
        _mm256_unpackhi_epi16(c[1], c[3]),
    );
    // Of each row the pairs (1, 3), (2, 4), (-, 0), which then change places with rows.
    let pick = _mm256_broadcastsi128_si256(_mm_setr_epi8(2, 3, 6, 7, 4, 5, 8, 9, -1, -1, 0, 1, -1, -1, -1, -1));
    let mut r = [pick; 5];
    for y in 0..5 {
        r[y] = _mm256_shuffle_epi8(_mm256_packs_epi32(low[y], high[y]), pick);
    }
    let (pairs_01, first_01) = (_mm256_unpacklo_epi32(r[0], r[1]), _mm256_unpackhi_epi32(r[0], r[1]));
    let (pairs_23, first_23) = (_mm256_unpacklo_epi32(r[2], r[3]), _mm256_unpackhi_epi32(r[2], r[3]));
    let upper = five_line::<SECOND>(
        _mm256_unpacklo_epi64(first_01, first_23),
        _mm256_unpackhi_epi64(pairs_01, pairs_23),
        _mm256_unpacklo_epi64(pairs_01, pairs_23),
    );
    // The lowest row is alone: the same in all lanes.
    let lowest = five_line::<SECOND>(
        _mm256_shuffle_epi32::<0xAA>(r[4]),
        _mm256_shuffle_epi32::<0x55>(r[4]),
        _mm256_shuffle_epi32::<0>(r[4]),
    );
    let sign = _mm256_set1_epi8(-128);
    let columns = _mm256_packs_epi16(_mm256_packs_epi32(upper[0], upper[1]), _mm256_packs_epi32(upper[2], upper[3]));
    let four = _mm256_blend_epi32::<0x22>(lowest[0], lowest[1]);
    let four = _mm256_blend_epi32::<0x44>(four, lowest[2]);
    let four = _mm256_blend_epi32::<0x88>(four, lowest[3]);
    let rest = _mm256_packs_epi16(_mm256_packs_epi32(upper[4], four), _mm256_packs_epi32(lowest[4], lowest[4]));
    [_mm256_xor_si256(columns, sign), _mm256_xor_si256(rest, sign)]
}

#[target_feature(enable = "avx2")]
#[inline]
fn five(blocks: [&Block; 2], first: [i16; 2], steps: &Steps) -> [[u8; 10]; 5] {
    let mut c = [first_row(blocks, first, steps); 5];
    for (y, row) in c.iter_mut().enumerate().skip(1) {
        *row = times(rows(blocks, y), steps, y);
    }
    let samples = five_samples(c).map(|r| {
        let mut bytes = [0; 32];
        // SAFETY: 32 bytes are there, and the store asks for no alignment.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), r) };
        bytes
    });
    let mut out = [[0; 10]; 5];
    for block in 0..2 {
        let [columns, rest] = [&samples[0][16 * block..][..16], &samples[1][16 * block..][..16]];
        for (y, row) in out.iter_mut().enumerate() {
            let row = &mut row[5 * block..][..5];
            if y == 4 {
                row.copy_from_slice(&rest[4..9]);
            } else {
                row.copy_from_slice(&[columns[y], columns[4 + y], columns[8 + y], columns[12 + y], rest[y]]);
            }
        }
    }
    out
}

/// One line of the whole transform in every lane.
#[target_feature(enable = "avx2")]
#[inline]
fn whole_line<const SHIFT: i32>(p04: __m256i, p26: __m256i, p13: __m256i, p57: __m256i) -> [__m256i; 8] {
    const ONE: i16 = 1 << FRACTION;
    let plus = _mm256_madd_epi16(p04, weights(ONE, ONE));
    let minus = _mm256_madd_epi16(p04, weights(ONE, -ONE));
    let outer = _mm256_madd_epi16(p26, weights(weight::WHOLE_26[0][0], weight::WHOLE_26[0][1]));
    let inner = _mm256_madd_epi16(p26, weights(weight::WHOLE_26[1][0], weight::WHOLE_26[1][1]));
    let even = [
        _mm256_add_epi32(plus, outer),
        _mm256_add_epi32(minus, inner),
        _mm256_sub_epi32(minus, inner),
        _mm256_sub_epi32(plus, outer),
    ];
    let mut samples = [even[0]; 8];
    for i in 0..4 {
        let odd = odd(p13, p57, weight::WHOLE_ODD[i]);
        samples[i] = round::<SHIFT>(_mm256_add_epi32(even[i], odd));
        samples[7 - i] = round::<SHIFT>(_mm256_sub_epi32(even[i], odd));
    }
    samples
}

#[target_feature(enable = "avx2")]
#[inline]
fn whole_pass<const SHIFT: i32>(c: [__m256i; 8]) -> [__m256i; 8] {
    let low = whole_line::<SHIFT>(
        _mm256_unpacklo_epi16(c[0], c[4]),
        _mm256_unpacklo_epi16(c[2], c[6]),
        _mm256_unpacklo_epi16(c[1], c[3]),
        _mm256_unpacklo_epi16(c[5], c[7]),
    );
    let high = whole_line::<SHIFT>(
        _mm256_unpackhi_epi16(c[0], c[4]),
        _mm256_unpackhi_epi16(c[2], c[6]),
        _mm256_unpackhi_epi16(c[1], c[3]),
        _mm256_unpackhi_epi16(c[5], c[7]),
    );
    let mut both = [low[0]; 8];
    for i in 0..8 {
        both[i] = _mm256_packs_epi32(low[i], high[i]);
    }
    both
}

/// Rows for columns, in both halves.
#[target_feature(enable = "avx2")]
#[inline]
fn transpose(r: [__m256i; 8]) -> [__m256i; 8] {
    let words = |a: usize, b: usize| (_mm256_unpacklo_epi16(r[a], r[b]), _mm256_unpackhi_epi16(r[a], r[b]));
    let ((a0, a1), (b0, b1), (c0, c1), (d0, d1)) = (words(0, 1), words(2, 3), words(4, 5), words(6, 7));
    let doubles = |a, b| (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    let ((e0, e1), (f0, f1)) = (doubles(a0, b0), doubles(a1, b1));
    let ((g0, g1), (h0, h1)) = (doubles(c0, d0), doubles(c1, d1));
    [
        _mm256_unpacklo_epi64(e0, g0),
        _mm256_unpackhi_epi64(e0, g0),
        _mm256_unpacklo_epi64(e1, g1),
        _mm256_unpackhi_epi64(e1, g1),
        _mm256_unpacklo_epi64(f0, h0),
        _mm256_unpackhi_epi64(f0, h0),
        _mm256_unpacklo_epi64(f1, h1),
        _mm256_unpackhi_epi64(f1, h1),
    ]
}

#[target_feature(enable = "avx2")]
#[inline]
fn whole(blocks: [&Block; 2], first: [i16; 2], steps: &Steps) -> Whole {
    const FIRST: i32 = WHOLE_SHIFTS[0] as i32;
    const SECOND: i32 = WHOLE_SHIFTS[1] as i32;
    let mut c = [first_row(blocks, first, steps); 8];
    for (y, row) in c.iter_mut().enumerate().skip(1) {
        *row = times(rows(blocks, y), steps, y);
    }
    let columns = whole_pass::<SECOND>(transpose(whole_pass::<FIRST>(c)));
    // Two columns to a register; then pairs of neighbours by row.
    let zip = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
    let sign = _mm256_set1_epi8(-128);
    let mut q = [sign; 4];
    for i in 0..4 {
        let two = _mm256_packs_epi16(columns[2 * i], columns[2 * i + 1]);
        q[i] = _mm256_shuffle_epi8(_mm256_xor_si256(two, sign), zip);
    }
    let [q0, q1, q2, q3] = q;
    let (a0, a1) = (_mm256_unpacklo_epi16(q0, q1), _mm256_unpackhi_epi16(q0, q1));
    let (b0, b1) = (_mm256_unpacklo_epi16(q2, q3), _mm256_unpackhi_epi16(q2, q3));
    let rows = [
        _mm256_unpacklo_epi32(a0, b0),
        _mm256_unpackhi_epi32(a0, b0),
        _mm256_unpacklo_epi32(a1, b1),
        _mm256_unpackhi_epi32(a1, b1),
    ];
    let mut out = Whole::default();
    for (two, out) in rows.into_iter().zip(out.as_chunks_mut::<2>().0) {
        let two = _mm256_permute4x64_epi64::<0b11_01_10_00>(two);
        // SAFETY: 32 bytes are there, and the store asks for no alignment.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), two) };
    }
    out
}
