//! From ready planes to a file within the byte limits.

use bytes::Bytes;
use sealpress_jpeg::{EncodeOptions, Encoder, Picture, QuantTables, Sampling};
use sealpress_media::{Dimensions, Format};

use crate::colour::ToRgb;
use crate::convert::{RgbSink, Target};
use crate::decode::Codecs;
use crate::error::{Error, ErrorKind};
use crate::planes::{Matrix, Plane, Range};
use crate::png;
use crate::policy::Policy;

/// A file that fits.
pub(crate) struct Encoded {
    pub(crate) bytes: Bytes,
    pub(crate) format: Format,
    pub(crate) quality: Option<u8>,
    /// The quality that was tried first.
    pub(crate) first: u8,
}

/// Encodings that a search for a quality may cost beyond the first.
const ATTEMPTS: u32 = 5;

/// Hundredths of a step by which coefficients are rounded towards zero: with these, bytes at equal SSIMULACRA2 are
/// fewest.
const DEAD_ZONE: u8 = 6;

/// The quality that a picture is first encoded at: the policy's, and one step more where the decoder
/// shrank it or HEVC was decoded, which takes up to 0.6 points of SSIMULACRA2 at 85.
pub(crate) fn quality(policy: &Policy, from: Format, shrunk: bool) -> u8 {
    if shrunk || from == Format::Heic { policy.quality.saturating_add(1).min(100) } else { policy.quality }
}

/// What the file is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) dimensions: Dimensions,
    /// PNG, where that fits.
    pub(crate) png: bool,
    /// The quality that is tried first, and the lowest.
    pub(crate) quality: u8,
    pub(crate) floor: u8,
    /// Most bytes.
    pub(crate) limit: u64,
    pub(crate) icc: Option<&'a [u8]>,
}

/// The quality of a JPEG of what could be PNG, at least: small print and bar codes read like the original's
/// (`tests/oracle.rs` holds it to that).
const PRINT_QUALITY: u8 = 92;

/// Bytes up to which a PNG is taken however small the JPEG would be: nobody waits for them.
const SMALL: u64 = 64 << 10;

/// Encodes as PNG where that is wanted, fits and is small or no larger than a JPEG that keeps small print; else as JPEG
/// at the quality, or at the best lower one found in a few attempts. `ycc` is the same picture as [`to_ycc`] has it,
/// where somebody needed that before.
pub(crate) fn encode(
    wanted: Wanted<'_>,
    ready: &[Plane],
    ycc: Option<Vec<Plane>>,
    codecs: &mut Codecs,
    scratch: &mut Vec<u8>,
) -> Result<Encoded, Error> {
    if !wanted.png {
        return jpeg(wanted, ready, &mut codecs.encoder, scratch);
    }
    let print = Wanted { quality: wanted.quality.max(PRINT_QUALITY), ..wanted };
    let trial = png::Trial::of(ready, wanted.dimensions, wanted.icc)?;
    // Small ones are not compared.
    let compared = match trial.bytes <= SMALL {
        true => None,
        false => Some(print_jpeg(print, ready, ycc, codecs, scratch)),
    };
    let most = match &compared {
        None => SMALL,
        Some(Ok(jpeg)) => jpeg.bytes.len() as u64,
        Some(Err(_)) => wanted.limit,
    };
    if trial.bytes <= most {
        let bytes = match trial.whole {
            Some(whole) => whole,
            None => png::encode(ready, wanted.dimensions, wanted.icc)?,
        };
        if bytes.len() as u64 <= wanted.limit {
            return Ok(Encoded { bytes: bytes.into(), format: Format::Png, quality: None, first: print.quality });
        }
    }
    compared.unwrap_or_else(|| print_jpeg(print, ready, None, codecs, scratch))
}

/// What could be PNG as JPEG.
fn print_jpeg(
    print: Wanted<'_>,
    ready: &[Plane],
    ycc: Option<Vec<Plane>>,
    codecs: &mut Codecs,
    scratch: &mut Vec<u8>,
) -> Result<Encoded, Error> {
    if ready.len() == 1 {
        return jpeg(print, ready, &mut codecs.encoder, scratch);
    }
    let planes = match ycc {
        Some(planes) => planes,
        None => to_ycc(ready, print.dimensions, codecs)?,
    };
    let result = jpeg(print, &planes, &mut codecs.encoder, scratch);
    planes.into_iter().for_each(|plane| codecs.pool.give(plane.data));
    result
}

fn jpeg(wanted: Wanted<'_>, planes: &[Plane], encoder: &mut Encoder, scratch: &mut Vec<u8>) -> Result<Encoded, Error> {
    let Wanted { dimensions, quality, floor, limit, icc, .. } = wanted;
    let sampling = if planes.len() == 1 { Sampling::Gray } else { Sampling::S420 };
    let (width, height) = (dimensions.width() as usize, dimensions.height() as usize);
    let picture = Picture::new(width, height, sampling, planes)
        .map_err(|e| Error::with_source(ErrorKind::Internal, "planes that are not the picture's", e))?;
    let at = |quality: u8| {
        let mut options = EncodeOptions::new(quality);
        options.quantization = QuantTables::Visual;
        options.dead_zone = DEAD_ZONE;
        options.icc = icc;
        options
    };
    let fitting = |bytes: &[u8]| (bytes.len() as u64 <= limit).then(|| Bytes::copy_from_slice(bytes));
    let done =
        |bytes, quality| Ok(Encoded { bytes, format: Format::Jpeg, quality: Some(quality), first: wanted.quality });
    scratch.clear();
    encoder.encode(&picture, &at(quality), scratch);
    if let Some(bytes) = fitting(scratch) {
        return done(bytes, quality);
    }
    // From here on the coefficients are kept: what another quality costs is no transform.
    let mut transformed = encoder.transform(&picture);
    let mut attempt = |quality: u8| {
        scratch.clear();
        transformed.encode(&at(quality), scratch);
        fitting(scratch)
    };
    // Halve the interval between what is known to fit and what is not; the floor first.
    let (mut fits, mut over) = (floor.min(quality), quality);
    let Some(mut best) = attempt(fits) else {
        return Err(Error::new(
            ErrorKind::Limit,
            format!("{dimensions} at quality {fits} is still above the limit of {limit} bytes"),
        ));
    };
    for _ in 1..ATTEMPTS {
        if over - fits < 2 {
            break;
        }
        let middle = fits + (over - fits) / 2;
        match attempt(middle) {
            Some(bytes) => (fits, best) = (middle, bytes),
            None => over = middle,
        }
    }
    done(best, fits)
}

/// G, B and R planes as Y', Cb and Cr with halved chroma.
pub(crate) fn to_ycc(rgb: &[Plane], dimensions: Dimensions, codecs: &mut Codecs) -> Result<Vec<Plane>, Error> {
    let [g, b, r] = rgb else {
        return Err(Error::internal("colour of other than three planes"));
    };
    let to_rgb = ToRgb::new(Matrix::Identity, Range::Full);
    let mut sink = RgbSink::new(dimensions, Target::Halved, &mut codecs.pool);
    let mut row = vec![0; g.width * 3];
    for y in 0..g.height {
        to_rgb.row(g.row(y), b.row(y), r.row(y), &mut row);
        sink.push(&row, &mut codecs.compressor)?;
    }
    let planes = sink.finish(&mut codecs.compressor)?;
    let chroma = planes.chroma.into_iter().flatten();
    Ok(std::iter::once(planes.y).chain(chroma).collect())
}
