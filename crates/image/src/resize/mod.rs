//! A resizer for planes.
//!
//! For each output row the pass *down* makes one row of `i16` sums from the source rows it needs
//! (it stays in L1), and the pass *across* makes output samples of it. The source is read once, row
//! by row; nothing of the size of a picture is held between the passes. Weights depend only on the
//! geometry and are kept for the next picture of the same size.

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector loads, stores and the dispatch to AVX2")]
mod avx2;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector loads, stores and the dispatch to AVX-512")]
mod avx512;
mod coeffs;
mod filter;
mod kernels;
mod restore;
mod scalar;

use crate::cpu::Cpu;
pub(crate) use coeffs::Recipe;
use coeffs::{Padding, Weights};
pub(crate) use filter::Axis;
pub use filter::Filter;
use kernels::BEHIND;
use scalar::SUM_BITS;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::planes::Plane;

/// A linear map of sample values, applied while resizing: `gain × value + bias`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tone {
    pub(crate) gain: f64,
    /// In sample values.
    pub(crate) bias: f64,
}

impl Tone {
    /// Leaves values alone.
    pub(crate) const NONE: Self = Self { gain: 1.0, bias: 0.0 };
}

/// Resizes planes; keeps weights and its row from one picture to the next.
#[derive(Debug)]
pub(crate) struct Resizer {
    cpu: Cpu,
    /// The latest last.
    cache: VecDeque<Cached>,
    row: Vec<i16>,
}

#[derive(Debug)]
struct Cached {
    recipe: Recipe,
    gain: f64,
    padding: Padding,
    weights: Arc<Weights>,
}

/// Bytes of weights that are kept. Luma and chroma of a phone's photo need a quarter of a megabyte, and the
/// cameras of a crowd have about a dozen sizes.
const CACHED_BYTES: usize = 4 << 20;

impl Resizer {
    pub(crate) fn new() -> Self {
        Self { cpu: Cpu::detect(), cache: VecDeque::new(), row: Vec::new() }
    }

    #[cfg(test)]
    fn scalar() -> Self {
        Self { cpu: Cpu::Scalar, ..Self::new() }
    }

    /// One for each variant that this CPU runs.
    #[cfg(test)]
    fn all() -> impl Iterator<Item = Self> {
        Cpu::all().into_iter().map(|cpu| Self { cpu, ..Self::new() })
    }

    /// Fills `out` (its size is the recipes' lengths) from `source` (its size is their sources).
    pub(crate) fn resize(&mut self, source: &Plane, across: Recipe, down: Recipe, tone: Tone, out: &mut Plane) {
        assert_eq!(
            (source.width, source.height),
            (across.axis.source, down.axis.source),
            "the recipe is for this source"
        );
        assert_eq!((out.width, out.height), (across.axis.length, down.axis.length), "the recipe is for this output");
        let horizontal = self.weights(across, 1.0, Padding::Horizontal);
        let vertical = self.weights(down, tone.gain, Padding::Vertical);
        let Self { cpu, row, .. } = self;
        // Zeros behind the samples: taps of weight zero read them.
        row.clear();
        row.resize(source.width + horizontal.taps.max(BEHIND), 0);
        let bias = (tone.bias * f64::from(1_u32 << SUM_BITS)).round() as i32;
        let mut rows: Vec<&[u8]> = Vec::with_capacity(vertical.taps);
        for y in 0..out.height {
            let start = vertical.starts[y];
            rows.clear();
            // Padding taps repeat the last row with weight zero.
            rows.extend((start..start + vertical.taps).map(|y| source.row(y.min(source.height - 1))));
            let weights = &vertical.values[y * vertical.taps..][..vertical.taps];
            cpu.down(&rows, weights, &mut row[..source.width]);
            cpu.across(row, &horizontal, bias, out.row_mut(y));
        }
    }

    /// Out of the cache, or computed.
    fn weights(&mut self, recipe: Recipe, gain: f64, padding: Padding) -> Arc<Weights> {
        let same = |c: &&Cached| c.recipe == recipe && c.gain == gain && c.padding == padding;
        if let Some(cached) = self.cache.iter().find(same) {
            return Arc::clone(&cached.weights);
        }
        let weights = Arc::new(Weights::new(recipe, gain, padding));
        let mut held: usize = weights.bytes() + self.cache.iter().map(|c| c.weights.bytes()).sum::<usize>();
        while held > CACHED_BYTES
            && let Some(oldest) = self.cache.pop_front()
        {
            held -= oldest.weights.bytes();
        }
        if held <= CACHED_BYTES {
            self.cache.push_back(Cached { recipe, gain, padding, weights: Arc::clone(&weights) });
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plane(width: usize, height: usize, seed: u32) -> Plane {
        let mut state = seed | 1;
        let data = (0..width * height)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                (state >> 8) as u8
            })
            .collect();
        Plane { data, width, height, stride: width }
    }

    fn whole(source: usize, length: usize, filter: Filter) -> Recipe {
        Recipe { axis: Axis { source, length, start: 0.0, span: source as f64 }, filter, shrunk: 1 }
    }

    /// The same resize in floating point, without rounding between the passes.
    fn float(source: &Plane, across: Recipe, down: Recipe, tone: Tone) -> Vec<f64> {
        let real = |recipe: Recipe, i: usize| {
            let w = Weights::new(recipe, 1.0, Padding::Vertical);
            let values = w.values[i * w.taps..][..w.taps].iter().map(|v| f64::from(*v) / 16384.0).collect::<Vec<_>>();
            (w.starts[i], values)
        };
        let mut out = Vec::new();
        for y in 0..down.axis.length {
            let (y0, wy) = real(down, y);
            for x in 0..across.axis.length {
                let (x0, wx) = real(across, x);
                let mut sum = 0.0;
                for (j, a) in wy.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                    for (i, b) in wx.iter().enumerate().filter(|(_, b)| **b != 0.0) {
                        sum += a * b * f64::from(source.row(y0 + j)[x0 + i]);
                    }
                }
                out.push((sum * tone.gain + tone.bias).clamp(0.0, 255.0));
            }
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_kernel_gives_the_oracles_bytes(
            sw in 1_usize..150, sh in 1_usize..40, dw in 1_usize..90, dh in 1_usize..30,
            shift in -1.0_f64..1.0, limited: bool, seed: u32,
        ) {
            let source = plane(sw, sh, seed);
            let mut across = whole(sw, dw, Filter::Lanczos3);
            across.axis.start = shift;
            let down = whole(sh, dh, Filter::Lanczos3);
            let tone = if limited { Tone { gain: 255.0 / 219.0, bias: -16.0 * 255.0 / 219.0 } } else { Tone::NONE };
            let mut expect = Plane::filled(dw, dh, 0);
            Resizer::scalar().resize(&source, across, down, tone, &mut expect);
            for mut resizer in Resizer::all() {
                let mut got = Plane::filled(dw, dh, 0);
                resizer.resize(&source, across, down, tone, &mut got);
                prop_assert_eq!(&got.data, &expect.data, "{:?}", resizer.cpu);
            }
            for (got, real) in expect.data.iter().zip(float(&source, across, down, tone)) {
                prop_assert!((f64::from(*got) - real).abs() < 1.1, "{} for {}", got, real);
            }
        }

        #[test]
        fn a_flat_plane_stays_flat(sw in 1_usize..200, dw in 1_usize..200, value: u8) {
            let source = Plane::filled(sw, 3, value);
            let mut out = Plane::filled(dw, 5, 0);
            let (across, down) = (whole(sw, dw, Filter::Lanczos3), whole(3, 5, Filter::CatmullRom));
            Resizer::new().resize(&source, across, down, Tone::NONE, &mut out);
            prop_assert!(out.data.iter().all(|v| *v == value));
        }
    }

    #[test]
    fn the_same_size_is_the_same_plane() {
        let source = plane(97, 31, 7);
        for filter in [Filter::Lanczos3, Filter::CatmullRom, Filter::Triangle, Filter::Box] {
            let mut out = Plane::filled(97, 31, 0);
            Resizer::new().resize(&source, whole(97, 97, filter), whole(31, 31, filter), Tone::NONE, &mut out);
            assert_eq!(out.data, source.data, "{filter:?}");
        }
    }

    #[test]
    fn many_sizes_in_turns_give_the_right_weights() {
        let mut resizer = Resizer::new();
        let source = plane(64, 64, 1);
        for length in 1..60 {
            let mut out = Plane::filled(50, length, 0);
            let (across, down) = (whole(64, 50, Filter::Lanczos3), whole(64, length, Filter::Lanczos3));
            resizer.resize(&source, across, down, Tone::NONE, &mut out);
            let mut expect = Plane::filled(50, length, 0);
            Resizer::scalar().resize(&source, across, down, Tone::NONE, &mut expect);
            assert_eq!(out.data, expect.data, "{length}");
        }
    }

    #[test]
    fn a_full_cache_gives_the_right_weights_and_grows_no_further() {
        let mut resizer = Resizer::new();
        let bytes = |r: &Resizer| r.cache.iter().map(|c| c.weights.bytes()).sum::<usize>();
        for length in 3000..3040 {
            resizer.weights(whole(9000, length, Filter::Lanczos3), 1.0, Padding::Horizontal);
            assert!(bytes(&resizer) <= CACHED_BYTES);
        }
        assert!(bytes(&resizer) > CACHED_BYTES / 2, "it was full");
        resizer.weights(whole(1 << 20, 1 << 19, Filter::Lanczos3), 1.0, Padding::Vertical);
        assert_eq!(bytes(&resizer), 0, "weights larger than the cache are not kept");
        for round in 0..2 {
            for length in 1..40 {
                let source = plane(64, 64, length as u32);
                let mut out = Plane::filled(length, length, 0);
                let recipe = whole(64, length, Filter::Lanczos3);
                resizer.resize(&source, recipe, recipe, Tone::NONE, &mut out);
                let mut expect = Plane::filled(length, length, 0);
                Resizer::scalar().resize(&source, recipe, recipe, Tone::NONE, &mut expect);
                assert_eq!(out.data, expect.data, "{round} {length}");
            }
        }
    }
}
