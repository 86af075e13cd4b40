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
    let row = |u: usize| source.row(if rows { width - 1 - u } else { u });
    for top in (0..height).step_by(TILE) {
        let bottom = (top + TILE).min(height);
        for left in (0..width).step_by(TILE) {
            let right = (left + TILE).min(width);
            let (whole_right, whole_bottom) =
                (left + (right - left) / BLOCK * BLOCK, top + (bottom - top) / BLOCK * BLOCK);
            for u in (left..whole_right).step_by(BLOCK) {
                for v in (top..whole_bottom).step_by(BLOCK) {
                    // The stored columns of a block, ascending: its upright rows, or these backwards.
                    let first = if columns { height - v - BLOCK } else { v };
                    let mut block: Block =
                        std::array::from_fn(|i| row(u + i)[first..].first_chunk().copied().unwrap_or_default());
                    block = turned(block);
                    if columns {
                        block.reverse();
                    }
                    for (v, from) in (v..).zip(&block) {
                        out.data[v * stride + u..][..BLOCK].copy_from_slice(from);
                    }
                }
            }
            for u in left..right {
                let from = row(u);
                // Below the blocks, and right of them all the way down.
                for v in if u < whole_right { whole_bottom } else { top }..bottom {
                    out.data[v * stride + u] = from[if columns { height - 1 - v } else { v }];
                }
            }
        }
    }
}

/// Rows and columns of a transposition that is done in registers.
const BLOCK: usize = 16;
type Block = [[u8; BLOCK]; BLOCK];

/// The transpose: four times, each row is dealt out among the row half a block further on, which turns the
/// bits of (row, column) round by one.
fn turned(mut block: Block) -> Block {
    for _ in 0..4 {
        let [mut low, mut high] = [[[0; BLOCK]; BLOCK / 2]; 2];
        for i in 0..BLOCK / 2 {
            (low[i], high[i]) = dealt(block[i], block[i + BLOCK / 2]);
        }
        block = std::array::from_fn(|i| if i % 2 == 0 { low[i / 2] } else { high[i / 2] });
    }
    block
}

/// The samples of two rows in turns: the first halves, then the second ones.
fn dealt(a: [u8; BLOCK], b: [u8; BLOCK]) -> ([u8; BLOCK], [u8; BLOCK]) {
    let half = |from: usize| std::array::from_fn(|i| if i % 2 == 0 { a[from + i / 2] } else { b[from + i / 2] });
    (half(0), half(BLOCK / 2))
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
        for (w, h) in [(1, 1), (3, 2), (16, 15), (65, 130), (128, 64), (83, 47)] {
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
