//! The decoder of lossy WebP: key frames of VP8 (RFC 6386), to the sample what libwebp makes of them.
//!
//! Nothing in such a file says whether it is whole: every sequence of bits is some picture. But whoever reads a wrong
//! bit reads wrong ones from there on, and comes to the end of the last macroblock anywhere but at the end of the data;
//! and there an encoder leaves its range in a way that chance does not. So each partition is held to its end, by the same
//! pass that makes the picture.
//!
//! A macroblock is predicted from those above and before, and what was coded is added. When a row of macroblocks is made,
//! the edges of its blocks are smoothed; the next row is predicted from what was there before.
//!
//! | room | what it knows |
//! |---|---|
//! | `bools` | decisions out of bytes, and where they end |
//! | `header` | what stands before the macroblocks; `segments`, `quantizer` and `strength` what it says of steps and filters |
//! | `layout` | where coefficients and their chances lie |
//! | `modes` | how a macroblock is predicted |
//! | `residue` | its coefficients |
//! | `area`, `predict`, `transform`, `smooth` | samples, in plain code |
//! | `kernels`, `arch` | samples, in vectors where there are some |
//! | `picture` | rows of macroblocks |
//! | `tables` | the standard's chances |

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector loads, stores and the dispatch to AVX2; see the module's head")]
mod arch;
mod area;
mod bools;
mod header;
mod kernels;
mod layout;
mod modes;
mod picture;
mod predict;
mod quantizer;
mod residue;
mod segments;
mod smooth;
mod strength;
mod tables;
mod transform;

use bools::Bools;
use header::Header;
use picture::{Make, Reader, Walk};

use crate::cpu::Cpu;
use crate::ending::Ending;
use crate::planes::Plane;
use crate::pool::Pool;

/// Reads all coded data of a `VP8 ` chunk whose first bytes were seen. Time is bounded by its length and the picture's
/// size, memory by 60 bytes for each of its 16 columns.
pub(super) fn walk(data: &[u8]) -> Ending {
    walk_on(Cpu::detect(), data)
}

fn walk_on(cpu: Cpu, data: &[u8]) -> Ending {
    let Some(read) = Header::read(data) else { return Ending::Beyond };
    cpu.run(Walk(Reader::new(read)))
}

/// Decodes a `VP8 ` chunk whose first bytes were seen into planes of [`room`] for the same picture. Where the data end before
/// the picture does ([`Ending::Beyond`]), some samples may be anything.
pub(super) fn decode(data: &[u8], planes: &mut [Plane; 3]) -> Ending {
    decode_on(Cpu::detect(), data, planes)
}

fn decode_on(cpu: Cpu, data: &[u8], planes: &mut [Plane; 3]) -> Ending {
    let Some(read) = Header::read(data) else { return Ending::Beyond };
    if !read.0.fits(planes) {
        return Ending::Beyond;
    }
    cpu.run(Make { cpu, reader: Reader::new(read), planes })
}

/// Whether another decoder may be held against this one: see [`Bools::is_coded`].
pub(super) fn is_coded(data: &[u8]) -> bool {
    let is_headed = data.get(10..).is_some_and(|first| Bools::new(first).is_coded());
    is_headed && Header::read(data).is_none_or(|(.., partitions)| partitions.iter().all(Bools::is_coded))
}

/// Planes of a picture, luma and chroma halved both ways, with room for whole macroblocks.
pub(super) fn room(width: usize, height: usize, pool: &mut Pool) -> [Plane; 3] {
    let mut plane = |side: usize| {
        let step = 16 / side;
        let stride = width.div_ceil(16) * side;
        let data = pool.take(stride * height.div_ceil(16) * side);
        Plane { data, width: width.div_ceil(step), height: height.div_ceil(step), stride }
    };
    [plane(16), plane(8), plane(8)]
}

#[cfg(test)]
mod tests;
