//! Predictions and the inverse transform for AVX2.
//!
//! Four blocks are transformed at once: a register holds a row of each. What comes out is either rows of sixteen samples,
//! where all of a macroblock is predicted by one mode, or blocks of 4 × 4, which are predicted one by one from those before.
//! Then the nine samples above and the four on the left of a block stand in one register, and so do the means of two and of
//! three neighbours of theirs; each mode but two is a choice among these.

use std::arch::x86_64::*;

use super::lanes::{clear, load, load_words, store_8, store_16, store_high_8};
use crate::cpu::Avx2;
use crate::webp::lossy::layout::{Content, Group};
use crate::webp::lossy::modes::{Luma, Mode, block};
use crate::webp::lossy::predict::Beside;
use crate::webp::lossy::residue::Residue;

pub(in super::super) fn luma(
    _: Avx2,
    luma: &Luma,
    beside: &mut Beside,
    residue: &mut Residue,
    out: &mut [u8],
    stride: usize,
) {
    match luma {
        // SAFETY: the proof exists only where AVX2 does.
        Luma::Whole(mode) => unsafe { luma_whole(*mode, beside, residue, out, stride) },
        // SAFETY: as above.
        Luma::Blocks(modes) => unsafe { luma_blocks(modes, beside, residue, out, stride) },
    }
}

pub(in super::super) fn chroma(
    _: Avx2,
    mode: Mode,
    beside: &mut [Beside; 2],
    residue: &mut Residue,
    out: [&mut [u8]; 2],
    stride: usize,
) {
    // SAFETY: the proof exists only where AVX2 does.
    unsafe { chroma_avx2(mode, beside, residue, out, stride) }
}

#[target_feature(enable = "avx2")]
fn luma_whole(mode: Mode, beside: &mut Beside, residue: &mut Residue, out: &mut [u8], stride: usize) {
    let above = load(beside.above[1..17].first_chunk().expect("sixteen samples"));
    let mut rows = [above; 16];
    match mode {
        Mode::Vertical => {}
        Mode::Dc => rows = [_mm_set1_epi8(beside.mean::<16>() as i8); 16],
        Mode::Horizontal => {
            for (row, left) in rows.iter_mut().zip(beside.left) {
                *row = _mm_set1_epi8(left as i8);
            }
        }
        Mode::TrueMotion => {
            let slope = _mm256_sub_epi16(_mm256_cvtepu8_epi16(above), _mm256_set1_epi16(beside.above[0].into()));
            for (row, left) in rows.iter_mut().zip(beside.left) {
                *row = bytes(_mm256_add_epi16(slope, _mm256_set1_epi16(left.into())));
            }
        }
    }
    for (i, rows) in rows.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        add(rows, &mut residue.groups[i], residue.contents[i], residue.luma);
        for (y, row) in rows.iter().enumerate() {
            store_16(*row, out, (4 * i + y) * stride);
        }
        beside.left[4 * i..4 * i + 4].copy_from_slice(&last_column(rows).to_le_bytes());
    }
}

#[target_feature(enable = "avx2")]
fn chroma_avx2(mode: Mode, beside: &mut [Beside; 2], residue: &mut Residue, out: [&mut [u8]; 2], stride: usize) {
    // Blue in the lower half, red in the upper.
    let both = |of: fn(&Beside) -> i64| _mm_set_epi64x(of(&beside[1]), of(&beside[0]));
    let above = both(|beside| i64::from_le_bytes(*beside.above[1..9].first_chunk().expect("eight samples")));
    let left = both(|beside| i64::from_le_bytes(*beside.left.first_chunk().expect("eight samples")));
    let mut rows = [above; 8];
    // Row `y`'s sample on the left, eight times each.
    let column = |y: usize| {
        let pick = _mm_set_epi64x(0x0808_0808_0808_0808, 0);
        _mm_shuffle_epi8(left, _mm_add_epi8(pick, _mm_set1_epi8(y as i8)))
    };
    match mode {
        Mode::Vertical => {}
        Mode::Dc => {
            rows = [both(|beside| i64::from_le_bytes([beside.mean::<8>(); 8])); 8];
        }
        Mode::Horizontal => {
            for (y, row) in rows.iter_mut().enumerate() {
                *row = column(y);
            }
        }
        Mode::TrueMotion => {
            let corner = both(|beside| i64::from_le_bytes([beside.above[0]; 8]));
            let slope = _mm256_sub_epi16(_mm256_cvtepu8_epi16(above), _mm256_cvtepu8_epi16(corner));
            for (y, row) in rows.iter_mut().enumerate() {
                *row = bytes(_mm256_add_epi16(slope, _mm256_cvtepu8_epi16(column(y))));
            }
        }
    }
    let [blue, red] = out;
    for (i, rows) in rows.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        add(rows, &mut residue.groups[4 + i], residue.contents[4 + i], residue.chroma);
        for (y, row) in rows.iter().enumerate() {
            store_8(*row, blue, (4 * i + y) * stride);
            store_high_8(*row, red, (4 * i + y) * stride);
        }
        let left = 4 * i..4 * i + 4;
        beside[1].left[left.clone()].copy_from_slice(&last_column(rows).to_le_bytes());
        let blue = rows.map(|row| _mm_slli_si128::<8>(row));
        beside[0].left[left].copy_from_slice(&last_column(&blue).to_le_bytes());
    }
}

/// The last samples of four rows.
#[target_feature(enable = "avx2")]
#[inline]
fn last_column([a, b, c, d]: &[__m128i; 4]) -> i32 {
    let last = _mm_unpackhi_epi16(_mm_unpackhi_epi8(*a, *b), _mm_unpackhi_epi8(*c, *d));
    _mm_extract_epi32::<3>(last)
}

/// Adds a group to four rows of sixteen samples, and clears it.
#[target_feature(enable = "avx2")]
#[inline]
fn add(rows: &mut [__m128i; 4], group: &mut Group, content: u8, steps: [i16; 2]) {
    if content == 0 {
        return;
    }
    let sums = if content & Content::MORE == 0 { [first(group, steps); 4] } else { in_rows(transform(group, steps)) };
    clear(group);
    for (row, sums) in rows.iter_mut().zip(sums) {
        *row = bytes(_mm256_add_epi16(_mm256_cvtepu8_epi16(*row), sums));
    }
}

/// Of sixteen words the nearest bytes.
#[target_feature(enable = "avx2")]
#[inline]
fn bytes(words: __m256i) -> __m128i {
    _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words))
}

/// Rows of four blocks that have but their first coefficient, times its step; all rows are the same.
#[target_feature(enable = "avx2")]
#[inline]
fn first(group: &Group, steps: [i16; 2]) -> __m256i {
    let row = _mm256_mullo_epi16(load_words(&group.as_chunks().0[0]), _mm256_set1_epi16(steps[0]));
    let firsts = _mm256_shufflehi_epi16::<0>(_mm256_shufflelo_epi16::<0>(row));
    _mm256_srai_epi16::<3>(_mm256_add_epi16(firsts, _mm256_set1_epi16(4)))
}

/// The inverse transform of four blocks times their steps, by columns: of each block in turn four rows of a column.
#[target_feature(enable = "avx2")]
#[inline]
fn transform(group: &Group, [first, rest]: [i16; 2]) -> [__m256i; 4] {
    let rows = group.as_chunks::<16>().0;
    let rest = _mm256_set1_epi16(rest);
    let upper = _mm256_blend_epi16::<0b0001_0001>(rest, _mm256_set1_epi16(first));
    let [a, b, c, d] = pass([
        _mm256_mullo_epi16(load_words(&rows[0]), upper),
        _mm256_mullo_epi16(load_words(&rows[1]), rest),
        _mm256_mullo_epi16(load_words(&rows[2]), rest),
        _mm256_mullo_epi16(load_words(&rows[3]), rest),
    ]);
    let [a, b, c, d] = in_rows([a, b, c, d]);
    // Rounding comes with the first.
    let a = _mm256_add_epi16(a, _mm256_set1_epi16(4));
    let [a, b, c, d] = pass([a, b, c, d]);
    [_mm256_srai_epi16::<3>(a), _mm256_srai_epi16::<3>(b), _mm256_srai_epi16::<3>(c), _mm256_srai_epi16::<3>(d)]
}

#[target_feature(enable = "avx2")]
#[inline]
fn pass([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    let (plus, minus) = (_mm256_add_epi16(a, c), _mm256_sub_epi16(a, c));
    let inner = _mm256_sub_epi16(sine(b), cosine(d));
    let outer = _mm256_add_epi16(cosine(b), sine(d));
    [
        _mm256_add_epi16(plus, outer),
        _mm256_add_epi16(minus, inner),
        _mm256_sub_epi16(minus, inner),
        _mm256_sub_epi16(plus, outer),
    ]
}

/// Times √2 sin π/8.
#[target_feature(enable = "avx2")]
#[inline]
fn sine(words: __m256i) -> __m256i {
    _mm256_add_epi16(_mm256_mulhi_epi16(words, _mm256_set1_epi16((35468 - 65536) as i16)), words)
}

/// Times √2 cos π/8.
#[target_feature(enable = "avx2")]
#[inline]
fn cosine(words: __m256i) -> __m256i {
    _mm256_add_epi16(_mm256_mulhi_epi16(words, _mm256_set1_epi16(20091)), words)
}

/// Rows and columns of each of four blocks change places but for their last step: of blocks 0 and 2 the first two rows, and
/// the other two; and the same of blocks 1 and 3.
#[target_feature(enable = "avx2")]
#[inline]
fn halves([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    let (even_ab, odd_ab) = (_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b));
    let (even_cd, odd_cd) = (_mm256_unpacklo_epi16(c, d), _mm256_unpackhi_epi16(c, d));
    [
        _mm256_unpacklo_epi32(even_ab, even_cd),
        _mm256_unpackhi_epi32(even_ab, even_cd),
        _mm256_unpacklo_epi32(odd_ab, odd_cd),
        _mm256_unpackhi_epi32(odd_ab, odd_cd),
    ]
}

/// Columns of four blocks to rows, or rows to columns.
#[target_feature(enable = "avx2")]
#[inline]
fn in_rows(columns: [__m256i; 4]) -> [__m256i; 4] {
    let [even_01, even_23, odd_01, odd_23] = halves(columns);
    [
        _mm256_unpacklo_epi64(even_01, odd_01),
        _mm256_unpackhi_epi64(even_01, odd_01),
        _mm256_unpacklo_epi64(even_23, odd_23),
        _mm256_unpackhi_epi64(even_23, odd_23),
    ]
}

/// Columns of four blocks to the four blocks.
#[target_feature(enable = "avx2")]
#[inline]
fn in_blocks(columns: [__m256i; 4]) -> [__m256i; 4] {
    let [even_01, even_23, odd_01, odd_23] = halves(columns);
    [
        _mm256_permute2x128_si256::<0x20>(even_01, even_23),
        _mm256_permute2x128_si256::<0x20>(odd_01, odd_23),
        _mm256_permute2x128_si256::<0x31>(even_01, even_23),
        _mm256_permute2x128_si256::<0x31>(odd_01, odd_23),
    ]
}

#[target_feature(enable = "avx2")]
fn luma_blocks(modes: &[u8; 16], beside: &mut Beside, residue: &mut Residue, out: &mut [u8], stride: usize) {
    let four = |from: &[u8]| u32::from_le_bytes(*from.first_chunk().expect("four samples"));
    // Of what is made the lowest row, block by block, and what goes on from the first.
    let mut above: [u32; 5] = std::array::from_fn(|i| four(&beside.above[4 * i + 1..]));
    let mut corner = beside.above[0];
    for i in 0..4 {
        let group = &mut residue.groups[i];
        let mut sums = [_mm256_setzero_si256(); 4];
        if residue.contents[i] & Content::MORE != 0 {
            sums = in_blocks(transform(group, residue.luma));
            clear(group);
        } else if residue.contents[i] != 0 {
            let row = first(group, residue.luma);
            // As each row of a block is the same.
            let (even, odd) = (_mm256_unpacklo_epi64(row, row), _mm256_unpackhi_epi64(row, row));
            sums = in_halves(even, odd);
            clear(group);
        }
        let mut left = four(&beside.left[4 * i..]);
        let mut row_corner = corner;
        corner = (left >> 24) as u8;
        let mut blocks = [_mm_setzero_si128(); 4];
        for x in 0..4 {
            let before = (above[x] >> 24) as u8;
            let edge = edge(left, row_corner, above[x], above[x + 1]);
            let predicted = predicted(modes[4 * i + x], edge);
            let block = bytes(_mm256_add_epi16(_mm256_cvtepu8_epi16(predicted), sums[x]));
            blocks[x] = block;
            above[x] = _mm_extract_epi32::<3>(block) as u32;
            let last = _mm_shuffle_epi8(block, _mm_set1_epi32(0x0F0B_0703));
            left = _mm_cvtsi128_si32(last) as u32;
            row_corner = before;
        }
        beside.left[4 * i..4 * i + 4].copy_from_slice(&left.to_le_bytes());
        let [a, b, c, d] = blocks;
        let (low_ab, high_ab) = (_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
        let (low_cd, high_cd) = (_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
        store_16(_mm_unpacklo_epi64(low_ab, low_cd), out, 4 * i * stride);
        store_16(_mm_unpackhi_epi64(low_ab, low_cd), out, (4 * i + 1) * stride);
        store_16(_mm_unpacklo_epi64(high_ab, high_cd), out, (4 * i + 2) * stride);
        store_16(_mm_unpackhi_epi64(high_ab, high_cd), out, (4 * i + 3) * stride);
    }
}

/// Blocks of which each half of `even` and `odd` is half of one.
#[target_feature(enable = "avx2")]
#[inline]
fn in_halves(even: __m256i, odd: __m256i) -> [__m256i; 4] {
    [
        _mm256_permute2x128_si256::<0x00>(even, even),
        _mm256_permute2x128_si256::<0x00>(odd, odd),
        _mm256_permute2x128_si256::<0x11>(even, even),
        _mm256_permute2x128_si256::<0x11>(odd, odd),
    ]
}

/// The samples beside a block: from the lower left one, which stands there twice, over the corner to the upper right one,
/// which does too.
#[target_feature(enable = "avx2")]
#[inline]
fn edge(left: u32, corner: u8, above: u32, beyond: u32) -> __m128i {
    let above = u64::from(above) | u64::from(beyond) << 32;
    let left = u64::from(left.swap_bytes());
    let low = left & 0xFF | left << 8 | u64::from(corner) << 40 | above << 48;
    let high = above >> 16 | above >> 56 << 48;
    _mm_set_epi64x(high as i64, low as i64)
}

#[target_feature(enable = "avx2")]
#[inline]
fn predicted(mode: u8, edge: __m128i) -> __m128i {
    match mode {
        block::DC => {
            let beside = _mm_and_si128(edge, _mm_setr_epi8(0, -1, -1, -1, -1, 0, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0));
            let sums = _mm_sad_epu8(beside, _mm_setzero_si128());
            let sum = _mm_add_epi16(sums, _mm_unpackhi_epi64(sums, sums));
            let mean = _mm_srli_epi16::<3>(_mm_add_epi16(sum, _mm_set1_epi16(4)));
            _mm_shuffle_epi8(mean, _mm_setzero_si128())
        }
        block::TRUE_MOTION => {
            let pick = |low: i32, high: i32| _mm_set_epi32(high, high, low, low);
            let left = _mm_shuffle_epi8(edge, _mm_setr_epi8(4, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1));
            let above = _mm_shuffle_epi8(edge, pick(0x0908_0706, 0x0908_0706));
            let corner = _mm_shuffle_epi8(edge, _mm_set1_epi8(5));
            let slope = _mm256_sub_epi16(_mm256_cvtepu8_epi16(above), _mm256_cvtepu8_epi16(corner));
            bytes(_mm256_add_epi16(_mm256_cvtepu8_epi16(left), slope))
        }
        _ => {
            let (next, second) = (_mm_srli_si128::<1>(edge), _mm_srli_si128::<2>(edge));
            let two = _mm_avg_epu8(edge, next);
            // Rounded down, since the next mean is rounded up.
            let odd = _mm_and_si128(_mm_xor_si128(edge, second), _mm_set1_epi8(1));
            let three = _mm_avg_epu8(_mm_sub_epi8(_mm_avg_epu8(edge, second), odd), next);
            let [threes, twos] = &CHOICES[usize::from(mode) & 15];
            _mm_or_si128(_mm_shuffle_epi8(three, load(threes)), _mm_shuffle_epi8(two, load(twos)))
        }
    }
}

/// Of each mode, which mean of three and which of two neighbours each sample is; what has its highest bit set is none.
const CHOICES: [[[u8; 16]; 2]; 16] = {
    /// A mean of two.
    const T: u8 = 16;
    const MODES: [[u8; 16]; 8] = [
        [5, 6, 7, 8, 5, 6, 7, 8, 5, 6, 7, 8, 5, 6, 7, 8],
        [3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0],
        [6, 7, 8, 9, 7, 8, 9, 10, 8, 9, 10, 11, 9, 10, 11, 12],
        [4, 5, 6, 7, 3, 4, 5, 6, 2, 3, 4, 5, 1, 2, 3, 4],
        [T + 5, T + 6, T + 7, T + 8, 4, 5, 6, 7, 3, T + 5, T + 6, T + 7, 2, 4, 5, 6],
        [T + 6, T + 7, T + 8, T + 9, 6, 7, 8, 9, T + 7, T + 8, T + 9, 10, 7, 8, 9, 11],
        [T + 4, 4, 5, 6, T + 3, 3, T + 4, 4, T + 2, 2, T + 3, 3, T + 1, 1, T + 2, 2],
        [T + 3, 2, T + 2, 1, T + 2, 1, T + 1, 0, T + 1, 0, T, T, T, T, T, T],
    ];
    let mut choices = [[[0x80; 16]; 2]; 16];
    let mut mode = 0;
    while mode < 8 {
        let mut i = 0;
        while i < 16 {
            let choice = MODES[mode][i];
            choices[mode + 2][(choice / T) as usize][i] = choice % T;
            i += 1;
        }
        mode += 1;
    }
    choices
};
