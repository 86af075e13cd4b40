//! Scans of sequential files: chunks of units, from bits to coefficients to whoever takes them.

use super::bits::{Bits, Reader};
use super::blocks::{Block, Blocks, Buffer, ROOM};
use super::codes::{Codes, Follow};
use super::frame::{Frame, Scan};
use super::tables::{Class, Tables};
use crate::cpu::Cpu;
use crate::error::Error;

/// What [`Reader::has_read_zeros`] finds where zeros mean something else than more of the same.
pub(super) const HOLLOW: Error = Error::Corrupt("zeros in the place of data");

/// Units decoded at once: tables and blocks stay in the first-level cache.
pub(crate) const CHUNK: usize = 8;

/// Buffers kept from scan to scan.
#[derive(Debug)]
pub(crate) struct Sequential {
    codes: Codes,
    blocks: Box<Buffer>,
    follow: Box<[Follow; ROOM]>,
}

impl Default for Sequential {
    fn default() -> Self {
        let blocks = Box::new(Buffer([[0; 64]; ROOM]));
        Self { codes: Codes::default(), blocks, follow: Box::new([Follow::default(); ROOM]) }
    }
}

/// Neighbouring units of a scan.
pub(crate) struct Chunk<'a> {
    /// Of one unit after the other; in a unit of one part after the other; in a part row by row.
    /// First coefficients are differences to the block before of the same part.
    pub(crate) blocks: &'a mut [Block],
    pub(crate) units: usize,
    /// Place of the first unit, across and down.
    pub(crate) place: [usize; 2],
    /// Whether differences begin anew.
    pub(crate) restarted: bool,
}

/// What takes coefficients, row by row or as they are written. It must leave all blocks zero.
pub(crate) trait Sink<const ROWS: bool> {
    fn take(&mut self, chunk: Chunk<'_>);
}

impl Sequential {
    /// Reads one scan. Where reading stands behind its last unit.
    pub(crate) fn run<const ROWS: bool, S: Sink<ROWS>>(
        &mut self,
        cpu: Cpu,
        reader: &mut Reader<'_>,
        frame: &Frame,
        scan: &Scan,
        tables: &Tables,
        sink: &mut S,
    ) -> Result<Bits, Error> {
        let unit = self.prepare(frame, scan, tables)?;
        let mut bits = Bits::default();
        let interval = if tables.restart > 0 { tables.restart } else { usize::MAX };
        let (mut left, mut restarts, mut restarted) = (interval, 0_u8, true);
        let units = scan.units(frame);
        for y in 0..units[1] {
            let mut x = 0;
            while x < units[0] {
                if left == 0 {
                    reader.restart(&mut bits, restarts)?;
                    (left, restarts, restarted) = (interval, restarts.wrapping_add(1), true);
                }
                let n = CHUNK.min(left).min(units[0] - x);
                reader.prepare(&mut bits);
                let last = n * unit.len() - 1;
                let goes_on = std::mem::replace(&mut self.follow[last], Follow::new(unit[unit.len() - 1], None));
                let outcome = cpu.run(Blocks::<'_, ROWS> {
                    bits: &mut bits,
                    plain: reader.plain(),
                    codes: &self.codes,
                    blocks: &mut self.blocks,
                    follow: &self.follow,
                    start: Codes::start(unit[0]),
                });
                self.follow[last] = goes_on;
                if reader.overrun(&bits) {
                    return Err(reader.lack());
                }
                outcome?;
                sink.take(Chunk { blocks: &mut self.blocks.0[..=last], units: n, place: [x, y], restarted });
                restarted = false;
                left -= n;
                x += n;
            }
        }
        if reader.has_read_zeros(&bits) {
            for part in &scan.parts {
                if !tables.zeros_are_flat(part.dc, part.ac)? {
                    return Err(HOLLOW);
                }
            }
        }
        Ok(bits)
    }

    /// Makes tables and clears blocks: nothing of what was before remains. Which pair of codes each
    /// block of a unit uses.
    fn prepare(&mut self, frame: &Frame, scan: &Scan, tables: &Tables) -> Result<Vec<usize>, Error> {
        let mut numbers = Vec::with_capacity(4);
        let mut unit = Vec::with_capacity(10);
        for part in &scan.parts {
            let pair = numbers.iter().position(|n| *n == (part.dc, part.ac)).unwrap_or_else(|| {
                numbers.push((part.dc, part.ac));
                numbers.len() - 1
            });
            let blocks = scan.factors(frame, part).iter().product();
            unit.extend(std::iter::repeat_n(pair, blocks));
        }
        let mut pairs = Vec::with_capacity(4);
        for (dc, ac) in numbers {
            pairs.push((tables.code(Class::Dc, dc)?, tables.code(Class::Ac, ac)?));
        }
        self.codes.set(&pairs);
        self.blocks.0.fill([0; 64]);
        for (i, follow) in self.follow.iter_mut().enumerate() {
            *follow = Follow::new(unit[i % unit.len()], Some(unit[(i + 1) % unit.len()]));
        }
        Ok(unit)
    }
}
