//! The two passes over one output row in plain code, which judges the vectors to the bit.
//!
//! *Down*: every column of the output row is a weighted sum of the same column in `taps` source
//! rows: `u8 × Q14 → i32`, rounded to `i16` with [`MID_BITS`] fractional bits and saturated.
//!
//! *Across*: every output sample is a weighted sum of `taps` neighbours in that `i16` row:
//! `Q6 × Q14 → i32` with 20 fractional bits, to which the bias is added, rounded to `u8` and
//! saturated. Weights of one output add up to at most about 1.2 (video range expansion), so with the
//! overshoot of any filter here neither pass comes near the ends of `i32`.

use super::coeffs::Weights;
use super::filter::WEIGHT_BITS;

/// Fractional bits of the row between the passes.
pub(crate) const MID_BITS: u32 = 6;
/// Fractional bits of the bias and of sums in the pass across.
pub(crate) const SUM_BITS: u32 = WEIGHT_BITS + MID_BITS;
pub(super) const DOWN_SHIFT: u32 = WEIGHT_BITS - MID_BITS;

pub(super) fn down(rows: &[&[u8]], weights: &[i16], out: &mut [i16]) {
    for (x, out) in out.iter_mut().enumerate() {
        let mut sum = 1 << (DOWN_SHIFT - 1);
        for (row, weight) in rows.iter().zip(weights) {
            sum += i32::from(row[x]) * i32::from(*weight);
        }
        *out = (sum >> DOWN_SHIFT).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
    }
}

/// From output `first` on.
pub(super) fn across(row: &[i16], weights: &Weights, bias: i32, out: &mut [u8], first: usize) {
    for (i, out) in out.iter_mut().enumerate().skip(first) {
        let values = &weights.values[i * weights.taps..][..weights.taps];
        let source = &row[weights.starts[i]..][..weights.taps];
        let mut sum = bias + (1 << (SUM_BITS - 1));
        for (sample, weight) in source.iter().zip(values) {
            sum += i32::from(*sample) * i32::from(*weight);
        }
        *out = (sum >> SUM_BITS).clamp(0, 255) as u8;
    }
}
