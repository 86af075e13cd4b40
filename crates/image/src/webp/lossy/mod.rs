//! A walk over the coded data of a lossy WebP (RFC 6386): all decisions are read, no picture is made of them.
//!
//! Nothing in such a file says whether it is whole: every sequence of bits is some picture. But whoever reads a wrong
//! bit reads wrong ones from there on, and comes to the end of the last macroblock anywhere but at the end of the data;
//! and there an encoder leaves its range in a way that chance does not. So each partition is held to its end.
//!
//! | room | what it knows |
//! |---|---|
//! | `bools` | decisions out of bytes, and where they end |
//! | `header` | what stands before the macroblocks |
//! | `blocks` | modes and coefficients of macroblocks |
//! | `tables` | the standard's chances |

mod blocks;
mod bools;
mod header;
mod tables;

use blocks::{Column, Row};
use bools::Bools;
use header::Header;

use crate::cpu::{Cpu, Work};
use crate::ending::Ending;

/// Reads all coded data of a `VP8 ` chunk whose first bytes were seen. Time is bounded by its length and the picture's
/// size, memory by 13 bytes for each of its 16 columns.
pub(super) fn walk(data: &[u8]) -> Ending {
    walk_on(Cpu::detect(), data)
}

fn walk_on(cpu: Cpu, data: &[u8]) -> Ending {
    let Some((header, modes, partitions)) = Header::read(data) else { return Ending::Beyond };
    cpu.run(Walk { header, modes, partitions })
}

/// What is read behind the header.
struct Walk<'a> {
    header: Header,
    modes: Bools<'a>,
    partitions: Vec<Bools<'a>>,
}

impl Work for Walk<'_> {
    type Output = Ending;

    #[inline(always)]
    fn run(self) -> Ending {
        let Self { header, mut modes, mut partitions } = self;
        let mut columns = vec![Column::default(); header.columns];
        for y in 0..header.rows {
            let index = y % partitions.len();
            // What nobody else can see stays in registers.
            let mut tokens = partitions[index].clone();
            let mut row = Row::default();
            for column in &mut columns {
                row.macroblock(&header, &mut modes, &mut tokens, column);
            }
            // Behind the end there are but zeros to read.
            if modes.is_beyond() || tokens.is_beyond() {
                return Ending::Beyond;
            }
            partitions[index] = tokens;
        }
        partitions.iter().map(Bools::ending).fold(modes.ending(), Ending::max)
    }
}

#[cfg(test)]
mod tests;
