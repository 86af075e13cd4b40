//! How a macroblock is predicted (RFC 6386 § 10 and § 11).

use super::bools::Bools;
use super::header::Header;
use super::tables::SUBBLOCK_MODES;

/// Ways to predict a square of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The mean of what is beside it.
    Dc,
    /// The column on the left, and how the row above goes on from the corner.
    TrueMotion,
    /// The row above.
    Vertical,
    /// The column on the left.
    Horizontal,
}

/// Ways to predict a block of 4 × 4 samples, by the RFC's numbers.
pub(super) mod block {
    pub(in super::super) const DC: u8 = 0;
    pub(in super::super) const TRUE_MOTION: u8 = 1;
    pub(in super::super) const VERTICAL: u8 = 2;
    pub(in super::super) const HORIZONTAL: u8 = 3;
    pub(in super::super) const LEFT_DOWN: u8 = 4;
    pub(in super::super) const RIGHT_DOWN: u8 = 5;
    pub(in super::super) const VERTICAL_RIGHT: u8 = 6;
    pub(in super::super) const VERTICAL_LEFT: u8 = 7;
    pub(in super::super) const HORIZONTAL_DOWN: u8 = 8;
    pub(in super::super) const HORIZONTAL_UP: u8 = 9;
}

/// How luma is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Luma {
    Whole(Mode),
    /// Each of the sixteen blocks, row by row.
    Blocks([u8; 16]),
}

/// What stands of a macroblock in the first partition.
pub(super) struct Modes {
    pub(super) segment: usize,
    /// Whether it has no coefficients.
    pub(super) skipped: bool,
    pub(super) luma: Luma,
    pub(super) chroma: Mode,
}

impl Modes {
    /// The next macroblock's, beside these blocks on the left and above.
    #[inline(always)]
    pub(super) fn read(header: &Header, bools: &mut Bools<'_>, left: &mut [u8; 4], above: &mut [u8; 4]) -> Self {
        let segment = header.map.map_or(0, |[both, low, high]| {
            let half = bools.bit(both);
            usize::from(half) * 2 + usize::from(bools.bit(if half { high } else { low }))
        });
        let skipped = header.skips.is_some_and(|chance| bools.bit(chance));
        // § 11.2: one mode for all of luma, or one for each subblock.
        let luma = if bools.bit(145) {
            let (mode, block) = match bools.bit(156) {
                true if bools.bit(128) => (Mode::TrueMotion, block::TRUE_MOTION),
                true => (Mode::Horizontal, block::HORIZONTAL),
                false if bools.bit(163) => (Mode::Vertical, block::VERTICAL),
                false => (Mode::Dc, block::DC),
            };
            (*left, *above) = ([block; 4], [block; 4]);
            Luma::Whole(mode)
        } else {
            let mut modes = [0; 16];
            for (modes, left) in modes.as_chunks_mut::<4>().0.iter_mut().zip(left) {
                for (mode, above) in modes.iter_mut().zip(above.iter_mut()) {
                    *left = subblock_mode(bools, &SUBBLOCK_MODES[usize::from(*above)][usize::from(*left)]);
                    (*above, *mode) = (*left, *left);
                }
            }
            Luma::Blocks(modes)
        };
        // § 11.4.
        let chroma = match bools.bit(142) {
            false => Mode::Dc,
            true if !bools.bit(114) => Mode::Vertical,
            true if !bools.bit(183) => Mode::Horizontal,
            true => Mode::TrueMotion,
        };
        Self { segment, skipped, luma, chroma }
    }
}

/// § 11.5. Written out, so that the next chance is guessed with the branch instead of looked up behind it.
#[inline(always)]
fn subblock_mode(bools: &mut Bools<'_>, chances: &[u8; 9]) -> u8 {
    if !bools.bit(chances[0]) {
        block::DC
    } else if !bools.bit(chances[1]) {
        block::TRUE_MOTION
    } else if !bools.bit(chances[2]) {
        block::VERTICAL
    } else if !bools.bit(chances[3]) {
        if !bools.bit(chances[4]) {
            block::HORIZONTAL
        } else if !bools.bit(chances[5]) {
            block::RIGHT_DOWN
        } else {
            block::VERTICAL_RIGHT
        }
    } else if !bools.bit(chances[6]) {
        block::LEFT_DOWN
    } else if !bools.bit(chances[7]) {
        block::VERTICAL_LEFT
    } else if !bools.bit(chances[8]) {
        block::HORIZONTAL_DOWN
    } else {
        block::HORIZONTAL_UP
    }
}
