//! From blocks to planes: four neighbouring blocks at a time, whose first coefficients are added up
//! on the way.

use super::blocks::Block;
use super::frame::{Frame, Scan};
use super::idct;
use super::sequential::{Chunk, Sink};
use super::tables::Steps;
use crate::cpu::Cpu;
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

    /// Transforms four blocks to samples side by side, the first of which is that of `out`.
    #[inline(always)]
    pub(crate) fn transform(self, scale: Scale, four: &Four<'_>, steps: &Steps, out: &mut [u8], stride: usize) {
        match self {
            Self::Scalar => idct::transform(scale, four, steps, out, stride),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(proof) => crate::arch::avx2::transform(proof, scale, four, steps, out, stride),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(proof) => crate::arch::avx512::transform(proof, scale, four, steps, out, stride),
        }
    }
}

/// The planes of a sequential scan's components.
pub(crate) struct Planes<'p> {
    cpu: Cpu,
    scale: Scale,
    parts: Vec<Target<'p>>,
    /// Blocks of one unit.
    unit: usize,
}

struct Target<'p> {
    plane: &'p mut Plane,
    steps: Steps,
    /// Blocks per unit.
    factors: [usize; 2],
    /// Blocks of the unit's parts before this one.
    offset: usize,
    /// The first coefficient of the block before.
    previous: i16,
}

/// Blocks in a chunk, at the most.
const MOST: usize = 128;

impl<'p> Planes<'p> {
    pub(crate) fn new(cpu: Cpu, scale: Scale, frame: &Frame, scan: &Scan, planes: &'p mut [Plane]) -> Self {
        let mut parts = Vec::with_capacity(4);
        let mut offset = 0;
        for (i, plane) in planes.iter_mut().enumerate() {
            let Some(part) = scan.parts.iter().find(|p| p.component == i) else { continue };
            let factors = scan.factors(frame, part);
            let steps = frame.components[i].steps.unwrap_or([1; 64]);
            parts.push(Target { plane, steps, factors, offset, previous: 0 });
            offset += factors[0] * factors[1];
        }
        Self { cpu, scale, parts, unit: offset }
    }

    #[inline(always)]
    fn run(&mut self, chunk: Chunk<'_>) {
        let Chunk { blocks, units, place, restarted } = chunk;
        let n = self.scale.samples();
        for part in &mut self.parts {
            let [across, down] = part.factors;
            let mut first = [0_i16; MOST];
            let mut sum = if restarted { 0 } else { part.previous };
            // Where block `(x, y)` of the chunk stands.
            let at = |x: usize, y: usize| (x / across) * self.unit + part.offset + y * across + x % across;
            for unit in 0..units {
                for block in unit * self.unit + part.offset..unit * self.unit + part.offset + across * down {
                    sum = sum.wrapping_add(blocks[block][0]);
                    first[block % MOST] = sum;
                }
            }
            part.previous = sum;
            let stride = part.plane.stride;
            let width = units * across;
            for y in 0..down {
                let row = (place[1] * down + y) * n * stride + place[0] * across * n;
                for x in (0..width).step_by(4) {
                    let four =
                        std::array::from_fn::<_, 4, _>(|i| if x + i < width { at(x + i, y) } else { usize::MAX });
                    let four = Four {
                        blocks: four.map(|at| blocks.get(at).unwrap_or(&ZERO)),
                        first: four.map(|at| if at < MOST { first[at] } else { 0 }),
                    };
                    self.cpu.transform(self.scale, &four, &part.steps, &mut part.plane.data[row + x * n..], stride);
                }
            }
        }
        blocks.fill([0; 64]);
    }
}

impl<const ROWS: bool> Sink<ROWS> for Planes<'_> {
    fn take(&mut self, chunk: Chunk<'_>) {
        self.run(chunk);
    }
}
