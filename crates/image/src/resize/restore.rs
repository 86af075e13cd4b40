//! Weights that make up for what a decoder took when it shrank.
//!
//! libjpeg-turbo's reduced inverse DCTs give, up to rounding, the means of `n × n` samples of the
//! full decode. A box that wide passes less of what is fine and more of what aliases than the filter
//! that is wanted. Both are linear, so for each output sample the weights over the means that come
//! nearest, in the mean square, to the wanted filter over the full samples can be computed: with `x`
//! the full samples, `y = B x` the means and `w · x` the wanted output, they are
//! `(B R Bᵀ + λ I)⁻¹ B R w`, where `R` is the covariance of neighbouring samples. Photos are well
//! described by `R(d) = ρ^|d|`; what they are exactly matters little. The result is a filter of the
//! same length as the plain one, a little sharper, and costs nothing once computed.

use super::filter::{Axis, Filter, row};

/// Correlation of neighbouring full-size samples of a phone photo.
const RHO: f64 = 0.98;
/// Rounding of the means to eight bits, against the variance of a picture.
const NOISE: f64 = 1e-4;

/// From this many means per output on, the box that a mean is differs from a point by less than 0.7% at
/// the finest detail that the output can hold: nothing to make up for, and a system of equations that
/// grows with every mean.
const TOO_FINE: f64 = 8.0;

/// Whether means of `axis` stand for points well enough.
pub(super) fn is_needless(axis: Axis) -> bool {
    axis.span / axis.length as f64 >= TOO_FINE
}

/// Rows of weights over means of `n` samples, for the axis in units of means.
pub(super) fn rows(axis: Axis, filter: Filter, n: usize) -> Vec<(usize, Vec<f64>)> {
    let scale = n as f64;
    // The axis on the full samples. The last mean may be of fewer samples; at the edge nothing is
    // exact anyway.
    let full =
        Axis { source: axis.source * n, length: axis.length, start: axis.start * scale, span: axis.span * scale };
    let plain: Vec<(usize, Vec<f64>)> = (0..axis.length).map(|i| row(full, filter, i)).collect();
    // As many means as the widest filter covers.
    let widest = plain.iter().map(|r| r.1.len()).max().unwrap_or(1);
    let taps = (widest / n + 2).min(axis.source);
    let solver = Solver::new(taps, n, widest);
    plain
        .iter()
        .map(|(start, wanted)| {
            let centre = (2 * start + wanted.len()) as f64 / (2.0 * scale);
            let first = ((centre - taps as f64 / 2.0).round().max(0.0) as usize).min(axis.source - taps);
            (first, solver.solve(first, *start, wanted))
        })
        .collect()
}

/// The Cholesky factor of `B R Bᵀ + λ I`, the same for every output, and the covariance of a mean with
/// each full sample around it.
struct Solver {
    n: usize,
    taps: usize,
    factor: Vec<f64>,
    /// `B R`, by how far the sample lies behind the mean's first, plus `reach`.
    near: Vec<f64>,
    reach: usize,
}

impl Solver {
    /// For filters that cover at most `widest` full samples.
    fn new(taps: usize, n: usize, widest: usize) -> Self {
        // Means are centred on the filter, to within one, unless the picture's edge is in the way; further
        // apart than both are long they never lie.
        let reach = widest + (taps + 2) * n;
        let powers: Vec<f64> = std::iter::successors(Some(1.0), |p| Some(p * RHO)).take(reach + n + 1).collect();
        let mean = |of: &dyn Fn(usize) -> f64| (0..n).map(of).sum::<f64>() / n as f64;
        let near: Vec<f64> = (0..=2 * reach).map(|d| mean(&|a| powers[d.abs_diff(reach + a)])).collect();
        // Of two means, by how many lie between them.
        let means: Vec<f64> = (0..taps).map(|k| mean(&|b| near[reach + k * n + b])).collect();
        let mut m = vec![0.0; taps * taps];
        for i in 0..taps {
            for j in 0..=i {
                m[i * taps + j] = means[i - j] + if i == j { NOISE } else { 0.0 };
                let known: f64 = (0..j).map(|k| m[i * taps + k] * m[j * taps + k]).sum();
                let rest = m[i * taps + j] - known;
                m[i * taps + j] = if i == j { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / m[j * taps + j] };
            }
        }
        Self { n, taps, factor: m, near, reach }
    }

    /// Weights of the means from `first` on, for `wanted` weights of full samples from `start` on.
    fn solve(&self, first: usize, start: usize, wanted: &[f64]) -> Vec<f64> {
        let Self { n, taps, factor, near, reach } = self;
        let taps = *taps;
        let covariance = |i| {
            let near = &near[start + reach - (first + i) * n..];
            wanted.iter().zip(near).map(|(weight, near)| weight * near).sum::<f64>()
        };
        let mut v: Vec<f64> = (0..taps).map(covariance).collect();
        for i in 0..taps {
            let known: f64 = (0..i).map(|k| factor[i * taps + k] * v[k]).sum();
            v[i] = (v[i] - known) / factor[i * taps + i];
        }
        for i in (0..taps).rev() {
            let known: f64 = (i + 1..taps).map(|k| factor[k * taps + i] * v[k]).sum();
            v[i] = (v[i] - known) / factor[i * taps + i];
        }
        // Flat areas keep their value.
        let sum: f64 = v.iter().sum();
        v.iter_mut().for_each(|v| *v /= sum);
        v
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a wave of 0.4 periods per output keeps of its height, with plain and with restoring weights.
    fn kept(ratio: usize) -> (f64, f64) {
        let length = 64;
        let axis = Axis { source: ratio * length, length, start: 0.0, span: (ratio * length) as f64 };
        let middle = length / 2;
        let wave = |(start, weights): &(usize, Vec<f64>)| -> f64 {
            let centre = (middle as f64 + 0.5) * ratio as f64;
            let at =
                |tap: usize| (std::f64::consts::TAU * 0.4 / ratio as f64 * ((start + tap) as f64 + 0.5 - centre)).cos();
            weights.iter().enumerate().map(|(tap, weight)| weight * at(tap)).sum()
        };
        (wave(&row(axis, Filter::CatmullRom, middle)), wave(&rows(axis, Filter::CatmullRom, 8)[middle]))
    }

    #[test]
    fn restoring_ends_where_it_makes_no_difference() {
        let gain = |ratio| {
            let (plain, restored) = kept(ratio);
            restored / plain - 1.0
        };
        assert!(gain(2) > 0.05, "close to the output's own resolution it is worth having: {}", gain(2));
        let ratio = TOO_FINE as usize;
        assert!(gain(ratio).abs() < 0.015, "where it ends nobody can tell: {}", gain(ratio));
        let axis = |source| Axis { source, length: 8, start: 0.0, span: source as f64 };
        assert!(is_needless(axis(2916)) && !is_needless(axis(16)));
    }
}
