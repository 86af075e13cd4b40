//! PNG's row filters undone, four rows at a time.
//!
//! A filtered byte is the difference to a guess made from the pixels to the left, above, and above
//! to the left, so pixels of a row must be made one after the other, and the time of a picture is the
//! length of that chain. Four rows at once, each one pixel behind the row above it, make four chains
//! of it that share their instructions: what a row needs from the one above was made a step before.

use crate::cpu::Cpu;

/// Rows undone at once.
pub(super) const ROWS: usize = 4;
/// Bytes that rows must have behind their last pixel.
pub(super) const SLACK: usize = 4;

impl Cpu {
    /// Undoes four rows of `N`-byte pixels (one to four). `rows` holds five rows of `stride` bytes,
    /// of which the first is what stands above and the others are written; each of `raw` begins with
    /// its filter's number. Both have [`SLACK`] bytes more than their pixels. `None` for a filter
    /// that does not exist.
    pub(super) fn four<const N: usize>(
        self,
        raw: [&[u8]; ROWS],
        rows: &mut [u8],
        stride: usize,
        width: usize,
    ) -> Option<()> {
        if raw.iter().any(|r| r[0] > 4) {
            return None;
        }
        // Guesses that need nothing to the left have no chain.
        #[cfg(target_arch = "x86_64")]
        if let Some(proof) = self.avx2().filter(|_| raw.iter().any(|r| !matches!(r[0], 0 | 2))) {
            avx2::four::<N>(proof, raw, rows, stride, width);
            return Some(());
        }
        for (i, raw) in raw.into_iter().enumerate() {
            let (above, out) = rows[i * stride..].split_at_mut(stride);
            one(raw[0], &raw[1..=width * N], above, &mut out[..width * N], N)?;
        }
        Some(())
    }
}

/// Undoes one row of pixels of `bytes` bytes. `None` for a filter that does not exist.
pub(super) fn one(filter: u8, raw: &[u8], above: &[u8], out: &mut [u8], bytes: usize) -> Option<()> {
    let guess = |left: u8, up: u8, corner: u8| match filter {
        1 => left,
        3 => ((u16::from(left) + u16::from(up)) / 2) as u8,
        _ => paeth(left, up, corner),
    };
    match filter {
        0 => out.copy_from_slice(raw),
        2 => {
            for ((out, raw), up) in out.iter_mut().zip(raw).zip(above) {
                *out = raw.wrapping_add(*up);
            }
        }
        1 | 3 | 4 => {
            for i in 0..out.len() {
                let (left, corner) = if i < bytes { (0, 0) } else { (out[i - bytes], above[i - bytes]) };
                out[i] = raw[i].wrapping_add(guess(left, above[i], corner));
            }
        }
        _ => return None,
    }
    Some(())
}

/// Of left, up and corner the nearest to left + up − corner, in this order where two are as near.
const fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (left as i16, up as i16, corner as i16);
    let (pa, pb, pc) = ((b - c).abs(), (a - c).abs(), (a + b - 2 * c).abs());
    if pa <= pb && pa <= pc {
        left
    } else if pb <= pc {
        up
    } else {
        corner
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::ROWS;
    use crate::cpu::Avx2;

    pub(super) fn four<const N: usize>(_: Avx2, raw: [&[u8]; ROWS], rows: &mut [u8], stride: usize, width: usize) {
        // SAFETY: the proof exists only where AVX2 does.
        unsafe { four_avx2::<N>(raw, rows, stride, width) }
    }

    /// Four pixels of 16-bit lanes, one of each row.
    struct Wave {
        /// Which guess each row adds: left, up, their mean, Paeth's.
        left: __m256i,
        up: __m256i,
        mean: __m256i,
        paeth: __m256i,
        /// The pixels made last, and what stood above them.
        made: __m256i,
        above: __m256i,
    }

    #[target_feature(enable = "avx2")]
    fn four_avx2<const N: usize>(raw: [&[u8]; ROWS], rows: &mut [u8], stride: usize, width: usize) {
        let filter = |number: u8| {
            let [a, b, c, d] = raw.map(|r| -i64::from(r[0] == number));
            _mm256_setr_epi64x(a, b, c, d)
        };
        let zero = _mm256_setzero_si256();
        let (left, up, mean, paeth) = (filter(1), filter(2), filter(3), filter(4));
        let mut wave = Wave { left, up, mean, paeth, made: zero, above: zero };
        let (above, rest) = rows.split_at_mut(stride);
        let (out0, rest) = rest.split_at_mut(stride);
        let (out1, rest) = rest.split_at_mut(stride);
        let (out2, out3) = rest.split_at_mut(stride);
        let raw = raw.map(|r| &r[1..]);
        let out = [out0, out1, out2, &mut out3[..stride]];
        // Where one of the rows has not begun, or is done.
        for t in (0..3).chain(width.max(3)..width + 3) {
            if t == width.max(3) {
                for t in 3..width {
                    let from = [0, 1, 2, 3].map(|j| pixel(raw[j], (t - j) * N));
                    let made = wave.step(from, pixel(above, t * N));
                    for j in 0..ROWS {
                        out[j][(t - j) * N..][..4].copy_from_slice(&made[j]);
                    }
                }
            }
            let place = |j: usize| t.checked_sub(j).filter(|x| *x < width).map(|x| x * N);
            let from = [0, 1, 2, 3].map(|j| place(j).map_or(0, |at| pixel(raw[j], at)));
            let made = wave.step(from, place(0).map_or(0, |at| pixel(above, at)));
            let active = |j: usize| -i64::from(place(j).is_some());
            wave.made = _mm256_and_si256(wave.made, _mm256_setr_epi64x(active(0), active(1), active(2), active(3)));
            for j in 0..ROWS {
                if let Some(at) = place(j) {
                    out[j][at..][..4].copy_from_slice(&made[j]);
                }
            }
        }
    }

    /// Four bytes from `at` on: a pixel, and what of them is behind it nobody looks at.
    #[inline(always)]
    fn pixel(row: &[u8], at: usize) -> i32 {
        row[at..].first_chunk().map_or(0, |bytes| i32::from_le_bytes(*bytes))
    }

    impl Wave {
        /// One more pixel of each row; `up` stands above the first row's.
        #[target_feature(enable = "avx2")]
        #[inline]
        fn step(&mut self, from: [i32; ROWS], up: i32) -> [[u8; 4]; ROWS] {
            let raw = _mm256_cvtepu8_epi16(_mm_setr_epi32(from[0], from[1], from[2], from[3]));
            let up = _mm256_castsi128_si256(_mm_cvtepu8_epi16(_mm_cvtsi32_si128(up)));
            // Each row's pixel above was made by the row above it one step ago.
            let b = _mm256_blend_epi32::<0b0000_0011>(_mm256_permute4x64_epi64::<0b10_01_00_00>(self.made), up);
            let (a, c) = (self.made, self.above);
            let (bc, ac) = (_mm256_sub_epi16(b, c), _mm256_sub_epi16(a, c));
            let (pa, pb) = (_mm256_abs_epi16(bc), _mm256_abs_epi16(ac));
            let pc = _mm256_abs_epi16(_mm256_add_epi16(bc, ac));
            let least = _mm256_min_epi16(pc, _mm256_min_epi16(pa, pb));
            let second = _mm256_blendv_epi8(c, b, _mm256_cmpeq_epi16(pb, least));
            let paeth = _mm256_blendv_epi8(second, a, _mm256_cmpeq_epi16(pa, least));
            let mean = _mm256_srli_epi16::<1>(_mm256_add_epi16(a, b));
            let plain = _mm256_or_si256(
                _mm256_or_si256(_mm256_and_si256(a, self.left), _mm256_and_si256(b, self.up)),
                _mm256_and_si256(mean, self.mean),
            );
            let guess = _mm256_or_si256(plain, _mm256_and_si256(paeth, self.paeth));
            self.made = _mm256_and_si256(_mm256_add_epi16(raw, guess), _mm256_set1_epi16(0xFF));
            self.above = b;
            let bytes = _mm256_packus_epi16(self.made, self.made);
            let low = _mm_cvtsi128_si64(_mm256_castsi256_si128(bytes)).to_le_bytes();
            let high = _mm_cvtsi128_si64(_mm256_extracti128_si256::<1>(bytes)).to_le_bytes();
            let [[a, b], [c, d]] = [low, high].map(|h| {
                let (a, b) = h.split_at(4);
                [[a[0], a[1], a[2], a[3]], [b[0], b[1], b[2], b[3]]]
            });
            [a, b, c, d]
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sealpress_testkit::Rng;

    use super::*;

    fn four<const N: usize>(seed: u64, width: usize, filters: [u8; 4], rough: bool) -> Result<(), TestCaseError> {
        let mut rng = Rng::new(seed);
        let stride = width * N + SLACK;
        let mut byte = || if rough { rng.below(256) as u8 } else { (rng.below(5) as u8).wrapping_sub(2) };
        let raw = filters.map(|f| std::iter::once(f).chain((1..stride + 1).map(|_| byte())).collect::<Vec<u8>>());
        let mut expect: Vec<u8> = (0..stride * 5).map(|_| byte()).collect();
        let mut got = expect.clone();
        for (i, raw) in raw.iter().enumerate() {
            let (above, out) = expect[i * stride..].split_at_mut(stride);
            one(raw[0], &raw[1..=width * N], above, &mut out[..width * N], N).unwrap();
        }
        let raw = [&raw[0][..], &raw[1], &raw[2], &raw[3]];
        Cpu::detect().four::<N>(raw, &mut got, stride, width).unwrap();
        for i in 1..5 {
            prop_assert_eq!(&got[i * stride..][..width * N], &expect[i * stride..][..width * N], "row {}", i);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn four_rows_are_what_each_is_alone(
            seed: u64, width in 1_usize..70, filters in prop::array::uniform4(0_u8..5), rough: bool,
        ) {
            four::<1>(seed, width, filters, rough)?;
            four::<2>(seed, width, filters, rough)?;
            four::<3>(seed, width, filters, rough)?;
            four::<4>(seed, width, filters, rough)?;
        }
    }

    #[test]
    fn a_filter_that_does_not_exist_is_refused() {
        let raw = [5; 16];
        assert!(Cpu::detect().four::<3>([&raw, &raw, &raw, &raw], &mut [0; 80], 16, 4).is_none());
        assert!(one(5, &[0; 3], &[0; 3], &mut [0; 3], 3).is_none());
    }
}
