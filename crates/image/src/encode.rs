//! From ready planes to a file within the byte limits.

use bytes::Bytes;
use sealpress_media::{Dimensions, Format};

use crate::colour::ToRgb;
use crate::convert::{RgbSink, Target};
use crate::error::{Error, ErrorKind};
use crate::jpeg::turbo::{Compressor, Sampling};
use crate::planes::{Matrix, Plane, Range};
use crate::png;
use crate::policy::Policy;
use crate::pool::Pool;

/// A file that fits.
pub(crate) struct Encoded {
    pub(crate) bytes: Bytes,
    pub(crate) format: Format,
    pub(crate) quality: Option<u8>,
}

/// Encodings that a search for a quality may cost beyond the first.
const ATTEMPTS: u32 = 5;

/// The quality that a picture is first encoded at: the policy's, and one step more where the decoder
/// shrank it or HEVC was decoded. What those take, up to 0.6 points of SSIMULACRA2 at 85 against sharp and
/// pillow-heif, one step gives back for 4 to 7.5% more bytes.
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

/// Encodes as PNG where that is wanted and fits, else as JPEG at the quality, else at the best lower
/// one found in a few attempts.
pub(crate) fn encode(
    wanted: Wanted<'_>,
    ready: &[Plane],
    compressor: &mut Compressor,
    scratch: &mut Vec<u8>,
) -> Result<Encoded, Error> {
    if !wanted.png {
        return jpeg(wanted, ready, compressor, scratch);
    }
    let bytes = png::encode(ready, wanted.dimensions, wanted.icc)?;
    if bytes.len() as u64 <= wanted.limit {
        return Ok(Encoded { bytes: bytes.into(), format: Format::Png, quality: None });
    }
    if ready.len() == 1 {
        return jpeg(wanted, ready, compressor, scratch);
    }
    let planes = to_ycc(ready, wanted.dimensions, compressor)?;
    jpeg(wanted, &planes, compressor, scratch)
}

fn jpeg(
    wanted: Wanted<'_>,
    planes: &[Plane],
    compressor: &mut Compressor,
    scratch: &mut Vec<u8>,
) -> Result<Encoded, Error> {
    let Wanted { dimensions, quality, floor, limit, icc, .. } = wanted;
    let sampling = if planes.len() == 1 { Sampling::Gray } else { Sampling::S420 };
    let size = (dimensions.width() as usize, dimensions.height() as usize);
    let mut at = |quality: u8, scratch: &mut Vec<u8>| -> Result<Option<Bytes>, Error> {
        let len = compressor.compress(planes, size, sampling, quality, icc, scratch)?;
        Ok((len as u64 <= limit).then(|| Bytes::copy_from_slice(&scratch[..len])))
    };
    let done = |bytes, quality| Ok(Encoded { bytes, format: Format::Jpeg, quality: Some(quality) });
    if let Some(bytes) = at(quality, scratch)? {
        return done(bytes, quality);
    }
    // Halve the interval between what is known to fit and what is not; the floor first.
    let (mut fits, mut over) = (floor.min(quality), quality);
    let Some(mut best) = at(fits, scratch)? else {
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
        match at(middle, scratch)? {
            Some(bytes) => (fits, best) = (middle, bytes),
            None => over = middle,
        }
    }
    done(best, fits)
}

/// G, B and R planes as Y', Cb and Cr with halved chroma.
fn to_ycc(rgb: &[Plane], dimensions: Dimensions, compressor: &mut Compressor) -> Result<Vec<Plane>, Error> {
    let [g, b, r] = rgb else {
        return Err(Error::internal("colour of other than three planes"));
    };
    let to_rgb = ToRgb::new(Matrix::Identity, Range::Full);
    let mut sink = RgbSink::new(dimensions, Target::Halved, &mut Pool::default());
    let mut row = vec![0; g.width * 3];
    for y in 0..g.height {
        to_rgb.row(g.row(y), b.row(y), r.row(y), &mut row);
        sink.push(&row, compressor)?;
    }
    let mut planes = sink.finish(compressor)?;
    crate::render::pad(&mut planes.y);
    let chroma = planes.chroma.into_iter().flatten();
    Ok(std::iter::once(planes.y).chain(chroma).collect())
}
