//! The passes 64 columns and sixteen outputs at a time.
//!
//! *Across*, each lane of a register is an output. The inputs of sixteen neighbouring outputs lie so
//! close that two registers hold them all, and one permutation of those two brings each lane its next
//! two inputs, wherever they lie.

use std::arch::x86_64::*;

use super::coeffs::{Group, Weights};
use super::scalar::{self, DOWN_SHIFT, SUM_BITS};
use crate::cpu::Avx512;

/// Columns per step of the pass down.
pub(super) const COLUMNS: usize = 64;

pub(super) fn down(_: Avx512, rows: &[&[u8]], weights: &[i16], out: &mut [i16]) {
    // SAFETY: the proof exists only where these features do.
    unsafe { down_avx512(rows, weights, out) }
}

pub(super) fn across(proof: Avx512, row: &[i16], weights: &Weights, bias: i32, out: &mut [u8]) {
    if weights.groups.is_empty() {
        return super::avx2::across(proof.avx2(), row, weights, bias, out);
    }
    // SAFETY: the proof exists only where these features do.
    unsafe { across_avx512(row, &weights.groups, bias, out) };
    scalar::across(row, weights, bias, out, weights.groups.len() * Group::OUTPUTS);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn down_avx512(rows: &[&[u8]], weights: &[i16], out: &mut [i16]) {
    let width = out.len();
    // What the unpacking of bytes leaves in each quarter, back in order.
    let low_half = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    let high_half = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    let mut x = 0;
    while x < width {
        // The last step goes back so far that it is a whole one; it repeats a few columns.
        let at = x.min(width - COLUMNS);
        let mut sums = [_mm512_set1_epi32(1 << (DOWN_SHIFT - 1)); 4];
        for (pair, weight) in rows.chunks_exact(2).zip(weights.chunks_exact(2)) {
            // [w0 w1 w0 w1 …]
            let weight = _mm512_set1_epi32(i32::from(weight[0]) & 0xFFFF | i32::from(weight[1]) << 16);
            let a = load_u8(&pair[0][at..at + COLUMNS]);
            let b = load_u8(&pair[1][at..at + COLUMNS]);
            let (low, high) = (_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b));
            let zero = _mm512_setzero_si512();
            let pairs = [
                _mm512_unpacklo_epi8(low, zero),
                _mm512_unpackhi_epi8(low, zero),
                _mm512_unpacklo_epi8(high, zero),
                _mm512_unpackhi_epi8(high, zero),
            ];
            for (sum, pair) in sums.iter_mut().zip(pairs) {
                *sum = _mm512_dpwssd_epi32(*sum, pair, weight);
            }
        }
        const SHIFT: u32 = DOWN_SHIFT;
        let [s0, s1, s2, s3] = sums.map(|s| _mm512_srai_epi32::<SHIFT>(s));
        // Of each sixteen columns the first and the second eight.
        let (low, high) = (_mm512_packs_epi32(s0, s1), _mm512_packs_epi32(s2, s3));
        store_i16(_mm512_permutex2var_epi64(low, low_half, high), &mut out[at..at + 32]);
        store_i16(_mm512_permutex2var_epi64(low, high_half, high), &mut out[at + 32..at + 64]);
        x += COLUMNS;
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn across_avx512(row: &[i16], groups: &[Group], bias: i32, out: &mut [u8]) {
    let bias = _mm512_set1_epi32(bias + (1 << (SUM_BITS - 1)));
    let two = _mm512_set1_epi16(2);
    for (group, out) in groups.iter().zip(out.as_chunks_mut::<{ Group::OUTPUTS }>().0) {
        let samples = &row[group.start..][..64];
        let (a, b) = (load_i16(&samples[..32]), load_i16(&samples[32..]));
        let mut places = load_i16(&group.places);
        let mut sums = bias;
        for weights in &group.weights {
            let inputs = _mm512_permutex2var_epi16(a, places, b);
            sums = _mm512_dpwssd_epi32(sums, inputs, load_i16(weights));
            places = _mm512_add_epi16(places, two);
        }
        const SHIFT: u32 = SUM_BITS;
        let sums = _mm512_max_epi32(_mm512_srai_epi32::<SHIFT>(sums), _mm512_setzero_si512());
        let bytes = _mm512_cvtusepi32_epi8(sums);
        // SAFETY: 16 writable bytes; the store needs no alignment.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), bytes) };
    }
}

#[target_feature(enable = "avx512f")]
fn load_u8(from: &[u8]) -> __m512i {
    let from: &[u8; 64] = from.first_chunk().expect("a step is 64 columns");
    // SAFETY: 64 readable bytes; the load needs no alignment.
    unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
fn load_i16(from: &[i16]) -> __m512i {
    let from: &[i16; 32] = from.first_chunk().expect("32 words");
    // SAFETY: 64 readable bytes; the load needs no alignment.
    unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
fn store_i16(value: __m512i, to: &mut [i16]) {
    let to: &mut [i16; 32] = to.first_chunk_mut().expect("32 columns");
    // SAFETY: 64 writable bytes; the store needs no alignment.
    unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), value) }
}
