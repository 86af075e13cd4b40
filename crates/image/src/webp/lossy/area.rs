//! A macroblock of a plane in the making, in plain code.

/// Samples from one row of an area to the next.
pub(super) const STRIDE: usize = 32;

/// A macroblock's samples, with what stands above and on the left of it.
pub(super) struct Area(pub(super) [u8; 17 * STRIDE]);

impl Area {
    pub(super) fn sample(&mut self, x: usize, y: usize) -> &mut u8 {
        &mut self.0[(y + 1) * STRIDE + x + 1]
    }
}
