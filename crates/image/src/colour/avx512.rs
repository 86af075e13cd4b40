//! 32 columns of two rows at a time; a curve's 64 pieces are two registers of starts and two of
//! rises, looked up by one instruction each.

use std::arch::x86_64::*;

use super::tables::{CB, CR, Chroma, Curve, DARK, LUMA, Tables, WHITE, in_steps};
use crate::cpu::Avx512;

pub(super) fn convert(_: Avx512, tables: &Tables, chroma: Chroma, luma: [&mut [u8]; 2], cb: &mut [u8], cr: &mut [u8]) {
    in_steps::<32, 16>(luma, cb, cr, |luma, cb, cr| {
        // SAFETY: the proof exists only where these features do.
        unsafe { step(tables, chroma, luma, cb, cr) }
    });
}

/// R', G' and B', or their light.
type Rgb = [__m512i; 3];

#[target_feature(enable = "avx512f,avx512bw")]
fn step(tables: &Tables, chroma: Chroma, luma: [&mut [u8; 32]; 2], cb: &mut [u8; 16], cr: &mut [u8; 16]) {
    let (blue, red) = (twice(cb), twice(cr));
    let product = |sample, weight| _mm512_mulhrs_epi16(sample, _mm512_set1_epi16(weight));
    let shift = [
        product(red, chroma.red_cr),
        _mm512_add_epi16(product(blue, chroma.green_cb), product(red, chroma.green_cr)),
        product(blue, chroma.blue_cb),
    ];
    let [upper, lower] = luma;
    let first = row(tables, upper, shift);
    let second = row(tables, lower, shift);
    let means = [
        _mm512_avg_epu16(first[0], second[0]),
        _mm512_avg_epu16(first[1], second[1]),
        _mm512_avg_epu16(first[2], second[2]),
    ];
    colour(means, CB, cb);
    colour(means, CR, cr);
}

/// One row of luma, in place; answers its R'G'B' of sRGB.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn row(tables: &Tables, luma: &mut [u8; 32], shift: Rgb) -> Rgb {
    let y = _mm512_slli_epi16::<7>(_mm512_cvtepu8_epi16(load_32(luma)));
    let [red, green, blue] = &tables.to_light;
    let light = [to_light(red, y, shift[0]), to_light(green, y, shift[1]), to_light(blue, y, shift[2])];
    let rgb = [mixed(tables, light, 0), mixed(tables, light, 1), mixed(tables, light, 2)];
    let weighed = |i: usize| _mm512_mulhrs_epi16(rgb[i], _mm512_set1_epi16(LUMA[i]));
    let sum = _mm512_add_epi16(_mm512_add_epi16(weighed(0), weighed(1)), weighed(2));
    let levels = _mm512_srli_epi16::<7>(_mm512_add_epi16(sum, _mm512_set1_epi16(64)));
    store_32(_mm512_cvtusepi16_epi8(levels), luma);
    rgb
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn to_light(curve: &Curve, y: __m512i, shift: __m512i) -> __m512i {
    let level = _mm512_adds_epi16(y, shift);
    let level = _mm512_min_epi16(_mm512_max_epi16(level, _mm512_setzero_si512()), _mm512_set1_epi16(WHITE));
    value(curve, _mm512_srli_epi16::<9>(level), upper_part(level))
}

/// What light has beyond pieces of 512, as a part of 32,768.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn upper_part(v: __m512i) -> __m512i {
    _mm512_slli_epi16::<6>(_mm512_and_si512(v, _mm512_set1_epi16(511)))
}

/// Component `i` of the matrix's output, by sRGB's curve.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn mixed(tables: &Tables, light: Rgb, i: usize) -> __m512i {
    let part = |j: usize| _mm512_mulhrs_epi16(light[j], _mm512_set1_epi16(tables.mix[i][j]));
    let more = _mm512_add_epi16(_mm512_add_epi16(part(0), part(1)), part(2));
    let light = _mm512_max_epi16(_mm512_adds_epi16(light[i], more), _mm512_setzero_si512());
    let [dark, bright] = &tables.to_srgb;
    let is_dark = _mm512_cmplt_epi16_mask(light, _mm512_set1_epi16(DARK));
    let bright = value(bright, _mm512_srli_epi16::<9>(light), upper_part(light));
    let part = _mm512_slli_epi16::<10>(_mm512_and_si512(light, _mm512_set1_epi16(31)));
    let dark = value(dark, _mm512_srli_epi16::<5>(light), part);
    _mm512_mask_mov_epi16(bright, is_dark, dark)
}

/// See `kernels::value`; of `piece` the lower six bits count.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn value(curve: &Curve, piece: __m512i, part: __m512i) -> __m512i {
    let of = |values: &[i16; 64]| {
        let (halves, _) = values.as_chunks();
        _mm512_permutex2var_epi16(load_i16(&halves[0]), piece, load_i16(&halves[1]))
    };
    _mm512_adds_epi16(of(&curve.start), _mm512_mulhrs_epi16(part, of(&curve.rise)))
}

/// Chroma of the mean of each two neighbours.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn colour(means: Rgb, weights: [i16; 3], out: &mut [u8; 16]) {
    let sum = |i: usize| _mm512_madd_epi16(means[i], _mm512_set1_epi16(weights[i]));
    let sum = _mm512_add_epi32(_mm512_add_epi32(sum(0), sum(1)), sum(2));
    let sum = _mm512_srai_epi32::<23>(_mm512_add_epi32(sum, _mm512_set1_epi32(1 << 22)));
    let sum = _mm512_max_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(128)), _mm512_setzero_si512());
    store_16(_mm512_cvtusepi32_epi8(sum), out);
}

/// Sixteen samples of chroma, each for two columns: 128 less, times 256.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn twice(samples: &[u8; 16]) -> __m512i {
    let wide = _mm512_cvtepu8_epi32(load_16(samples));
    let twice = _mm512_or_si512(wide, _mm512_slli_epi32::<16>(wide));
    _mm512_slli_epi16::<8>(_mm512_sub_epi16(twice, _mm512_set1_epi16(128)))
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load_i16(values: &[i16; 32]) -> __m512i {
    // SAFETY: 64 readable bytes; the load needs no alignment.
    unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load_32(samples: &[u8; 32]) -> __m256i {
    // SAFETY: 32 readable bytes; the load needs no alignment.
    unsafe { _mm256_loadu_si256(samples.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load_16(samples: &[u8; 16]) -> __m128i {
    // SAFETY: 16 readable bytes; the load needs no alignment.
    unsafe { _mm_loadu_si128(samples.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store_32(samples: __m256i, to: &mut [u8; 32]) {
    // SAFETY: 32 writable bytes; the store needs no alignment.
    unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), samples) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store_16(samples: __m128i, to: &mut [u8; 16]) {
    // SAFETY: 16 writable bytes; the store needs no alignment.
    unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), samples) }
}
