//! Matrices as PDF writes them.

use crate::object::Object;

/// `[a b c d e f]`: the point (x, y) comes to (ax + cy + e, bx + dy + f).
pub(crate) type Matrix = [f64; 6];

pub(crate) const IDENTITY: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

/// First `a`, then `b`.
pub(crate) fn times(a: Matrix, b: Matrix) -> Matrix {
    [
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
        a[4] * b[0] + a[5] * b[2] + b[4],
        a[4] * b[1] + a[5] * b[3] + b[5],
    ]
}

/// The numbers that a list of operands is, if it is one of so many.
pub(crate) fn numbers<const N: usize>(operands: &[Object]) -> Option<[f64; N]> {
    let numbers: Option<Vec<f64>> = operands.iter().map(number).collect();
    numbers?.try_into().ok()
}

pub(crate) fn number(object: &Object) -> Option<f64> {
    match object {
        #[expect(clippy::cast_precision_loss, reason = "sizes of pages")]
        Object::Int(i) => Some(*i as f64),
        Object::Real(r) => Some(*r),
        _ => None,
    }
}
