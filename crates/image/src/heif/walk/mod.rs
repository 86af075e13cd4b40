//! A walk over the coded data of an HEVC picture (ITU-T H.265): all bins are read, no picture is made of them.
//!
//! Nothing in such data says whether they are whole, and decoders do not mind: any bits are some picture. But behind
//! each block of a picture stands whether its slice ends there, behind each row that is coded apart that it does, and
//! behind every end a one and zeros. Whoever reads a wrong bit reads wrong ones from there on, and does not come to all
//! these ends where they are.
//!
//! | room | what it knows |
//! |---|---|
//! | `headers` | parameter sets and slice headers |
//! | `cabac`, `contexts` | bins out of bytes, and the standard's tables |
//! | `tree` | coding and transform trees |
//! | `residual`, `scans` | coefficients, and in which order they come |

mod cabac;
mod contexts;
mod headers;
mod residual;
mod scans;
mod tree;

use cabac::{Cabac, Contexts};
use headers::{Pps, Slice};
use tree::{Beside, Tree};

use super::hvcc::{Config, kind_and_layer, nal};
use super::sps::{Bits, Sps, Tools, unescape};
use crate::cpu::Cpu;
use crate::ending::Ending;

/// Reads all coded data of one picture. `None` where it uses what this walk does not know: what no encoder at hand makes
/// is left out, since nothing would try it (tiles, dependent slices, samples as they are, the extensions). Time is bounded by the
/// data's length and the picture's size, memory by the data's length and the picture's number of blocks.
pub(super) fn ending(config: &Config<'_>, units: &[&[u8]]) -> Option<Ending> {
    ending_on(Cpu::detect(), config, units)
}

fn ending_on(cpu: Cpu, config: &Config<'_>, units: &[&[u8]]) -> Option<Ending> {
    let (mut all_sps, mut all_pps) = (Vec::<Sps>::new(), Vec::<Pps>::new());
    for unit in config.parameter_sets.iter().chain(units) {
        // The last of a number counts.
        match kind_and_layer(unit) {
            Some((nal::SPS, 0)) => all_sps.insert(0, Sps::read(unit).ok()?),
            Some((nal::PPS, 0)) => all_pps.insert(0, Pps::read(&mut Bits::new(&unescape(&unit[2..])))?),
            _ => {}
        }
    }
    let find = |id| {
        let pps = all_pps.iter().find(|pps| pps.id == id)?;
        let sps = all_sps.iter().find(|sps| sps.id == pps.sps)?;
        Some((sps, sps.tools.as_ref()?, pps))
    };
    let mut picture: Option<Picture<'_>> = None;
    for unit in units {
        let Some((kind, 0)) = kind_and_layer(unit).filter(|(kind, _)| *kind < nal::FIRST_NON_VCL) else { continue };
        let data = unescape(&unit[2..]);
        let mut bits = Bits::new(&data);
        let (slice, sets) = Slice::read(&mut bits, kind, find)?;
        let picture = match &mut picture {
            Some(picture) if !slice.is_first => picture,
            _ => picture.insert(Picture::new(cpu, sets)),
        };
        let ending = picture.slice(&slice, &data[bits.position() / 8..]);
        if ending != Ending::Exact {
            return Some(ending);
        }
    }
    let picture = picture?;
    Some(if picture.at == picture.slice.len() { Ending::Exact } else { Ending::Beyond })
}

/// A picture of which slices are read one after the other.
struct Picture<'p> {
    tree: Tree<'p>,
    rows_in_step: bool,
    columns: usize,
    /// The slice that each block was in, by where that began.
    slice: Vec<u32>,
    /// Where the next slice must begin.
    at: usize,
    /// What was learned behind the second block of the row above.
    learned: Option<Contexts>,
}

impl<'p> Picture<'p> {
    fn new(cpu: Cpu, (sps, tools, pps): (&'p Sps, &'p Tools, &'p Pps)) -> Self {
        let blocks = |side: u32| side.div_ceil(1 << tools.block) as usize;
        let (columns, rows) = (blocks(sps.coded_width), blocks(sps.coded_height));
        Self {
            tree: Tree::new(cpu, sps, tools, pps),
            rows_in_step: pps.rows_in_step,
            columns,
            slice: vec![u32::MAX; columns * rows],
            at: 0,
            learned: None,
        }
    }

    /// Reads a slice, which must begin where the one before it ended.
    fn slice(&mut self, slice: &Slice, data: &[u8]) -> Ending {
        if self.at != slice.address as usize || self.at >= self.slice.len() {
            return Ending::Amiss;
        }
        let mut cabac = Cabac::new(data);
        let mut contexts = Contexts::new(slice.quantizer);
        loop {
            let (x, y) = (self.at % self.columns, self.at / self.columns);
            self.slice[self.at] = slice.address;
            let is_known = |at: Option<usize>| at.is_some_and(|at| self.slice[at] == slice.address);
            let beside = Beside {
                left: is_known(self.at.checked_sub(1).filter(|_| x > 0)),
                above: is_known(self.at.checked_sub(self.columns)),
            };
            if self.rows_in_step && x == 0 {
                // What the row above had learned, where the block above and to the right is of this slice.
                let above = self.at.checked_sub(self.columns - 1).filter(|_| self.columns > 1);
                let learned = self.learned.as_ref().filter(|_| is_known(above));
                contexts = learned.cloned().unwrap_or_else(|| Contexts::new(slice.quantizer));
            }
            if self.tree.block(slice, &mut cabac, &mut contexts, (x, y), beside).is_none() {
                return Ending::Amiss;
            }
            if self.rows_in_step && x == 1 {
                self.learned = Some(contexts.clone());
            }
            let ends = cabac.ends();
            self.at += 1;
            // Behind the end there are but zeros to read.
            if cabac.is_beyond() {
                return Ending::Beyond;
            }
            if ends {
                break;
            }
            if self.at == self.slice.len() {
                return Ending::Amiss;
            }
            if self.rows_in_step && self.at.is_multiple_of(self.columns) {
                // The row is coded apart, and ends here.
                let rest = if cabac.ends() { cabac.rest() } else { None };
                let Some(rest) = rest else { return Ending::Amiss };
                cabac = Cabac::new(rest);
            }
        }
        match cabac.rest() {
            // Zeros may follow (§ 7.3.2.10).
            Some(rest) if rest.iter().all(|b| *b == 0) => Ending::Exact,
            _ => Ending::Amiss,
        }
    }
}

#[cfg(all(test, feature = "heif"))]
mod tests;
