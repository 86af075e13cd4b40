//! The frame header: the picture's size, its components and how their blocks lie.

use super::tables::Steps;
use crate::error::Error;

/// What the frame header says.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) progressive: bool,
    /// Samples a line, and lines. Zero lines: the number comes behind the first scan.
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) components: Vec<Component>,
    /// The most blocks per unit that a component has, across and down.
    pub(crate) largest: [usize; 2],
    /// Units of all components, across and down.
    pub(crate) units: [usize; 2],
}

#[derive(Debug)]
pub(crate) struct Component {
    pub(crate) id: u8,
    /// Blocks per unit.
    pub(crate) factors: [usize; 2],
    /// Which quantizer.
    pub(crate) quantizer: usize,
    /// That quantizer's steps, as they were when the component's first scan came.
    pub(crate) steps: Option<Steps>,
    pub(crate) grid: Grid,
}

/// The blocks of a component.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Grid {
    /// Blocks that have a part of the picture.
    pub(crate) across: usize,
    pub(crate) down: usize,
    /// Blocks from one row's start to the next one's: whole units, rounded up to groups of four.
    pub(crate) stride: usize,
    /// Rows of whole units.
    pub(crate) rows: usize,
}

/// The most blocks that a unit of several components may have (T.81, B.2.3).
pub(crate) const MOST_BLOCKS: usize = 10;

impl Frame {
    /// Reads the segment of `marker`, which is one of SOF0 to SOF15.
    pub(crate) fn read(marker: u8, body: &[u8]) -> Result<Self, Error> {
        match marker {
            0xC0..=0xC2 => {}
            0xC3 => return Err(Error::Unsupported("lossless coding")),
            0xC5..=0xC7 | 0xCD..=0xCF => return Err(Error::Unsupported("hierarchical coding")),
            _ => return Err(Error::Unsupported("arithmetic coding")),
        }
        let [precision, h0, h1, w0, w1, count, parts @ ..] = body else {
            return Err(Error::Corrupt("a frame header too short"));
        };
        if *precision != 8 {
            return Err(Error::Unsupported("samples of other than eight bits"));
        }
        let (height, width) = (usize::from(*h0) << 8 | usize::from(*h1), usize::from(*w0) << 8 | usize::from(*w1));
        let (parts, []) = parts.as_chunks::<3>() else { return Err(Error::Corrupt("a frame header of odd length")) };
        if width == 0 || parts.is_empty() || parts.len() != usize::from(*count) {
            return Err(Error::Corrupt("a frame without samples"));
        }
        if parts.len() > 4 {
            return Err(Error::Unsupported("more than four components"));
        }
        let mut components = Vec::with_capacity(4);
        for [id, factors, quantizer] in parts {
            // The factors of a single component mean nothing.
            let [h, v] = [usize::from(factors >> 4), usize::from(factors & 15)];
            let factors = if parts.len() == 1 { [1, 1] } else { [h, v] };
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) || *quantizer > 3 {
                return Err(Error::Corrupt("sampling factors or a quantizer that cannot be"));
            }
            if components.iter().any(|c: &Component| c.id == *id) {
                return Err(Error::Unsupported("two components of one name"));
            }
            let quantizer = usize::from(*quantizer);
            components.push(Component { id: *id, factors, quantizer, steps: None, grid: Grid::default() });
        }
        let largest = [0, 1].map(|axis| components.iter().map(|c| c.factors[axis]).max().unwrap_or(1));
        let progressive = marker == 0xC2;
        let mut frame = Self { progressive, width, height, components, largest, units: [0; 2] };
        frame.set_lines(height);
        Ok(frame)
    }

    /// Lays the blocks out for so many lines.
    pub(crate) fn set_lines(&mut self, height: usize) {
        self.height = height;
        let (largest, size) = (self.largest, [self.width, height]);
        let units = [0, 1].map(|axis| size[axis].div_ceil(8 * largest[axis]));
        self.units = units;
        for component in &mut self.components {
            let factors = component.factors;
            let blocks = |axis: usize| (size[axis] * factors[axis]).div_ceil(8 * largest[axis]);
            component.grid = Grid {
                across: blocks(0),
                down: blocks(1),
                stride: (units[0] * factors[0]).next_multiple_of(4),
                rows: units[1] * factors[1],
            };
        }
    }
}

/// One scan's header.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) parts: Vec<Part>,
    pub(crate) band: Band,
}

/// One component's share of a scan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// Which component of the frame.
    pub(crate) component: usize,
    /// Numbers of its tables.
    pub(crate) dc: usize,
    pub(crate) ac: usize,
}

/// What a scan's header says besides components and tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Band {
    /// First and last coefficient, in writing order.
    pub(crate) first: u8,
    pub(crate) last: u8,
    /// Low bits missing before this scan (zero: it is the first) and behind it.
    pub(crate) before: u8,
    pub(crate) after: u8,
}

impl Scan {
    pub(crate) fn read(body: &[u8], frame: &Frame) -> Result<Self, Error> {
        const SHORT: Error = Error::Corrupt("a scan header of the wrong length");
        let (count, rest) = body.split_first().ok_or(SHORT)?;
        let Some((named, [first, last, bits])) = rest.split_at_checked(usize::from(*count) * 2) else {
            return Err(SHORT);
        };
        let mut parts: Vec<Part> = Vec::with_capacity(4);
        for [id, numbers] in named.as_chunks::<2>().0 {
            let component = frame.components.iter().position(|c| c.id == *id);
            let component = component.ok_or(Error::Corrupt("a scan of a component that the frame lacks"))?;
            // In the frame's order, each once.
            if parts.last().is_some_and(|before| before.component >= component) {
                return Err(Error::Corrupt("components of a scan out of order"));
            }
            parts.push(Part { component, dc: usize::from(numbers >> 4), ac: usize::from(numbers & 15) });
        }
        if parts.is_empty() {
            return Err(Error::Corrupt("a scan of no component"));
        }
        let blocks: usize = parts.iter().map(|p| frame.components[p.component].factors.iter().product::<usize>()).sum();
        if parts.len() > 1 && blocks > MOST_BLOCKS {
            return Err(Error::Corrupt("units of more than ten blocks"));
        }
        let band = Band { first: *first, last: *last, before: bits >> 4, after: bits & 15 };
        let sound = if frame.progressive {
            let one_less = band.before == 0 || band.before == band.after + 1;
            let range = if band.first == 0 { band.last == 0 } else { parts.len() == 1 && band.last >= band.first };
            one_less && range && band.last < 64 && band.after <= 13
        } else {
            [*first, *last, *bits] == [0, 63, 0]
        };
        if !sound {
            return Err(Error::Unsupported("a scan of coefficients that the coding does not have"));
        }
        Ok(Self { parts, band })
    }

    /// Units across and down: of all components, or the blocks of one that stands alone.
    pub(crate) fn units(&self, frame: &Frame) -> [usize; 2] {
        match self.parts[..] {
            [Part { component, .. }] => {
                let grid = frame.components[component].grid;
                [grid.across, grid.down]
            }
            _ => frame.units,
        }
    }

    /// Blocks of one part in a unit, across and down.
    pub(crate) fn factors(&self, frame: &Frame, part: &Part) -> [usize; 2] {
        if self.parts.len() == 1 { [1, 1] } else { frame.components[part.component].factors }
    }
}
