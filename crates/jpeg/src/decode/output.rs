//! Blocks into planes.

use super::idct::{self, Pair, Steps};
use crate::cpu::Cpu;
use crate::plane::{Plane, Scale};

/// Transforms two neighbouring blocks into their place, the left one being block `(x, y)`.
#[inline(always)]
pub(super) fn emit(cpu: Cpu, scale: Scale, pair: &Pair, steps: &Steps, plane: &mut Plane, x: usize, y: usize) {
    if scale == Scale::Half {
        let rows = cpu.half(pair, steps);
        put(plane, x * 4, y * 4, &rows);
    } else {
        let rows = cpu.whole(pair, steps);
        put(plane, x * 8, y * 8, &rows);
    }
}

/// The same for blocks of which only the first coefficient is not zero.
#[inline(always)]
pub(super) fn emit_flat(scale: Scale, first: [i16; 2], step: i16, plane: &mut Plane, x: usize, y: usize) {
    let [left, right] = first.map(|f| idct::flat(f, step));
    if scale == Scale::Half {
        let mut row = [left; 8];
        row[4..].fill(right);
        put(plane, x * 4, y * 4, &[row; 4]);
    } else {
        let mut row = [left; 16];
        row[8..].fill(right);
        put(plane, x * 8, y * 8, &[row; 8]);
    }
}

#[inline(always)]
fn put<const W: usize, const H: usize>(plane: &mut Plane, x: usize, y: usize, rows: &[[u8; W]; H]) {
    let stride = plane.stride;
    let out = &mut plane.data[y * stride + x..];
    for (i, row) in rows.iter().enumerate() {
        out[i * stride..][..W].copy_from_slice(row);
    }
}
