//! Whether all of a JPEG's picture is there, found without making one.

use sealpress_jpeg::{Decoder, Error, Verdict};

use crate::limits::Limits;
use crate::planes::Plane;
use crate::pool::Pool;

/// Bytes that may stand between the last coded data and the end marker without saying that the decoder lost its way:
/// cameras leave a few. Between scans, none may.
pub(crate) const PADDING: usize = 16;

/// Who fills last bytes up with whatever was there does so nearly everywhere: bits that are chance are odd in five of eight
/// bytes. Fewer than one in so many is no camera's way.
const FEW: usize = 8;

/// What a walk over all coded data found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Walk {
    /// Every coefficient of every block that the scans announce.
    Whole {
        /// Just behind the last coded byte.
        end: usize,
        /// The most bytes that stand between a scan's data and the next segment, padding not counted. What stands
        /// in front of the end marker is for [`Scan::surplus`](super::scan::Scan::surplus) to judge.
        stray: usize,
        /// Whether bits that are no padding fill a last byte up. A camera may write such; it may also be all that is seen
        /// of a wrong bit.
        odd_padding: bool,
    },
    /// Data end before the picture does.
    Truncated,
    /// Data contradict themselves.
    Corrupt,
    /// Coded in a way that is for another decoder to judge.
    Foreign,
}

/// Walks over the data of the first picture in `jpeg`.
pub(crate) fn walk(decoder: &mut Decoder, jpeg: &[u8], limits: &Limits) -> Walk {
    judge(decoder.verify(jpeg, own(limits)), jpeg)
}

/// The same, and the picture's luma, where it is whole.
pub(crate) fn walk_with_luma(
    decoder: &mut Decoder,
    jpeg: &[u8],
    limits: &Limits,
    pool: &mut Pool,
) -> (Walk, Option<Plane>) {
    let (verdict, luma) = decoder.verify_with_luma(jpeg, own(limits), pool);
    (judge(verdict, jpeg), luma)
}

const fn own(limits: &Limits) -> sealpress_jpeg::Limits {
    sealpress_jpeg::Limits { max_scans: limits.max_scans, max_pixels: limits.max_pixels }
}

fn judge(verdict: Verdict, jpeg: &[u8]) -> Walk {
    match verdict.result {
        Ok(()) => {}
        Err(Error::Truncated) => return Walk::Truncated,
        Err(Error::Corrupt(_)) => return Walk::Corrupt,
        Err(_) => return Walk::Foreign,
    }
    let odd_padding = verdict.odd_padding > 0;
    if odd_padding && verdict.odd_padding * FEW < verdict.stretches {
        return Walk::Corrupt;
    }
    let (mut end, mut most) = (0, 0);
    for (i, scan) in verdict.pieces.iter().enumerate().filter(|(_, piece)| piece.marker == 0xDA) {
        end = scan.range.end;
        if let Some(next) = verdict.pieces.get(i + 1) {
            most = most.max(stray(jpeg.get(end..next.range.start).unwrap_or_default()));
        }
    }
    if is_hollow(jpeg, end) {
        return Walk::Truncated;
    }
    Walk::Whole { end, stray: most, odd_padding }
}

/// Zeros on either side of the place where data end that say that the data were zeros before.
const HOLLOW: usize = 32;

/// Whether the picture ends inside of a stretch of zeros, which a disk or a network left in its place: by some pictures'
/// own codes they make sense.
fn is_hollow(jpeg: &[u8], end: usize) -> bool {
    let around = end.checked_sub(HOLLOW).and_then(|start| jpeg.get(start..end + HOLLOW));
    around.is_some_and(|bytes| bytes.iter().all(|b| *b == 0))
}

/// How many bytes these are, if they are more than padding.
pub(super) fn stray(bytes: &[u8]) -> usize {
    if bytes.iter().all(|b| matches!(b, 0 | 0xFF)) { 0 } else { bytes.len() }
}
