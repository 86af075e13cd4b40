//! Progressive scans: each adds bits to coefficients, which are transformed behind the last.

use super::bits::{Bits, Reader};
use super::coefficients::{Coefficients, Stretch};
use super::extremes::Extremes;
use super::frame::{Frame, Grid, Part, Scan};
use super::huffman::{Kind, Table};
use super::sequential::HOLLOW;
use super::tables::{Class, Steps, Tables, ends};
use crate::cpu::{Cpu, Deposit, Plain, Work};
use crate::error::Error;
use crate::plane::{Plane, Scale};

/// Blocks of a band between two looks at whether there are data: a coefficient takes 31 bits at most.
const GROUP: usize = 64;

const RUN: Error = Error::Corrupt("a run of blocks that goes on behind the last");

/// What a scan is decoded from and to. Its run gives where reading stands behind it.
pub(super) struct Progressive<'s, 'd, const VALUES: bool, D> {
    pub(super) deposit: D,
    pub(super) reader: &'s mut Reader<'d>,
    pub(super) frame: &'s Frame,
    pub(super) scan: &'s Scan,
    pub(super) tables: &'s Tables,
    pub(super) all: &'s mut [Coefficients; 4],
}

impl<'s, 'd, const VALUES: bool> Progressive<'s, 'd, VALUES, Plain> {
    /// Reads the scan with what this CPU has.
    pub(super) fn run_on(self, cpu: Cpu) -> Result<Bits, Error> {
        let Self { reader, frame, scan, tables, all, .. } = self;
        match cpu {
            Cpu::Scalar => Progressive::<VALUES, _> { deposit: Plain, reader, frame, scan, tables, all }.run(),
            #[cfg(target_arch = "x86_64")]
            Cpu::Avx2(deposit) => cpu.run(Progressive::<VALUES, _> { deposit, reader, frame, scan, tables, all }),
            #[cfg(target_arch = "x86_64")]
            Cpu::Avx512(proof) => {
                let deposit = proof.avx2();
                cpu.run(Progressive::<VALUES, _> { deposit, reader, frame, scan, tables, all })
            }
        }
    }
}

impl<const VALUES: bool, D: Deposit> Work for Progressive<'_, '_, VALUES, D> {
    type Output = Result<Bits, Error>;

    #[inline(always)]
    fn run(mut self) -> Result<Bits, Error> {
        let mut bits = Bits::default();
        let outcome = if self.scan.band.first > 0 { self.band(&mut bits) } else { self.first(&mut bits) };
        // What was read behind the end has no meaning.
        if self.reader.overrun(&bits) {
            return Err(self.reader.lack());
        }
        outcome.map(|()| bits)
    }
}

impl<const VALUES: bool, D: Deposit> Progressive<'_, '_, VALUES, D> {
    /// A band of one component.
    #[inline(always)]
    fn band(&mut self, bits: &mut Bits) -> Result<(), Error> {
        let [Part { component: index, ac, .. }] = self.scan.parts[..] else {
            return Err(Error::Corrupt("a band of several components"));
        };
        let band = self.scan.band;
        let kind = if band.before == 0 { Kind::Band } else { Kind::Plain };
        let code = self.tables.code(Class::Ac, ac)?;
        let table = Table::new(kind, code);
        let (coefficients, grid) = (&mut self.all[index], self.frame.components[index].grid);
        let mut restarts = Restarts::new(self.tables.restart);
        let mut run = 0;
        for y in 0..grid.down {
            let mut x = 0;
            while x < grid.across {
                if restarts.due(self.reader, bits)? && run > 0 {
                    return Err(RUN);
                }
                let n = restarts.most(GROUP.min(grid.across - x));
                self.reader.prepare(bits);
                let (plain, start) = (self.reader.plain(), y * grid.stride + x);
                let stretch = Stretch { blocks: start..start + n, band };
                if band.before == 0 {
                    coefficients.ac::<VALUES>(bits, plain, &table, &mut run, stretch)?;
                } else {
                    coefficients.ac_more::<VALUES>(bits, plain, &table, &mut run, stretch, self.deposit)?;
                }
                if self.reader.overrun(bits) {
                    return Err(self.reader.lack());
                }
                restarts.pass(n);
                x += n;
            }
        }
        // Bits that refine may all be zero.
        let hollow = band.before == 0 && !code.of_zeros().is_some_and(ends) && self.reader.has_read_zeros(bits);
        match run {
            0 if hollow => Err(HOLLOW),
            0 => Ok(()),
            _ => Err(RUN),
        }
    }

    /// First coefficients, of one component or of all in turn.
    #[inline(always)]
    fn first(&mut self, bits: &mut Bits) -> Result<(), Error> {
        let (band, frame) = (self.scan.band, self.frame);
        let mut tables = Vec::with_capacity(4);
        if band.before == 0 {
            for part in &self.scan.parts {
                tables.push(Table::new(Kind::Dc, self.tables.code(Class::Dc, part.dc)?));
            }
        }
        let mut restarts = Restarts::new(self.tables.restart);
        let mut previous = [0_i32; 4];
        let mut extremes = [Extremes::default(); 4];
        let units = self.scan.units(frame);
        for unit_y in 0..units[1] {
            for unit_x in 0..units[0] {
                if restarts.due(self.reader, bits)? {
                    previous = [0; 4];
                }
                restarts.pass(1);
                self.reader.prepare(bits);
                for (i, part) in self.scan.parts.iter().enumerate() {
                    let grid = frame.components[part.component].grid;
                    let [across, down] = self.scan.factors(frame, part);
                    for y in 0..down {
                        for x in 0..across {
                            let at = (unit_y * down + y) * grid.stride + unit_x * across + x;
                            let (coefficients, window) = (&mut self.all[part.component], self.reader.plain());
                            match tables.get(i) {
                                Some(table) => {
                                    coefficients.dc::<VALUES>(bits, window, table, &mut previous[i], at, band)?;
                                    extremes[i].note(previous[i]);
                                }
                                None => coefficients.dc_more::<VALUES>(bits, window, at, band),
                            }
                        }
                    }
                }
                if self.reader.overrun(bits) {
                    return Err(self.reader.lack());
                }
            }
        }
        for (part, extremes) in self.scan.parts.iter().zip(extremes) {
            // Bits that are still to come are part of the step.
            let step = frame.components[part.component].steps.map_or(0, |steps| i32::from(steps[0]));
            extremes.judge(step << band.after)?;
        }
        Ok(())
    }
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

    /// Before units: reads the marker where one is due. Whether it was.
    #[inline(always)]
    fn due(&mut self, reader: &mut Reader<'_>, bits: &mut Bits) -> Result<bool, Error> {
        let due = self.every > 0 && self.left == 0;
        if due {
            reader.restart(bits, self.number)?;
            (self.left, self.number) = (self.every, self.number.wrapping_add(1));
        }
        Ok(due)
    }

    /// As many of `n` units as come before the next marker.
    fn most(&self, n: usize) -> usize {
        if self.every > 0 { n.min(self.left) } else { n }
    }

    /// So many units were read.
    fn pass(&mut self, n: usize) {
        self.left = self.left.wrapping_sub(n);
    }
}

/// Coefficients of one component into its plane.
pub(super) struct Transform<'s> {
    pub(super) cpu: Cpu,
    pub(super) scale: Scale,
    pub(super) steps: Steps,
    pub(super) grid: Grid,
    pub(super) plane: &'s mut Plane,
    pub(super) coefficients: &'s Coefficients,
}

impl Work for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { cpu, scale, steps, grid, plane, coefficients } = self;
        let n = scale.samples();
        let mut scratch = [[0; 64]; 4];
        for y in 0..grid.down {
            for x in (0..grid.across).step_by(4) {
                let scratch = cpu.takes_rows().then_some(&mut scratch);
                let four = coefficients.four(y * grid.stride + x, scratch);
                let stride = plane.stride;
                cpu.transform(scale, &four, &steps, &mut plane.data[y * n * stride + x * n..], stride);
            }
        }
    }
}
