//! Macroblock by macroblock, row by row: what is read, and what is made of it.

use super::bools::Bools;
use super::header::Header;
use super::modes::{Luma, Modes};
use super::predict::{ABOVE, Beside, LEFT};
use super::residue::{Edge, Residue};
use super::smooth::{Outer, Square};
use super::strength::Filter;
use super::strength::Strength;
use crate::cpu::{Cpu, Work};
use crate::ending::Ending;
use crate::planes::Plane;

/// Reads all that is coded and makes nothing of it.
pub(super) struct Walk<'a>(pub(super) Reader<'a>);

/// Reads all that is coded and makes a picture of it, of which all samples are made unless the data end before it does.
pub(super) struct Make<'a, 'b> {
    pub(super) cpu: Cpu,
    pub(super) reader: Reader<'a>,
    /// Of whole macroblocks: see [`super::decode`].
    pub(super) planes: &'b mut [Plane; 3],
}

impl Work for Walk<'_> {
    type Output = Ending;

    #[inline(always)]
    fn run(self) -> Ending {
        let Self(mut reader) = self;
        // Nobody looks at it, so that nobody clears it.
        let mut residue = Residue::new();
        for y in 0..reader.header.rows {
            if !reader.row(y, &mut residue, |_, _, _| {}) {
                return Ending::Beyond;
            }
        }
        reader.ending()
    }
}

impl Work for Make<'_, '_> {
    type Output = Ending;

    #[inline(always)]
    fn run(self) -> Ending {
        let Self { cpu, mut reader, planes } = self;
        let mut residue = Residue::new();
        let (rows, filter, strengths) = (reader.header.rows, reader.header.filter, reader.header.strengths);
        let mut row = Row::new(cpu, reader.header.columns, planes);
        for y in 0..rows {
            let whole = reader.row(y, &mut residue, |x, modes, residue| {
                let is_whole = matches!(modes.luma, Luma::Whole(_));
                let mut strength = strengths[modes.segment][usize::from(!is_whole)];
                strength.inner |= !residue.is_empty();
                row.make(x, modes, residue);
                if let Some(before) = x.checked_sub(1) {
                    row.finish(before, filter);
                }
                row.strength = strength;
            });
            // Behind the end there are but zeros to read.
            if !whole {
                return Ending::Beyond;
            }
            row.end(filter);
        }
        reader.ending()
    }
}

/// What is read behind the header.
pub(super) struct Reader<'a> {
    header: Header,
    modes: Bools<'a>,
    partitions: Vec<Bools<'a>>,
    above: Vec<Column>,
}

/// The lower edge of a macroblock, for the one below; or the right one, for the one beside it.
#[derive(Clone, Default)]
struct Column {
    modes: [u8; 4],
    edge: Edge,
}

impl<'a> Reader<'a> {
    pub(super) fn new((header, modes, partitions): (Header, Bools<'a>, Vec<Bools<'a>>)) -> Self {
        let above = vec![Column::default(); header.columns];
        Self { header, modes, partitions, above }
    }

    /// Reads a row and has each macroblock `made`. Gives whether all of it was there.
    #[inline(always)]
    fn row(&mut self, y: usize, residue: &mut Residue, mut made: impl FnMut(usize, &Modes, &mut Residue)) -> bool {
        let Self { header, modes: bools, partitions, above } = self;
        let index = y % partitions.len();
        // What nobody else can see stays in registers.
        let mut tokens = partitions[index].clone();
        let mut left = Column::default();
        for (x, above) in above.iter_mut().enumerate() {
            let modes = Modes::read(header, bools, &mut left.modes, &mut above.modes);
            let whole = matches!(modes.luma, Luma::Whole(_));
            if modes.skipped {
                left.edge.skip(whole);
                above.edge.skip(whole);
                residue.contents = [0; 6];
            } else {
                let steps = &header.steps[modes.segment];
                residue.read(header, &mut tokens, whole, steps, &mut left.edge, &mut above.edge);
            }
            made(x, &modes, residue);
        }
        let whole = !bools.is_beyond() && !tokens.is_beyond();
        partitions[index] = tokens;
        whole
    }

    fn ending(&self) -> Ending {
        self.partitions.iter().map(Bools::ending).fold(self.modes.ending(), Ending::max)
    }
}

/// A row of macroblocks in the making.
struct Row<'b> {
    cpu: Cpu,
    planes: &'b mut [Plane; 3],
    /// The lowest row of samples of the macroblocks above, before it was smoothed: the corner before it, and behind it as
    /// much as is looked at.
    above: [Vec<u8>; 3],
    /// What stands beside the next macroblock, of luma and of both planes of chroma.
    beside: (Beside, [Beside; 2]),
    columns: usize,
    /// Of the macroblock that was made last.
    strength: Strength,
    y: usize,
}

/// Samples of a macroblock's side, by plane.
const SIDES: [usize; 3] = [16, 8, 8];

impl<'b> Row<'b> {
    fn new(cpu: Cpu, columns: usize, planes: &'b mut [Plane; 3]) -> Self {
        let above = SIDES.map(|side| vec![ABOVE; side * columns + 21]);
        let beside = || Beside { above: [ABOVE; 21], left: [LEFT; 16], is_first_row: true, is_first_column: true };
        let beside = (beside(), [beside(), beside()]);
        Self { cpu, planes, above, beside, columns, strength: Strength::default(), y: 0 }
    }

    /// Makes the samples of a macroblock.
    #[inline(always)]
    fn make(&mut self, x: usize, modes: &Modes, residue: &mut Residue) {
        let [luma, blue, red] = &mut *self.planes;
        let (of_luma, of_chroma) = &mut self.beside;
        let [of_blue, of_red] = &mut *of_chroma;
        for ((beside, above), side) in [&mut *of_luma, of_blue, of_red].into_iter().zip(&self.above).zip(SIDES) {
            beside.above = *above[x * side..].first_chunk().expect("as long as macroblocks are wide, and more");
            beside.is_first_column = x == 0;
            if x == 0 {
                (beside.left, beside.is_first_row) = ([LEFT; 16], self.y == 0);
            }
        }
        let (at, stride) = (y_of(self.y, 16, luma) + 16 * x, luma.stride);
        self.cpu.luma(&modes.luma, of_luma, residue, &mut luma.data[at..], stride);
        let (at, stride) = (y_of(self.y, 8, blue) + 8 * x, blue.stride);
        let out = [&mut blue.data[at..], &mut red.data[at..]];
        self.cpu.chroma(modes.chroma, of_chroma, residue, out, stride);
    }

    /// Keeps what the next row is predicted from, and smooths the macroblock's edges. The one behind it was made, and so
    /// needs neither it nor the corner above any more; and all is still in the nearest cache.
    #[inline(always)]
    fn finish(&mut self, x: usize, filter: Filter) {
        for ((above, plane), side) in self.above.iter_mut().zip(&*self.planes).zip(SIDES) {
            let last = y_of(self.y + 1, side, plane) - plane.stride + x * side;
            above[x * side + 1..][..side].copy_from_slice(&plane.data[last..][..side]);
        }
        if filter == Filter::None {
            return;
        }
        let (y, outer) = (self.y, Outer { left: x > 0, upper: self.y > 0 });
        let [luma, blue, red] = &mut *self.planes;
        let mut squares = [(luma, 16), (blue, 8), (red, 8)].map(|(plane, side)| {
            let (at, stride) = (y_of(y, side, plane) + x * side, plane.stride);
            Square { samples: &mut plane.data, at, stride }
        });
        self.cpu.smooth(filter, &mut squares, self.strength, outer);
    }

    /// Ends the row.
    fn end(&mut self, filter: Filter) {
        self.finish(self.columns - 1, filter);
        for (above, side) in self.above.iter_mut().zip(SIDES) {
            let width = side * self.columns;
            above[0] = LEFT;
            // What goes on from the last one's.
            let last = above[width];
            above[width + 1..].fill(last);
        }
        self.y += 1;
    }
}

fn y_of(y: usize, side: usize, plane: &Plane) -> usize {
    y * side * plane.stride
}
