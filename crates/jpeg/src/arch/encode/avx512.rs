//! Four blocks at once, one to each quarter of a register, and tokens of a whole block at once.

use std::arch::x86_64::*;

use crate::cpu::Avx512;
use crate::decode::NATURAL;
use crate::encode::fdct::{BETWEEN, SHIFTS, weight};
use crate::encode::kernels::WIDE;
use crate::encode::quantize::Quantizer;
use crate::encode::tokens::{self, BEYOND, ROOM, Step};
use crate::encode::{Block, SIDE};

/// See `encode::kernels::forward`.
pub(crate) fn forward(_: Avx512, rows: &[&[u8; WIDE]; SIDE], out: &mut [Block; 4]) {
    // SAFETY: the proof exists only where all features of the function do.
    unsafe { forward_avx512(rows, out) }
}

/// See `encode::kernels::forward_quantized`.
pub(crate) fn forward_quantized(_: Avx512, rows: &[&[u8; WIDE]; SIDE], quantizer: &Quantizer, out: &mut [Block; 4]) {
    // SAFETY: the proof exists only where all features of the function do.
    unsafe { forward_quantized_avx512(rows, quantizer, out) }
}

/// See `encode::kernels::quantize`.
pub(crate) fn quantize(_: Avx512, blocks: &[Block; 4], quantizer: &Quantizer, out: &mut [Block; 4]) {
    // SAFETY: the proof exists only where all features of the function do.
    unsafe { quantize_avx512(blocks, quantizer, out) }
}

/// The tokens of a band's blocks to the front of `free`; answers how many.
pub(crate) fn tokens(_: Avx512, band: &[Block], order: &[Step], before: &mut [i32; 3], free: &mut [u32]) -> usize {
    // SAFETY: the proof exists only where all features of the function do.
    unsafe { tokens_avx512(band, order, before, free) }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn forward_avx512(rows: &[&[u8; WIDE]; SIDE], out: &mut [Block; 4]) {
    for (block, out) in blocks(rows).into_iter().zip(out) {
        store(block, out);
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq")]
fn forward_quantized_avx512(rows: &[&[u8; WIDE]; SIDE], quantizer: &Quantizer, out: &mut [Block; 4]) {
    let divide = Divide::new(quantizer);
    for (block, out) in blocks(rows).into_iter().zip(out) {
        store(divide.apply(block), out);
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq")]
fn quantize_avx512(blocks: &[Block; 4], quantizer: &Quantizer, out: &mut [Block; 4]) {
    let divide = Divide::new(quantizer);
    for (block, out) in blocks.iter().zip(out) {
        store(divide.apply(load(block)), out);
    }
}

/// A block's coefficients: 0 to 31 and 32 to 63.
type Halves = [__m512i; 2];

/// Four blocks of samples to coefficients, row by row.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn blocks(rows: &[&[u8; WIDE]; SIDE]) -> [Halves; 4] {
    // Quarter i of register y: row y of block i.
    let mut lanes = [_mm512_setzero_si512(); SIDE];
    for (lanes, row) in lanes.iter_mut().zip(rows) {
        *lanes = _mm512_sub_epi16(_mm512_cvtepu8_epi16(samples(row)), _mm512_set1_epi16(128));
    }
    const FIRST: u32 = SHIFTS[0];
    const SECOND: u32 = SHIFTS[1];
    let columns = lines::<FIRST, true>(transpose(lanes));
    let [r0, r1, r2, r3, r4, r5, r6, r7] = lines::<SECOND, false>(transpose(columns));
    let (upper, lower) = (quarters([r0, r1, r2, r3]), quarters([r4, r5, r6, r7]));
    [[upper[0], lower[0]], [upper[1], lower[1]], [upper[2], lower[2]], [upper[3], lower[3]]]
}

/// One line of the transform in every lane: input `i` in register `i`.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn lines<const SHIFT: u32, const FIRST: bool>(d: [__m512i; 8]) -> [__m512i; 8] {
    let sum = |i: usize| _mm512_add_epi16(d[i], d[7 - i]);
    let difference = |i: usize| _mm512_sub_epi16(d[i], d[7 - i]);
    let [t0, t1, t2, t3] = [sum(0), sum(1), sum(2), sum(3)];
    let [t7, t6, t5, t4] = [difference(0), difference(1), difference(2), difference(3)];
    let (t10, t13) = (_mm512_add_epi16(t0, t3), _mm512_sub_epi16(t0, t3));
    let (t11, t12) = (_mm512_add_epi16(t1, t2), _mm512_sub_epi16(t1, t2));
    let whole = |v: __m512i| {
        if FIRST {
            _mm512_slli_epi16::<{ BETWEEN }>(v)
        } else {
            _mm512_srai_epi16::<{ BETWEEN }>(_mm512_add_epi16(v, _mm512_set1_epi16(1 << (BETWEEN - 1))))
        }
    };
    let (p13, p45, p67) = (pairs(t13, t12), pairs(t4, t5), pairs(t6, t7));
    let even = |[a, b]: [i16; 2]| {
        let w = weights(a, b);
        round::<SHIFT>([_mm512_madd_epi16(p13[0], w), _mm512_madd_epi16(p13[1], w)])
    };
    let odd = |[a, b, c, d]: [i16; 4]| {
        let (first, second) = (weights(a, b), weights(c, d));
        let half = |i: usize| _mm512_add_epi32(_mm512_madd_epi16(p45[i], first), _mm512_madd_epi16(p67[i], second));
        round::<SHIFT>([half(0), half(1)])
    };
    [
        whole(_mm512_add_epi16(t10, t11)),
        odd(weight::ODD[0]),
        even(weight::EVEN[0]),
        odd(weight::ODD[1]),
        whole(_mm512_sub_epi16(t10, t11)),
        odd(weight::ODD[2]),
        even(weight::EVEN[1]),
        odd(weight::ODD[3]),
    ]
}

/// Lanes of both in turns: the lower halves of each quarter, and the upper.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn pairs(a: __m512i, b: __m512i) -> Halves {
    [_mm512_unpacklo_epi16(a, b), _mm512_unpackhi_epi16(a, b)]
}

/// Both weights of a pair, in every lane.
#[target_feature(enable = "avx512f")]
#[inline]
fn weights(a: i16, b: i16) -> __m512i {
    _mm512_set1_epi32(i32::from(a as u16) | i32::from(b) << 16)
}

/// Sums without their fractional bits, in the order before [`pairs`].
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn round<const SHIFT: u32>(sums: Halves) -> __m512i {
    let half = _mm512_set1_epi32(1 << (SHIFT - 1));
    let cut = |sum| _mm512_srai_epi32::<SHIFT>(_mm512_add_epi32(sum, half));
    _mm512_packs_epi32(cut(sums[0]), cut(sums[1]))
}

/// Rows for columns, in every quarter.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn transpose(r: [__m512i; 8]) -> [__m512i; 8] {
    let (a, b, c, d) = (pairs(r[0], r[1]), pairs(r[2], r[3]), pairs(r[4], r[5]), pairs(r[6], r[7]));
    let doubles = |a, b| [_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b)];
    let (e, f) = (doubles(a[0], b[0]), doubles(a[1], b[1]));
    let (g, h) = (doubles(c[0], d[0]), doubles(c[1], d[1]));
    [
        _mm512_unpacklo_epi64(e[0], g[0]),
        _mm512_unpackhi_epi64(e[0], g[0]),
        _mm512_unpacklo_epi64(e[1], g[1]),
        _mm512_unpackhi_epi64(e[1], g[1]),
        _mm512_unpacklo_epi64(f[0], h[0]),
        _mm512_unpackhi_epi64(f[0], h[0]),
        _mm512_unpacklo_epi64(f[1], h[1]),
        _mm512_unpackhi_epi64(f[1], h[1]),
    ]
}

/// Quarter `i` of each of four registers, in register `i`.
#[target_feature(enable = "avx512f")]
#[inline]
fn quarters(r: [__m512i; 4]) -> [__m512i; 4] {
    let (a, b) = (_mm512_shuffle_i32x4::<0x44>(r[0], r[1]), _mm512_shuffle_i32x4::<0xEE>(r[0], r[1]));
    let (c, d) = (_mm512_shuffle_i32x4::<0x44>(r[2], r[3]), _mm512_shuffle_i32x4::<0xEE>(r[2], r[3]));
    [
        _mm512_shuffle_i32x4::<0x88>(a, c),
        _mm512_shuffle_i32x4::<0xDD>(a, c),
        _mm512_shuffle_i32x4::<0x88>(b, d),
        _mm512_shuffle_i32x4::<0xDD>(b, d),
    ]
}

/// A quantizer in registers.
struct Divide {
    correction: Halves,
    reciprocal: Halves,
    scale: Halves,
    /// Places of the coefficients in the order in which they are written.
    order: Halves,
}

impl Divide {
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn new(quantizer: &Quantizer) -> Self {
        const ORDER: Block = {
            let (mut order, mut i) = ([0; 64], 0);
            while i < 64 {
                order[i] = NATURAL[i] as i16;
                i += 1;
            }
            order
        };
        Self {
            correction: load_u16(&quantizer.correction),
            reciprocal: load_u16(&quantizer.reciprocal),
            scale: load_u16(&quantizer.scale),
            order: load(&ORDER),
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq")]
    #[inline]
    fn apply(&self, block: Halves) -> Halves {
        let half = |i: usize| {
            let size = _mm512_add_epi16(_mm512_abs_epi16(block[i]), self.correction[i]);
            let size = _mm512_mulhi_epu16(_mm512_mulhi_epu16(size, self.reciprocal[i]), self.scale[i]);
            let negative = _mm512_movepi16_mask(block[i]);
            _mm512_mask_sub_epi16(size, negative, _mm512_setzero_si512(), size)
        };
        let (low, high) = (half(0), half(1));
        let [first, second] = self.order;
        [_mm512_permutex2var_epi16(low, first, high), _mm512_permutex2var_epi16(low, second, high)]
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt")]
fn tokens_avx512(band: &[Block], order: &[Step], before: &mut [i32; 3], free: &mut [u32]) -> usize {
    let mut made = 0;
    for step in order {
        let out: &mut [u32; ROOM] = free[made..].first_chunk_mut().expect("there is room for each block");
        let table = tokens::table(step.component);
        if step.block == BEYOND {
            made += tokens::beyond(table, out);
            continue;
        }
        let block = &band[usize::from(step.block)];
        out[0] = tokens::first(table, i32::from(block[0]), &mut before[usize::from(step.component)]);
        made += others(table, block, out);
    }
    made
}

/// See `encode::tokens::others`. Places and values of all coefficients that are not zero are moved
/// to the front; runs are differences of places, sizes come from leading zeros.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512vbmi,avx512vbmi2,bmi1,bmi2,lzcnt,popcnt")]
#[inline]
fn others(table: u32, block: &Block, out: &mut [u32; ROOM]) -> usize {
    let [low, high] = load(block);
    let mask = u64::from(_mm512_test_epi16_mask(low, low)) | u64::from(_mm512_test_epi16_mask(high, high)) << 32;
    let mask = mask & !1;
    let count = mask.count_ones();
    // Bytes: the places, and to each the place before it, which for the first is that of the first
    // coefficient.
    let places = _mm512_maskz_compress_epi8(mask, each_place());
    let previous = _mm512_maskz_compress_epi8(mask | 1, each_place());
    let runs = _mm512_sub_epi8(_mm512_sub_epi8(places, previous), _mm512_set1_epi8(1));
    let live = !(u64::MAX << count);
    if _mm512_mask_cmpgt_epu8_mask(live, runs, _mm512_set1_epi8(15)) != 0 {
        // Rare: a run that takes tokens of its own.
        return tokens::others(table, block, mask, out);
    }
    let kind = _mm512_set1_epi32(((table + 1) << 24) as i32);
    let sixteen = |i: usize, values: __m256i, runs: __m128i, out: &mut [u32; ROOM]| {
        let (values, runs) = (_mm512_cvtepi16_epi32(values), _mm512_cvtepu8_epi32(runs));
        let size = _mm512_sub_epi32(_mm512_set1_epi32(32), _mm512_lzcnt_epi32(_mm512_abs_epi32(values)));
        // Negative values are one less than their low bits say.
        let bits = _mm512_add_epi32(values, _mm512_srai_epi32::<31>(values));
        let beyond = _mm512_sllv_epi32(_mm512_set1_epi32(-1), size);
        let bits = _mm512_andnot_si512(beyond, bits);
        let symbol = _mm512_or_si512(_mm512_slli_epi32::<20>(runs), _mm512_slli_epi32::<16>(size));
        store_16(_mm512_or_si512(_mm512_or_si512(symbol, bits), kind), out, 1 + i);
    };
    // Values by their places, half of them at a time.
    let values = |places: __m256i| _mm512_permutex2var_epi16(low, _mm512_cvtepu8_epi16(places), high);
    let front = values(_mm512_castsi512_si256(places));
    sixteen(0, _mm512_castsi512_si256(front), _mm512_castsi512_si128(runs), out);
    if count > 16 {
        sixteen(16, _mm512_extracti64x4_epi64::<1>(front), _mm512_extracti32x4_epi32::<1>(runs), out);
        if count > 32 {
            let back = values(_mm512_extracti64x4_epi64::<1>(places));
            sixteen(32, _mm512_castsi512_si256(back), _mm512_extracti32x4_epi32::<2>(runs), out);
            sixteen(48, _mm512_extracti64x4_epi64::<1>(back), _mm512_extracti32x4_epi32::<3>(runs), out);
        }
    }
    let made = 1 + count as usize;
    out[made] = (table + 1) << 24;
    made + usize::from(mask >> 63 == 0)
}

/// The numbers 0 to 63.
#[target_feature(enable = "avx512f")]
#[inline]
fn each_place() -> __m512i {
    const PLACES: [u8; 64] = {
        let (mut places, mut i) = ([0; 64], 0);
        while i < 64 {
            places[i] = i as u8;
            i += 1;
        }
        places
    };
    // SAFETY: 64 bytes are there, and the load asks for no alignment.
    unsafe { _mm512_loadu_si512(PLACES.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn samples(row: &[u8; WIDE]) -> __m256i {
    // SAFETY: 32 bytes are there, and the load asks for no alignment.
    unsafe { _mm256_loadu_si256(row.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load(block: &Block) -> Halves {
    let (halves, _) = block.as_chunks();
    [load_32(&halves[0]), load_32(&halves[1])]
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load_u16(values: &[u16; 64]) -> Halves {
    let (halves, _) = values.as_chunks();
    [load_32(&halves[0]), load_32(&halves[1])]
}

/// 32 numbers of sixteen bits.
#[target_feature(enable = "avx512f")]
#[inline]
fn load_32<T: Sixteen>(values: &[T; 32]) -> __m512i {
    // SAFETY: 64 bytes are there, and the load asks for no alignment.
    unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
}

/// A number of sixteen bits.
trait Sixteen {}
impl Sixteen for i16 {}
impl Sixteen for u16 {}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(halves: Halves, out: &mut Block) {
    for (half, out) in halves.into_iter().zip(out.as_chunks_mut::<32>().0) {
        // SAFETY: 64 bytes are there, and the store asks for no alignment.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), half) };
    }
}

/// Sixteen tokens from place `at` on.
#[target_feature(enable = "avx512f")]
#[inline]
fn store_16(tokens: __m512i, out: &mut [u32; ROOM], at: usize) {
    let out: &mut [u32; 16] = out[at..].first_chunk_mut().expect("the room is for 96");
    // SAFETY: 64 bytes are there, and the store asks for no alignment.
    unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), tokens) };
}
