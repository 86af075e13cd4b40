//! The darkest and the brightest block of a component, and whether there can be such blocks.

use crate::error::Error;

/// The least and the most of first coefficients.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extremes {
    least: i32,
    most: i32,
}

/// How far from zero a block's first coefficient may be once it is multiplied, by a step more: samples from 0 to 255 make
/// it ±1,024, and arithmetic of cameras a little more. Behind damaged data that still make sense all blocks are too dark
/// or too bright, and sooner or later more than any can be.
const FARTHEST: i32 = 1024 + 16;

impl Extremes {
    #[inline(always)]
    pub(super) fn note(&mut self, first: i32) {
        (self.least, self.most) = (self.least.min(first), self.most.max(first));
    }

    /// Whether blocks are as bright as blocks can be, by the quantizer's step.
    pub(super) fn judge(self, step: i32) -> Result<(), Error> {
        let farthest = self.most.max(self.least.saturating_neg());
        let sound = farthest.saturating_mul(step) <= FARTHEST + step;
        if sound { Ok(()) } else { Err(Error::Corrupt("blocks brighter or darker than any can be")) }
    }
}
