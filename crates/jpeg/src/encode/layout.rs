//! Where each block stands: in the picture, in its unit, in the band of a few units, and among the
//! blocks that are kept.

use super::SIDE;
use super::picture::Sampling;

/// Units that are tokenized at once: 96 blocks of 4:2:0, which with their samples and tokens stay in
/// the first cache.
pub(super) const UNITS: usize = 16;

/// A picture's blocks.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Units (MCUs) of the picture.
    pub(super) units_across: usize,
    pub(super) units_down: usize,
    pub(super) components: Vec<Component>,
}

/// One component's blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Component {
    /// Its place among the planes.
    pub(super) index: usize,
    /// Blocks to a unit.
    pub(super) h: usize,
    pub(super) v: usize,
    /// Blocks that hold samples of the picture.
    pub(super) across: usize,
    pub(super) down: usize,
    /// Its first block in the band, and among the kept.
    band: usize,
    kept: usize,
}

impl Layout {
    pub(super) fn new(width: usize, height: usize, sampling: Sampling) -> Self {
        let (h_max, v_max) = sampling.factors();
        let mut components = Vec::with_capacity(3);
        let (mut band, mut kept) = (0, 0);
        for index in 0..sampling.planes() {
            let (h, v) = if index == 0 { (h_max, v_max) } else { (1, 1) };
            let component = Component {
                index,
                h,
                v,
                across: (width * h).div_ceil(SIDE * h_max),
                down: (height * v).div_ceil(SIDE * v_max),
                band,
                kept,
            };
            band += h * v * UNITS;
            kept += component.pitch() * component.down;
            components.push(component);
        }
        Self {
            width,
            height,
            units_across: width.div_ceil(SIDE * h_max),
            units_down: height.div_ceil(SIDE * v_max),
            components,
        }
    }

    pub(super) fn is_colour(&self) -> bool {
        self.components.len() > 1
    }

    /// Blocks of a band.
    pub(super) fn band_blocks(&self) -> usize {
        self.components.iter().map(|c| c.h * c.v * UNITS).sum()
    }

    /// Blocks that are kept, with those that fill up groups of four.
    pub(super) fn kept_blocks(&self) -> usize {
        self.components.iter().map(|c| c.pitch() * c.down).sum()
    }
}

impl Component {
    /// Which of the two sets of tables: luma's or chroma's.
    pub(super) const fn table(&self) -> usize {
        if self.index == 0 { 0 } else { 1 }
    }

    /// Where block `x` of row `v` of a band's units stands.
    pub(super) const fn band(&self, v: usize, x: usize) -> usize {
        self.band + v * self.h * UNITS + x
    }

    /// Where block `(x, y)` of the picture is kept.
    pub(super) const fn kept(&self, x: usize, y: usize) -> usize {
        self.kept + y * self.pitch() + x
    }

    const fn pitch(&self) -> usize {
        self.across.next_multiple_of(4)
    }
}
