//! The normal filter for AVX2.
//!
//! A register holds sixteen places of an edge of luma in its lower half, and eight of blue and of red chroma in its upper;
//! eight of them are what lies across the edge. Luma's second and third edge within a macroblock go alone. For upright
//! edges, rows and columns change places on the way in and out.

use std::arch::x86_64::*;

use super::lanes::{load_8, load_16, store_8, store_16, store_high_8};
use crate::cpu::Avx2;
use crate::webp::lossy::smooth::{Outer, Square};
use crate::webp::lossy::strength::{MACROBLOCK, Strength};

/// Four samples before an edge and four behind it.
type Across = [__m256i; 8];

pub(in super::super) fn macroblock(_: Avx2, planes: &mut [Square<'_>; 3], strength: Strength, outer: Outer) {
    // SAFETY: the proof exists only where AVX2 does.
    unsafe { both(planes, strength, outer) }
}

#[target_feature(enable = "avx2")]
fn both(planes: &mut [Square<'_>; 3], strength: Strength, outer: Outer) {
    upright(planes, strength, outer.left);
    level(planes, strength, outer.upper);
}

/// What a filter compares with.
struct Limits {
    outer: __m256i,
    inner: __m256i,
    interior: __m256i,
    high_variance: __m256i,
}

impl Limits {
    #[target_feature(enable = "avx2")]
    #[inline]
    fn new(strength: Strength) -> Self {
        let all = |limit: u8| _mm256_set1_epi8(limit as i8);
        Self {
            outer: all(strength.edge + MACROBLOCK),
            inner: all(strength.edge),
            interior: all(strength.interior),
            high_variance: all(strength.high_variance),
        }
    }
}

#[target_feature(enable = "avx2")]
fn upright(planes: &mut [Square<'_>; 3], strength: Strength, left: bool) {
    if !left && !strength.inner {
        return;
    }
    let limits = Limits::new(strength);
    // Four columns before the macroblock and its first four.
    let mut first = columns(planes, if left { -4 } else { 0 });
    if left {
        six(&mut first, &limits);
    } else {
        first.rotate_right(4);
    }
    if strength.inner {
        // Of luma the next eight, of chroma the next four.
        let second = columns_from_4(planes);
        let mut across = joined(&first[4..], &second[..4]);
        four(&mut across, &limits, _mm256_set1_epi8(-1));
        first[4..].copy_from_slice(&across[..4]);
        let mut luma = joined(&across[4..], &second[4..]);
        let luma_alone = _mm256_set_epi64x(0, 0, -1, -1);
        four(&mut luma, &limits, luma_alone);
        let low = joined(&first[4..], &luma[..4]);
        let mut high = joined(&luma[4..], &luma_columns(&planes[0], 8)[4..]);
        four(&mut high, &limits, luma_alone);
        put_whole(planes, &turned_back(&low), &turned_back(&high));
    } else {
        put_first_4(planes, &turned_back(&joined(&first[4..], &first[4..])));
    }
    if left {
        put_4_before(planes, &turned_back(&first));
    }
}

#[inline(always)]
fn joined(low: &[__m256i], high: &[__m256i]) -> Across {
    [low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3]]
}

#[target_feature(enable = "avx2")]
fn level(planes: &mut [Square<'_>; 3], strength: Strength, upper: bool) {
    if !upper && !strength.inner {
        return;
    }
    let limits = Limits::new(strength);
    let mut across = [_mm256_setzero_si256(); 8];
    for (y, row) in across.iter_mut().enumerate().skip(if upper { 0 } else { 4 }) {
        *row = rows(planes, y as isize - 4);
    }
    if upper {
        six(&mut across, &limits);
        for y in 1..7 {
            put_row(planes, y - 4, across[y as usize]);
        }
    }
    if !strength.inner {
        return;
    }
    across.rotate_left(4);
    for (row, y) in across[4..].iter_mut().zip(4..) {
        *row = rows(planes, y);
    }
    four(&mut across, &limits, _mm256_set1_epi8(-1));
    for y in 2..6 {
        put_row(planes, y, across[y as usize]);
    }
    let luma_alone = _mm256_set_epi64x(0, 0, -1, -1);
    for first in [8, 12] {
        across.rotate_left(4);
        for (row, y) in across[4..].iter_mut().zip(first..) {
            *row = _mm256_zextsi128_si256(luma_row(&planes[0], y));
        }
        four(&mut across, &limits, luma_alone);
        for (row, y) in across[2..6].iter().zip(first - 2..) {
            let at = place(&planes[0], y, 0);
            store_16(_mm256_castsi256_si128(*row), planes[0].samples, at);
        }
    }
}

/// Where a sample of the plane is.
#[inline(always)]
fn place(plane: &Square<'_>, row: isize, column: isize) -> usize {
    plane.at.wrapping_add_signed(row * plane.stride as isize + column)
}

#[inline(always)]
fn luma_row(luma: &Square<'_>, y: isize) -> __m128i {
    load_16(luma.samples, place(luma, y, 0))
}

/// A row of all planes.
#[target_feature(enable = "avx2")]
#[inline]
fn rows([luma, blue, red]: &[Square<'_>; 3], y: isize) -> __m256i {
    let blue = load_8(blue.samples, place(blue, y, 0));
    let red = load_8(red.samples, place(red, y, 0));
    _mm256_set_m128i(_mm_unpacklo_epi64(blue, red), luma_row(luma, y))
}

#[target_feature(enable = "avx2")]
#[inline]
fn put_row([luma, blue, red]: &mut [Square<'_>; 3], y: isize, row: __m256i) {
    let at = place(luma, y, 0);
    store_16(_mm256_castsi256_si128(row), luma.samples, at);
    let chroma = _mm256_extracti128_si256::<1>(row);
    let at = place(blue, y, 0);
    store_8(chroma, blue.samples, at);
    store_high_8(chroma, red.samples, at);
}

/// Eight columns of all planes from `x` on.
#[target_feature(enable = "avx2")]
#[inline]
fn columns([luma, blue, red]: &[Square<'_>; 3], x: isize) -> Across {
    let mut rows = [_mm256_setzero_si256(); 8];
    for (y, row) in rows.iter_mut().enumerate() {
        let y = y as isize;
        let blue = load_8(blue.samples, place(blue, y, x));
        let red = load_8(red.samples, place(red, y, x));
        *row = _mm256_set_m128i(_mm_unpacklo_epi64(blue, red), two_rows(luma, y, x));
    }
    turned(rows)
}

/// Rows `y` and `y + 8`, eight samples each.
#[inline(always)]
fn two_rows(luma: &Square<'_>, y: isize, x: isize) -> __m128i {
    let low = load_8(luma.samples, place(luma, y, x));
    let high = load_8(luma.samples, place(luma, y + 8, x));
    // SAFETY: every x86-64 CPU has SSE2.
    unsafe { _mm_unpacklo_epi64(low, high) }
}

/// Eight columns of luma alone.
#[target_feature(enable = "avx2")]
#[inline]
fn luma_columns(luma: &Square<'_>, x: isize) -> Across {
    let mut rows = [_mm256_setzero_si256(); 8];
    for (y, row) in rows.iter_mut().enumerate() {
        *row = _mm256_zextsi128_si256(two_rows(luma, y as isize, x));
    }
    turned(rows)
}

/// Of luma eight columns from the fourth on, of chroma the last four: behind them the plane may end.
#[target_feature(enable = "avx2")]
#[inline]
fn columns_from_4([luma, blue, red]: &[Square<'_>; 3]) -> Across {
    let mut rows = [_mm256_setzero_si256(); 8];
    for (y, row) in rows.iter_mut().enumerate() {
        let y = y as isize;
        let last = |plane: &Square<'_>| _mm_srli_si128::<4>(load_8(plane.samples, place(plane, y, 0)));
        *row = _mm256_set_m128i(_mm_unpacklo_epi64(last(blue), last(red)), two_rows(luma, y, 4));
    }
    turned(rows)
}

/// All columns: eight of all planes and eight more of luma. Whole rows are stored at once, since whole rows are what is loaded
/// next: of a row in pieces the load would wait until all are in the cache.
#[target_feature(enable = "avx2")]
#[inline]
fn put_whole([luma, blue, red]: &mut [Square<'_>; 3], low: &[__m256i; 8], high: &[__m256i; 8]) {
    for (i, (low, high)) in low.iter().zip(high).enumerate() {
        let (of_luma, more) = (_mm256_castsi256_si128(*low), _mm256_castsi256_si128(*high));
        let at = place(luma, 2 * i as isize, 0);
        store_16(_mm_unpacklo_epi64(of_luma, more), luma.samples, at);
        store_16(_mm_unpackhi_epi64(of_luma, more), luma.samples, at + luma.stride);
        let chroma = _mm256_extracti128_si256::<1>(*low);
        let plane = if i < 4 { &mut *blue } else { &mut *red };
        let at = place(plane, (2 * i % 8) as isize, 0);
        store_8(chroma, plane.samples, at);
        store_high_8(chroma, plane.samples, at + plane.stride);
    }
}

/// The first four columns of all planes, in whole rows too.
#[target_feature(enable = "avx2")]
#[inline]
fn put_first_4([luma, blue, red]: &mut [Square<'_>; 3], rows: &[__m256i; 8]) {
    for (i, rows) in rows.iter().enumerate() {
        let of_luma = _mm256_castsi256_si128(*rows);
        let at = place(luma, 2 * i as isize, 0);
        store_16(_mm_blend_epi32::<1>(load_16(luma.samples, at), of_luma), luma.samples, at);
        let (at, next) = (at + luma.stride, _mm_srli_si128::<8>(of_luma));
        store_16(_mm_blend_epi32::<1>(load_16(luma.samples, at), next), luma.samples, at);
        let chroma = _mm256_extracti128_si256::<1>(*rows);
        let plane = if i < 4 { &mut *blue } else { &mut *red };
        let at = place(plane, (2 * i % 8) as isize, 0);
        store_8(_mm_blend_epi32::<1>(load_8(plane.samples, at), chroma), plane.samples, at);
        let (at, next) = (at + plane.stride, _mm_srli_si128::<8>(chroma));
        store_8(_mm_blend_epi32::<1>(load_8(plane.samples, at), next), plane.samples, at);
    }
}

/// The four columns before the macroblock, of all planes.
#[target_feature(enable = "avx2")]
#[inline]
fn put_4_before([luma, blue, red]: &mut [Square<'_>; 3], rows: &[__m256i; 8]) {
    let put = |plane: &mut Square<'_>, y: usize, rows: __m128i| {
        let at = place(plane, y as isize, -4);
        plane.samples[at..at + 4].copy_from_slice(&_mm_cvtsi128_si32(rows).to_le_bytes());
        let at = at + plane.stride;
        plane.samples[at..at + 4].copy_from_slice(&_mm_extract_epi32::<2>(rows).to_le_bytes());
    };
    for (i, rows) in rows.iter().enumerate() {
        put(luma, 2 * i, _mm256_castsi256_si128(*rows));
        put(if i < 4 { &mut *blue } else { &mut *red }, 2 * i % 8, _mm256_extracti128_si256::<1>(*rows));
    }
}

/// Rows `y` and `y + 8` of eight samples each to columns of sixteen, in either half.
#[target_feature(enable = "avx2")]
#[inline]
fn turned([a, b, c, d, e, f, g, h]: Across) -> Across {
    let four = |a, b, c, d| {
        // Of rows 0 to 3 and then of rows 8 to 11: columns 0 to 3, and 4 to 7.
        let (low_ab, low_cd) = (_mm256_unpacklo_epi8(a, b), _mm256_unpacklo_epi8(c, d));
        let (high_ab, high_cd) = (_mm256_unpackhi_epi8(a, b), _mm256_unpackhi_epi8(c, d));
        [
            _mm256_unpacklo_epi16(low_ab, low_cd),
            _mm256_unpackhi_epi16(low_ab, low_cd),
            _mm256_unpacklo_epi16(high_ab, high_cd),
            _mm256_unpackhi_epi16(high_ab, high_cd),
        ]
    };
    let [a0, a4, b0, b4] = four(a, b, c, d);
    let [c0, c4, d0, d4] = four(e, f, g, h);
    // Of rows 0 to 7 and of rows 8 to 15: two columns.
    let two = |upper, lower, upper_8, lower_8| {
        let (low, high) = (_mm256_unpacklo_epi32(upper, lower), _mm256_unpackhi_epi32(upper, lower));
        let (low_8, high_8) = (_mm256_unpacklo_epi32(upper_8, lower_8), _mm256_unpackhi_epi32(upper_8, lower_8));
        [
            _mm256_unpacklo_epi64(low, low_8),
            _mm256_unpackhi_epi64(low, low_8),
            _mm256_unpacklo_epi64(high, high_8),
            _mm256_unpackhi_epi64(high, high_8),
        ]
    };
    let [x0, x1, x2, x3] = two(a0, c0, b0, d0);
    let [x4, x5, x6, x7] = two(a4, c4, b4, d4);
    [x0, x1, x2, x3, x4, x5, x6, x7]
}

/// Columns of sixteen to pairs of rows, `2 i` and `2 i + 1` in one half, in either half.
#[target_feature(enable = "avx2")]
#[inline]
fn turned_back([a, b, c, d, e, f, g, h]: &Across) -> [__m256i; 8] {
    let eight = |ab, cd, ef, gh| {
        let (low_4, high_4) = (_mm256_unpacklo_epi16(ab, cd), _mm256_unpackhi_epi16(ab, cd));
        let (low_8, high_8) = (_mm256_unpacklo_epi16(ef, gh), _mm256_unpackhi_epi16(ef, gh));
        [
            _mm256_unpacklo_epi32(low_4, low_8),
            _mm256_unpackhi_epi32(low_4, low_8),
            _mm256_unpacklo_epi32(high_4, high_8),
            _mm256_unpackhi_epi32(high_4, high_8),
        ]
    };
    let low = |a: &__m256i, b: &__m256i| _mm256_unpacklo_epi8(*a, *b);
    let high = |a: &__m256i, b: &__m256i| _mm256_unpackhi_epi8(*a, *b);
    let [r0, r2, r4, r6] = eight(low(a, b), low(c, d), low(e, f), low(g, h));
    let [r8, r10, r12, r14] = eight(high(a, b), high(c, d), high(e, f), high(g, h));
    [r0, r2, r4, r6, r8, r10, r12, r14]
}

#[target_feature(enable = "avx2")]
#[inline]
fn difference(a: __m256i, b: __m256i) -> __m256i {
    _mm256_or_si256(_mm256_subs_epu8(a, b), _mm256_subs_epu8(b, a))
}

/// Where a value is at most a limit.
#[target_feature(enable = "avx2")]
#[inline]
fn at_most(value: __m256i, limit: __m256i) -> __m256i {
    _mm256_cmpeq_epi8(_mm256_subs_epu8(value, limit), _mm256_setzero_si256())
}

/// Where samples are smoothed, and where the edge is not one of the picture.
#[target_feature(enable = "avx2")]
#[inline]
fn places(across: &Across, edge: __m256i, limits: &Limits) -> (__m256i, __m256i) {
    let [p3, p2, p1, p0, q0, q1, q2, q3] = *across;
    let near = _mm256_max_epu8(difference(p1, p0), difference(q1, q0));
    let far = _mm256_max_epu8(
        _mm256_max_epu8(difference(p3, p2), difference(p2, p1)),
        _mm256_max_epu8(difference(q3, q2), difference(q2, q1)),
    );
    let middle = difference(p0, q0);
    let outer = _mm256_srli_epi16::<1>(_mm256_and_si256(difference(p1, q1), _mm256_set1_epi8(-2)));
    let step = _mm256_adds_epu8(_mm256_adds_epu8(middle, middle), outer);
    let smooth = at_most(_mm256_max_epu8(near, far), limits.interior);
    (_mm256_and_si256(smooth, at_most(step, edge)), at_most(near, limits.high_variance))
}

/// Around zero, or back.
#[target_feature(enable = "avx2")]
#[inline]
fn flip(value: __m256i) -> __m256i {
    _mm256_xor_si256(value, _mm256_set1_epi8(-128))
}

/// Three times the step across the edge, less what `outer` is.
#[target_feature(enable = "avx2")]
#[inline]
fn step(outer: __m256i, p0: __m256i, q0: __m256i) -> __m256i {
    let inner = _mm256_subs_epi8(q0, p0);
    _mm256_adds_epi8(inner, _mm256_adds_epi8(inner, _mm256_adds_epi8(outer, inner)))
}

/// Bytes over eight, rounded down.
#[target_feature(enable = "avx2")]
#[inline]
fn eighth(value: __m256i) -> __m256i {
    // Of words the bits that come from the neighbour are replaced by the sign.
    let shifted = _mm256_and_si256(_mm256_srli_epi16::<3>(value), _mm256_set1_epi8(0x1F));
    let sign = _mm256_set1_epi8(0x10);
    _mm256_sub_epi8(_mm256_xor_si256(shifted, sign), sign)
}

/// Smooths an edge between macroblocks.
#[target_feature(enable = "avx2")]
#[inline]
fn six(across: &mut Across, limits: &Limits) {
    let (smooth, flat) = places(across, limits.outer, limits);
    let [_, p2, p1, p0, q0, q1, q2, _] = across.map(|samples| flip(samples));
    let by = _mm256_and_si256(step(_mm256_subs_epi8(p1, q1), p0, q0), smooth);
    // Where the edge is one of the picture, but the nearest samples.
    let picture = _mm256_andnot_si256(flat, by);
    let q0 = _mm256_subs_epi8(q0, eighth(_mm256_adds_epi8(picture, _mm256_set1_epi8(4))));
    let p0 = _mm256_adds_epi8(p0, eighth(_mm256_adds_epi8(picture, _mm256_set1_epi8(3))));
    let by = _mm256_and_si256(by, flat);
    // Nine times, in words.
    let zero = _mm256_setzero_si256();
    let nine = _mm256_set1_epi16(9 << 8);
    let low = _mm256_mulhi_epi16(_mm256_unpacklo_epi8(zero, by), nine);
    let high = _mm256_mulhi_epi16(_mm256_unpackhi_epi8(zero, by), nine);
    let half = _mm256_set1_epi16(63);
    let (low_9, high_9) = (_mm256_add_epi16(low, half), _mm256_add_epi16(high, half));
    let (low_18, high_18) = (_mm256_add_epi16(low_9, low), _mm256_add_epi16(high_9, high));
    let (low_27, high_27) = (_mm256_add_epi16(low_18, low), _mm256_add_epi16(high_18, high));
    let by = |low, high| _mm256_packs_epi16(_mm256_srai_epi16::<7>(low), _mm256_srai_epi16::<7>(high));
    let near = |p, q, by| (flip(_mm256_adds_epi8(p, by)), flip(_mm256_subs_epi8(q, by)));
    (across[1], across[6]) = near(p2, q2, by(low_9, high_9));
    (across[2], across[5]) = near(p1, q1, by(low_18, high_18));
    (across[3], across[4]) = near(p0, q0, by(low_27, high_27));
}

/// Smooths an edge within macroblocks, of those `lanes` that have one.
#[target_feature(enable = "avx2")]
#[inline]
fn four(across: &mut Across, limits: &Limits, lanes: __m256i) {
    let (smooth, flat) = places(across, limits.inner, limits);
    let smooth = _mm256_and_si256(smooth, lanes);
    let [_, _, p1, p0, q0, q1, _, _] = across.map(|samples| flip(samples));
    let outer = _mm256_andnot_si256(flat, _mm256_subs_epi8(p1, q1));
    let by = _mm256_and_si256(step(outer, p0, q0), smooth);
    let behind = eighth(_mm256_adds_epi8(by, _mm256_set1_epi8(4)));
    let before = eighth(_mm256_adds_epi8(by, _mm256_set1_epi8(3)));
    across[3] = flip(_mm256_adds_epi8(p0, before));
    across[4] = flip(_mm256_subs_epi8(q0, behind));
    // Half of it, rounded up; but not where the edge is one of the picture.
    let half = _mm256_sub_epi8(_mm256_avg_epu8(flip(behind), _mm256_setzero_si256()), _mm256_set1_epi8(64));
    let half = _mm256_and_si256(half, flat);
    across[2] = flip(_mm256_adds_epi8(p1, half));
    across[5] = flip(_mm256_subs_epi8(q1, half));
}
