//! The decoder of well-formed files, to planes at full size, 5/8 or half.
//!
//! libjpeg-turbo looks at a file bit by bit as if it could end anywhere, and decodes what is damaged
//! as well as it can. Nearly all files are well formed, and this decoder reads only those. At anything
//! else it gives up and says why, for another decoder to try. What it does decode is to the bit what
//! libjpeg-turbo gives, which the tests hold it to. It is faster because two symbols with their values
//! are one look-up, no branch depends on where a block ends, stuffed bytes are taken out before, four
//! blocks share a transform, and in progressive files nobody looks at coefficients that are zero.

mod bits;
pub(crate) mod blocks;
mod codes;
mod coefficients;
mod extremes;
mod file;
mod frame;
mod huffman;
pub(crate) mod idct;
mod progressive;
mod segments;
mod sequential;
pub(crate) mod tables;
#[cfg(test)]
mod tests;
pub(crate) mod transform;
mod verify;

use std::array;

use bits::{Reader, Window};
pub use coefficients::BLOCK_BYTES;
use coefficients::Coefficients;
pub use file::Limits;
use file::{File, Next};
use frame::{Frame, Scan};
use progressive::{Progressive, Transform};
use sequential::Sequential;
use transform::Planes;
pub use verify::{Piece, Verdict};

use crate::cpu::{Cpu, Plain};
use crate::error::Error;
use crate::plane::{Buffers, Plane, Scale};

/// Coefficients kept from one picture to the next, in bytes: those of 16 megapixels.
const KEPT: usize = 52 << 20;

/// Decodes well-formed JPEGs to planes, to the bit as libjpeg-turbo does. It keeps its buffers from
/// picture to picture, and nothing of one picture reaches the next.
#[derive(Debug)]
pub struct Decoder {
    cpu: Cpu,
    window: Window,
    sequential: Sequential,
    coefficients: [Coefficients; 4],
}

/// Place in a block, row by row, of the coefficients in the order in which they are written.
pub(crate) const NATURAL: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder with the fastest kernels that this CPU runs.
    #[must_use]
    pub fn new() -> Self {
        Self::on(Cpu::detect())
    }

    pub(crate) fn on(cpu: Cpu) -> Self {
        Self {
            cpu,
            window: Window::default(),
            sequential: Sequential::default(),
            coefficients: array::from_fn(|_| Coefficients::default()),
        }
    }

    /// The planes of a well-formed file, luma or grey first, each as large as its share of the picture
    /// scaled by `scale`, rounded up; or why not: then another decoder may try.
    ///
    /// Memory is asked for only when the header was read and is within `limits`: the planes, and for
    /// progressive files [`BLOCK_BYTES`] for each block of 64 samples.
    pub fn planes(
        &mut self,
        jpeg: &[u8],
        scale: Scale,
        limits: Limits,
        buffers: &mut dyn Buffers,
    ) -> Result<Vec<Plane>, Error> {
        let mut planes = Vec::new();
        let outcome = self.decode(jpeg, scale, limits, buffers, &mut planes);
        self.trim();
        if let Err(error) = outcome {
            planes.into_iter().for_each(|p: Plane| buffers.give(p.data));
            return Err(error);
        }
        Ok(planes)
    }

    fn decode(
        &mut self,
        jpeg: &[u8],
        scale: Scale,
        limits: Limits,
        buffers: &mut dyn Buffers,
        planes: &mut Vec<Plane>,
    ) -> Result<(), Error> {
        let mut file = File::new(jpeg, limits)?;
        loop {
            let (_, stray, next) = file.next()?;
            if stray > 0 {
                return Err(Error::Corrupt("stray bytes"));
            }
            let scan = match next {
                Next::Said => continue,
                Next::End => break,
                Next::Scan(scan) => scan,
            };
            let start = file.at;
            let mut outcome = self.scan(&mut file, &scan, scale, buffers, planes);
            // The true number of lines may stand behind the first scan.
            if outcome.is_err() && file.use_lines_behind(start) {
                planes.drain(..).for_each(|p| buffers.give(p.data));
                file.at = start;
                outcome = self.scan(&mut file, &scan, scale, buffers, planes);
            }
            outcome?;
        }
        file.completeness()?;
        let frame = file.frame.as_ref().ok_or(Error::Incomplete("no picture at all"))?;
        if frame.progressive {
            for ((component, plane), coefficients) in frame.components.iter().zip(planes).zip(&self.coefficients) {
                let steps = component.steps.ok_or(Error::Corrupt("a quantizer that the file lacks"))?;
                let (cpu, grid) = (self.cpu, component.grid);
                cpu.run(Transform { cpu, scale, steps, grid, plane, coefficients });
            }
        }
        Ok(())
    }

    /// Decodes one scan, before the first of which planes and coefficients are laid out.
    fn scan(
        &mut self,
        file: &mut File<'_>,
        scan: &Scan,
        scale: Scale,
        buffers: &mut dyn Buffers,
        planes: &mut Vec<Plane>,
    ) -> Result<(), Error> {
        let frame = file.frame.as_ref().ok_or(Error::Corrupt("a scan before the frame"))?;
        if planes.is_empty() {
            check_sampling(frame)?;
            planes.extend(lay_out(frame, scale, buffers));
            self.reset(frame, true);
        }
        let mut reader = Reader::new(file.data, file.at, &mut self.window);
        let bits = if frame.progressive {
            let all = &mut self.coefficients;
            let deposit = Plain;
            Progressive::<true, _> { deposit, reader: &mut reader, frame, scan, tables: &file.tables, all }
                .run_on(self.cpu)?
        } else {
            let sink = Planes::new(self.cpu, scale, frame, scan, planes);
            sink.read(&mut self.sequential, &mut reader, frame, scan, &file.tables)?
        };
        let (end, ends) = reader.end_of_scan(&bits);
        file.at = end;
        if ends.odd == 0 { Ok(()) } else { Err(Error::Corrupt("bits behind the last unit")) }
    }

    /// Clears the coefficients of a progressive picture.
    fn reset(&mut self, frame: &Frame, with_values: bool) {
        if frame.progressive {
            for (component, coefficients) in frame.components.iter().zip(&mut self.coefficients) {
                coefficients.reset(component.grid.stride * component.grid.rows, with_values);
            }
        }
    }

    /// Lets go of what an unusually large picture took.
    fn trim(&mut self) {
        if self.coefficients.iter().map(Coefficients::capacity).sum::<usize>() > KEPT {
            self.coefficients = array::from_fn(|_| Coefficients::default());
        }
    }
}

/// Whether components are laid out as callers expect: one, or luma with two of chroma, one of whose
/// samples covers a whole number of luma's each way.
fn check_sampling(frame: &Frame) -> Result<(), Error> {
    let sound = match &frame.components[..] {
        [_] => true,
        [y, cb, cr] => {
            y.factors == frame.largest
                && cb.factors == cr.factors
                && [0, 1].iter().all(|&axis| y.factors[axis] % cb.factors[axis] == 0)
        }
        _ => false,
    };
    if sound { Ok(()) } else { Err(Error::Unsupported("components of unusual number or size")) }
}

/// Samples that are written behind a row of blocks, where a vector is longer than it.
const OVERHANG: usize = 16;

fn lay_out(frame: &Frame, scale: Scale, buffers: &mut dyn Buffers) -> Vec<Plane> {
    frame.components.iter().map(|component| plane(frame, component, scale, buffers)).collect()
}

/// Room for one component.
fn plane(frame: &Frame, component: &frame::Component, scale: Scale, buffers: &mut dyn Buffers) -> Plane {
    let n = scale.samples();
    // Four blocks are written at once, of which three may be beyond the last unit.
    let stride = (frame.units[0] * component.factors[0] + 3) * n + OVERHANG;
    let rows = component.grid.rows * n;
    Plane {
        data: buffers.take(stride * rows),
        width: scale.of(frame.width).div_ceil(frame.largest[0] / component.factors[0]),
        height: scale.of(frame.height).div_ceil(frame.largest[1] / component.factors[1]),
        stride,
    }
}
