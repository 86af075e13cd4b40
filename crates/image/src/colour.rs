//! What the samples mean, and the way to sRGB.
//!
//! A profile is judged by what it does, not by its name: colours from all over its cube go through
//! it, and where none of them moves by more than [`SAME`] levels the picture is sRGB already and
//! keeps its planes. That test costs microseconds and spares a conversion for most photos that
//! carry a profile at all.

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector loads, stores, gathers and the dispatch to AVX2")]
mod avx2;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector loads, stores and the dispatch to AVX-512")]
mod avx512;
mod cache;
mod kernels;
mod shaper;
mod tables;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, DataColorSpace, Layout, MatrixCoefficients, ProfileText,
    RenderingIntent, ToneReprCurve, TransferCharacteristics, Transform16BitExecutor, TransformOptions,
};

use crate::error::Error;
use crate::hdr::{ToneMap, Transfer};
use crate::planes::{Matrix, Range};
pub(crate) use shaper::Shaper;

/// Levels of 255 by which a profile may move a colour and still count as sRGB. Quantizing a curve
/// or a matrix to the precision of ICC moves colours by one.
const SAME: u8 = 2;

/// Mean movement in levels beyond which a picture is converted even where it could pass with its
/// profile. Display P3 moves colours by 7 on average, a gamma of 1.8 by 10, permuted or non-RGB
/// components by 40 and more.
const STRONG: u32 = 24;

/// Longest profile that is read; real ones are below 4 MB.
const MAX_PROFILE: usize = 8 << 20;

/// How a picture says what its samples mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Declared<'a> {
    /// Nothing said, or sRGB said.
    Srgb,
    /// An ICC profile.
    Icc(&'a [u8]),
    /// Primaries and transfer by number (H.273).
    Cicp { primaries: u8, transfer: u8 },
    /// PNG's exponent and, where given, white, red, green and blue as x and y.
    Gamma { gamma: f32, chromaticities: Option<[(f32, f32); 4]> },
}

impl<'a> Declared<'a> {
    /// By a profile, where there is one.
    pub(crate) fn icc(icc: Option<&'a [u8]>) -> Self {
        icc.map_or(Self::Srgb, Self::Icc)
    }
}

/// What is to be done about it.
#[derive(Clone)]
pub(crate) enum Colour {
    /// Nothing.
    Srgb,
    /// These samples go through this.
    Convert(Converter),
    /// The profile cannot be used.
    Broken,
}

/// Samples of a profile's device space to sRGB.
#[derive(Clone)]
pub(crate) struct Converter {
    /// The profile's description.
    pub(crate) name: String,
    /// Number of components on the input side: 1, 3 or 4.
    pub(crate) components: u8,
    /// High dynamic range on the input side.
    pub(crate) hdr: bool,
    /// Whether the picture would be plainly wrong to whoever ignores the profile.
    pub(crate) strong: bool,
    /// The short way, where curves and a matrix are all that there is.
    pub(crate) shaper: Option<Arc<Shaper>>,
    way: Way,
}

/// How samples get to sRGB.
#[derive(Clone)]
enum Way {
    /// By a profile.
    Profile(Arc<Transform16BitExecutor>),
    /// From high dynamic range.
    ToneMap(Arc<ToneMap>),
}

impl fmt::Debug for Converter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Converter({:?})", self.name)
    }
}

impl fmt::Debug for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Srgb => f.write_str("Srgb"),
            Self::Convert(c) => c.fmt(f),
            Self::Broken => f.write_str("Broken"),
        }
    }
}

impl Colour {
    /// How high dynamic range is reduced, and what it was, where it is.
    pub(crate) fn tone_map(&self) -> Option<(&ToneMap, &str)> {
        match self {
            Self::Convert(Converter { way: Way::ToneMap(map), name, .. }) => Some((map, name)),
            _ => None,
        }
    }
}

impl Converter {
    /// Interleaved samples to interleaved sRGB; `out` has three bytes for each pixel.
    pub(crate) fn apply(&self, samples: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let transform = match &self.way {
            Way::Profile(transform) => transform,
            Way::ToneMap(map) => {
                map.apply(samples, out);
                return Ok(());
            }
        };
        // The library's eight-bit conversions round down, which darkens a picture by half a level:
        // 1.9 points of SSIMULACRA2. Sixteen bits are rounded here.
        let (inputs, outputs) = (PIXELS * usize::from(self.components), PIXELS * 3);
        let mut wide_in = [0_u16; PIXELS * 4];
        let mut wide_out = [0_u16; PIXELS * 3];
        for (samples, out) in samples.chunks(inputs).zip(out.chunks_mut(outputs)) {
            let (from, to) = (&mut wide_in[..samples.len()], &mut wide_out[..out.len()]);
            for (wide, sample) in from.iter_mut().zip(samples) {
                *wide = u16::from(*sample) * 257;
            }
            transform
                .transform(from, to)
                .map_err(|e| Error::internal(format!("colour conversion refused its buffers: {e}")))?;
            for (sample, wide) in out.iter_mut().zip(to) {
                // Rounds v / 257.
                *sample = ((u32::from(*wide) * 255 + 32_895) >> 16) as u8;
            }
        }
        Ok(())
    }
}

/// Pixels converted at once.
const PIXELS: usize = 512;

/// Judges profiles; what ICC profiles mean is found out once for the whole process.
#[derive(Debug, Default)]
pub(crate) struct Profiles;

impl Profiles {
    /// Judges what a picture of `components` (1, 3 or 4) declares.
    pub(crate) fn resolve(&mut self, declared: Declared<'_>, components: u8) -> Colour {
        match declared {
            Declared::Srgb => Colour::Srgb,
            Declared::Icc(icc) if icc.len() > MAX_PROFILE => Colour::Broken,
            Declared::Icc(icc) => cache::resolved(icc, components, || from_icc(icc, components)),
            Declared::Cicp { primaries, transfer } => match Transfer::from_cicp(transfer) {
                Some(_) => from_hdr(primaries, transfer),
                None => from_cicp(primaries, transfer, components),
            },
            Declared::Gamma { gamma, chromaticities } => from_gamma(gamma, chromaticities, components),
        }
    }
}

/// The description in a profile, for reports.
pub(crate) fn profile_name(icc: &[u8]) -> Option<String> {
    if icc.len() > MAX_PROFILE {
        return None;
    }
    ColorProfile::new_from_slice(icc).ok().map(|p| name(&p))
}

fn from_icc(icc: &[u8], components: u8) -> Colour {
    let Ok(profile) = ColorProfile::new_from_slice(icc) else {
        return Colour::Broken;
    };
    let space = match profile.color_space {
        DataColorSpace::Rgb => 3,
        DataColorSpace::Gray => 1,
        DataColorSpace::Cmyk => 4,
        _ => return Colour::Broken,
    };
    // Grey samples under an RGB profile are that profile's greys.
    if space != components && !(space == 3 && components == 1) {
        return Colour::Broken;
    }
    // Profiles of version 4.4 may name the numbers, and what those mean at high dynamic range no curve can say.
    let cicp = profile.cicp.as_ref().map(|c| (c.color_primaries as u8, c.transfer_characteristics as u8));
    if let Some((primaries, transfer)) = cicp
        && Transfer::from_cicp(transfer).is_some()
        && space != 4
    {
        return from_hdr(primaries, transfer);
    }
    converter(&profile, name(&profile), components)
}

/// High dynamic range. Primaries that nobody named are those that BT.2100 has.
fn from_hdr(primaries: u8, transfer: u8) -> Colour {
    let primaries = if matches!(primaries, 0 | 2) { 9 } else { primaries };
    let Some(map) = Transfer::from_cicp(transfer).and_then(|transfer| ToneMap::new(primaries, transfer)) else {
        return Colour::Broken;
    };
    let name = format!("{} with primaries {primaries}", if transfer == 16 { "PQ" } else { "HLG" });
    Colour::Convert(Converter {
        name,
        components: 3,
        hdr: true,
        strong: true,
        shaper: None,
        way: Way::ToneMap(Arc::new(map)),
    })
}

fn from_cicp(primaries: u8, transfer: u8, components: u8) -> Colour {
    // Unspecified means nothing said.
    if matches!(primaries, 0 | 2) || matches!(transfer, 0 | 2) {
        return Colour::Srgb;
    }
    // BT.709 and BT.601 transfers mark pictures that were meant to be seen as sRGB is.
    let transfer = if matches!(transfer, 1 | 6 | 14 | 15) { 13 } else { transfer };
    if primaries == 1 && transfer == 13 {
        return Colour::Srgb;
    }
    let (Ok(color_primaries), Ok(transfer_characteristics)) =
        (CicpColorPrimaries::try_from(primaries), TransferCharacteristics::try_from(transfer))
    else {
        return Colour::Broken;
    };
    let cicp = CicpProfile {
        color_primaries,
        transfer_characteristics,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    };
    let profile = ColorProfile::new_from_cicp(cicp);
    converter(&profile, format!("CICP {primaries}/{transfer}"), components)
}

fn from_gamma(gamma: f32, chromaticities: Option<[(f32, f32); 4]>, components: u8) -> Colour {
    if !(0.01..=10.0).contains(&gamma) {
        return Colour::Broken;
    }
    let mut profile = ColorProfile::new_srgb();
    profile.cicp = None;
    if let Some([white, red, green, blue]) = chromaticities {
        let sane = |c: (f32, f32)| c.1 > 0.01 && (0.0..=1.0).contains(&c.0) && c.1 <= 1.0;
        if ![white, red, green, blue].into_iter().all(sane) {
            return Colour::Broken;
        }
        let at = |c: (f32, f32)| moxcms::Chromaticity { x: c.0, y: c.1 };
        let white = moxcms::XyY { x: f64::from(white.0), y: f64::from(white.1), yb: 1.0 };
        profile
            .update_rgb_colorimetry(white, moxcms::ColorPrimaries { red: at(red), green: at(green), blue: at(blue) });
    }
    // 1/2.2 is how PNG writes "as sRGB".
    if (gamma - 0.45455).abs() > 0.01 {
        let curve = ToneReprCurve::Parametric(vec![1.0 / gamma]);
        (profile.red_trc, profile.green_trc, profile.blue_trc) =
            (Some(curve.clone()), Some(curve.clone()), Some(curve));
    }
    converter(&profile, format!("gamma {gamma:.5}"), components)
}

fn converter(profile: &ColorProfile, name: String, components: u8) -> Colour {
    let layout = match components {
        4 => Layout::Rgba,
        1 if profile.color_space == DataColorSpace::Gray => Layout::Gray,
        // Grey under an RGB profile is handed over as three equal samples.
        _ => Layout::Rgb,
    };
    let options = TransformOptions {
        rendering_intent: if components == 4 {
            RenderingIntent::Perceptual
        } else {
            RenderingIntent::RelativeColorimetric
        },
        ..TransformOptions::default()
    };
    let Ok(transform) = profile.create_transform_16bit(layout, &ColorProfile::new_srgb(), Layout::Rgb, options) else {
        return Colour::Broken;
    };
    let mut converter = Converter {
        strong: false,
        shaper: None,
        name,
        components: if layout == Layout::Rgb { 3 } else { components },
        hdr: false,
        way: Way::Profile(transform),
    };
    match converter.components {
        4 => Colour::Convert(converter),
        n => match movement(&converter, n) {
            Some(Movement { most, .. }) if most <= SAME => Colour::Srgb,
            Some(Movement { mean, .. }) => {
                converter.strong = mean > STRONG;
                if n == 3 {
                    converter.shaper = shaper::agreeing(profile, &converter).map(Arc::new);
                }
                Colour::Convert(converter)
            }
            None => Colour::Broken,
        },
    }
}

/// By how many levels a converter moves samples.
struct Movement {
    most: u8,
    mean: u32,
}

/// How far the converter moves the colours of a coarse grid.
fn movement(converter: &Converter, components: u8) -> Option<Movement> {
    let levels = [0_u8, 32, 64, 96, 128, 160, 192, 224, 255];
    let mut samples = Vec::new();
    let mut expected = Vec::new();
    for r in levels {
        if components == 1 {
            samples.push(r);
            expected.extend([r, r, r]);
            continue;
        }
        for g in levels {
            for b in levels {
                samples.extend([r, g, b]);
                expected.extend([r, g, b]);
            }
        }
    }
    let mut out = vec![0; expected.len()];
    converter.apply(&samples, &mut out).ok()?;
    let moves = || out.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b));
    let sum: u32 = moves().map(u32::from).sum();
    Some(Movement { most: moves().max()?, mean: sum / out.len() as u32 })
}

fn name(profile: &ColorProfile) -> String {
    let text = match &profile.description {
        Some(ProfileText::PlainString(s)) => s.clone(),
        Some(ProfileText::Localizable(list)) => list.first().map(|l| l.value.clone()).unwrap_or_default(),
        Some(ProfileText::Description(d)) => d.ascii_string.clone(),
        None => String::new(),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    if text.trim().is_empty() { String::from("an unnamed profile") } else { text.trim().to_owned() }
}

/// Y'CbCr to R'G'B' with 16 fractional bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToRgb {
    luma: i32,
    luma_zero: i32,
    red_cr: i32,
    green_cb: i32,
    green_cr: i32,
    blue_cb: i32,
    identity: bool,
}

impl ToRgb {
    pub(crate) fn new(matrix: Matrix, range: Range) -> Self {
        // Of the identity they are not used.
        let (kr, kb) = matrix.weights().unwrap_or((0.299, 0.114));
        let kg = 1.0 - kr - kb;
        let (luma, chroma, luma_zero) = match range {
            Range::Full => (1.0, 1.0, 0),
            Range::Limited => (255.0 / 219.0, 255.0 / 224.0, 16),
        };
        let fixed = |v: f64| (v * 65536.0).round() as i32;
        Self {
            luma: fixed(luma),
            luma_zero,
            red_cr: fixed(chroma * 2.0 * (1.0 - kr)),
            green_cb: fixed(-chroma * 2.0 * (1.0 - kb) * kb / kg),
            green_cr: fixed(-chroma * 2.0 * (1.0 - kr) * kr / kg),
            blue_cb: fixed(chroma * 2.0 * (1.0 - kb)),
            identity: matrix == Matrix::Identity,
        }
    }

    /// One row of equally long planes to interleaved RGB.
    pub(crate) fn row(&self, y: &[u8], cb: &[u8], cr: &[u8], rgb: &mut [u8]) {
        let clamp = |v: i32| (v >> 16).clamp(0, 255) as u8;
        for (((out, y), cb), cr) in rgb.chunks_exact_mut(3).zip(y).zip(cb).zip(cr) {
            let scaled = |v: u8| (i32::from(v) - self.luma_zero) * self.luma + 0x8000;
            if self.identity {
                // H.273: G, B, R in the places of Y, Cb, Cr.
                out.copy_from_slice(&[clamp(scaled(*cr)), clamp(scaled(*y)), clamp(scaled(*cb))]);
                continue;
            }
            let (y, cb, cr) = (scaled(*y), i32::from(*cb) - 128, i32::from(*cr) - 128);
            out[0] = clamp(y + self.red_cr * cr);
            out[1] = clamp(y + self.green_cb * cb + self.green_cr * cr);
            out[2] = clamp(y + self.blue_cb * cb);
        }
    }
}
