//! The loop that turns bits into blocks of coefficients, two symbols a look-up.
//!
//! There is no branch per symbol or per block. Ends of blocks are data: the next table comes from one
//! word per block by a shift, the place of the next coefficient by setting its low bits. An address is
//! selected before its load, never one of two loads. Whatever is rare leaves the inner loop: codes longer than
//! the tables look at, long values, the last coefficient of a block, the last block.
//!
//! First coefficients come as differences; the caller adds them up.

use super::NATURAL;
use super::bits::Bits;
use super::codes::{Codes, Follow, LOOK, STOP, extend};
use super::tables::ends;
use crate::cpu::Work;
use crate::error::Error;

/// One block's coefficients.
pub(crate) type Block = [i16; 64];

/// Blocks of a chunk, at the most.
pub(crate) const ROOM: usize = 128;

/// Room for the blocks of a chunk, laid so that vectors are loaded from within one line of the cache.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Buffer(pub(crate) [Block; ROOM]);

/// Reads blocks, which must be zero, until one that nothing follows. `ROWS`: coefficients come row by
/// row, otherwise in the order in which they are written.
pub(crate) struct Blocks<'a, const ROWS: bool> {
    pub(crate) bits: &'a mut Bits,
    /// The window; behind the segment's end come zeros.
    pub(crate) plain: &'a [u8],
    pub(crate) codes: &'a Codes,
    pub(crate) blocks: &'a mut Buffer,
    /// One for each block.
    pub(crate) follow: &'a [Follow; ROOM],
    /// Where the table of the first block's first coefficient begins.
    pub(crate) start: u32,
}

const CODE: Error = Error::Corrupt("bits that are no code");
const PLACE: Error = Error::Corrupt("a coefficient behind the last");
/// Coefficients in a buffer.
const SIZE: usize = 64 * ROOM;

impl<const ROWS: bool> Work for Blocks<'_, ROWS> {
    type Output = Result<(), Error>;

    #[inline(always)]
    fn run(self) -> Result<(), Error> {
        let Self { bits, plain, codes, blocks, follow, start } = self;
        let entries = &codes.entries[..];
        let Ok(coefficients) = <&mut [i16; SIZE]>::try_from(blocks.0.as_flattened_mut()) else { return Err(CODE) };
        let Bits { mut word, mut known, mut at } = *bits;
        // Where the next coefficient stands in the buffer. It stays inside: behind the last block there is
        // no table but the one that stops.
        let (mut table, mut p) = (start, 0_usize);
        // What is behind the window is behind the scan's end, which the caller looks for.
        macro_rules! refill {
            ($else:expr) => {
                let Some(next) = plain.get(at..).and_then(|w| w.first_chunk::<8>()) else { $else };
                word |= u64::from_be_bytes(*next) >> (known & 63);
                at += ((!known >> 3) & 7) as usize;
                known |= 56;
            };
        }
        let place = |p: usize| {
            let p = p & (SIZE - 1);
            if ROWS { p & !63 | usize::from(NATURAL[p & 63]) } else { p }
        };
        let outcome = loop {
            macro_rules! look {
                () => {
                    let Some(entry) = entries.get(table as usize + (word >> (64 - LOOK)) as usize) else { break };
                    let behind = usize::from(entry.behind);
                    if (p & 63) + behind >= 64 {
                        break;
                    }
                    // Of the bits taken the last, where some are missing.
                    let rest = (word >> (0_u32.wrapping_sub(u32::from(entry.total)) & 63)) as u8 & entry.missing;
                    let last = (p + behind).wrapping_sub(1);
                    // The second first: where there is none, it is a zero in the first one's place.
                    coefficients[place(last)] = i16::from(entry.second);
                    coefficients[place(p + usize::from(entry.first))] = entry.base.wrapping_add(i16::from(rest));
                    word <<= entry.total & 63;
                    known = known.wrapping_sub(u32::from(entry.total));
                    table = (follow[(p >> 6) & (ROOM - 1)].0 >> (entry.end & 32)) as u32;
                    // Behind it; at the block's end, behind the block.
                    p = (last | usize::from(entry.end)).wrapping_add(1);
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
            let Some((length, symbol)) = codes.symbol(number, (word >> 48) as u32) else { break Err(CODE) };
            let is_dc = number % 2 == 1;
            let (run, size) = if is_dc { (0, symbol) } else { (usize::from(symbol >> 4), symbol & 15) };
            let size = u32::from(size);
            let value = extend(((word << length) >> 1 >> (63 - size)) as i32, size);
            word <<= length + size;
            known = known.wrapping_sub(length + size);
            let mut is_end = !is_dc && ends(symbol);
            if !is_end {
                if (p & 63) + run > 63 {
                    break Err(PLACE);
                }
                coefficients[place(p + run)] = value as i16;
                is_end = (p & 63) + run == 63;
                p += run;
            }
            table = (follow[(p >> 6) & (ROOM - 1)].0 >> if is_end { 32 } else { 0 }) as u32;
            p = (if is_end { p | 63 } else { p }).wrapping_add(1);
        };
        // Above its six bits `known` may carry rubbish.
        *bits = Bits { word, known: known & 63, at };
        outcome
    }
}
