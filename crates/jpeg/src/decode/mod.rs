//! The decoder of well-formed files, to planes at full or half size.
//!
//! libjpeg-turbo looks at a file bit by bit as if it could end anywhere, and decodes what is damaged
//! as well as it can. Nearly all files are well formed: this decoder reads only those, sequential with
//! Huffman codes in one scan, or progressive with every bit there, one or three components of eight
//! bits. At anything else it gives up, without a word, for another decoder to try. What it does
//! decode is to the bit what libjpeg-turbo gives, which the tests hold it to; it is
//! faster because a whole coefficient is one look-up, stuffed bytes are taken out before, two blocks
//! share a transform, and in progressive files nobody looks at coefficients that are zero.

mod bits;
mod coefficients;
mod frame;
mod huffman;
pub(crate) mod idct;
mod output;
mod progressive;
mod sequential;
#[cfg(test)]
mod tests;

use std::array;

use bits::Reader;
pub use coefficients::BLOCK_BYTES;
use coefficients::Coefficients;
use frame::{Frame, Scan, Tables};
use progressive::{Progressive, Transform};
use sequential::Sequential;

use crate::cpu::Cpu;
use crate::plane::{Buffers, Plane, Scale};

/// Coefficients kept from one picture to the next, in bytes: those of 16 megapixels.
const KEPT: usize = 52 << 20;

/// Decodes well-formed JPEGs to planes, to the bit as libjpeg-turbo does. It keeps its buffers from
/// picture to picture, and nothing of one picture reaches the next.
#[derive(Debug)]
pub struct Decoder {
    cpu: Cpu,
    window: Vec<u8>,
    coefficients: [Coefficients; 3],
}

/// Place in a block, row by row, of the coefficients in the order in which they are written.
const NATURAL: [u8; 64] = [
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
        Self { cpu: Cpu::detect(), window: Vec::new(), coefficients: array::from_fn(|_| Coefficients::default()) }
    }

    #[cfg(test)]
    fn on(cpu: Cpu) -> Self {
        Self { cpu, ..Self::new() }
    }

    /// The planes of a well-formed file, luma or grey first: each as large as its share of the picture
    /// scaled by `scale`, rounded up. `None` for any other file, also for one of more than `max_scans`
    /// scans: then another decoder may try.
    ///
    /// Memory is asked for only when the header was read: the planes, and for progressive files
    /// [`BLOCK_BYTES`] for each block of 64 samples. Whoever does not trust the file's dimensions looks
    /// at them before.
    pub fn planes(
        &mut self,
        jpeg: &[u8],
        scale: Scale,
        max_scans: u32,
        buffers: &mut dyn Buffers,
    ) -> Option<Vec<Plane>> {
        let mut frame = None;
        let planes = self.decode(jpeg, scale, max_scans, buffers, &mut frame);
        if self.coefficients.iter().map(Coefficients::capacity).sum::<usize>() > KEPT {
            self.coefficients = array::from_fn(|_| Coefficients::default());
        }
        if planes.is_none() {
            let components = frame.into_iter().flat_map(|f: Frame| f.components);
            components.for_each(|c| buffers.give(c.plane.data));
        }
        planes
    }

    fn decode(
        &mut self,
        jpeg: &[u8],
        scale: Scale,
        max_scans: u32,
        buffers: &mut dyn Buffers,
        frame: &mut Option<Frame>,
    ) -> Option<Vec<Plane>> {
        let mut tables = Tables::default();
        let (mut at, mut scans) = (2, 0);
        loop {
            let [0xFF, marker] = *jpeg.get(at..)?.first_chunk::<2>()? else { return None };
            if marker == 0xD9 {
                break;
            }
            let length = usize::from(u16::from_be_bytes(*jpeg.get(at + 2..)?.first_chunk::<2>()?));
            let body = jpeg.get(at + 4..at.checked_add(2 + length)?)?;
            at += 2 + length;
            match marker {
                0xC0..=0xC2 if frame.is_none() => *frame = Some(Frame::read(body, marker == 0xC2, scale, buffers)?),
                0xC4 => tables.read_codes(body)?,
                0xDB => tables.read_quantizers(body)?,
                0xDD => tables.restart = usize::from(u16::from_be_bytes(*body.first_chunk::<2>()?)),
                0xDA => {
                    let frame = frame.as_mut()?;
                    scans += 1;
                    if scans > max_scans || (scans > 1 && !frame.progressive) {
                        return None;
                    }
                    if frame.progressive && scans == 1 {
                        for (c, coefficients) in frame.components.iter().zip(&mut self.coefficients) {
                            coefficients.reset(c.grid.stride * c.grid.rows);
                        }
                    }
                    let scan = Scan::read(body, frame)?;
                    for (index, ..) in &scan.parts {
                        let component = &mut frame.components[*index];
                        if component.steps.is_none() {
                            component.steps = tables.quantizers[component.quantizer];
                        }
                    }
                    let mut reader = Reader::new(jpeg, at, std::mem::take(&mut self.window));
                    let end = if frame.progressive {
                        let all = &mut self.coefficients;
                        self.cpu.run(Progressive { reader: &mut reader, frame, scan: &scan, tables: &tables, all })
                    } else {
                        Sequential { reader: &mut reader, frame, scan: &scan, tables: &tables, scale }.run(self.cpu)
                    };
                    self.window = reader.into_window();
                    at = end?;
                }
                0xE0..=0xEF | 0xFE => {}
                _ => return None,
            }
        }
        let frame = frame.as_mut()?;
        if scans == 0 {
            return None;
        }
        if frame.progressive {
            for (component, coefficients) in frame.components.iter_mut().zip(&mut self.coefficients) {
                if !coefficients.is_complete() {
                    return None;
                }
                let steps = component.steps?;
                self.cpu.run(Transform { cpu: self.cpu, scale, steps, component, coefficients });
            }
        }
        Some(std::mem::take(&mut frame.components).into_iter().map(|c| c.plane).collect())
    }
}
