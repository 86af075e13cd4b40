//! Weights of one axis: for each output sample, where its inputs start and what each is worth.

use super::filter::{Axis, Filter, WEIGHT_BITS, row};
use super::restore;

/// One, as a weight.
const ONE: f64 = (1 << WEIGHT_BITS) as f64;

/// How the number of taps is padded with zeros, so that kernels never have a remainder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Padding {
    /// To an even number: rows are taken two at a time.
    Vertical,
    /// To 8, or to a multiple of 16: one or more whole registers of samples.
    Horizontal,
}

impl Padding {
    fn pad(self, taps: usize) -> usize {
        match self {
            Self::Vertical => taps.next_multiple_of(2),
            Self::Horizontal if taps <= 8 => 8,
            Self::Horizontal => taps.next_multiple_of(16),
        }
    }
}

/// The weights of one axis, before they are computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Recipe {
    pub(crate) axis: Axis,
    pub(crate) filter: Filter,
    /// Samples of the original behind each source sample: more than one where a decoder gave means
    /// of that many.
    pub(crate) shrunk: usize,
}

/// Weights of one axis in fixed point. All outputs have the same number of taps.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    /// Inputs per output, padded with zeros.
    pub(crate) taps: usize,
    /// First input of each output. Together with `taps` it may reach past the source; the weights
    /// there are zero.
    pub(crate) starts: Vec<usize>,
    /// `taps` weights for each output, summing to one times the gain.
    pub(crate) values: Vec<i16>,
    /// The same for sixteen outputs at a time, as far as there are whole groups; empty where the
    /// inputs of sixteen outputs lie too far apart.
    pub(crate) groups: Vec<Group>,
}

/// Sixteen neighbouring outputs whose inputs lie within 64 samples.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// First input of the first of them.
    pub(crate) start: usize,
    /// For each output the places of its first two inputs, counted from `start`.
    pub(crate) places: [i16; 32],
    /// For each two taps, those weights of each output.
    pub(crate) weights: Vec<[i16; 32]>,
}

impl Group {
    /// Outputs of a group.
    pub(crate) const OUTPUTS: usize = 16;

    /// All whole groups, of outputs of at most `widest` taps.
    fn all(weights: &Weights, widest: usize) -> Vec<Self> {
        let outputs = weights.starts.as_chunks::<{ Self::OUTPUTS }>().0;
        let groups = outputs.iter().zip(weights.values.chunks_exact(Self::OUTPUTS * weights.taps));
        groups
            .map(|(starts, values)| Self::new(starts, values, weights.taps, widest))
            .collect::<Option<_>>()
            .unwrap_or_default()
    }

    /// `None` where the inputs lie too far apart.
    fn new(starts: &[usize; 16], values: &[i16], taps: usize, widest: usize) -> Option<Self> {
        let start = *starts.iter().min()?;
        let pairs = widest.div_ceil(2);
        let mut places = [0; 32];
        let mut weights = vec![[0; 32]; pairs];
        for (i, first) in starts.iter().enumerate() {
            let offset = first - start;
            if offset + 2 * pairs > 64 {
                return None;
            }
            places[2 * i..][..2].copy_from_slice(&[offset as i16, offset as i16 + 1]);
            for (two, out) in values[i * taps..][..taps].chunks_exact(2).zip(&mut weights) {
                out[2 * i..][..2].copy_from_slice(two);
            }
        }
        Some(Self { start, places, weights })
    }
}

impl Weights {
    /// How much they hold.
    pub(crate) fn bytes(&self) -> usize {
        let group = |g: &Group| size_of::<Group>() + size_of_val(&g.weights[..]);
        size_of_val(&self.starts[..]) + size_of_val(&self.values[..]) + self.groups.iter().map(group).sum::<usize>()
    }

    /// Weights of `filter` over `axis`, multiplied by `gain`.
    pub(crate) fn new(recipe: Recipe, gain: f64, padding: Padding) -> Self {
        let Recipe { axis, filter, shrunk } = recipe;
        let rows = if shrunk == 1 || restore::is_needless(axis) {
            (0..axis.length).map(|i| row(axis, filter, i)).collect()
        } else {
            restore::rows(axis, filter, shrunk)
        };
        Self::from_rows(&rows, gain, padding)
    }

    /// Fixed point from real weights, each row a start and its values.
    fn from_rows(rows: &[(usize, Vec<f64>)], gain: f64, padding: Padding) -> Self {
        let length = rows.len();
        let widest = rows.iter().map(|r| r.1.len()).max().unwrap_or(1);
        let taps = padding.pad(widest);
        let mut starts = Vec::with_capacity(length);
        let mut values = vec![0_i16; length * taps];
        for ((start, real), fixed) in rows.iter().zip(values.chunks_exact_mut(taps)) {
            starts.push(*start);
            quantize(real, gain, fixed);
        }
        let mut weights = Self { taps, starts, values, groups: Vec::new() };
        if padding == Padding::Horizontal {
            weights.groups = Group::all(&weights, widest);
        }
        weights
    }
}

/// Rounds so that the sum stays exact: what rounding loses goes to the largest weight, so a flat
/// area keeps its value.
fn quantize(real: &[f64], gain: f64, fixed: &mut [i16]) {
    let target = (real.iter().sum::<f64>() * gain * ONE).round() as i32;
    let mut sum = 0;
    let mut largest = 0;
    for (i, v) in real.iter().enumerate() {
        let q = (v * gain * ONE).round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16;
        fixed[i] = q;
        sum += i32::from(q);
        if q.abs() > fixed[largest].abs() {
            largest = i;
        }
    }
    let corrected = i32::from(fixed[largest]) + target - sum;
    fixed[largest] = corrected.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
}
