//! High dynamic range to the standard one: PQ and HLG (ITU-R BT.2100) to sRGB.
//!
//! The curve is the one that ffmpeg's `tonemap` filter calls Möbius: light up to a knee stays as it is, and what is
//! brighter is rolled off along a hyperbola that leaves the knee in the same direction and reaches white at the
//! brightest that the format can say. Light is counted in units of diffuse white, 203 cd/m² (ITU-R BT.2408), so
//! that a sheet of paper is as bright as in an ordinary photo and only what shines is compressed. The brightest of
//! red, green and blue goes through the curve and the others keep their proportion to it: hue and saturation stay.

use std::fmt;

/// Diffuse white in cd/m² (ITU-R BT.2408 § 2.1).
const WHITE: f64 = 203.0;
/// Up to this share of diffuse white, light stays as it is. Diffuse white itself comes out at 244 of 255.
const KNEE: f64 = 0.8;
/// Entries of the table that encodes light as sRGB: differences of neighbours are below a third of a level.
const STEPS: usize = 4096;

/// How light was coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// Perceptual quantization: a sample is an absolute luminance.
    Pq,
    /// Hybrid log-gamma, shown on a display of 1000 cd/m².
    Hlg,
}

impl Transfer {
    /// By its number in H.273.
    pub(crate) const fn from_cicp(transfer: u8) -> Option<Self> {
        match transfer {
            16 => Some(Self::Pq),
            18 => Some(Self::Hlg),
            _ => None,
        }
    }

    /// The brightest in units of diffuse white.
    fn peak(self) -> f64 {
        match self {
            Self::Pq => 10_000.0 / WHITE,
            Self::Hlg => HLG_PEAK / WHITE,
        }
    }

    /// A sample from 0 to 1 to light: PQ in units of diffuse white, HLG as its scene's.
    fn light(self, sample: f64) -> f64 {
        match self {
            // SMPTE ST 2084.
            Self::Pq => {
                let (m1, m2) = (2610.0 / 16_384.0, 2523.0 / 4096.0 * 128.0);
                let (c1, c2, c3) = (3424.0 / 4096.0, 2413.0 / 4096.0 * 32.0, 2392.0 / 4096.0 * 32.0);
                let root = sample.powf(1.0 / m2);
                ((root - c1).max(0.0) / (c2 - c3 * root)).powf(1.0 / m1) * 10_000.0 / WHITE
            }
            // ARIB STD-B67.
            Self::Hlg => {
                let (a, b, c) = (0.178_832_77, 0.284_668_92, 0.559_910_73);
                if sample <= 0.5 { sample * sample / 3.0 } else { (((sample - c) / a).exp() + b) / 12.0 }
            }
        }
    }
}

/// Peak of the display that HLG is shown on, and the exponent that goes with it (BT.2100 table 5).
const HLG_PEAK: f64 = 1000.0;
const HLG_GAMMA: f32 = 1.2;

/// Levels of a sample that are told apart: twelve bits, at which neighbouring levels of PQ are below what anybody sees
/// (ITU-R BT.2390 § 5.2).
const LEVELS: usize = 4096;
/// The highest of them.
const WHITE_LEVEL: f64 = (LEVELS - 1) as f64;

/// A sample of high dynamic range, one of [`LEVELS`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level(u16);

impl Level {
    /// From 0 to 1; what lies outside is cut off.
    pub(crate) fn new(sample: f32) -> Self {
        Self((sample.clamp(0.0, 1.0) * WHITE_LEVEL as f32 + 0.5) as u16)
    }
}

impl From<u8> for Level {
    fn from(sample: u8) -> Self {
        Self(((u32::from(sample) * (LEVELS as u32 - 1) + 127) / 255) as u16)
    }
}

impl From<u16> for Level {
    fn from(sample: u16) -> Self {
        Self(((u32::from(sample) * (LEVELS as u32 - 1) + 32_767) / 65_535) as u16)
    }
}

/// Samples of high dynamic range to sRGB.
pub(crate) struct ToneMap {
    transfer: Transfer,
    /// Sample to light, by [`LEVELS`].
    light: Vec<f32>,
    /// The source's linear R, G, B to sRGB's.
    matrix: [[f32; 3]; 3],
    /// Luminance of the source's R, G and B.
    luma: [f32; 3],
    curve: Curve,
    /// Square root of light, in steps, to sRGB.
    encoded: Vec<u8>,
}

impl fmt::Debug for ToneMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ToneMap({:?})", self.transfer)
    }
}

impl ToneMap {
    /// `None` for primaries that are not written down in H.273.
    pub(crate) fn new(primaries: u8, transfer: Transfer) -> Option<Self> {
        let source = to_xyz(chromaticities(primaries)?);
        let target = inverse(to_xyz(chromaticities(1)?));
        let matrix = multiply(target, source);
        let encoded = (0..=STEPS).map(|i| encode((i as f64 / STEPS as f64).powi(2))).collect();
        Some(Self {
            transfer,
            light: (0..LEVELS).map(|i| transfer.light(i as f64 / WHITE_LEVEL) as f32).collect(),
            matrix: matrix.map(|row| row.map(|v| v as f32)),
            luma: source[1].map(|v| v as f32),
            curve: Curve::new(KNEE, transfer.peak()),
            encoded,
        })
    }

    /// Interleaved samples to as many of sRGB.
    pub(crate) fn apply(&self, samples: &[u8], out: &mut [u8]) {
        for (pixel, out) in samples.as_chunks::<3>().0.iter().zip(out.as_chunks_mut::<3>().0) {
            *out = self.pixel(pixel.map(Level::from));
        }
    }

    /// Red, green and blue to as much of sRGB.
    pub(crate) fn pixel(&self, pixel: [Level; 3]) -> [u8; 3] {
        let mut source = pixel.map(|v| self.light[usize::from(v.0)]);
        if self.transfer == Transfer::Hlg {
            // Scene to display: BT.2100's opto-optical transfer.
            let scene = dot(self.luma, source);
            let gain = scene.powf(HLG_GAMMA - 1.0) * (HLG_PEAK / WHITE) as f32;
            source = source.map(|v| v * gain);
        }
        let mut light = self.matrix.map(|row| dot(row, source));
        // What sRGB cannot say becomes paler until it can, as bright as before.
        let least = light.iter().copied().fold(f32::INFINITY, f32::min);
        if least < 0.0 {
            let grey = dot(SRGB_LUMA, light).max(0.0);
            let share = if grey > least { grey / (grey - least) } else { 0.0 };
            light = light.map(|v| (grey + (v - grey) * share).max(0.0));
        }
        let most = light.iter().copied().fold(0.0, f32::max);
        if most <= 0.0 {
            return [0; 3];
        }
        let gain = self.curve.at(most) / most;
        light.map(|v| self.encoded[((v * gain).sqrt() * STEPS as f32 + 0.5) as usize])
    }
}

/// Luminance of sRGB's red, green and blue.
const SRGB_LUMA: [f32; 3] = [0.2126, 0.7152, 0.0722];

/// y = x up to the knee, then y = scale · (x + a) / (x + b), equal and equally steep at the knee, 1 at the peak.
#[derive(Clone, Copy, Debug)]
struct Curve {
    knee: f32,
    a: f32,
    b: f32,
    scale: f32,
}

impl Curve {
    fn new(knee: f64, peak: f64) -> Self {
        let (j, p) = (knee, peak);
        let a = -j * j * (p - 1.0) / (j * j - 2.0 * j + p);
        let b = (j * j - 2.0 * j * p + p) / (p - 1.0);
        let scale = (b * b + 2.0 * b * j + j * j) / (b - a);
        Self { knee: knee as f32, a: a as f32, b: b as f32, scale: scale as f32 }
    }

    fn at(self, x: f32) -> f32 {
        if x <= self.knee { x } else { (self.scale * (x + self.a) / (x + self.b)).min(1.0) }
    }
}

/// Linear light to sRGB (IEC 61966-2-1).
fn encode(light: f64) -> u8 {
    let v = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (v * 255.0).round().clamp(0.0, 255.0) as u8
}

/// x and y of red, green, blue and white by the number of the primaries in H.273 (table 2).
const fn chromaticities(primaries: u8) -> Option<[[f64; 2]; 4]> {
    const D65: [f64; 2] = [0.3127, 0.3290];
    const C: [f64; 2] = [0.310, 0.316];
    Some(match primaries {
        1 => [[0.640, 0.330], [0.300, 0.600], [0.150, 0.060], D65],
        4 => [[0.67, 0.33], [0.21, 0.71], [0.14, 0.08], C],
        5 => [[0.64, 0.33], [0.29, 0.60], [0.15, 0.06], D65],
        6 | 7 => [[0.630, 0.340], [0.310, 0.595], [0.155, 0.070], D65],
        8 => [[0.681, 0.319], [0.243, 0.692], [0.145, 0.049], C],
        9 => [[0.708, 0.292], [0.170, 0.797], [0.131, 0.046], D65],
        11 => [[0.680, 0.320], [0.265, 0.690], [0.150, 0.060], [0.314, 0.351]],
        12 => [[0.680, 0.320], [0.265, 0.690], [0.150, 0.060], D65],
        22 => [[0.630, 0.340], [0.295, 0.605], [0.155, 0.077], D65],
        _ => return None,
    })
}

type Matrix = [[f64; 3]; 3];

/// Linear R, G, B to X, Y, Z, white having Y = 1.
fn to_xyz([red, green, blue, white]: [[f64; 2]; 4]) -> Matrix {
    let xyz = |[x, y]: [f64; 2]| [x / y, 1.0, (1.0 - x - y) / y];
    let columns = [xyz(red), xyz(green), xyz(blue)];
    let primaries: Matrix = std::array::from_fn(|row| std::array::from_fn(|column| columns[column][row]));
    let weights = inverse(primaries).map(|row| row.iter().zip(xyz(white)).map(|(a, b)| a * b).sum::<f64>());
    primaries.map(|row| std::array::from_fn(|column| row[column] * weights[column]))
}

fn multiply(a: Matrix, b: Matrix) -> Matrix {
    a.map(|row| std::array::from_fn(|column| (0..3).map(|i| row[i] * b[i][column]).sum()))
}

/// By cofactors; the matrices of primaries are far from singular.
fn inverse(m: Matrix) -> Matrix {
    let minor = |r: usize, c: usize| {
        let (r1, r2, c1, c2) = ((r + 1) % 3, (r + 2) % 3, (c + 1) % 3, (c + 2) % 3);
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    let determinant: f64 = (0..3).map(|c| m[0][c] * minor(0, c)).sum();
    std::array::from_fn(|row| std::array::from_fn(|column| minor(column, row) / determinant))
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample of a luminance, by the inverse of ST 2084's formula.
    fn pq(nits: f64) -> u8 {
        let y = (nits / 10_000.0_f64).powf(2610.0 / 16_384.0);
        let v = (3424.0 / 4096.0 + 2413.0 / 128.0 * y) / (1.0 + 2392.0 / 128.0 * y);
        (v.powf(2523.0 / 32.0) * 255.0).round() as u8
    }

    fn grey(map: &ToneMap, sample: u8) -> u8 {
        let [r, g, b] = map.pixel([sample; 3].map(Level::from));
        assert!(r.abs_diff(g) <= 1 && g.abs_diff(b) <= 1, "grey stays grey: {r} {g} {b}");
        g
    }

    #[test]
    fn diffuse_white_is_near_white_and_highlights_are_above_it() {
        let map = ToneMap::new(9, Transfer::Pq).unwrap();
        let white = grey(&map, pq(203.0));
        assert!((240..=250).contains(&white), "203 cd/m² at {white}");
        let bright = [203.0, 400.0, 1000.0, 4000.0].map(|nits| grey(&map, pq(nits)));
        assert!(bright.is_sorted_by(|a, b| a < b) && grey(&map, 255) == 255, "{bright:?}");
        // BT.2408 table 1: 75% of HLG is diffuse white.
        let map = ToneMap::new(9, Transfer::Hlg).unwrap();
        let white = grey(&map, 191);
        assert!((240..=250).contains(&white), "75% of HLG at {white}");
        assert_eq!(grey(&map, 255), 255);
    }

    #[test]
    fn below_the_knee_light_is_what_it_was() {
        let map = ToneMap::new(9, Transfer::Pq).unwrap();
        for share in [0.02, 0.18, 0.5, 0.75] {
            let sample = pq(203.0 * share);
            let expected = encode(Transfer::Pq.light(f64::from(sample) / 255.0));
            assert!(grey(&map, sample).abs_diff(expected) <= 1, "{share}");
        }
    }

    #[test]
    fn the_curve_is_smooth_and_monotonic() {
        for peak in [HLG_PEAK / WHITE, 10_000.0 / WHITE] {
            let curve = Curve::new(KNEE, peak);
            let (below, above) = (curve.at(KNEE as f32 - 1e-3), curve.at(KNEE as f32 + 1e-3));
            assert!((above - below - 2e-3).abs() < 1e-4, "one slope on both sides of the knee");
            assert!((curve.at(peak as f32) - 1.0).abs() < 1e-4);
            let values: Vec<f32> = (0..1000).map(|i| curve.at(i as f32 / 1000.0 * peak as f32)).collect();
            assert!(values.is_sorted());
        }
    }

    #[test]
    fn hue_is_kept_by_colours_and_by_colours_that_shine() {
        let map = ToneMap::new(1, Transfer::Pq).unwrap();
        // The same orange at 50 and at 2000 cd/m², in the primaries of sRGB, which need no other fitting.
        for nits in [50.0, 2000.0] {
            let light = [1.0, 0.5, 0.1].map(|share| nits * share);
            let out = map.pixel(light.map(|v| Level::from(pq(v))));
            let linear = out.map(|v| {
                let v = f64::from(v) / 255.0;
                if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
            });
            assert!(
                (linear[1] / linear[0] - 0.5).abs() < 0.05 && (linear[2] / linear[0] - 0.1).abs() < 0.03,
                "{out:?}"
            );
        }
    }

    #[test]
    fn the_primaries_are_those_of_the_standard() {
        // BT.2087: BT.2020 to BT.709, linear.
        let matrix = multiply(inverse(to_xyz(chromaticities(1).unwrap())), to_xyz(chromaticities(9).unwrap()));
        let expected = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]];
        for (row, expected) in matrix.iter().zip(expected) {
            assert!(row.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{row:?}");
        }
        assert!(ToneMap::new(2, Transfer::Pq).is_none());
    }
}
