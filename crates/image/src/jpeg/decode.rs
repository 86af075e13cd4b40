//! From a JPEG to planes, by the cheapest way that its coding allows.

use sealpress_jpeg::{Decoder, Scale};
use sealpress_media::Dimensions;

use super::scan::Scan;
use super::turbo::{self, Decompressor, Header, Packed, Sampling, Shrink};
use crate::colour::{Colour, Converter};
use crate::convert::{RgbSink, Target, chroma_target};
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::planes::{Matrix, Plane, Planes, Range, Siting, Subsampling};
use crate::pool::Pool;

/// What can be said before decoding.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) header: Header,
    pub(crate) shrink: Shrink,
    /// Planes as coded, or interleaved pixels.
    pub(crate) planar: bool,
}

/// Refuses what no decoder here reads, in words better than the codec's.
pub(crate) fn check(scan: &Scan, limits: &Limits) -> Result<Dimensions, Error> {
    let frame = &scan.frame;
    if frame.hierarchical() {
        return Err(Error::unsupported_feature("a hierarchical JPEG"));
    }
    if frame.lossless() && (frame.marker != 0xC3 || frame.factors.iter().any(|f| *f != frame.factors[0])) {
        return Err(Error::unsupported_feature("a lossless JPEG with arithmetic coding or subsampling"));
    }
    if frame.precision != 8 {
        return Err(Error::unsupported_feature(format!("a JPEG of {} bits per sample", frame.precision)));
    }
    if frame.factors.len() == 2 {
        return Err(Error::unsupported_feature("a JPEG of two components"));
    }
    if scan.scans > limits.max_scans {
        return Err(Error::too_large(format!("a JPEG of {} scans, the limit is {}", scan.scans, limits.max_scans)));
    }
    limits.dimensions(u32::from(frame.width), u32::from(scan.height()))
}

/// The most that the inverse DCT may shrink so that both sides stay at least as large as wanted.
pub(crate) fn shrink(scan: &Scan, source: Dimensions, wanted: Dimensions) -> Shrink {
    // What has no DCT has no inverse one.
    if scan.frame.lossless() {
        return Shrink::One;
    }
    // Whole samples rounded down: the last one may be of less than its share.
    let enough = |shrink: &Shrink| {
        let side = |n: u32| (f64::from(n) / shrink.factor()) as u32;
        side(source.width()) >= wanted.width() && side(source.height()) >= wanted.height()
    };
    // Our own decoder, which gives planes, is quicker at a half than libjpeg-turbo at less, and minds more.
    let all = if is_planar(scan) {
        &[Shrink::Two, Shrink::FiveEighths][..]
    } else {
        &[Shrink::Eight, Shrink::Four, Shrink::Two]
    };
    all.iter().find(|shrink| enough(shrink)).copied().unwrap_or(Shrink::One)
}

/// Bytes of all coefficients.
pub(crate) fn coefficients(scan: &Scan) -> u64 {
    blocks(scan).iter().map(|(w, h)| w * h * 128).sum()
}

/// Bytes that a decode holds: coefficients where several scans must be joined, the planes, and rows
/// inside the decoder.
pub(crate) fn memory(scan: &Scan, shrink: Shrink) -> u64 {
    let blocks = blocks(scan);
    let size = u64::from(shrink.of(8));
    // Four blocks are written at once, of which three may be beyond the last, and a vector a little more.
    let planes: u64 = blocks.iter().map(|(w, h)| ((w + 3) * size + 16) * h * size).sum();
    // Rows of blocks of every component, as samples and as pointers, some of them twice.
    let rows: u64 = blocks.iter().map(|(w, h)| w * size * 64 + h * 64).sum();
    // A baseline file may come in several scans too; only the whole file tells.
    let buffered = scan.frame.progressive() || scan.frame.lossless() || scan.scans > 1;
    let held: u64 = blocks.iter().map(|(w, h)| (w + 3) * h * sealpress_jpeg::BLOCK_BYTES).sum();
    planes + rows + if buffered { held } else { 0 } + (128 << 10)
}

/// Blocks of each component, across and down, padded to whole units.
fn blocks(scan: &Scan) -> Vec<(u64, u64)> {
    let factors = &scan.frame.factors;
    let h_max = u64::from(factors.iter().map(|f| f.0).max().unwrap_or(1));
    let v_max = u64::from(factors.iter().map(|f| f.1).max().unwrap_or(1));
    let units_x = u64::from(scan.frame.width).div_ceil(8 * h_max);
    let units_y = u64::from(scan.height()).div_ceil(8 * v_max);
    factors.iter().map(|(h, v)| (units_x * u64::from(*h), units_y * u64::from(*v))).collect()
}

/// Whether every decoder reads this way of coding: what ours alone can read is encoded anew.
pub(crate) fn is_common(scan: &Scan) -> bool {
    let frame = &scan.frame;
    matches!(frame.marker, 0xC0..=0xC2)
        && frame.precision == 8
        && matches!(frame.factors.len(), 1 | 3)
        && scan.tables
        && !scan.zero_steps
        && scan.dnl.is_none()
}

/// Whether the sampling factors are among those that come as planes.
pub(crate) fn is_planar(scan: &Scan) -> bool {
    match &scan.frame.factors[..] {
        [_] => true,
        [y, cb, cr] => {
            cb == cr
                && *cb == (1, 1)
                && matches!(y, (1, 1) | (2, 1) | (2, 2) | (1, 2) | (4, 1) | (1, 4))
                && scan.adobe != Some(0)
        }
        _ => false,
    }
}

/// Reads the header with the decoder and settles the way.
pub(crate) fn plan(codec: &mut Decompressor, bytes: &[u8], shrink: Shrink, limits: &Limits) -> Result<Plan, Error> {
    let header = codec.header(bytes, limits)?;
    if header.precision != 8 {
        return Err(Error::unsupported_feature("a JPEG of other than eight bits per sample"));
    }
    // Lossless ones leave the decoder as pixels only.
    let planar = !header.lossless
        && matches!(
            (header.colour, header.sampling),
            (turbo::Colour::Gray, Some(Sampling::Gray))
                | (
                    turbo::Colour::YCbCr,
                    Some(
                        Sampling::S444
                            | Sampling::S422
                            | Sampling::S420
                            | Sampling::S440
                            | Sampling::S411
                            | Sampling::S441
                    )
                )
        );
    Ok(Plan { header, shrink, planar })
}

/// A decode's outcome: planes, libjpeg-turbo's first complaint, and whether our decoder gave the file up, which
/// libjpeg-turbo does not always say a word about.
pub(crate) type Outcome = (Planes, Option<String>, bool);

/// Decodes to planes as coded: by our own decoder what is well formed, by libjpeg-turbo everything else.
pub(crate) fn planar(
    codec: &mut Decompressor,
    decoder: &mut Decoder,
    bytes: &[u8],
    plan: &Plan,
    limits: &Limits,
    pool: &mut Pool,
) -> Result<Outcome, Error> {
    let sampling = plan.header.sampling.ok_or_else(|| Error::internal("a planar decode without a sampling"))?;
    let (horizontal, vertical) = sampling.factors();
    let (planes, complaint, odd) = match own(decoder, bytes, plan.shrink, limits, pool) {
        Some(planes) => (planes, None, false),
        None => {
            let (mut planes, complaint) = codec.planes(bytes, &plan.header, plan.shrink, &mut |len| pool.take(len))?;
            // Luma comes padded to whole chroma samples; the padding is no picture.
            planes[0].width = plan.shrink.of(plan.header.width) as usize;
            planes[0].height = plan.shrink.of(plan.header.height) as usize;
            (planes, complaint, true)
        }
    };
    let mut planes = planes.into_iter();
    let y = planes.next().ok_or_else(|| Error::internal("a decode without luma"))?;
    let chroma = planes.next().zip(planes.next()).map(|(cb, cr)| [cb, cr]);
    let planes = Planes {
        y,
        chroma,
        alpha: None,
        subsampling: Subsampling { horizontal, vertical },
        siting: Siting::Centre,
        matrix: Matrix::Bt601,
        range: Range::Full,
    };
    Ok((planes, complaint, odd))
}

/// The planes of a well-formed file at full size, five eighths or half.
fn own(decoder: &mut Decoder, bytes: &[u8], shrink: Shrink, limits: &Limits, pool: &mut Pool) -> Option<Vec<Plane>> {
    let scale = match shrink {
        Shrink::One => Scale::Full,
        Shrink::FiveEighths => Scale::FiveEighths,
        Shrink::Two => Scale::Half,
        Shrink::Four | Shrink::Eight => return None,
    };
    let limits = sealpress_jpeg::Limits { max_scans: limits.max_scans, max_pixels: limits.max_pixels };
    decoder.planes(bytes, scale, limits, pool).ok()
}

/// Decodes to interleaved pixels, `cmyk` being the profile for four components, and from there to
/// planes fit for a picture of the `wanted` size.
pub(crate) fn packed(
    codec: &mut Decompressor,
    bytes: &[u8],
    plan: &Plan,
    cmyk: Option<&Converter>,
    wanted: Dimensions,
    convert: &mut turbo::Compressor,
    pool: &mut Pool,
) -> Result<Outcome, Error> {
    let dimensions = Dimensions::new(plan.shrink.of(plan.header.width), plan.shrink.of(plan.header.height))
        .map_err(|e| Error::with_source(ErrorKind::Internal, "an empty picture", e))?;
    let format = match plan.header.colour {
        turbo::Colour::Cmyk | turbo::Colour::Ycck => Packed::Cmyk,
        // Lossless ones leave the decoder as what they are.
        turbo::Colour::Gray => Packed::Gray,
        turbo::Colour::Rgb | turbo::Colour::YCbCr => Packed::Rgb,
    };
    let len = dimensions.bytes(format.samples()).ok_or_else(|| Error::too_large("a picture beyond memory"))?;
    let mut pixels = pool.take(len);
    let complaint = codec.packed(bytes, &plan.header, plan.shrink, format, &mut pixels)?;
    let target = if format == Packed::Gray { Target::Gray } else { chroma_target(dimensions, wanted) };
    let mut sink = RgbSink::new(dimensions, target, pool);
    let width = dimensions.width() as usize;
    let mut rgb = vec![0; width * 3];
    for row in pixels.chunks_exact(width * format.samples()) {
        match format {
            Packed::Cmyk => cmyk_row(row, cmyk, &mut rgb)?,
            Packed::Gray => rgb.chunks_exact_mut(3).zip(row).for_each(|(out, v)| out.fill(*v)),
            Packed::Rgb => {
                sink.push(row, convert)?;
                continue;
            }
        }
        sink.push(&rgb, convert)?;
    }
    pool.give(pixels);
    Ok((sink.finish(convert)?, complaint, false))
}

/// CMYK in JPEG is stored inverted (255 is no ink), as the programs that make such files do.
fn cmyk_row(row: &[u8], profile: Option<&Converter>, rgb: &mut [u8]) -> Result<(), Error> {
    if let Some(profile) = profile {
        let inks: Vec<u8> = row.iter().map(|v| 255 - v).collect();
        return profile.apply(&inks, rgb);
    }
    for (out, inks) in rgb.chunks_exact_mut(3).zip(row.chunks_exact(4)) {
        let black = u32::from(inks[3]);
        for (out, ink) in out.iter_mut().zip(inks) {
            *out = ((u32::from(*ink) * black + 127) / 255) as u8;
        }
    }
    Ok(())
}

/// What a decoder's complaint means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Complaint {
    /// Nothing that can be seen.
    Harmless,
    /// Picture data are missing or wrong.
    Damage,
}

/// Judges a complaint of libjpeg-turbo by its text: the API has no number for it. It names the first thing only;
/// what stands behind a harmless one is for the caller to find.
pub(crate) fn judge(complaint: &str) -> Complaint {
    const HARMLESS: [&str; 4] = [
        "Unknown Adobe color transform",
        "Invalid SOS parameters",
        "Inconsistent progression",
        "Warning: unknown JFIF revision",
    ];
    // A few stray bytes are padding, except before a restart marker: there they are picture data that the
    // decoder could not read.
    let stray = complaint.split_once(" extraneous bytes before marker 0x").is_some_and(|(before, marker)| {
        let count = before.rsplit(' ').next().and_then(|n| n.parse::<usize>().ok());
        count.is_some_and(|n| n <= super::walk::PADDING) && !matches!(marker.as_bytes(), [b'd', b'0'..=b'7', ..])
    });
    if stray || HARMLESS.iter().any(|h| complaint.contains(h)) { Complaint::Harmless } else { Complaint::Damage }
}

/// The profile that converts four components, if there is a usable one.
pub(crate) fn cmyk_profile(colour: &Colour) -> Option<&Converter> {
    match colour {
        Colour::Convert(converter) if converter.components == 4 => Some(converter),
        _ => None,
    }
}
