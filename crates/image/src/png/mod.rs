//! PNG in and out, through the `png` crate.

pub(crate) mod chunks;
mod palette;
mod plain;
#[expect(unsafe_code, reason = "the dispatch to AVX2; see the file's head")]
mod unfilter;

use std::io::Cursor;

// What `png` deflates by; Cargo.toml says why it stands there.
use flate2 as _;

use chunks::Chunks;
use plain::CLOCK_ROWS;
pub(crate) use plain::{Found, Surplus};
use png::{BitDepth, ColorType, DecodingError, Transformations};
use sealpress_media::Dimensions;

use crate::colour::Declared;
use crate::convert::RgbSink;
use crate::error::{Error, ErrorKind};
use crate::hdr::{Level, ToneMap};
use crate::jpeg::turbo::Compressor;
use crate::limits::Limits;
use crate::planes::{Plane, Planes};
use crate::report::Stopwatch;

/// What the header says beyond size.
pub(crate) struct Meaning {
    icc: Option<Vec<u8>>,
    cicp: Option<(u8, u8)>,
    gamma: Option<Gamma>,
}

/// The exponent and, where given, white, red, green and blue as x and y.
type Gamma = (f32, Option<[(f32, f32); 4]>);

impl Meaning {
    /// By PNG's order of precedence: cICP, iCCP, sRGB, gAMA with cHRM.
    pub(crate) fn declared(&self) -> Declared<'_> {
        match (self.cicp, &self.icc, self.gamma) {
            (Some((primaries, transfer)), ..) => Declared::Cicp { primaries, transfer },
            (None, Some(icc), _) => Declared::Icc(icc),
            (None, None, Some((gamma, chromaticities))) => Declared::Gamma { gamma, chromaticities },
            (None, None, None) => Declared::Srgb,
        }
    }

    pub(crate) fn icc(&self) -> Option<&[u8]> {
        self.icc.as_deref()
    }
}

/// Bytes that a decode holds beside its planes: the window of the inflater, two rows, and the whole
/// picture where it is interlaced.
pub(crate) fn memory(chunks: &Chunks) -> u64 {
    let row = u64::from(chunks.width) * u64::from(chunks.samples()) * u64::from(chunks.bit_depth.div_ceil(8)).max(1);
    let expanded = u64::from(chunks.width) * if chunks.bit_depth == 16 { 8 } else { 4 };
    let frame = if chunks.interlaced { expanded * u64::from(chunks.height) } else { 0 };
    let bare = if chunks.has_metadata() { chunks.coded } else { 0 };
    4 * row + 6 * expanded + frame + bare + (512 << 10) + plain::memory(row)
}

/// Everything before the picture data. Profiles are inflated, so this is not free.
pub(crate) fn meaning(bytes: &[u8], chunks: &Chunks, limits: &Limits) -> Result<Meaning, Error> {
    let head = chunks.head(bytes);
    let reader = open(&head, limits)?;
    let info = reader.info();
    let gamma = info.gama_chunk.filter(|_| info.srgb.is_none()).map(|gamma| {
        let pair = |c: (png::ScaledFloat, png::ScaledFloat)| (c.0.into_value(), c.1.into_value());
        let chromaticities = info.chrm_chunk.map(|c| [pair(c.white), pair(c.red), pair(c.green), pair(c.blue)]);
        (gamma.into_value(), chromaticities)
    });
    Ok(Meaning {
        icc: info.icc_profile.as_ref().filter(|_| info.srgb.is_none()).map(|p| p.to_vec()),
        cicp: info.coding_independent_code_points.map(|c| (c.color_primaries, c.transfer_function)),
        gamma,
    })
}

/// Whether the file may be sent as it is: its picture is whole, nothing stands behind the compressed data, and
/// no pixel is transparent (what would show through is for nobody but us to choose). Of usual pictures the luma is
/// added to `luma`, where there is one, row by row.
///
/// # Errors
/// `truncated` and `corrupt` where the picture is not whole.
pub(crate) fn passes(
    bytes: &[u8],
    chunks: &Chunks,
    limits: &Limits,
    watch: &Stopwatch,
    mut luma: Option<&mut Vec<u8>>,
) -> Result<bool, Error> {
    limits.memory(memory(chunks))?;
    if !chunks.has_alpha() && chunks.colour_type != 3 && luma.is_none() || !plain::is_plain(chunks) {
        let found = plain::check(bytes, chunks, watch)?;
        return Ok(found == Found::default() && !chunks.has_alpha() && chunks.has_usual_transparency());
    }
    let samples = plain_colour(bytes, chunks).samples();
    let mut opaque = true;
    let found = plain::rows(bytes, chunks, watch, &mut |row| {
        if chunks.has_alpha() {
            opaque &= row.chunks_exact(samples).all(|pixel| pixel[samples - 1] == 255);
        }
        if let Some(luma) = &mut luma {
            let of = |pixel: &[u8]| match pixel {
                [r, g, b, ..] => crate::convert::luma([*r, *g, *b]),
                [grey, ..] => *grey,
                [] => 0,
            };
            luma.extend(row.chunks_exact(samples).map(of));
        }
        Ok(())
    })?;
    Ok(found == Found::default() && opaque && chunks.has_usual_transparency())
}

/// What [`plain::rows`] gives.
fn plain_colour(bytes: &[u8], chunks: &Chunks) -> ColorType {
    match (chunks.colour_type, chunks.has_alpha()) {
        _ if palette::is_used(chunks) && palette::is_gray(bytes, chunks) => ColorType::Grayscale,
        (0, _) => ColorType::Grayscale,
        (4, _) => ColorType::GrayscaleAlpha,
        (_, false) => ColorType::Rgb,
        (_, true) => ColorType::Rgba,
    }
}

/// Whether no pixel can have a colour: grey pictures, and those whose palette has none.
pub(crate) fn is_gray(bytes: &[u8], chunks: &Chunks) -> bool {
    chunks.is_gray() || chunks.colour_type == 3 && palette::is_gray(bytes, chunks)
}

/// How a picture is to come.
pub(crate) struct Wanted<'a> {
    /// What shows through transparent pixels.
    pub(crate) background: [u8; 3],
    pub(crate) limits: Limits,
    /// For pictures of sixteen bits, which are not rounded before it.
    pub(crate) tone_map: Option<&'a ToneMap>,
}

/// Decodes the first frame into planes, transparent pixels laid on the background, and says what was odd about it.
pub(crate) fn decode(
    bytes: &[u8],
    chunks: &Chunks,
    wanted: &Wanted<'_>,
    mut sink: RgbSink,
    convert: &mut Compressor,
    watch: &Stopwatch,
) -> Result<(Planes, Found), Error> {
    let background = wanted.background;
    let mut rgb = vec![0; chunks.width as usize * 3];
    if plain::is_plain(chunks) {
        let colour = plain_colour(bytes, chunks);
        let found = plain::rows(bytes, chunks, watch, &mut |row| {
            if colour == ColorType::Grayscale && sink.is_gray() {
                sink.push_gray(row);
                return Ok(());
            }
            sink.push(to_rgb(row, colour, background, &mut rgb), convert)
        })?;
        return Ok((sink.finish(convert)?, found));
    }
    // The library judges neither the checksum behind the picture nor what it did not need.
    let found = plain::check(bytes, chunks, watch)?;
    let bare = chunks.has_metadata().then(|| chunks.rewritten(bytes, false));
    let bytes = bare.as_deref().unwrap_or(bytes);
    let depth = if wanted.tone_map.is_some() { BitDepth::Sixteen } else { BitDepth::Eight };
    let mut reader = open_at(bytes, &wanted.limits, depth)?;
    let (colour, given) = reader.output_color_type();
    if given != depth {
        return Err(Error::internal("a PNG that did not come at the depth that was asked for"));
    }
    let mut push = |row: &[u8]| {
        let row = match wanted.tone_map {
            Some(map) => mapped(row, colour, map, background, &mut rgb),
            None => to_rgb(row, colour, background, &mut rgb),
        };
        sink.push(row, convert)
    };
    let (height, interlaced) = (reader.info().height, reader.info().interlaced);
    if interlaced {
        let size = reader.output_buffer_size().ok_or_else(|| Error::too_large("a picture beyond memory"))?;
        wanted.limits.memory(size as u64)?;
        let mut frame = vec![0; size];
        let line = reader.next_frame(&mut frame).map_err(failure)?.line_size;
        frame.chunks_exact(line).take(height as usize).try_for_each(push)?;
        return Ok((sink.finish(convert)?, found));
    }
    for y in 0..height as usize {
        if y % CLOCK_ROWS == 0 {
            watch.check()?;
        }
        let row = reader.next_row().map_err(failure)?.ok_or_else(|| Error::truncated("picture data end early"))?;
        push(row.data())?;
    }
    Ok((sink.finish(convert)?, found))
}

/// What stays PNG has flat areas, where row filters cost more than they save: level 3 without filters takes 36 to 54%
/// of the time of level 6 with filters chosen row by row, for 85 to 119% of its bytes (a screenshot at full size and
/// shrunk, and scans of a licence, a receipt and bar codes shrunk; 97% of the bytes of all together).
const DEFLATE: png::DeflateCompression = png::DeflateCompression::Level(3);

/// Encodes three planes G, B, R (H.273's identity) or one grey plane.
pub(crate) fn encode(planes: &[Plane], dimensions: Dimensions, icc: Option<&[u8]>) -> Result<Vec<u8>, Error> {
    encode_rows(planes, dimensions, 0..dimensions.height() as usize, icc)
}

/// Rows of a strip that an estimate looks at, and of how many strips it looks at one.
const STRIP: (usize, usize) = (16, 8);

/// How large [`encode`]'s file would be.
pub(crate) struct Trial {
    /// About so many bytes, told from an eighth of the rows.
    pub(crate) bytes: u64,
    /// The file itself, of low pictures: of those all rows were looked at.
    pub(crate) whole: Option<Vec<u8>>,
}

impl Trial {
    pub(crate) fn of(planes: &[Plane], dimensions: Dimensions, icc: Option<&[u8]>) -> Result<Self, Error> {
        let (rows, strips) = STRIP;
        let height = dimensions.height() as usize;
        if height < rows * strips * 2 {
            let whole = encode(planes, dimensions, icc)?;
            return Ok(Self { bytes: whole.len() as u64, whole: Some(whole) });
        }
        let seen = (0..height).filter(|y| y / rows % strips == strips / 2);
        let count = seen.clone().count();
        let sample = Dimensions::new(dimensions.width(), u32::try_from(count).unwrap_or(u32::MAX))
            .map_err(|e| Error::with_source(ErrorKind::Internal, "a sample of a picture is none", e))?;
        let bytes = encode_rows(planes, sample, seen, None)?.len() as u64;
        Ok(Self { bytes: bytes.saturating_mul(height as u64) / count as u64, whole: None })
    }
}

/// Encodes these rows of planes as a picture of their own.
fn encode_rows(
    planes: &[Plane],
    dimensions: Dimensions,
    rows: impl Iterator<Item = usize>,
    icc: Option<&[u8]>,
) -> Result<Vec<u8>, Error> {
    let mut info = png::Info::with_size(dimensions.width(), dimensions.height());
    info.bit_depth = BitDepth::Eight;
    info.color_type = if planes.len() == 1 { ColorType::Grayscale } else { ColorType::Rgb };
    match icc {
        Some(icc) => info.icc_profile = Some(icc.into()),
        None => info.srgb = Some(png::SrgbRenderingIntent::Perceptual),
    }
    let failed = |e: png::EncodingError| Error::with_source(ErrorKind::Internal, "PNG encoding failed", e);
    let mut out = Vec::new();
    let mut encoder = png::Encoder::with_info(&mut out, info).map_err(failed)?;
    encoder.set_deflate_compression(DEFLATE);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().map_err(failed)?;
    let (width, height) = (dimensions.width() as usize, dimensions.height() as usize);
    let mut data = Vec::with_capacity(width * height * planes.len());
    for y in rows {
        match planes {
            [gray] => data.extend_from_slice(&gray.row(y)[..width]),
            [g, b, r] => {
                for ((r, g), b) in r.row(y).iter().zip(g.row(y)).zip(b.row(y)).take(width) {
                    data.extend_from_slice(&[*r, *g, *b]);
                }
            }
            _ => return Err(Error::internal("a PNG of two planes")),
        }
    }
    writer.write_image_data(&data).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<png::Reader<Cursor<&'a [u8]>>, Error> {
    open_at(bytes, limits, BitDepth::Eight)
}

/// Rows come with at most this many bits per sample.
fn open_at<'a>(bytes: &'a [u8], limits: &Limits, depth: BitDepth) -> Result<png::Reader<Cursor<&'a [u8]>>, Error> {
    let max = usize::try_from(limits.max_memory).unwrap_or(usize::MAX);
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: max.min(256 << 20) });
    let strip = if depth == BitDepth::Sixteen { Transformations::IDENTITY } else { Transformations::STRIP_16 };
    decoder.set_transformations(Transformations::EXPAND | strip);
    decoder.set_ignore_text_chunk(true);
    decoder.read_info().map_err(failure)
}

fn failure(error: DecodingError) -> Error {
    let (kind, text) = match &error {
        DecodingError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            (ErrorKind::Truncated, "picture data end early")
        }
        DecodingError::LimitsExceeded => (ErrorKind::TooLarge, "decoding needs more memory than the policy grants"),
        DecodingError::Parameter(_) | DecodingError::IoError(_) => {
            (ErrorKind::Internal, "the PNG decoder was used wrongly")
        }
        DecodingError::Format(_) => (ErrorKind::Corrupt, "broken PNG data"),
    };
    Error::with_source(kind, text, error)
}

/// One decoded row as RGB on the background.
fn to_rgb<'a>(row: &'a [u8], colour: ColorType, background: [u8; 3], rgb: &'a mut [u8]) -> &'a [u8] {
    match colour {
        ColorType::Rgb => return row,
        ColorType::Rgba => {
            for (out, pixel) in rgb.chunks_exact_mut(3).zip(row.chunks_exact(4)) {
                over([pixel[0], pixel[1], pixel[2]], pixel[3], background, out);
            }
        }
        ColorType::GrayscaleAlpha => {
            for (out, pixel) in rgb.chunks_exact_mut(3).zip(row.chunks_exact(2)) {
                over([pixel[0]; 3], pixel[1], background, out);
            }
        }
        // Palettes were expanded.
        ColorType::Grayscale | ColorType::Indexed => {
            for (out, gray) in rgb.chunks_exact_mut(3).zip(row) {
                out.fill(*gray);
            }
        }
    }
    rgb
}

/// One decoded row of sixteen bits and high dynamic range as RGB on the background.
fn mapped<'a>(row: &[u8], colour: ColorType, map: &ToneMap, background: [u8; 3], rgb: &'a mut [u8]) -> &'a [u8] {
    let samples = colour.samples();
    let has_alpha = matches!(colour, ColorType::Rgba | ColorType::GrayscaleAlpha);
    for (out, pixel) in rgb.chunks_exact_mut(3).zip(row.as_chunks::<2>().0.chunks_exact(samples)) {
        let level = |i: usize| Level::from(u16::from_be_bytes(pixel[i]));
        let colours = if samples < 3 { [level(0); 3] } else { [level(0), level(1), level(2)] };
        // The upper byte of sixteen bits is what eight bits of alpha are, to within one.
        let alpha = if has_alpha { pixel[samples - 1][0] } else { 255 };
        over(map.pixel(colours), alpha, background, out);
    }
    rgb
}

/// Lays a pixel on the background.
pub(crate) fn over(pixel: [u8; 3], alpha: u8, background: [u8; 3], out: &mut [u8]) {
    if alpha == 255 {
        out.copy_from_slice(&pixel);
        return;
    }
    let (a, b) = (u32::from(alpha), 255 - u32::from(alpha));
    for ((out, pixel), background) in out.iter_mut().zip(pixel).zip(background) {
        *out = ((u32::from(pixel) * a + u32::from(background) * b + 127) / 255) as u8;
    }
}
