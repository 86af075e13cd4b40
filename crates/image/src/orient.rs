//! Turning and mirroring by EXIF's eight orientations.

use crate::planes::Plane;

/// Whether width and height change places.
pub(crate) const fn transposes(orientation: u8) -> bool {
    matches!(orientation, 5..=8)
}

/// Whether upright columns or rows run against the stored picture's columns.
pub(crate) const fn flips_columns(orientation: u8) -> bool {
    matches!(orientation, 2 | 3 | 7 | 8)
}

/// Whether upright columns or rows run against the stored picture's rows.
pub(crate) const fn flips_rows(orientation: u8) -> bool {
    matches!(orientation, 3 | 4 | 6 | 7)
}

/// Tiles of a transposition: 64 rows of 64 bytes stay in L1.
const TILE: usize = 64;

/// The upright plane of a stored one, written into `data` (its length is the caller's to choose,
/// at least `stride × height`).
pub(crate) fn upright(source: &Plane, orientation: u8, stride: usize, data: Vec<u8>) -> Plane {
    let (width, height) =
        if transposes(orientation) { (source.height, source.width) } else { (source.width, source.height) };
    let mut out = Plane { data, width, height, stride };
    let (columns, rows) = (flips_columns(orientation), flips_rows(orientation));
    if transposes(orientation) {
        transpose(source, columns, rows, &mut out);
        return out;
    }
    for y in 0..height {
        let from = source.row(if rows { height - 1 - y } else { y });
        let to = out.row_mut(y);
        to.copy_from_slice(from);
        if columns {
            to.reverse();
        }
    }
    out
}

/// Upright column `u` is stored row `u`, upright row `v` is stored column `v`, either from the
/// other end where flipped.
fn transpose(source: &Plane, columns: bool, rows: bool, out: &mut Plane) {
    let (width, height, stride) = (out.width, out.height, out.stride);
    for top in (0..height).step_by(TILE) {
        let bottom = (top + TILE).min(height);
        for left in (0..width).step_by(TILE) {
            let right = (left + TILE).min(width);
            for u in left..right {
                let from = source.row(if rows { width - 1 - u } else { u });
                for v in top..bottom {
                    out.data[v * stride + u] = from[if columns { height - 1 - v } else { v }];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where each upright pixel comes from, written out from EXIF's table: what the stored 0th row
    /// and 0th column are when seen upright.
    fn origin(orientation: u8, u: usize, v: usize, w: usize, h: usize) -> (usize, usize) {
        match orientation {
            1 => (u, v),                 // top, left
            2 => (w - 1 - u, v),         // top, right
            3 => (w - 1 - u, h - 1 - v), // bottom, right
            4 => (u, h - 1 - v),         // bottom, left
            5 => (v, u),                 // left, top
            6 => (v, h - 1 - u),         // right, top
            7 => (w - 1 - v, h - 1 - u), // right, bottom
            8 => (w - 1 - v, u),         // left, bottom
            _ => unreachable!(),
        }
    }

    #[test]
    fn all_eight_and_sizes_beyond_a_tile() {
        for (w, h) in [(1, 1), (3, 2), (65, 130), (128, 64)] {
            let data = (0..w * h).map(|i| (i * 31 % 251) as u8).collect();
            let source = Plane { data, width: w, height: h, stride: w };
            for orientation in 1..=8 {
                let (uw, uh) = if transposes(orientation) { (h, w) } else { (w, h) };
                let out = upright(&source, orientation, uw, vec![0; uw * uh]);
                for v in 0..uh {
                    for u in 0..uw {
                        let (x, y) = origin(orientation, u, v, w, h);
                        assert_eq!(out.row(v)[u], source.row(y)[x], "{orientation} {w}×{h} ({u}, {v})");
                    }
                }
            }
        }
    }
}
