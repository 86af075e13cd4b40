//! Matrix profiles (Display P3, Adobe RGB and their like) straight from planes to planes.
//!
//! Such a profile is a curve for each component and a matrix. From Y'CbCr with halved chroma to
//! sRGB's Y'CbCr with halved chroma goes, for each luma sample: its R'G'B' by the chroma sample that
//! covers it, light by the curves, the matrix, sRGB's curve, luma; and for each chroma sample the mean
//! of the four R'G'B' that came of it. Everything is in sixteen-bit integers, the curves are 64 or
//! twice 64 straight pieces. A grey keeps its level, and a colour that the profile does not move comes
//! out as it was: nothing is blurred, since chroma is neither interpolated nor filtered on the way.
//!
//! Whether that is what the profile means is tried out when the tables are made: a profile for which
//! the general converter gives other colours keeps the general converter.

use moxcms::{ColorProfile, DataColorSpace, ToneReprCurve};

use super::kernels;
use super::tables::{Chroma, Curve, DARK, PIECES, Tables, WHITE, fixed};
use super::{Converter, ToRgb};
use crate::cpu::Cpu;
use crate::planes::{Matrix, Plane, Range};

/// White in light.
const LIGHT: f64 = 32_767.0;
/// A profile's way to sRGB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shaper {
    pub(super) tables: Tables,
}

impl Shaper {
    /// The tables of a profile of RGB; `None` for one that is more than curves and a matrix.
    pub(super) fn new(profile: &ColorProfile) -> Option<Self> {
        let has_lut = profile.lut_a_to_b_perceptual.is_some() || profile.lut_a_to_b_colorimetric.is_some();
        if profile.color_space != DataColorSpace::Rgb || profile.pcs != DataColorSpace::Xyz || has_lut {
            return None;
        }
        let curves = [&profile.red_trc, &profile.green_trc, &profile.blue_trc];
        let [Some(red), Some(green), Some(blue)] = curves.map(Option::as_ref) else { return None };
        let to_light = [to_light(red)?, to_light(green)?, to_light(blue)?];
        let matrix = profile.transform_matrix(&ColorProfile::new_srgb()).v;
        let mut mix = [[0; 3]; 3];
        for (i, (row, mix)) in matrix.iter().zip(&mut mix).enumerate() {
            for (j, (value, mix)) in row.iter().zip(mix.iter_mut()).enumerate() {
                *mix = fixed(value - if i == j { 1.0 } else { 0.0 })?;
            }
            // The differences of a row are added up before light is added, and must stay in range.
            let sum = |sign: i32| mix.iter().map(|m| (i32::from(*m) * sign).max(0)).sum::<i32>();
            if sum(1) > 32_000 || sum(-1) > 32_000 {
                return None;
            }
        }
        let dark = curve(|i| srgb(f64::from(DARK) / LIGHT * i / PIECES as f64) * f64::from(WHITE))?;
        let light = curve(|i| srgb(512.0 * i / LIGHT) * f64::from(WHITE))?;
        Some(Self { tables: Tables { to_light, mix, to_srgb: [dark, light] } })
    }

    /// Converts Y', Cb and Cr of `matrix` and full range with halved chroma, in place, to sRGB as
    /// JPEG has it. Luma must be padded to whole chroma samples; `false` where it is not.
    #[must_use]
    pub(crate) fn convert(&self, planes: &mut [Plane], matrix: Matrix) -> bool {
        self.convert_with(Cpu::detect(), planes, matrix)
    }

    pub(super) fn convert_with(&self, cpu: Cpu, planes: &mut [Plane], matrix: Matrix) -> bool {
        let ([y, cb, cr], Some(chroma)) = (planes, Chroma::new(matrix)) else { return false };
        let (width, height) = (cb.width, cb.height);
        let padded = y.stride >= width * 2 && y.data.len() >= y.stride * height * 2;
        if !padded || (cr.width, cr.height) != (width, height) {
            return false;
        }
        let pairs = y.data.chunks_exact_mut(y.stride * 2);
        for (row, pair) in pairs.take(height).enumerate() {
            let (upper, lower) = pair.split_at_mut(y.stride);
            let luma = [&mut upper[..width * 2], &mut lower[..width * 2]];
            kernels::convert(cpu, &self.tables, chroma, luma, cb.row_mut(row), cr.row_mut(row));
        }
        true
    }
}

fn to_light(trc: &ToneReprCurve) -> Option<Curve> {
    let evaluator = trc.make_linear_evaluator().ok()?;
    let at = |level: f64| f64::from(evaluator.evaluate_value(level as f32));
    let last = at(1.0);
    curve(|i| {
        let level = i * 512.0 / f64::from(WHITE);
        // The last piece ends a little above white, where a curve need not be.
        LIGHT * if level <= 1.0 { at(level) } else { last + (last - at(2.0 - level)) }
    })
}

/// Straight pieces for the curve that `at` gives at the ends of pieces 0 to 64. Each lies between the
/// curve's ends and its middle, so that its error is least.
fn curve(at: impl Fn(f64) -> f64) -> Option<Curve> {
    let mut curve = Curve { start: [0; PIECES], rise: [0; PIECES] };
    for i in 0..PIECES {
        let (from, middle, to) = (at(i as f64), at(i as f64 + 0.5), at(i as f64 + 1.0));
        let start = from + (middle - (from + to) / 2.0) / 2.0;
        let whole = |v: f64| ((-32_768.0..32_767.5).contains(&v)).then(|| v.round() as i16);
        // The ends of the curve are kept as they are: black is black and white is white.
        curve.start[i] = whole(if i == 0 { from } else { start })?;
        curve.rise[i] = whole(to - from)?;
    }
    Some(curve)
}

/// sRGB's curve, from light to R', G' or B'.
fn srgb(light: f64) -> f64 {
    if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// A profile's shaper, if it gives the colours that the general converter gives.
pub(super) fn agreeing(profile: &ColorProfile, general: &Converter) -> Option<Shaper> {
    let shaper = Shaper::new(profile)?;
    let levels = [0_u8, 8, 16, 32, 48, 64, 96, 128, 160, 192, 224, 240, 255];
    let (mut rgb, mut planes) = (Vec::new(), [Vec::new(), Vec::new(), Vec::new()]);
    for r in levels {
        for g in levels {
            for b in levels {
                let [y, cb, cr] = to_ycc([r, g, b]);
                rgb.extend(to_rgb([y, cb, cr]));
                planes[0].extend([y; 2]);
                planes[1].push(cb);
                planes[2].push(cr);
            }
        }
    }
    let mut expect = vec![0; rgb.len()];
    general.apply(&rgb, &mut expect).ok()?;
    let [mut y, mut cb, mut cr] = planes;
    let chroma = Chroma::new(Matrix::Bt601)?;
    let mut below = y.clone();
    kernels::convert(Cpu::detect(), &shaper.tables, chroma, [&mut y, &mut below], &mut cb, &mut cr);
    let (mut most, mut sum) = (0, 0_u64);
    for (i, expect) in expect.as_chunks::<3>().0.iter().enumerate() {
        let expect = to_ycc(*expect);
        for (got, expect) in [y[i * 2], cb[i], cr[i]].into_iter().zip(expect) {
            let off = got.abs_diff(expect);
            most = most.max(off);
            sum += u64::from(off);
        }
    }
    let mean = sum as f64 / expect.len() as f64;
    (most <= MOST_OFF && mean <= MEAN_OFF).then_some(shaper)
}

/// Levels by which a shaper may differ from the general converter, which rounds to eight bits between
/// the steps: for saturated dark colours a level there is several here.
const MOST_OFF: u8 = 6;
const MEAN_OFF: f64 = 0.5;

fn to_ycc(rgb: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = rgb.map(f64::from);
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    [y, 128.0 + (b - y) / 1.772, 128.0 + (r - y) / 1.402].map(|v| v.round() as u8)
}

fn to_rgb(ycc: [u8; 3]) -> [u8; 3] {
    let mut rgb = [0; 3];
    ToRgb::new(Matrix::Bt601, Range::Full).row(&[ycc[0]], &[ycc[1]], &[ycc[2]], &mut rgb);
    rgb
}
