//! 16 columns of two rows at a time; the pieces of a curve are gathered from memory.

use std::arch::x86_64::*;

use super::tables::{CB, CR, Chroma, Curve, DARK, LUMA, PIECES, Tables, WHITE, in_steps};
use crate::cpu::Avx2;

pub(super) fn convert(_: Avx2, tables: &Tables, chroma: Chroma, luma: [&mut [u8]; 2], cb: &mut [u8], cr: &mut [u8]) {
    let [red, green, blue] = &tables.to_light;
    let packed = Packed {
        to_light: [packed([red, red]), packed([green, green]), packed([blue, blue])],
        to_srgb: packed([&tables.to_srgb[0], &tables.to_srgb[1]]),
    };
    in_steps::<16, 8>(luma, cb, cr, |luma, cb, cr| {
        // SAFETY: the proof exists only where AVX2 does.
        unsafe { step(tables, &packed, chroma, luma, cb, cr) }
    });
}

/// Pieces of two curves: the start in the lower half and the rise in the upper.
type Pieces = [i32; PIECES * 2];

struct Packed {
    /// The same curve twice.
    to_light: [Pieces; 3],
    to_srgb: Pieces,
}

fn packed(curves: [&Curve; 2]) -> Pieces {
    std::array::from_fn(|i| {
        let (curve, i) = (curves[i / PIECES], i % PIECES);
        i32::from(curve.start[i] as u16) | i32::from(curve.rise[i]) << 16
    })
}

/// R', G' and B', or their light.
type Rgb = [__m256i; 3];

#[target_feature(enable = "avx2")]
fn step(
    tables: &Tables,
    packed: &Packed,
    chroma: Chroma,
    luma: [&mut [u8; 16]; 2],
    cb: &mut [u8; 8],
    cr: &mut [u8; 8],
) {
    let (blue, red) = (twice(cb), twice(cr));
    let product = |sample, weight| _mm256_mulhrs_epi16(sample, _mm256_set1_epi16(weight));
    let shift = [
        product(red, chroma.red_cr),
        _mm256_add_epi16(product(blue, chroma.green_cb), product(red, chroma.green_cr)),
        product(blue, chroma.blue_cb),
    ];
    let [upper, lower] = luma;
    let first = row(tables, packed, upper, shift);
    let second = row(tables, packed, lower, shift);
    let means = [
        _mm256_avg_epu16(first[0], second[0]),
        _mm256_avg_epu16(first[1], second[1]),
        _mm256_avg_epu16(first[2], second[2]),
    ];
    *cb = colour(means, CB);
    *cr = colour(means, CR);
}

/// One row of luma, in place; answers its R'G'B' of sRGB.
#[target_feature(enable = "avx2")]
#[inline]
fn row(tables: &Tables, packed: &Packed, luma: &mut [u8; 16], shift: Rgb) -> Rgb {
    let y = _mm256_slli_epi16::<7>(_mm256_cvtepu8_epi16(load_16(luma)));
    let to_light = |i: usize| {
        let level = _mm256_adds_epi16(y, shift[i]);
        let level = _mm256_min_epi16(_mm256_max_epi16(level, _mm256_setzero_si256()), _mm256_set1_epi16(WHITE));
        value(&packed.to_light[i], _mm256_srli_epi16::<9>(level), upper_part(level))
    };
    let light = [to_light(0), to_light(1), to_light(2)];
    let rgb = [
        mixed(tables, &packed.to_srgb, light, 0),
        mixed(tables, &packed.to_srgb, light, 1),
        mixed(tables, &packed.to_srgb, light, 2),
    ];
    let weighed = |i: usize| _mm256_mulhrs_epi16(rgb[i], _mm256_set1_epi16(LUMA[i]));
    let sum = _mm256_add_epi16(_mm256_add_epi16(weighed(0), weighed(1)), weighed(2));
    let levels = _mm256_srli_epi16::<7>(_mm256_add_epi16(sum, _mm256_set1_epi16(64)));
    // Levels 0–7 twice | 8–15 twice, then 0–15.
    let bytes = _mm256_permute4x64_epi64::<0b10_00>(_mm256_packus_epi16(levels, levels));
    store_16(_mm256_castsi256_si128(bytes), luma);
    rgb
}

/// What light has beyond pieces of 512, as a part of 32,768.
#[target_feature(enable = "avx2")]
#[inline]
fn upper_part(v: __m256i) -> __m256i {
    _mm256_slli_epi16::<6>(_mm256_and_si256(v, _mm256_set1_epi16(511)))
}

/// Component `i` of the matrix's output, by sRGB's curve.
#[target_feature(enable = "avx2")]
#[inline]
fn mixed(tables: &Tables, to_srgb: &Pieces, light: Rgb, i: usize) -> __m256i {
    let part = |j: usize| _mm256_mulhrs_epi16(light[j], _mm256_set1_epi16(tables.mix[i][j]));
    let more = _mm256_add_epi16(_mm256_add_epi16(part(0), part(1)), part(2));
    let light = _mm256_max_epi16(_mm256_adds_epi16(light[i], more), _mm256_setzero_si256());
    let is_dark = _mm256_cmpgt_epi16(_mm256_set1_epi16(DARK), light);
    let dark = _mm256_srli_epi16::<5>(light);
    let bright = _mm256_add_epi16(_mm256_srli_epi16::<9>(light), _mm256_set1_epi16(PIECES as i16));
    let dark_part = _mm256_slli_epi16::<10>(_mm256_and_si256(light, _mm256_set1_epi16(31)));
    value(to_srgb, _mm256_blendv_epi8(bright, dark, is_dark), _mm256_blendv_epi8(upper_part(light), dark_part, is_dark))
}

/// See `kernels::value`; `piece` is 0 to 127 in every lane.
#[target_feature(enable = "avx2")]
#[inline]
fn value(pieces: &Pieces, piece: __m256i, part: __m256i) -> __m256i {
    // Lower and upper halves of both lanes; packing below brings them back into their order.
    let low = gather(pieces, _mm256_unpacklo_epi16(piece, _mm256_setzero_si256()));
    let high = gather(pieces, _mm256_unpackhi_epi16(piece, _mm256_setzero_si256()));
    let lower = _mm256_set1_epi32(0xFFFF);
    let start = _mm256_packus_epi32(_mm256_and_si256(low, lower), _mm256_and_si256(high, lower));
    let rise = _mm256_packus_epi32(_mm256_srli_epi32::<16>(low), _mm256_srli_epi32::<16>(high));
    _mm256_adds_epi16(start, _mm256_mulhrs_epi16(part, rise))
}

/// Chroma of the mean of each two neighbours.
#[target_feature(enable = "avx2")]
#[inline]
fn colour(means: Rgb, weights: [i16; 3]) -> [u8; 8] {
    let sum = |i: usize| _mm256_madd_epi16(means[i], _mm256_set1_epi16(weights[i]));
    let sum = _mm256_add_epi32(_mm256_add_epi32(sum(0), sum(1)), sum(2));
    let sum = _mm256_srai_epi32::<23>(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << 22)));
    let sum = _mm256_add_epi32(sum, _mm256_set1_epi32(128));
    // i16: 0–3 twice | 4–7 twice; then 0–3, 4–7; then bytes.
    let words = _mm256_permute4x64_epi64::<0b10_00>(_mm256_packs_epi32(sum, sum));
    let bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_castsi256_si128(words));
    _mm_cvtsi128_si64(bytes).to_le_bytes()
}

/// Eight samples of chroma, each for two columns: 128 less, times 256.
#[target_feature(enable = "avx2")]
#[inline]
fn twice(samples: &[u8; 8]) -> __m256i {
    let wide = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(*samples)));
    let twice = _mm256_or_si256(wide, _mm256_slli_epi32::<16>(wide));
    _mm256_slli_epi16::<8>(_mm256_sub_epi16(twice, _mm256_set1_epi16(128)))
}

/// Eight pieces by their numbers.
#[target_feature(enable = "avx2")]
#[inline]
fn gather(pieces: &Pieces, numbers: __m256i) -> __m256i {
    // What callers make are numbers below 128 already; this makes sure of it, whatever they do.
    let numbers = _mm256_and_si256(numbers, _mm256_set1_epi32(PIECES as i32 * 2 - 1));
    // SAFETY: each lane reads the four bytes of one of the 128 pieces, all of which are there.
    unsafe { _mm256_i32gather_epi32::<4>(pieces.as_ptr(), numbers) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_16(samples: &[u8; 16]) -> __m128i {
    // SAFETY: 16 readable bytes; the load needs no alignment.
    unsafe { _mm_loadu_si128(samples.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn store_16(samples: __m128i, to: &mut [u8; 16]) {
    // SAFETY: 16 writable bytes; the store needs no alignment.
    unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), samples) }
}
