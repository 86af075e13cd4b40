//! Turning a JPEG by moving its coefficients.

use turbojpeg::{Transform, TransformOp, Transformer};

use super::scan::Scan;
use crate::limits::Limits;
use crate::orient;

/// The picture, whose data were found whole, turned upright without loss, metadata gone and profile kept; `None`
/// where that is not exact (a flipped side that is not whole blocks), or where the decoder complains: then the
/// decode that follows says what is wrong.
pub(crate) fn turn(bytes: &[u8], scan: &Scan, orientation: u8, limits: &Limits) -> Option<Vec<u8>> {
    if !is_exact(scan, orientation) || limits.memory(super::decode::coefficients(scan) * 2).is_err() {
        return None;
    }
    let op = match orientation {
        2 => TransformOp::Hflip,
        3 => TransformOp::Rot180,
        4 => TransformOp::Vflip,
        5 => TransformOp::Transpose,
        6 => TransformOp::Rot90,
        7 => TransformOp::Transverse,
        8 => TransformOp::Rot270,
        _ => return None,
    };
    let mut transform = Transform::op(op);
    transform.perfect = true;
    transform.copy_none = true;
    transform.optimize = true;
    let turned = Transformer::new().ok()?.transform_to_owned(&transform, bytes).ok()?;
    let mut profile = scan.profile_segments(bytes).peekable();
    if profile.peek().is_none() {
        return Some(turned.to_vec());
    }
    // Behind the start marker and the JFIF segment, which must come first.
    let at = match turned.get(2..6)? {
        [0xFF, 0xE0, high, low] => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => 2,
    };
    let mut out = Vec::with_capacity(turned.len() + scan.icc.as_ref().map_or(0, Vec::len) + 1024);
    out.extend_from_slice(turned.get(..at)?);
    profile.for_each(|segment| out.extend_from_slice(segment));
    out.extend_from_slice(turned.get(at..)?);
    Some(out)
}

/// Whether every side that the turn flips is made of whole blocks.
pub(crate) fn is_exact(scan: &Scan, orientation: u8) -> bool {
    let frame = &scan.frame;
    let block = |factors: &mut dyn Iterator<Item = u8>| 8 * u16::from(factors.max().unwrap_or(1).max(1));
    let (mut width, mut height) = (8, 8);
    // A single component is coded block by block, whatever its factors say.
    if frame.factors.len() > 1 {
        width = block(&mut frame.factors.iter().map(|f| f.0));
        height = block(&mut frame.factors.iter().map(|f| f.1));
    }
    (!orient::flips_columns(orientation) || frame.width.is_multiple_of(width))
        && (!orient::flips_rows(orientation) || frame.height.is_multiple_of(height))
}
