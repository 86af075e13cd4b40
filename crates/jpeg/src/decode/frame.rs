//! What the segments before and between the scans say.

use super::NATURAL;
use super::huffman::{Kind, Table};
use super::idct::Steps;
use crate::plane::{Buffers, Plane, Scale};

/// Everything between the start and the first scan, and what later segments changed.
pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) components: Vec<Component>,
    /// Units of all components, across and down.
    pub(super) units: [usize; 2],
}

pub(super) struct Component {
    id: u8,
    /// Blocks per unit.
    pub(super) factors: [usize; 2],
    /// Which quantizer.
    pub(super) quantizer: usize,
    pub(super) steps: Option<Steps>,
    pub(super) grid: Grid,
    pub(super) plane: Plane,
}

/// The blocks of a component.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    /// Blocks that have a part of the picture.
    pub(super) across: usize,
    pub(super) down: usize,
    /// Blocks from one row's start to the next one's: whole units, an even number.
    pub(super) stride: usize,
    /// Rows of whole units.
    pub(super) rows: usize,
}

/// Tables by their number.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) quantizers: [Option<Steps>; 4],
    /// DC and AC.
    codes: [[Option<Code>; 4]; 2],
    /// Units from one restart marker to the next; zero where there are none.
    pub(super) restart: usize,
}

/// A Huffman code as the file gives it: counts by length, and symbols.
type Code = ([u8; 16], Vec<u8>);

/// One scan's header.
pub(super) struct Scan {
    /// Component, DC table, AC table.
    pub(super) parts: Vec<(usize, usize, usize)>,
    pub(super) band: Band,
}

impl Frame {
    pub(super) fn read(body: &[u8], progressive: bool, scale: Scale, buffers: &mut dyn Buffers) -> Option<Self> {
        let [8, h0, h1, w0, w1, count, parts @ ..] = body else { return None };
        let (height, width) = (usize::from(*h0) << 8 | usize::from(*h1), usize::from(*w0) << 8 | usize::from(*w1));
        let (parts, []) = parts.as_chunks::<3>() else { return None };
        if height == 0 || width == 0 || parts.len() != usize::from(*count) || !matches!(parts.len(), 1 | 3) {
            return None;
        }
        // The factors of a single component mean nothing.
        let factors = |part: &[u8; 3]| {
            if parts.len() == 1 { [1, 1] } else { [usize::from(part[1] >> 4), usize::from(part[1] & 15)] }
        };
        let largest = factors(&parts[0]);
        let sound = |(i, part): (usize, &[u8; 3])| {
            let f = factors(part);
            part[2] < 4 && if i == 0 { matches!(f, [1 | 2, 1 | 2]) } else { f == [1, 1] }
        };
        if !parts.iter().enumerate().all(sound)
            || parts.iter().any(|p| parts.iter().filter(|q| q[0] == p[0]).count() > 1)
        {
            return None;
        }
        let units = [width.div_ceil(8 * largest[0]), height.div_ceil(8 * largest[1])];
        let components = parts.iter().map(|part| {
            let f = factors(part);
            let blocks = |side: usize, axis: usize| (side * f[axis]).div_ceil(8 * largest[axis]);
            let grid = Grid {
                across: blocks(width, 0),
                down: blocks(height, 1),
                stride: (units[0] * f[0]).next_multiple_of(2),
                rows: units[1] * f[1],
            };
            let (stride, rows) = (grid.stride * scale.samples(), grid.rows * scale.samples());
            // Two units are decoded at once, so a row of blocks may be one unit longer.
            let stride = stride.next_multiple_of(2 * scale.samples() * f[0]);
            let plane = Plane {
                data: buffers.take(stride * rows),
                width: scale.of(width).div_ceil(largest[0] / f[0]),
                height: scale.of(height).div_ceil(largest[1] / f[1]),
                stride,
            };
            Component { id: part[0], factors: f, quantizer: usize::from(part[2]), steps: None, grid, plane }
        });
        Some(Self { progressive, components: components.collect(), units })
    }
}

impl Tables {
    pub(super) fn read_quantizers(&mut self, mut body: &[u8]) -> Option<()> {
        while let [number, rest @ ..] = body {
            let values = rest.first_chunk::<64>()?;
            // Above three come steps of sixteen bits.
            let slot = self.quantizers.get_mut(usize::from(*number))?;
            let mut steps = [0; 64];
            for (value, place) in values.iter().zip(NATURAL) {
                steps[usize::from(place)] = i16::from(*value);
            }
            *slot = Some(steps);
            body = &rest[64..];
        }
        Some(())
    }

    pub(super) fn read_codes(&mut self, mut body: &[u8]) -> Option<()> {
        while let [number, rest @ ..] = body {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let (symbols, rest) = rest.split_at_checked(counts.iter().map(|n| usize::from(*n)).sum())?;
            let slot = self.codes.get_mut(usize::from(number >> 4))?.get_mut(usize::from(number & 15))?;
            *slot = Some((*counts, symbols.to_vec()));
            body = rest;
        }
        Some(())
    }

    pub(super) fn table(&self, kind: Kind, number: usize) -> Option<Table> {
        let (counts, symbols) = self.codes[usize::from(kind != Kind::Dc)].get(number)?.as_ref()?;
        Table::new(kind, counts, symbols)
    }
}

impl Scan {
    pub(super) fn read(body: &[u8], frame: &Frame) -> Option<Self> {
        let (count, rest) = body.split_first()?;
        let (parts, [first, last, bits]) = rest.split_at_checked(usize::from(*count) * 2)? else { return None };
        let mut indices: Vec<(usize, usize, usize)> = Vec::with_capacity(3);
        for [id, numbers] in parts.as_chunks::<2>().0 {
            let index = frame.components.iter().position(|c| c.id == *id)?;
            // In the frame's order, each once.
            if indices.last().is_some_and(|(before, ..)| *before >= index) {
                return None;
            }
            indices.push((index, usize::from(numbers >> 4), usize::from(numbers & 15)));
        }
        let band = Band { first: *first, last: *last, before: bits >> 4, after: bits & 15 };
        let sound = if frame.progressive {
            let one_less = band.before == 0 || band.before == band.after + 1;
            let range = if band.first == 0 { band.last == 0 } else { indices.len() == 1 && band.last >= band.first };
            one_less && range && band.last < 64 && band.after <= 13
        } else {
            indices.len() == frame.components.len() && *body.last_chunk::<3>()? == [0, 63, 0]
        };
        // Three components out of three, or one: what else there might be, nobody writes.
        let parts = matches!(indices.len(), 1) || indices.len() == frame.components.len();
        (sound && parts).then_some(Self { parts: indices, band })
    }
}

/// What a scan's header says besides components and tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    /// First and last coefficient, in writing order.
    pub(super) first: u8,
    pub(super) last: u8,
    /// Low bits missing before this scan (zero: it is the first) and behind it.
    pub(super) before: u8,
    pub(super) after: u8,
}
