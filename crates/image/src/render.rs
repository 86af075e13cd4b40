//! From decoded planes to planes ready for the encoder: scaled, in sRGB, upright.

use sealpress_media::Dimensions;

use crate::colour::{Colour, Converter, Shaper, ToRgb};
use crate::convert::{RgbSink, Target};
use crate::decode::Decoded;
use crate::error::Error;
use crate::jpeg::turbo::{Compressor, Shrink};
use crate::orient;
use crate::planes::{Matrix, Plane, Planes, Range, Siting};
use crate::pool::Pool;
use crate::resize::{Axis, Filter, Recipe, Resizer, Tone};

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Upright.
    pub(crate) size: Dimensions,
    pub(crate) orientation: u8,
    pub(crate) filter: Filter,
    /// Planes G, B, R for an encoder that takes RGB, instead of Y'CbCr 4:2:0.
    pub(crate) rgb: bool,
    /// Whether colours are to become sRGB.
    pub(crate) convert: bool,
}

/// The tools of one worker.
pub(crate) struct Tools<'a> {
    pub(crate) resizer: &'a mut Resizer,
    pub(crate) compressor: &'a mut Compressor,
    pub(crate) pool: &'a mut Pool,
}

/// One grey plane; or Y', Cb and Cr with chroma halved both ways; or G, B and R. Luma is padded to
/// even sides in its buffer, as the encoder reads it.
pub(crate) type Ready = Vec<Plane>;

pub(crate) fn render(decoded: Decoded, wanted: Wanted, tools: &mut Tools<'_>) -> Result<Ready, Error> {
    let Decoded { planes, stored, shrink, colour, .. } = decoded;
    let converter = match colour {
        Colour::Convert(converter) if wanted.convert => Some(converter),
        _ => None,
    };
    let geometry = Geometry::new(stored, shrink, &planes, wanted);
    if planes.chroma.is_none() {
        return gray(planes, &geometry, converter.as_ref(), tools);
    }
    if let Some(shaper) = converter.as_ref().and_then(|c| c.shaper.as_ref())
        && !wanted.rgb
        && planes.matrix.weights().is_some()
    {
        return shaped(planes, &geometry, shaper, tools);
    }
    let is_rgb = planes.matrix == Matrix::Identity;
    if wanted.rgb || is_rgb || converter.is_some() || planes.matrix != Matrix::Bt601 {
        return through_rgb(planes, &geometry, converter.as_ref(), tools);
    }
    planar(planes, &geometry, tools)
}

/// Sizes and places of both ends.
struct Geometry {
    wanted: Wanted,
    /// Samples of the original that each of the planes' is the mean of.
    shrunk: usize,
    /// Output size before the turn.
    width: usize,
    height: usize,
    /// The picture's true size in luma samples; fractional where the decoder shrank an odd side.
    span_x: f64,
    span_y: f64,
    /// Luma samples per chroma sample.
    chroma_x: f64,
    chroma_y: f64,
    /// By how many chroma samples the source's siting is off centre.
    off_x: f64,
    off_y: f64,
}

impl Geometry {
    fn new(stored: Dimensions, shrink: Shrink, planes: &Planes, wanted: Wanted) -> Self {
        let size = if orient::transposes(wanted.orientation) { wanted.size.transposed() } else { wanted.size };
        let n = shrink.factor();
        let (h, v) = (f64::from(planes.subsampling.horizontal), f64::from(planes.subsampling.vertical));
        let off = |cosited: bool, factor: f64| if cosited { 0.5 - 0.5 / factor } else { 0.0 };
        Self {
            wanted,
            shrunk: shrink.means() as usize,
            width: size.width() as usize,
            height: size.height() as usize,
            span_x: f64::from(stored.width()) / n,
            span_y: f64::from(stored.height()) / n,
            chroma_x: h,
            chroma_y: v,
            off_x: off(planes.siting != Siting::Centre, h),
            off_y: off(planes.siting == Siting::TopLeft, v),
        }
    }

    /// Recipes for a luma plane.
    fn luma(&self, source: &Plane) -> (Recipe, Recipe) {
        let recipe = |source, length, span| Recipe {
            axis: Axis { source, length, start: 0.0, span },
            filter: self.wanted.filter,
            shrunk: self.shrunk,
        };
        (recipe(source.width, self.width, self.span_x), recipe(source.height, self.height, self.span_y))
    }

    /// Recipes for a chroma plane of which each output sample covers `factor` luma samples both
    /// ways. Where a side is odd and the turn flips it, the output's chroma grid begins one luma
    /// sample before the picture, so that it begins with the picture once turned.
    fn chroma(&self, source: &Plane, factor: usize) -> (Recipe, Recipe) {
        let axis = |source: usize, length: usize, span: f64, own: f64, off: f64, flips: bool| {
            let count = length.div_ceil(factor);
            let before = if flips { (count * factor - length) as f64 } else { 0.0 };
            let scale = span / length as f64 / own;
            Recipe {
                axis: Axis {
                    source,
                    length: count,
                    start: off - before * scale,
                    span: (count * factor) as f64 * scale,
                },
                filter: self.wanted.filter,
                shrunk: self.shrunk,
            }
        };
        let o = self.wanted.orientation;
        (
            axis(source.width, self.width, self.span_x, self.chroma_x, self.off_x, orient::flips_columns(o)),
            axis(source.height, self.height, self.span_y, self.chroma_y, self.off_y, orient::flips_rows(o)),
        )
    }
}

fn planar(planes: Planes, geometry: &Geometry, tools: &mut Tools<'_>) -> Result<Ready, Error> {
    let (luma_tone, chroma_tone) = tones(planes.range);
    let (across, down) = geometry.luma(&planes.y);
    let mut ready = vec![step(planes.y, across, down, luma_tone, geometry.wanted.orientation, tools)];
    for plane in planes.chroma.into_iter().flatten() {
        let (across, down) = geometry.chroma(&plane, 2);
        ready.push(step(plane, across, down, chroma_tone, geometry.wanted.orientation, tools));
    }
    Ok(ready)
}

/// As planar, and then to sRGB from planes to planes.
fn shaped(planes: Planes, geometry: &Geometry, shaper: &Shaper, tools: &mut Tools<'_>) -> Result<Ready, Error> {
    let matrix = planes.matrix;
    let mut ready = planar(planes, geometry, tools)?;
    if shaper.convert(&mut ready, matrix) { Ok(ready) } else { Err(Error::internal("planes that no shaper takes")) }
}

fn gray(
    planes: Planes,
    geometry: &Geometry,
    converter: Option<&Converter>,
    tools: &mut Tools<'_>,
) -> Result<Ready, Error> {
    let (across, down) = geometry.luma(&planes.y);
    let mut plane = step(planes.y, across, down, tones(planes.range).0, geometry.wanted.orientation, tools);
    if let Some(converter) = converter {
        let levels: Vec<u8> =
            (0..=255_u8).flat_map(|v| std::iter::repeat_n(v, usize::from(converter.components))).collect();
        let mut table = [0; 256 * 3];
        converter.apply(&levels, &mut table)?;
        plane.data.iter_mut().for_each(|v| *v = table[usize::from(*v) * 3 + 1]);
    }
    Ok(vec![plane])
}

/// Every component at the output's full size, then through RGB a row at a time.
fn through_rgb(
    planes: Planes,
    geometry: &Geometry,
    converter: Option<&Converter>,
    tools: &mut Tools<'_>,
) -> Result<Ready, Error> {
    let orientation = geometry.wanted.orientation;
    let (matrix, range) = (planes.matrix, planes.range);
    let (across, down) = geometry.luma(&planes.y);
    let y = step(planes.y, across, down, Tone::NONE, orientation, tools);
    let mut chroma = Vec::with_capacity(2);
    for plane in planes.chroma.into_iter().flatten() {
        let (across, down) = geometry.chroma(&plane, 1);
        chroma.push(step(plane, across, down, Tone::NONE, orientation, tools));
    }
    let [cb, cr] = &chroma[..] else {
        return Err(Error::internal("colour without chroma"));
    };
    if geometry.wanted.rgb && matrix == Matrix::Identity && range == Range::Full && converter.is_none() {
        return Ok(std::iter::once(y).chain(chroma).collect());
    }
    let to_rgb = ToRgb::new(matrix, range);
    let target = if geometry.wanted.rgb { Target::Rgb } else { Target::Halved };
    let mut sink = RgbSink::new(geometry.wanted.size, target, tools.pool);
    let mut rgb = vec![0; y.width * 3];
    let mut converted = vec![0; y.width * 3];
    for row in 0..y.height {
        to_rgb.row(y.row(row), cb.row(row), cr.row(row), &mut rgb);
        if let Some(converter) = converter {
            converter.apply(&rgb, &mut converted)?;
            sink.push(&converted, tools.compressor)?;
        } else {
            sink.push(&rgb, tools.compressor)?;
        }
    }
    for plane in std::iter::once(y).chain(chroma) {
        tools.pool.give(plane.data);
    }
    let planes = sink.finish(tools.compressor)?;
    let mut ready = vec![planes.y];
    ready.extend(planes.chroma.into_iter().flatten());
    pad(&mut ready[0]);
    Ok(ready)
}

/// Scales one plane and turns it upright, padding it to even sides.
fn step(source: Plane, across: Recipe, down: Recipe, tone: Tone, orientation: u8, tools: &mut Tools<'_>) -> Plane {
    let (width, height) = (across.axis.length, down.axis.length);
    let unchanged =
        |r: &Recipe| r.axis.source == r.axis.length && r.axis.start == 0.0 && r.axis.span == r.axis.length as f64;
    let scaled = if unchanged(&across) && unchanged(&down) && tone == Tone::NONE {
        source
    } else {
        let mut out = padded(width, height, tools.pool);
        tools.resizer.resize(&source, across, down, tone, &mut out);
        tools.pool.give(source.data);
        out
    };
    let has_room =
        scaled.stride >= width.next_multiple_of(2) && scaled.data.len() >= scaled.stride * height.next_multiple_of(2);
    let mut plane = if orientation == 1 && has_room {
        scaled
    } else {
        let (w, h) = if orient::transposes(orientation) { (height, width) } else { (width, height) };
        let empty = padded(w, h, tools.pool);
        let out = orient::upright(&scaled, orientation, empty.stride, empty.data);
        tools.pool.give(scaled.data);
        out
    };
    pad(&mut plane);
    plane
}

/// A plane whose buffer has room for even sides.
fn padded(width: usize, height: usize, pool: &mut Pool) -> Plane {
    let stride = width.next_multiple_of(2);
    Plane { data: pool.take(stride * height.next_multiple_of(2)), width, height, stride }
}

/// Repeats the last column and row into the padding.
pub(crate) fn pad(plane: &mut Plane) {
    let (width, height, stride) = (plane.width, plane.height, plane.stride);
    if stride > width {
        for row in plane.data.chunks_exact_mut(stride).take(height) {
            row[width] = row[width - 1];
        }
    }
    if height % 2 == 1 && plane.data.len() >= stride * (height + 1) {
        plane.data.copy_within(stride * (height - 1)..stride * height, stride * height);
    }
}

/// What makes full range of a range, for luma and chroma.
fn tones(range: Range) -> (Tone, Tone) {
    match range {
        Range::Full => (Tone::NONE, Tone::NONE),
        Range::Limited => {
            let (luma, chroma) = (255.0 / 219.0, 255.0 / 224.0);
            (Tone { gain: luma, bias: -16.0 * luma }, Tone { gain: chroma, bias: 128.0 - 128.0 * chroma })
        }
    }
}
