//! Weights of one axis: for each output sample, where its inputs start and what each is worth.

use std::f64::consts::PI;

use super::restore;

/// Fractional bits of a weight.
pub(crate) const WEIGHT_BITS: u32 = 14;
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

/// Which source samples an output axis covers: `length` outputs spread evenly over
/// `start .. start + span` of a source of `source` samples. Sample `i` lies at `i + 0.5`. The box
/// may be fractional and may stick out of the source; what sticks out repeats the edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axis {
    pub(crate) source: usize,
    pub(crate) length: usize,
    pub(crate) start: f64,
    pub(crate) span: f64,
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

/// The shape of the reconstruction kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Filter {
    /// Windowed sinc of three lobes: the sharpest, and what quality is measured against.
    Lanczos3,
    /// Catmull-Rom cubic: two lobes, a third less work.
    CatmullRom,
    /// Straight line: no ringing, soft.
    Triangle,
    /// Plain mean of the covered area.
    Box,
}

impl Filter {
    fn support(self) -> f64 {
        match self {
            Self::Lanczos3 => 3.0,
            Self::CatmullRom => 2.0,
            Self::Triangle => 1.0,
            Self::Box => 0.5,
        }
    }

    /// The value at `x`; `sine` is that of πx/3 and asked for by Lanczos alone.
    fn at(self, x: f64, sine: f64) -> f64 {
        let x = x.abs();
        match self {
            Self::Lanczos3 if x < 1e-9 => 1.0,
            Self::Lanczos3 if x < 3.0 => {
                let a = PI * x;
                // sin 3b = (3 − 4 sin² b) sin b
                3.0 * (3.0 - 4.0 * sine * sine) * (sine * sine) / (a * a)
            }
            Self::CatmullRom if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::CatmullRom if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Triangle if x < 1.0 => 1.0 - x,
            Self::Box if x <= 0.5 => 1.0,
            _ => 0.0,
        }
    }
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

/// Real weights of one output, trimmed to the source; what falls outside is added to the edge.
pub(super) fn row(axis: Axis, filter: Filter, i: usize) -> (usize, Vec<f64>) {
    let scale = axis.span / axis.length as f64;
    let stretch = scale.max(1.0);
    let centre = axis.start + (i as f64 + 0.5) * scale;
    let radius = filter.support() * stretch;
    let first = (centre - radius).floor() as isize;
    let last = (centre + radius).ceil() as isize;
    let edge = axis.source as isize - 1;
    let start = first.clamp(0, edge);
    let mut values = vec![0.0; (last.clamp(0, edge) - start + 1) as usize];
    let mut sum = 0.0;
    // Each tap's sine is the one before turned by a fixed angle.
    let angle = PI / (3.0 * stretch);
    let (mut sine, mut cosine) = ((first as f64 + 0.5 - centre) * angle).sin_cos();
    let (turn_sine, turn_cosine) = angle.sin_cos();
    for x in first..=last {
        let weight = filter.at((x as f64 + 0.5 - centre) / stretch, sine);
        (sine, cosine) = (sine * turn_cosine + cosine * turn_sine, cosine * turn_cosine - sine * turn_sine);
        values[(x.clamp(0, edge) - start) as usize] += weight;
        sum += weight;
    }
    if sum.abs() < 1e-9 {
        values.fill(0.0);
        values[((centre as isize).clamp(0, edge) - start) as usize] = 1.0;
        sum = 1.0;
    }
    values.iter_mut().for_each(|v| *v /= sum);
    // Leading and trailing zeros cost taps.
    let is_zero = |v: &f64| v.abs() < 0.25 / ONE;
    while values.len() > 1 && values.last().is_some_and(is_zero) {
        values.pop();
    }
    let lead = values.iter().take_while(|v| is_zero(v)).count().min(values.len() - 1);
    (start as usize + lead, values.split_off(lead))
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
