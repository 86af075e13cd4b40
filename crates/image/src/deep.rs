//! High dynamic range in samples of more than eight bits: to sRGB at their full depth, before anything rounds them. In
//! PQ a level of eight bits is up to six of sRGB, and skies come out in bands.

use crate::convert::RgbSink;
use crate::error::Error;
use crate::hdr::{Level, ToneMap};
use crate::jpeg::turbo::Compressor;
use crate::planes::{Matrix, Plane, Planes, Range, Siting};
use crate::report::Stopwatch;

/// Planes whose samples are shifted to sixteen bits and lie in two sheets, so that whatever moves samples about
/// knows samples of one size.
pub(crate) struct Deep {
    /// The upper eight bits; alpha has no others.
    pub(crate) high: Planes,
    /// The lower eight of luma, and of chroma where there is any.
    pub(crate) low: Vec<Plane>,
    /// Bits per sample.
    pub(crate) depth: u8,
}

/// Rows between two looks at the clock.
const CLOCK_ROWS: usize = 64;

/// Tone-maps every pixel. Chroma is interpolated between its samples, where they lie.
pub(crate) fn to_srgb(
    deep: Deep,
    map: &ToneMap,
    mut sink: RgbSink,
    convert: &mut Compressor,
    watch: &Stopwatch,
) -> Result<Planes, Error> {
    let rows = Rows::new(&deep);
    let (width, height) = (deep.high.y.width, deep.high.y.height);
    let mut rgb = vec![0; width * 3];
    for y in 0..height {
        if y % CLOCK_ROWS == 0 {
            watch.check()?;
        }
        rows.row(y, map, &mut rgb);
        sink.push(&rgb, convert)?;
    }
    let planes = sink.finish(convert)?;
    Ok(Planes { alpha: deep.high.alpha, ..planes })
}

/// Where a sample lies between two chroma samples, and how much nearer to the second.
#[derive(Clone, Copy)]
struct Between {
    first: usize,
    second: usize,
    share: f32,
}

impl Between {
    /// Luma sample `i`, where a chroma sample covers `factor` and the plane has `count`.
    fn new(i: usize, factor: u8, cosited: bool, count: usize) -> Self {
        let factor = f32::from(factor);
        let at = if cosited { i as f32 / factor } else { (i as f32 + 0.5) / factor - 0.5 };
        let at = at.clamp(0.0, count.saturating_sub(1) as f32);
        let first = at as usize;
        Self { first, second: (first + 1).min(count.saturating_sub(1)), share: at - first as f32 }
    }

    fn mix(self, sample: impl Fn(usize) -> f32) -> f32 {
        let first = sample(self.first);
        first + (sample(self.second) - first) * self.share
    }
}

/// How rows of samples become rows of R'G'B'.
struct Rows<'a> {
    deep: &'a Deep,
    columns: Vec<Between>,
    /// Black, and what the way from there to white is divided by.
    luma: (f32, f32),
    /// The same for chroma, from its middle.
    chroma: f32,
    /// What Cr adds to red, Cb and Cr to green, Cb to blue; `None` for G, B and R.
    weights: Option<[f32; 4]>,
}

impl<'a> Rows<'a> {
    fn new(deep: &'a Deep) -> Self {
        let high = &deep.high;
        let full = (((1_u32 << deep.depth) - 1) << (16 - deep.depth)) as f32;
        let (luma, chroma) = match high.range {
            Range::Full => ((0.0, full), full),
            Range::Limited => ((16.0 * 256.0, 219.0 * 256.0), 224.0 * 256.0),
        };
        let weights = high.matrix.weights().map(|(kr, kb)| {
            let kg = 1.0 - kr - kb;
            let [red, blue] = [2.0 * (1.0 - kr), 2.0 * (1.0 - kb)];
            [red, -blue * kb / kg, -red * kr / kg, blue].map(|v| v as f32)
        });
        let cosited = high.siting != Siting::Centre;
        let count = high.chroma.as_ref().map_or(1, |[cb, _]| cb.width);
        let columns = (0..high.y.width).map(|x| Between::new(x, high.subsampling.horizontal, cosited, count)).collect();
        debug_assert!(weights.is_some() || high.matrix == Matrix::Identity);
        Self { deep, columns, luma, chroma, weights }
    }

    fn row(&self, y: usize, map: &ToneMap, rgb: &mut [u8]) {
        let high = &self.deep.high;
        let luma = joined(&high.y, self.deep.low.first(), y);
        let (zero, span) = self.luma;
        let light = |sample: f32| (sample - zero) / span;
        let Some(pair) = &high.chroma else {
            for (out, y) in rgb.as_chunks_mut::<3>().0.iter_mut().zip(luma) {
                *out = map.pixel([Level::new(light(y)); 3]);
            }
            return;
        };
        let cosited = high.siting == Siting::TopLeft;
        let between = Between::new(y, high.subsampling.vertical, cosited, pair[0].height);
        let [cb, cr]: [Vec<f32>; 2] = std::array::from_fn(|i| {
            let [first, second] =
                [between.first, between.second].map(|row| joined(&pair[i], self.deep.low.get(i + 1), row));
            first.zip(second).map(|(a, b)| a + (b - a) * between.share).collect()
        });
        for ((out, y), at) in rgb.as_chunks_mut::<3>().0.iter_mut().zip(luma).zip(&self.columns) {
            let (y, cb, cr) = (light(y), at.mix(|x| cb[x]), at.mix(|x| cr[x]));
            let colours = match self.weights {
                Some([red, green_cb, green_cr, blue]) => {
                    let [cb, cr] = [cb, cr].map(|v| (v - 32_768.0) / self.chroma);
                    [y + red * cr, y + green_cb * cb + green_cr * cr, y + blue * cb]
                }
                // H.273's identity: G, B, R in the places of Y, Cb, Cr.
                None => [light(cr), y, light(cb)],
            };
            *out = map.pixel(colours.map(Level::new));
        }
    }
}

/// A row's samples of sixteen bits.
fn joined<'a>(high: &'a Plane, low: Option<&'a Plane>, y: usize) -> impl Iterator<Item = f32> + 'a {
    let low = low.map_or(&high.data[..0], |low| low.row(y));
    high.row(y)
        .iter()
        .enumerate()
        .map(move |(x, upper)| f32::from(u16::from_be_bytes([*upper, low.get(x).copied().unwrap_or(0)])))
}

#[cfg(test)]
mod tests {
    use sealpress_media::Dimensions;

    use super::*;
    use crate::convert::Target;
    use crate::hdr::Transfer;
    use crate::planes::Subsampling;
    use crate::pool::Pool;

    /// The planes of these samples, row by row, at this depth.
    fn sheets(samples: &[u16], width: usize, depth: u8) -> [Plane; 2] {
        [0, 1].map(|byte| Plane {
            data: samples.iter().map(|v| (v << (16 - depth)).to_be_bytes()[byte]).collect(),
            width,
            height: samples.len() / width,
            stride: width,
        })
    }

    fn mapped(deep: Deep, target: Target) -> Planes {
        let size = Dimensions::new(deep.high.y.width as u32, deep.high.y.height as u32).unwrap();
        let sink = RgbSink::new(size, target, &mut Pool::default());
        let watch = Stopwatch::start(std::time::Duration::from_secs(60));
        let map = ToneMap::new(9, Transfer::Pq).unwrap();
        to_srgb(deep, &map, sink, &mut Compressor::new().unwrap(), &watch).unwrap()
    }

    fn planes(y: Plane, chroma: Option<[Plane; 2]>, range: Range) -> Planes {
        let (subsampling, siting, matrix) = (Subsampling::S420, Siting::Left, Matrix::Bt2020);
        Planes { y, chroma, alpha: None, subsampling, siting, matrix, range }
    }

    /// SMPTE ST 2084, and sRGB's curve: what a level below the knee comes out as.
    fn expected(sample: f64) -> f64 {
        let root = sample.powf(32.0 / 2523.0);
        let light = ((root - 0.8359375).max(0.0) / (18.8515625 - 18.6875 * root)).powf(8192.0 / 1305.0) * 10_000.0;
        let light = light / 203.0;
        255.0 * if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
    }

    #[test]
    fn every_level_of_ten_bits_comes_out_by_itself() {
        for range in [Range::Full, Range::Limited] {
            let levels: Vec<u16> = (64..600).collect();
            let [high, low] = sheets(&levels, levels.len(), 10);
            let out = mapped(Deep { high: planes(high, None, range), low: vec![low], depth: 10 }, Target::Gray);
            let mut seen = 0;
            for (level, got) in levels.iter().zip(&out.y.data) {
                let level = f64::from(*level);
                let sample = if range == Range::Full { level / 1023.0 } else { (level - 64.0) / 876.0 };
                let expected = expected(sample);
                if expected < 230.0 {
                    assert!((f64::from(*got) - expected).abs() < 0.8, "{range:?} {level}: {got} for {expected:.2}");
                    seen += 1;
                }
            }
            assert!(seen > 450, "{seen} levels are below the knee");
            // Eight bits of PQ have 150 levels up to diffuse white.
            let distinct: std::collections::BTreeSet<u8> = out.y.data.iter().copied().collect();
            assert!(distinct.len() > 225, "{} levels of sRGB", distinct.len());
        }
    }

    #[test]
    fn colour_lies_where_its_samples_do() {
        // Grey on the left, and from a chroma sample's own column on its colour; G, B and R are told apart.
        let (width, height) = (16, 4);
        let [high, low] = sheets(&vec![500; width * height], width, 10);
        let cr: Vec<u16> = (0..16).map(|i| if i % 8 < 4 { 512 } else { 560 }).collect();
        let [cb_high, cb_low] = sheets(&[512; 16], 8, 10);
        let [cr_high, cr_low] = sheets(&cr, 8, 10);
        let high = planes(high, Some([cb_high, cr_high]), Range::Full);
        let out = mapped(Deep { high, low: vec![low, cb_low, cr_low], depth: 10 }, Target::Rgb);
        let [_, red] = out.chroma.unwrap();
        let row = red.row(1);
        assert!(row[..7].iter().all(|v| *v == row[0]), "{row:?}");
        assert!(row[7] > row[0] && row[7] < row[8], "half way between two samples: {row:?}");
        assert!(row[8..].iter().all(|v| *v == row[8]), "the sample's own column has its colour: {row:?}");
        assert!(out.y.row(1)[8] < out.y.row(1)[0], "more red is less green");
    }
}
