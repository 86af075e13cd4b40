//! Two neighbouring tiles' rows, or two rows of one tile, are a register.

use std::arch::x86_64::*;

use super::avx2::{AHEAD, fetch};
use super::looks::{DIRECTIONS, Energies, SIDE, Tile, WHITE, WIDE};
use crate::cpu::Avx512;

/// `samples` reaches three samples behind the last row of the second tile.
pub(super) fn pair(_: Avx512, samples: &[u8], stride: usize) -> [Tile; 2] {
    // SAFETY: the proof exists only where these features do.
    unsafe { pair_avx512(samples, stride) }
}

pub(super) fn energies(_: Avx512, samples: &[u8], start: usize, stride: usize) -> Energies {
    // SAFETY: the proof exists only where these features do.
    unsafe { energies_avx512(samples, start, stride) }
}

/// Second differences stand as in [`avx2`](super::avx2), each tile's in its half.
#[target_feature(enable = "avx2,avx512f,avx512bw")]
fn pair_avx512(samples: &[u8], stride: usize) -> [Tile; 2] {
    let ones = _mm512_set1_epi8(1);
    let (mut least, mut most) = (_mm512_set1_epi8(-1), zero());
    let (mut sum, mut white) = (zero(), zero());
    let from_white = _mm512_set1_epi8(WHITE.cast_signed());
    // At most 30 · 2,040 a word.
    let mut noise = [zero(); 2];
    // Second differences along the two rows before.
    let mut before = [[zero(); 2]; 2];
    for y in 0..SIDE {
        let row: &[u8; SIDE + WIDE] = samples[y * stride..].first_chunk().expect("two tiles are whole");
        fetch(row.as_ptr().wrapping_add(AHEAD));
        let all = load(row, 0);
        least = _mm512_min_epu8(least, all);
        most = _mm512_max_epu8(most, all);
        sum = _mm512_add_epi64(sum, _mm512_sad_epu8(all, zero()));
        // 32 rows do not overflow a byte.
        white = _mm512_mask_add_epi8(white, _mm512_cmpge_epu8_mask(all, from_white), white, ones);
        let along = [second_differences(all, load(row, 2)), second_differences(load(row, 1), load(row, 3))];
        if y >= 2 {
            for i in 0..2 {
                let twice = _mm512_add_epi16(before[1][i], before[1][i]);
                let both = _mm512_sub_epi16(_mm512_add_epi16(before[0][i], along[i]), twice);
                noise[i] = _mm512_add_epi16(noise[i], _mm512_abs_epi16(both));
            }
        }
        before = [before[1], along];
    }
    // The sixteenth word of each half is of a column that is not counted.
    let counted = 0x7FFF_7FFF;
    let words = |noise: __m512i| {
        let [first, second] = halves(_mm512_maskz_mov_epi16(counted, noise));
        [_mm512_cvtepu16_epi32(first), _mm512_cvtepu16_epi32(second)]
    };
    let (odd, even) = (words(noise[0]), words(noise[1]));
    let noise = [0, 1].map(|i| _mm512_reduce_add_epi32(_mm512_add_epi32(odd[i], even[i])).cast_unsigned());
    let (sums, whites) =
        (halves(sum).map(|half| total(half)), halves(_mm512_sad_epu8(white, zero())).map(|half| total(half)));
    let (leasts, mosts) = (halves(least).map(|half| lowest(half)), halves(most).map(|half| !lowest(inverse(half))));
    [0, 1].map(|i| Tile { least: leasts[i], most: mosts[i], sum: sums[i], noise: noise[i], white: whites[i] })
}

/// First less twice the second of each pair of samples, and the first of the next pair.
#[target_feature(enable = "avx512f,avx512bw")]
fn second_differences(pairs: __m512i, next: __m512i) -> __m512i {
    // 1, -2 in each word.
    let weights = _mm512_set1_epi16(i16::from_le_bytes([1, 0xFE]));
    _mm512_add_epi16(_mm512_maddubs_epi16(pairs, weights), _mm512_and_si512(next, _mm512_set1_epi16(0xFF)))
}

#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vnni")]
fn energies_avx512(samples: &[u8], start: usize, stride: usize) -> Energies {
    let mut out = Energies::default();
    for (out, (across, down)) in out.iter_mut().zip(DIRECTIONS) {
        let near = down * stride as isize + across;
        let mut sums = [_mm512_setzero_si512(); 2];
        for y in (0..SIDE).step_by(2) {
            let at = start + y * stride;
            let here = two_rows(samples, at, stride);
            for (sum, offset) in sums.iter_mut().zip([near, near * 3]) {
                let there = two_rows(samples, at.wrapping_add_signed(offset), stride);
                let off = _mm512_sub_epi8(_mm512_max_epu8(here, there), _mm512_min_epu8(here, there));
                let (low, high) = (_mm512_unpacklo_epi8(off, zero()), _mm512_unpackhi_epi8(off, zero()));
                // At most 2 · 255² a lane and half: sixteen steps of both halves are far from 2³¹.
                *sum = _mm512_dpwssd_epi32(_mm512_dpwssd_epi32(*sum, low, low), high, high);
            }
        }
        *out = sums.map(|sum| _mm512_reduce_add_epi32(sum).cast_unsigned());
    }
    out
}

#[inline]
#[target_feature(enable = "avx512f")]
fn two_rows(samples: &[u8], at: usize, stride: usize) -> __m512i {
    let (first, second) = (load_half(samples, at), load_half(samples, at + stride));
    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(first), second)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn zero() -> __m512i {
    _mm512_setzero_si512()
}

#[target_feature(enable = "avx512f")]
fn halves(both: __m512i) -> [__m256i; 2] {
    [_mm512_castsi512_si256(both), _mm512_extracti64x4_epi64::<1>(both)]
}

/// The sum of four lanes of 64 bits, which is small.
#[target_feature(enable = "avx2")]
fn total(lanes: __m256i) -> u32 {
    let two = _mm_add_epi64(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256::<1>(lanes));
    _mm_cvtsi128_si32(_mm_add_epi64(two, _mm_unpackhi_epi64(two, two))).cast_unsigned()
}

#[target_feature(enable = "avx2")]
fn inverse(bytes: __m256i) -> __m256i {
    _mm256_xor_si256(bytes, _mm256_set1_epi8(-1))
}

/// The least of 32 bytes.
#[target_feature(enable = "avx2")]
fn lowest(bytes: __m256i) -> u8 {
    let sixteen = _mm_min_epu8(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256::<1>(bytes));
    // The lesser of each two in a word, of which there is an instruction for the least.
    let eight = _mm_min_epu8(sixteen, _mm_srli_epi16::<8>(sixteen));
    _mm_cvtsi128_si32(_mm_minpos_epu16(_mm_and_si128(eight, _mm_set1_epi16(0xFF)))) as u8
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_half(samples: &[u8], at: usize) -> __m256i {
    let from: &[u8; SIDE] = samples[at..].first_chunk().expect("neighbours are inside");
    // SAFETY: 32 readable bytes; the load needs no alignment.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}

/// The samples from the `first` on; of constants, the check is none.
#[inline]
#[target_feature(enable = "avx512f")]
fn load(from: &[u8; SIDE + WIDE], first: usize) -> __m512i {
    let from: &[u8; 2 * SIDE] = from[first..].first_chunk().expect("inside of the row");
    // SAFETY: 64 readable bytes; the load needs no alignment.
    unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
}
