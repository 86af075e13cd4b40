//! A row of a tile is a register.

use std::arch::x86_64::*;

use super::looks::{DIRECTIONS, Energies, SIDE, Tile, WHITE, WIDE};
use super::scalar;
use crate::cpu::Avx2;

/// How far ahead of a tile's row memory is asked for: rows are too far from each other for the CPU to guess.
pub(super) const AHEAD: usize = 128;

/// `samples` reaches three samples behind the tile's last row.
pub(super) fn tile(_: Avx2, samples: &[u8], stride: usize) -> Tile {
    // SAFETY: the proof exists only where AVX2 does.
    unsafe { tile_avx2(samples, stride) }
}

pub(super) fn energies(_: Avx2, samples: &[u8], start: usize, stride: usize) -> Energies {
    // SAFETY: the proof exists only where AVX2 does.
    unsafe { energies_avx2(samples, start, stride) }
}

pub(super) fn halve(_: Avx2, upper: &[u8], lower: &[u8], out: &mut [u8]) {
    // SAFETY: the proof exists only where AVX2 does.
    unsafe { halve_avx2(upper, lower, out) }
}

/// Second differences along a row stand in words: those around odd columns in one register, those around even ones,
/// from 2 on, in the other. The last word of each is of a column that is not counted.
#[target_feature(enable = "avx2")]
fn tile_avx2(samples: &[u8], stride: usize) -> Tile {
    let zero = _mm256_setzero_si256();
    let (mut least, mut most) = (_mm256_set1_epi8(-1), zero);
    let (mut sum, mut white) = (zero, zero);
    let from_white = _mm256_set1_epi8(WHITE.cast_signed());
    // At most 30 · 2,040 a word.
    let mut noise = [zero; 2];
    // Second differences along the two rows before.
    let mut before = [[zero; 2]; 2];
    for y in 0..SIDE {
        let row: &[u8; WIDE] = samples[y * stride..].first_chunk().expect("a tile is whole");
        fetch(row.as_ptr().wrapping_add(AHEAD));
        let all = load(row, 0);
        least = _mm256_min_epu8(least, all);
        most = _mm256_max_epu8(most, all);
        sum = _mm256_add_epi64(sum, _mm256_sad_epu8(all, zero));
        // -1 in each byte that is white; 32 rows do not overflow a byte.
        white = _mm256_sub_epi8(white, _mm256_cmpeq_epi8(_mm256_max_epu8(all, from_white), all));
        let along = [second_differences(all, load(row, 2)), second_differences(load(row, 1), load(row, 3))];
        if y >= 2 {
            for i in 0..2 {
                let twice = _mm256_add_epi16(before[1][i], before[1][i]);
                let both = _mm256_sub_epi16(_mm256_add_epi16(before[0][i], along[i]), twice);
                noise[i] = _mm256_add_epi16(noise[i], _mm256_abs_epi16(both));
            }
        }
        before = [before[1], along];
    }
    let mut bytes = [0; 32];
    store(least, &mut bytes);
    let least = bytes.iter().copied().min().unwrap_or(0);
    store(most, &mut bytes);
    let most = bytes.iter().copied().max().unwrap_or(0);
    let white = _mm256_sad_epu8(white, zero);
    let words = noise.map(|noise| {
        store(noise, &mut bytes);
        bytes.as_chunks::<2>().0[..15].iter().map(|word| u32::from(u16::from_le_bytes(*word))).sum::<u32>()
    });
    Tile { least, most, sum: total(sum), noise: words[0] + words[1], white: total(white) }
}

/// First less twice the second of each pair of samples, and the first of the next pair.
#[target_feature(enable = "avx2")]
fn second_differences(pairs: __m256i, next: __m256i) -> __m256i {
    // 1, -2 in each word.
    let weights = _mm256_set1_epi16(i16::from_le_bytes([1, 0xFE]));
    _mm256_add_epi16(_mm256_maddubs_epi16(pairs, weights), _mm256_and_si256(next, _mm256_set1_epi16(0xFF)))
}

#[target_feature(enable = "avx2")]
fn energies_avx2(samples: &[u8], start: usize, stride: usize) -> Energies {
    let row = |at: usize| -> &[u8; SIDE] { samples[at..].first_chunk().expect("neighbours are inside") };
    let mut out = Energies::default();
    for (out, (across, down)) in out.iter_mut().zip(DIRECTIONS) {
        let near = down * stride as isize + across;
        let (zero, mut sums) = (_mm256_setzero_si256(), [_mm256_setzero_si256(); 2]);
        for y in 0..SIDE {
            let at = start + y * stride;
            let here = load(row(at), 0);
            for (sum, offset) in sums.iter_mut().zip([near, near * 3]) {
                let there = load(row(at.wrapping_add_signed(offset)), 0);
                // One of the two is what they differ by and the other is 0.
                let off = _mm256_or_si256(_mm256_subs_epu8(here, there), _mm256_subs_epu8(there, here));
                let (low, high) = (_mm256_unpacklo_epi8(off, zero), _mm256_unpackhi_epi8(off, zero));
                // At most 2 · 255² a lane and row: 32 rows of both halves are far from 2³¹.
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(low, low));
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(high, high));
            }
        }
        *out = [total(sums[0]), total(sums[1])];
    }
    out
}

#[target_feature(enable = "avx2")]
fn halve_avx2(upper: &[u8], lower: &[u8], out: &mut [u8]) {
    let ones = _mm256_set1_epi8(1);
    let whole = out.len() / SIDE * SIDE;
    let (uppers, lowers) = (upper.as_chunks::<{ 2 * SIDE }>().0, lower.as_chunks::<{ 2 * SIDE }>().0);
    for (out, (upper, lower)) in out.as_chunks_mut::<SIDE>().0.iter_mut().zip(uppers.iter().zip(lowers)) {
        let half = |i: usize| {
            let of = |row: &[u8; 2 * SIDE]| _mm256_maddubs_epi16(load(row, i * SIDE), ones);
            let sum = _mm256_add_epi16(_mm256_add_epi16(of(upper), of(lower)), _mm256_set1_epi16(2));
            _mm256_srli_epi16::<2>(sum)
        };
        // Outputs 0–7 | 16–23 | 8–15 | 24–31, in quarters.
        let mixed = _mm256_packus_epi16(half(0), half(1));
        store(_mm256_permute4x64_epi64::<0b11_01_10_00>(mixed), out);
    }
    scalar::halve(upper, lower, out, whole);
}

/// The sum of all eight lanes of 32 bits.
#[target_feature(enable = "avx2")]
fn total(lanes: __m256i) -> u32 {
    let mut bytes = [0; 32];
    store(lanes, &mut bytes);
    bytes.as_chunks::<4>().0.iter().map(|lane| u32::from_le_bytes(*lane)).sum()
}

/// The samples from the `first` on; of constants, the check is none.
#[inline]
#[target_feature(enable = "avx2")]
fn load<const N: usize>(from: &[u8; N], first: usize) -> __m256i {
    let from: &[u8; SIDE] = from[first..].first_chunk().expect("inside of the row");
    // SAFETY: 32 readable bytes; the load needs no alignment.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}

/// Asks for memory that is read soon, or not at all.
#[inline]
pub(super) fn fetch(at: *const u8) {
    // SAFETY: a hint, which may name any address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
}

#[target_feature(enable = "avx2")]
fn store(value: __m256i, to: &mut [u8; SIDE]) {
    // SAFETY: 32 writable bytes; the store needs no alignment.
    unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), value) }
}
