//! What the encoder takes: planes that were found to cover the picture which they are said to be.

use std::fmt;

use crate::plane::Plane;

/// The longest side, libjpeg's.
const LONGEST: usize = 65_500;

/// How many luma samples a chroma sample covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sampling {
    /// No chroma at all.
    Gray,
    /// One.
    S444,
    /// Two across.
    S422,
    /// Two across, two down.
    S420,
}

impl Sampling {
    /// Luma samples to a chroma sample, across and down.
    #[must_use]
    pub const fn factors(self) -> (usize, usize) {
        match self {
            Self::Gray | Self::S444 => (1, 1),
            Self::S422 => (2, 1),
            Self::S420 => (2, 2),
        }
    }

    /// Number of planes.
    #[must_use]
    pub const fn planes(self) -> usize {
        if matches!(self, Self::Gray) { 1 } else { 3 }
    }
}

/// A picture as planes: luma, and with colour Cb and Cr, of full range.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    width: usize,
    height: usize,
    sampling: Sampling,
    planes: &'a [Plane],
}

/// Planes that are not those of the picture which they are said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch(&'static str);

impl<'a> Picture<'a> {
    /// A picture of `width × height` whose chroma planes have a size rounded up.
    ///
    /// # Errors
    /// Where a side is not between 1 and 65,500, or the planes are not as many or not exactly as
    /// large as this sampling's are, or hold too few samples for their size.
    pub fn new(width: usize, height: usize, sampling: Sampling, planes: &'a [Plane]) -> Result<Self, Mismatch> {
        if ![width, height].iter().all(|side| (1..=LONGEST).contains(side)) {
            return Err(Mismatch("a side that JPEG cannot have"));
        }
        if planes.len() != sampling.planes() {
            return Err(Mismatch("more or fewer planes than the sampling has"));
        }
        let (h, v) = sampling.factors();
        for (i, plane) in planes.iter().enumerate() {
            let size = if i == 0 { (width, height) } else { (width.div_ceil(h), height.div_ceil(v)) };
            if (plane.width, plane.height) != size {
                return Err(Mismatch("a plane of another size"));
            }
            let last = plane.stride.checked_mul(plane.height - 1).and_then(|n| n.checked_add(plane.width));
            if plane.stride < plane.width || last.is_none_or(|n| n > plane.data.len()) {
                return Err(Mismatch("a plane with too few samples"));
            }
        }
        Ok(Self { width, height, sampling, planes })
    }

    /// Samples across.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Samples down.
    #[must_use]
    pub const fn height(&self) -> usize {
        self.height
    }

    /// The sampling of chroma.
    #[must_use]
    pub const fn sampling(&self) -> Sampling {
        self.sampling
    }

    pub(super) const fn planes(&self) -> &'a [Plane] {
        self.planes
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Mismatch {}
