//! Width and height of a picture, and all arithmetic on pixels, checked.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Width and height of a picture in pixels, both at least 1. All arithmetic on pixels and bytes
/// goes through here and is checked, so that a header can lie without harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Dimensions {
    width: u32,
    height: u32,
}

/// A side of zero pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DimensionsError;

impl fmt::Display for DimensionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a picture needs at least one pixel in each direction")
    }
}

impl std::error::Error for DimensionsError {}

impl Dimensions {
    /// Both sides in pixels.
    ///
    /// # Errors
    /// When a side is zero.
    pub const fn new(width: u32, height: u32) -> Result<Self, DimensionsError> {
        if width == 0 || height == 0 {
            return Err(DimensionsError);
        }
        Ok(Self { width, height })
    }

    /// Pixels per row.
    #[must_use]
    pub const fn width(self) -> u32 {
        self.width
    }

    /// Rows.
    #[must_use]
    pub const fn height(self) -> u32 {
        self.height
    }

    /// Pixels in all; two 32-bit sides always fit into 64 bits.
    #[must_use]
    pub const fn pixels(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// Bytes of a packed buffer of `per_pixel` bytes a pixel, or `None` where that does not fit
    /// into memory's address range.
    #[must_use]
    pub fn bytes(self, per_pixel: usize) -> Option<usize> {
        usize::try_from(self.pixels()).ok()?.checked_mul(per_pixel)
    }

    /// The longer of the two sides.
    #[must_use]
    pub const fn longer_side(self) -> u32 {
        if self.width > self.height { self.width } else { self.height }
    }

    /// Width and height exchanged, as a quarter turn leaves them.
    #[must_use]
    pub const fn transposed(self) -> Self {
        Self { width: self.height, height: self.width }
    }

    /// The largest dimensions of the same shape whose sides are at most `max_width` and
    /// `max_height`; never larger than `self`, never zero. Sides are rounded to the nearest pixel.
    #[must_use]
    pub fn fit_within(self, max_width: u32, max_height: u32) -> Self {
        let (w, h) = (u64::from(self.width), u64::from(self.height));
        let (mw, mh) = (u64::from(max_width.max(1)), u64::from(max_height.max(1)));
        if w <= mw && h <= mh {
            return self;
        }
        // Compare w/h with mw/mh without dividing; the side that binds becomes exact.
        let (nw, nh) = if w * mh >= h * mw { (mw, (h * mw + w / 2) / w) } else { ((w * mh + h / 2) / h, mh) };
        let side = |n: u64| u32::try_from(n.max(1)).unwrap_or(u32::MAX);
        Self { width: side(nw), height: side(nh) }
    }
}

impl fmt::Display for Dimensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}", self.width, self.height)
    }
}

#[derive(Serialize, Deserialize)]
struct Raw {
    width: u32,
    height: u32,
}

impl TryFrom<Raw> for Dimensions {
    type Error = DimensionsError;
    fn try_from(raw: Raw) -> Result<Self, DimensionsError> {
        Self::new(raw.width, raw.height)
    }
}

impl From<Dimensions> for Raw {
    fn from(d: Dimensions) -> Self {
        Self { width: d.width, height: d.height }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn d(w: u32, h: u32) -> Dimensions {
        Dimensions::new(w, h).unwrap()
    }

    #[test]
    fn a_phone_photo_fits_the_longer_side() {
        assert_eq!(d(4032, 3024).fit_within(1920, 1920), d(1920, 1440));
        assert_eq!(d(3024, 4032).fit_within(1920, 1920), d(1440, 1920));
        assert_eq!(d(1500, 946).fit_within(1920, 1920), d(1500, 946));
    }

    #[test]
    fn a_sliver_keeps_a_pixel() {
        assert_eq!(d(u32::MAX, 1).fit_within(1920, 1920), d(1920, 1));
    }

    proptest! {
        #[test]
        fn fits_and_keeps_its_shape(w in 1u32.., h in 1u32.., mw in 1u32..10_000, mh in 1u32..10_000) {
            let fit = d(w, h).fit_within(mw, mh);
            prop_assert!(fit.width() <= mw.min(w) && fit.height() <= mh.min(h));
            let exact = f64::from(w) / f64::from(h) * f64::from(fit.height());
            let other = f64::from(h) / f64::from(w) * f64::from(fit.width());
            let near = (exact - f64::from(fit.width())).abs() <= 1.0 || (other - f64::from(fit.height())).abs() <= 1.0;
            prop_assert!(near, "{} of {w}×{h} in {mw}×{mh}", fit);
        }
    }
}
