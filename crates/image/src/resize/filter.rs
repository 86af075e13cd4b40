//! The reconstruction kernels, and what each input of an output is worth by them, in real numbers.

use std::f64::consts::PI;

/// Fractional bits of a weight once it is fixed.
pub(crate) const WEIGHT_BITS: u32 = 14;

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

/// A weight that is none in fixed point: a quarter of its last bit.
const NOTHING: f64 = 0.25 / (1 << WEIGHT_BITS) as f64;

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
    let is_zero = |v: &f64| v.abs() < NOTHING;
    while values.len() > 1 && values.last().is_some_and(is_zero) {
        values.pop();
    }
    let lead = values.iter().take_while(|v| is_zero(v)).count().min(values.len() - 1);
    (start as usize + lead, values.split_off(lead))
}
