//! Progressive scans: each adds bits to coefficients, which are transformed behind the last.

use super::bits::{Bits, Reader};
use super::coefficients::Coefficients;
use super::frame::{Component, Frame, Grid, Scan, Tables};
use super::huffman::Kind;
use super::idct::Steps;
use super::output::{emit, emit_flat};
use crate::cpu::{Cpu, Work};
use crate::plane::Scale;

/// What a scan is decoded from and to. Its run gives the position of the marker behind it.
pub(super) struct Progressive<'s, 'd> {
    pub(super) reader: &'s mut Reader<'d>,
    pub(super) frame: &'s Frame,
    pub(super) scan: &'s Scan,
    pub(super) tables: &'s Tables,
    pub(super) all: &'s mut [Coefficients; 3],
}

impl Work for Progressive<'_, '_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run(mut self) -> Option<usize> {
        for (index, ..) in &self.scan.parts {
            self.all[*index].expect(self.scan.band)?;
        }
        let mut bits = Bits::default();
        if self.scan.band.first > 0 {
            self.band(&mut bits)?
        } else {
            self.first(&mut bits)?
        }
        self.reader.finish(&mut bits)
    }
}

impl Progressive<'_, '_> {
    /// A band of one component.
    #[inline(always)]
    fn band(&mut self, bits: &mut Bits) -> Option<()> {
        let [(index, _, ac)] = self.scan.parts[..] else { return None };
        let table = self.tables.table(Kind::Plain, ac)?;
        let (coefficients, band) = (&mut self.all[index], self.scan.band);
        let mut restarts = Restarts::new(self.tables.restart);
        let mut run = 0;
        for at in raster(&self.frame.components[index].grid) {
            if restarts.due(self.reader, bits)? {
                run = 0;
            }
            self.reader.prepare(bits);
            let window = self.reader.window();
            if band.before == 0 {
                coefficients.ac(bits, window, &table, &mut run, at, band)?;
            } else {
                coefficients.ac_more(bits, window, &table, &mut run, at, band)?;
            }
            if self.reader.overrun(bits) {
                return None;
            }
        }
        Some(())
    }

    /// First coefficients, of one component or of all in turn.
    #[inline(always)]
    fn first(&mut self, bits: &mut Bits) -> Option<()> {
        let (band, frame) = (self.scan.band, self.frame);
        let mut tables = Vec::with_capacity(3);
        if band.before == 0 {
            for (_, number, _) in &self.scan.parts {
                tables.push(self.tables.table(Kind::Dc, *number)?);
            }
        }
        let mut restarts = Restarts::new(self.tables.restart);
        let mut previous = [0_i32; 3];
        let alone = self.scan.parts.len() == 1;
        let units = if alone {
            let grid = frame.components[self.scan.parts[0].0].grid;
            [grid.across, grid.down]
        } else {
            frame.units
        };
        for unit_y in 0..units[1] {
            for unit_x in 0..units[0] {
                if restarts.due(self.reader, bits)? {
                    previous = [0; 3];
                }
                self.reader.prepare(bits);
                for (part, (index, ..)) in self.scan.parts.iter().enumerate() {
                    let component = &frame.components[*index];
                    let [across, down] = if alone { [1, 1] } else { component.factors };
                    for y in 0..down {
                        for x in 0..across {
                            let at = (unit_y * down + y) * component.grid.stride + unit_x * across + x;
                            let (coefficients, window) = (&mut self.all[*index], self.reader.window());
                            match tables.get(part) {
                                Some(table) => coefficients.dc(bits, window, table, &mut previous[part], at, band)?,
                                None => coefficients.dc_more(bits, window, at, band),
                            }
                        }
                    }
                }
                if self.reader.overrun(bits) {
                    return None;
                }
            }
        }
        Some(())
    }
}

/// Indices of a scan of one component: all blocks that have a part of the picture, row by row.
#[inline(always)]
fn raster(grid: &Grid) -> impl Iterator<Item = usize> {
    let (across, down, stride) = (grid.across, grid.down, grid.stride);
    (0..down).flat_map(move |y| y * stride..y * stride + across)
}

/// Counts units up to the next restart marker.
struct Restarts {
    every: usize,
    left: usize,
    number: u8,
}

impl Restarts {
    const fn new(every: usize) -> Self {
        Self { every, left: every, number: 0 }
    }

    /// Before each unit: reads the marker where one is due. Whether it was.
    #[inline(always)]
    fn due(&mut self, reader: &mut Reader<'_>, bits: &mut Bits) -> Option<bool> {
        if self.every == 0 {
            return Some(false);
        }
        let due = self.left == 0;
        if due {
            *bits = reader.restart(*bits, self.number)?;
            (self.left, self.number) = (self.every, self.number.wrapping_add(1));
        }
        self.left -= 1;
        Some(due)
    }
}

/// Coefficients of one component into its plane.
pub(super) struct Transform<'s> {
    pub(super) cpu: Cpu,
    pub(super) scale: Scale,
    pub(super) steps: Steps,
    pub(super) component: &'s mut Component,
    pub(super) coefficients: &'s mut Coefficients,
}

impl Work for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { cpu, scale, steps, component, coefficients } = self;
        let (grid, plane) = (component.grid, &mut component.plane);
        for y in 0..grid.down {
            for x in (0..grid.across).step_by(2) {
                match coefficients.pair(y * grid.stride + x) {
                    Ok(pair) => emit(cpu, scale, pair, &steps, plane, x, y),
                    Err(first) => emit_flat(scale, first, steps[0], plane, x, y),
                }
            }
        }
    }
}
