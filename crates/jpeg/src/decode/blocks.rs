//! The loop that turns bits into blocks of coefficients, two symbols a look-up.
//!
//! There is no branch per symbol or per block. Ends of blocks are data: the next table comes from one
//! word per block by a shift, the place in the block by a conditional move. An address is selected
//! before its load, never one of two loads. Whatever is rare leaves the inner loop: codes longer than
//! the tables look at, long values, the last coefficient of a block, the last block.
//!
//! First coefficients come as differences; the caller adds them up.

use std::hint::select_unpredictable;

use super::NATURAL;
use super::bits::Bits;
use super::codes::{Codes, Follow, LOOK, STOP, ends, extend};
use crate::cpu::Work;
use crate::error::Error;

/// One block's coefficients.
pub(crate) type Block = [i16; 64];

/// A block where vectors are loaded from within one line of the cache each.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Aligned(pub(crate) Block);

/// Reads blocks, which must be zero, until one that nothing follows. `ROWS`: coefficients come row by
/// row, otherwise in the order in which they are written.
pub(crate) struct Blocks<'a, const ROWS: bool> {
    pub(crate) bits: &'a mut Bits,
    /// The window; behind the segment's end come zeros.
    pub(crate) plain: &'a [u8],
    pub(crate) codes: &'a Codes,
    pub(crate) blocks: &'a mut [Aligned],
    /// One for each block.
    pub(crate) follow: &'a [Follow],
    /// Where the table of the first block's first coefficient begins.
    pub(crate) start: u32,
}

const CODE: Error = Error::Corrupt("bits that are no code");
const PLACE: Error = Error::Corrupt("a coefficient behind the last");
/// Cannot happen: sizes were made to fit.
const ROOM: Error = Error::Corrupt("more blocks than there are");

impl<const ROWS: bool> Work for Blocks<'_, ROWS> {
    type Output = Result<(), Error>;

    #[inline(always)]
    fn run(self) -> Result<(), Error> {
        let Self { bits, plain, codes, blocks, follow, start } = self;
        let n = blocks.len().min(follow.len());
        let (blocks, follow, entries) = (&mut blocks[..n], &follow[..n], &codes.entries[..]);
        let Bits { mut word, mut known, mut at } = *bits;
        let (mut table, mut b, mut k) = (start, 0, 0);
        // What is behind the window is behind the scan's end, which the caller looks for.
        macro_rules! refill {
            ($else:expr) => {
                let Some(next) = plain.get(at..).and_then(|w| w.first_chunk::<8>()) else { $else };
                word |= u64::from_be_bytes(*next) >> (known & 63);
                at += ((!known >> 3) & 7) as usize;
                known |= 56;
            };
        }
        let place = |k: usize| if ROWS { usize::from(NATURAL[k & 63]) } else { k & 63 };
        let outcome = loop {
            macro_rules! look {
                () => {
                    let Some(entry) = entries.get(table as usize + (word >> (64 - LOOK)) as usize) else { break };
                    let behind = k + usize::from(entry.behind);
                    if behind >= 64 {
                        break;
                    }
                    let (Some(block), Some(follow)) = (blocks.get_mut(b), follow.get(b)) else { break };
                    // Of the bits taken the last, where some are missing.
                    let rest = (word >> (0_u32.wrapping_sub(u32::from(entry.total)) & 63)) as u8 & entry.missing;
                    // The second first: where there is none, it is a zero in the first one's place.
                    block.0[place(behind.wrapping_sub(1))] = i16::from(entry.second);
                    block.0[place(k + usize::from(entry.first))] = entry.base.wrapping_add(i16::from(rest));
                    word <<= entry.total & 63;
                    known = known.wrapping_sub(u32::from(entry.total));
                    table = (follow.0 >> (entry.end & 63)) as u32;
                    k = select_unpredictable(entry.end != 0, 0, behind);
                    b += usize::from(entry.end >> 5);
                };
            }
            #[expect(clippy::while_let_loop, reason = "looks of three per refill are what the loop is about")]
            loop {
                refill!(break);
                look!();
                look!();
                look!();
            }
            let number = (table >> LOOK) as usize;
            if number == STOP {
                break Ok(());
            }
            // One symbol the careful way.
            refill!(break Err(Error::Truncated));
            let (Some(block), Some(follow)) = (blocks.get_mut(b), follow.get(b)) else { break Err(ROOM) };
            let Some((length, symbol)) = codes.symbol(number, (word >> 48) as u32) else { break Err(CODE) };
            let is_dc = number % 2 == 1;
            let (run, size) = if is_dc { (0, symbol) } else { (usize::from(symbol >> 4), symbol & 15) };
            let size = u32::from(size);
            let value = extend(((word << length) >> 1 >> (63 - size)) as i32, size);
            word <<= length + size;
            known = known.wrapping_sub(length + size);
            let mut is_end = !is_dc && ends(symbol);
            if !is_end {
                if k + run > 63 {
                    break Err(PLACE);
                }
                block.0[place(k + run)] = value as i16;
                k += run + 1;
                is_end = k == 64;
            }
            table = (follow.0 >> if is_end { 32 } else { 0 }) as u32;
            if is_end {
                (k, b) = (0, b + 1);
            }
        };
        // Above its six bits `known` may carry rubbish.
        *bits = Bits { word, known: known & 63, at };
        outcome
    }
}
