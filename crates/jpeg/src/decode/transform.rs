//! From blocks to planes: four neighbouring blocks at a time, whose first coefficients are added up
//! on the way.

use super::bits::{Bits, Reader};
use super::blocks::Block;
use super::extremes::Extremes;
use super::frame::{Frame, MOST_BLOCKS, Scan};
use super::sequential::{CHUNK, Chunk, Sequential, Sink};
use super::tables::{Steps, Tables};
use crate::cpu::{Cpu, Work};
use crate::error::Error;
use crate::plane::{Plane, Scale};

/// Four neighbouring blocks without their first coefficients, which come beside them: written into the
/// blocks just before they are loaded as vectors, they would hold the loads up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Four<'a> {
    /// Row by row, for [`Cpu::Avx512`] as written.
    pub(crate) blocks: [&'a Block; 4],
    pub(crate) first: [i16; 4],
}

/// Nothing, where there are fewer than four blocks.
pub(crate) static ZERO: Block = [0; 64];

impl Cpu {
    /// Whether [`Four`] comes row by row.
    pub(crate) const fn takes_rows(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => false,
            _ => true,
        }
    }
}

/// The planes of a sequential scan's components, as far as somebody wants them.
pub(crate) struct Planes<'p> {
    cpu: Cpu,
    scale: Scale,
    parts: Vec<Target<'p>>,
    /// Blocks of one unit.
    unit: usize,
}

struct Target<'p> {
    /// Where the samples go, if anywhere.
    plane: Option<&'p mut Plane>,
    steps: Steps,
    /// Blocks per unit.
    factors: [usize; 2],
    /// Blocks of the unit's parts before this one.
    offset: usize,
    /// By row of the unit's blocks: where in the chunk each block of that row stands.
    order: [[u8; CHUNK * 4]; 4],
    /// The first coefficient of the block before.
    previous: i16,
    extremes: Extremes,
}

/// Blocks in a chunk, at the most.
const MOST: usize = CHUNK * MOST_BLOCKS;

impl<'p> Planes<'p> {
    pub(crate) fn new(cpu: Cpu, scale: Scale, frame: &Frame, scan: &Scan, planes: &'p mut [Plane]) -> Self {
        let mut parts = Vec::with_capacity(4);
        let mut planes: Vec<Option<&mut Plane>> = planes.iter_mut().map(Some).collect();
        let mut offset = 0;
        for part in &scan.parts {
            let factors = scan.factors(frame, part);
            let steps = frame.components[part.component].steps.unwrap_or([1; 64]);
            // Whoever wants luma alone has no planes for the others.
            let plane = planes.get_mut(part.component).and_then(Option::take);
            let order = [[0; CHUNK * 4]; 4];
            parts.push(Target { plane, steps, factors, offset, order, previous: 0, extremes: Extremes::default() });
            offset += factors[0] * factors[1];
        }
        for part in &mut parts {
            let [across, down] = part.factors;
            for (y, row) in part.order.iter_mut().enumerate().take(down) {
                for (x, at) in row.iter_mut().enumerate().take(CHUNK * across) {
                    *at = ((x / across) * offset + part.offset + y * across + x % across) as u8;
                }
            }
        }
        Self { cpu, scale, parts, unit: offset }
    }

    /// Reads the scan and judges what came. Where reading stands behind its last unit.
    pub(crate) fn read(
        mut self,
        sequential: &mut Sequential,
        reader: &mut Reader<'_>,
        frame: &Frame,
        scan: &Scan,
        tables: &Tables,
    ) -> Result<Bits, Error> {
        let (cpu, is_wanted) = (self.cpu, self.parts.iter().any(|part| part.plane.is_some()));
        let bits = if cpu.takes_rows() && is_wanted {
            sequential.run::<true, _>(cpu, reader, frame, scan, tables, &mut self)?
        } else {
            sequential.run::<false, _>(cpu, reader, frame, scan, tables, &mut self)?
        };
        for part in &self.parts {
            part.extremes.judge(i32::from(part.steps[0]))?;
        }
        Ok(bits)
    }
}

impl<const ROWS: bool> Sink<ROWS> for Planes<'_> {
    fn take(&mut self, chunk: Chunk<'_>) {
        self.cpu.run(Take(self, chunk));
    }
}

/// Transforms a chunk and clears it.
struct Take<'a, 'p>(&'a mut Planes<'p>, Chunk<'a>);

impl Work for Take<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self(planes, Chunk { blocks, units, place, restarted }) = self;
        let (cpu, scale, unit) = (planes.cpu, planes.scale, planes.unit);
        let n = scale.samples();
        for part in &mut planes.parts {
            let [across, down] = part.factors;
            let mut first = [0_i16; MOST];
            let mut sum = if restarted { 0 } else { part.previous };
            let (mut least, mut most) = (0, 0);
            for unit in blocks.chunks_exact(unit).zip(first.chunks_exact_mut(unit)).take(units) {
                let range = part.offset..part.offset + across * down;
                for (block, first) in unit.0[range.clone()].iter().zip(&mut unit.1[range]) {
                    sum = sum.wrapping_add(block[0]);
                    *first = sum;
                    (least, most) = (least.min(sum), most.max(sum));
                }
            }
            part.previous = sum;
            part.extremes.note(i32::from(least));
            part.extremes.note(i32::from(most));
            let Some(plane) = &mut part.plane else { continue };
            let stride = plane.stride;
            let (groups, rest) = (units * across / 4, units * across % 4);
            for (y, order) in part.order.iter().enumerate().take(down) {
                let (order, start) = (order.as_chunks::<4>().0, (place[1] * down + y) * n * stride);
                let out = &mut plane.data[start + place[0] * across * n..];
                for (i, at) in order.iter().enumerate().take(groups) {
                    let four = Four {
                        blocks: at.map(|at| &blocks[usize::from(at)]),
                        first: at.map(|at| first[usize::from(at)]),
                    };
                    cpu.transform(scale, &four, &part.steps, &mut out[i * 4 * n..], stride);
                }
                if rest > 0 {
                    let mut four = Four { blocks: [&ZERO; 4], first: [0; 4] };
                    for (i, at) in order[groups].iter().enumerate().take(rest) {
                        (four.blocks[i], four.first[i]) = (&blocks[usize::from(*at)], first[usize::from(*at)]);
                    }
                    cpu.transform(scale, &four, &part.steps, &mut out[groups * 4 * n..], stride);
                }
            }
        }
        blocks.fill([0; 64]);
    }
}
