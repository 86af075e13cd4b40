//! The passes 32 columns and eight outputs at a time.

use std::arch::x86_64::*;

use super::scalar::{self, DOWN_SHIFT, SUM_BITS};
use crate::cpu::Avx2;
use crate::resize::coeffs::Weights;

/// Columns per step of the pass down.
pub(super) const COLUMNS: usize = 32;
/// Outputs per step of the pass across.
const OUTPUTS: usize = 8;

pub(super) fn down(_: Avx2, rows: &[&[u8]], weights: &[i16], out: &mut [i16]) {
    // SAFETY: the proof exists only where AVX2 does.
    unsafe { down_avx2(rows, weights, out) }
}

pub(super) fn across(_: Avx2, row: &[i16], weights: &Weights, bias: i32, out: &mut [u8]) {
    // SAFETY: the proof exists only where AVX2 does.
    unsafe { across_avx2(row, weights, bias, out) }
}

#[target_feature(enable = "avx2")]
fn down_avx2(rows: &[&[u8]], weights: &[i16], out: &mut [i16]) {
    let width = out.len();
    let mut x = 0;
    while x < width {
        // The last step goes back so far that it is a whole one; it repeats a few columns.
        let at = x.min(width - COLUMNS);
        let mut sums = [_mm256_set1_epi32(1 << (DOWN_SHIFT - 1)); 4];
        for (pair, weight) in rows.chunks_exact(2).zip(weights.chunks_exact(2)) {
            // [w0 w1 w0 w1 …]
            let weight = _mm256_set1_epi32(i32::from(weight[0]) & 0xFFFF | i32::from(weight[1]) << 16);
            let a = load_u8(&pair[0][at..at + COLUMNS]);
            let b = load_u8(&pair[1][at..at + COLUMNS]);
            // Lane 0: a0 b0 a1 b1 … a7 b7, lane 1: a16 b16 …; then the other halves.
            let low = _mm256_unpacklo_epi8(a, b);
            let high = _mm256_unpackhi_epi8(a, b);
            let zero = _mm256_setzero_si256();
            // Columns 0–3|16–19, 4–7|20–23, 8–11|24–27, 12–15|28–31, each a pair of i16.
            let pairs = [
                _mm256_unpacklo_epi8(low, zero),
                _mm256_unpackhi_epi8(low, zero),
                _mm256_unpacklo_epi8(high, zero),
                _mm256_unpackhi_epi8(high, zero),
            ];
            for (sum, pair) in sums.iter_mut().zip(pairs) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pair, weight));
            }
        }
        const SHIFT: i32 = DOWN_SHIFT as i32;
        let [s0, s1, s2, s3] = sums.map(|s| _mm256_srai_epi32::<SHIFT>(s));
        // Columns 0–7|16–23 and 8–15|24–31.
        let low = _mm256_packs_epi32(s0, s1);
        let high = _mm256_packs_epi32(s2, s3);
        store_i16(_mm256_permute2x128_si256::<0x20>(low, high), &mut out[at..at + 16]);
        store_i16(_mm256_permute2x128_si256::<0x31>(low, high), &mut out[at + 16..at + 32]);
        x += COLUMNS;
    }
}

#[target_feature(enable = "avx2")]
fn across_avx2(row: &[i16], weights: &Weights, bias: i32, out: &mut [u8]) {
    let taps = weights.taps;
    let whole = out.len() / OUTPUTS * OUTPUTS;
    let bias_v = _mm256_set1_epi32(bias + (1 << (SUM_BITS - 1)));
    let steps = weights.values.chunks_exact(taps * OUTPUTS).zip(weights.starts.chunks_exact(OUTPUTS));
    for ((values, starts), out) in steps.zip(out[..whole].chunks_exact_mut(OUTPUTS)) {
        // Outputs 0–3 in lane 0, 4–7 in lane 1.
        let sums = if taps == 8 { sums_of_8(row, starts, values) } else { sums_of_16s(row, starts, values, taps) };
        const SHIFT: i32 = SUM_BITS as i32;
        let sums = _mm256_srai_epi32::<SHIFT>(_mm256_add_epi32(sums, bias_v));
        // i16: outputs 0–3 twice | 4–7 twice; u8: the same four times.
        let words = _mm256_packs_epi32(sums, sums);
        let bytes = _mm256_packus_epi16(words, words);
        let low = _mm_cvtsi128_si32(_mm256_castsi256_si128(bytes));
        let high = _mm_cvtsi128_si32(_mm256_extracti128_si256::<1>(bytes));
        out[..4].copy_from_slice(&low.to_le_bytes());
        out[4..].copy_from_slice(&high.to_le_bytes());
    }
    scalar::across(row, weights, bias, out, whole);
}

/// Eight outputs of eight taps: two outputs share a register.
#[target_feature(enable = "avx2")]
fn sums_of_8(row: &[i16], starts: &[usize], values: &[i16]) -> __m256i {
    // Output i in lane 0, output i + 4 in lane 1; four partial sums each.
    let two = |i: usize| {
        let samples = _mm256_set_m128i(load_8(&row[starts[i + 4]..][..8]), load_8(&row[starts[i]..][..8]));
        let weights = _mm256_set_m128i(load_8(&values[(i + 4) * 8..][..8]), load_8(&values[i * 8..][..8]));
        _mm256_madd_epi16(samples, weights)
    };
    // 0 0 1 1 | 4 4 5 5, then 0 1 2 3 | 4 5 6 7.
    _mm256_hadd_epi32(_mm256_hadd_epi32(two(0), two(1)), _mm256_hadd_epi32(two(2), two(3)))
}

/// Eight outputs of any multiple of sixteen taps.
#[target_feature(enable = "avx2")]
fn sums_of_16s(row: &[i16], starts: &[usize], values: &[i16], taps: usize) -> __m256i {
    // Eight partial sums of one output.
    let one = |i: usize| {
        let samples = &row[starts[i]..][..taps];
        let weights = &values[i * taps..][..taps];
        let mut sum = _mm256_setzero_si256();
        for (samples, weights) in samples.chunks_exact(16).zip(weights.chunks_exact(16)) {
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(load_16(samples), load_16(weights)));
        }
        sum
    };
    // Both lanes hold halves of 0 1 2 3, and of 4 5 6 7.
    let low = _mm256_hadd_epi32(_mm256_hadd_epi32(one(0), one(1)), _mm256_hadd_epi32(one(2), one(3)));
    let high = _mm256_hadd_epi32(_mm256_hadd_epi32(one(4), one(5)), _mm256_hadd_epi32(one(6), one(7)));
    _mm256_add_epi32(_mm256_permute2x128_si256::<0x20>(low, high), _mm256_permute2x128_si256::<0x31>(low, high))
}

#[target_feature(enable = "avx2")]
fn load_u8(from: &[u8]) -> __m256i {
    let from: &[u8; 32] = from.first_chunk().expect("a step is 32 columns");
    // SAFETY: 32 readable bytes; the load needs no alignment.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
fn load_8(from: &[i16]) -> __m128i {
    let from: &[i16; 8] = from.first_chunk().expect("eight taps");
    // SAFETY: 16 readable bytes; the load needs no alignment.
    unsafe { _mm_loadu_si128(from.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
fn load_16(from: &[i16]) -> __m256i {
    let from: &[i16; 16] = from.first_chunk().expect("sixteen taps");
    // SAFETY: 32 readable bytes; the load needs no alignment.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
fn store_i16(value: __m256i, to: &mut [i16]) {
    let to: &mut [i16; 16] = to.first_chunk_mut().expect("sixteen columns");
    // SAFETY: 32 writable bytes; the store needs no alignment.
    unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), value) }
}
