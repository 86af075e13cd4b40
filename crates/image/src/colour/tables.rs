//! What the kernels of the [`Shaper`](super::Shaper) look up, and how rows are dealt out to them.

use crate::planes::Matrix;

/// A level of 255 in R'G'B' between the steps: seven fractional bits.
pub(super) const LEVEL: i16 = 128;
/// White in R'G'B' between the steps.
pub(super) const WHITE: i16 = 255 * LEVEL;
/// Straight pieces of a curve.
pub(super) const PIECES: usize = 64;
/// Light below which sRGB's curve, steep there, has pieces of its own.
pub(super) const DARK: i16 = 2_048;

/// A curve in straight pieces: where each begins, and how much it rises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Curve {
    pub(super) start: [i16; PIECES],
    pub(super) rise: [i16; PIECES],
}

/// What the kernels need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tables {
    /// R', G' and B' with [`LEVEL`] to light: pieces of 512.
    pub(super) to_light: [Curve; 3],
    /// The matrix less one on its diagonal, with fifteen fractional bits.
    pub(super) mix: [[i16; 3]; 3],
    /// Light to sRGB: below [`DARK`] pieces of 32, and of 512.
    pub(super) to_srgb: [Curve; 2],
}

/// Half of what a chroma sample adds to R', G' and B' of the planes' matrix, with fifteen fractional
/// bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chroma {
    pub(super) red_cr: i16,
    pub(super) green_cb: i16,
    pub(super) green_cr: i16,
    pub(super) blue_cb: i16,
}

/// Luma and chroma of BT.601 from R', G' and B', with fifteen fractional bits. Luma's add up to one
/// and chroma's to nothing, so that greys stay grey.
pub(super) const LUMA: [i16; 3] = [9_798, 19_235, 3_735];
pub(super) const CB: [i16; 3] = [-5_529, -10_855, 16_384];
pub(super) const CR: [i16; 3] = [16_384, -13_720, -2_664];

impl Chroma {
    /// `None` where the planes are no Y'CbCr.
    pub(super) fn new(matrix: Matrix) -> Option<Self> {
        let (kr, kb) = matrix.weights()?;
        let kg = 1.0 - kr - kb;
        Some(Self {
            red_cr: fixed(1.0 - kr)?,
            green_cb: fixed(-(1.0 - kb) * kb / kg)?,
            green_cr: fixed(-(1.0 - kr) * kr / kg)?,
            blue_cb: fixed(1.0 - kb)?,
        })
    }
}

/// A number below one with fifteen fractional bits.
pub(super) fn fixed(value: f64) -> Option<i16> {
    let value = (value * 32_768.0).round();
    (value.abs() < 32_767.0).then_some(value as i16)
}

/// What the vectors do to a whole number of steps, done to any length: the last step on copies.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn in_steps<const LUMA: usize, const CHROMA: usize>(
    [upper, lower]: [&mut [u8]; 2],
    cb: &mut [u8],
    cr: &mut [u8],
    mut step: impl FnMut([&mut [u8; LUMA]; 2], &mut [u8; CHROMA], &mut [u8; CHROMA]),
) {
    let (uppers, upper) = upper.as_chunks_mut::<LUMA>();
    let (lowers, lower) = lower.as_chunks_mut::<LUMA>();
    let (cbs, cb) = cb.as_chunks_mut::<CHROMA>();
    let (crs, cr) = cr.as_chunks_mut::<CHROMA>();
    for (((upper, lower), cb), cr) in uppers.iter_mut().zip(lowers).zip(cbs).zip(crs) {
        step([upper, lower], cb, cr);
    }
    if cb.is_empty() {
        return;
    }
    let (mut rows, mut blue, mut red) = ([[0; LUMA]; 2], [0; CHROMA], [0; CHROMA]);
    rows[0][..upper.len()].copy_from_slice(upper);
    rows[1][..lower.len()].copy_from_slice(lower);
    blue[..cb.len()].copy_from_slice(cb);
    red[..cr.len()].copy_from_slice(cr);
    let [first, second] = &mut rows;
    step([first, second], &mut blue, &mut red);
    upper.copy_from_slice(&rows[0][..upper.len()]);
    lower.copy_from_slice(&rows[1][..lower.len()]);
    cb.copy_from_slice(&blue[..cb.len()]);
    cr.copy_from_slice(&red[..cr.len()]);
}
