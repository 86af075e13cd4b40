//! Huffman tables of progressive scans, and the symbols read through them.
//!
//! A coefficient is a code (a run of zeros and a size) and `size` more bits of value. One look-up
//! with the next [`LOOK`] bits gives run and value at once where both fit, which is nearly always.

use super::bits::Bits;
use super::tables::Code;

/// Bits looked at once. 2,048 entries of four bytes: two tables stay in the first-level cache.
const LOOK: u32 = 11;

/// A table as the file defines it, and what is made of it on first use.
#[derive(Clone)]
pub(super) struct Table {
    /// By the next bits: `value << 16 | run << 8 | flag | length`; zero where the code is longer.
    entries: Box<[u32; 1 << LOOK]>,
    /// By code length: one more than the last code of that length, moved to 16 bits.
    limits: [u32; 17],
    /// By code length: what is added to a code to give its symbol's index.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

/// From here on a run is no run of zeros, but of blocks.
pub(super) const RUN_OF_BLOCKS: u32 = 64;

/// Only the code fits into the bits looked at: the entry's value is its size.
const SIZE_ONLY: u32 = 0x80;

/// What a symbol of a table says besides the size of its value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The symbol is a size.
    Dc,
    /// A run of zeros with a size; or, where the size is zero, a run of blocks that have nothing more:
    /// of [`RUN_OF_BLOCKS`] comes how many bits its length has.
    Band,
    /// For the caller to make out: the symbol comes as the run.
    Plain,
}

/// One symbol with its value.
#[derive(Clone, Copy)]
pub(super) struct Symbol {
    /// Zeros before the value, or what [`Kind`] says.
    pub(super) run: u32,
    pub(super) value: i32,
}

impl Table {
    pub(super) fn new(kind: Kind, code: &Code) -> Self {
        let mut table = Self {
            entries: Box::new([0; 1 << LOOK]),
            limits: [0; 17],
            offsets: [0; 17],
            symbols: code.symbols.clone(),
        };
        let (mut next, mut index) = (0_u32, 0_usize);
        for (length, count) in (1..=16_u32).zip(&code.counts) {
            table.offsets[length as usize] = index as i32 - next as i32;
            for symbol in code.symbols.iter().skip(index).take(usize::from(*count)) {
                table.enter(kind, next, length, *symbol);
                next += 1;
            }
            index += usize::from(*count);
            table.limits[length as usize] = next << (16 - length);
            next <<= 1;
        }
        table
    }

    fn enter(&mut self, kind: Kind, code: u32, length: u32, symbol: u8) {
        let Some(rest) = LOOK.checked_sub(length) else { return };
        let (run, size) = split(kind, symbol);
        for tail in 0..1_u32 << rest {
            let value = if size <= rest {
                let bits = tail >> (rest - size);
                (length + size) | (u32::from(run) << 8) | ((extend(bits as i32, size) as u32) << 16)
            } else {
                length | SIZE_ONLY | (u32::from(run) << 8) | (size << 16)
            };
            self.entries[((code << rest) | tail) as usize] = value;
        }
    }

    /// The next symbol with its value. At least 32 bits must be known. `None` for bits that are no
    /// code.
    #[inline(always)]
    pub(super) fn read(&self, kind: Kind, bits: &mut Bits) -> Option<Symbol> {
        let entry = self.entries[bits.peek(LOOK) as usize & ((1 << LOOK) - 1)];
        let (run, length) = ((entry >> 8) & 0xFF, entry & 0x1F);
        if entry & SIZE_ONLY != 0 {
            bits.skip(length);
            return Some(Symbol { run, value: bits.take_signed(entry >> 16) });
        }
        if entry == 0 {
            // By value: what has an address is not kept in registers.
            let symbol;
            (*bits, symbol) = self.read_long(kind, *bits)?;
            return Some(symbol);
        }
        bits.skip(length);
        Some(Symbol { run, value: (entry as i32) >> 16 })
    }

    #[cold]
    #[inline(never)]
    fn read_long(&self, kind: Kind, mut bits: Bits) -> Option<(Bits, Symbol)> {
        let (run, size) = split(kind, self.code(&mut bits)?);
        let symbol = Symbol { run: u32::from(run), value: bits.take_signed(size) };
        Some((bits, symbol))
    }

    /// The next symbol as it stands in the table. At least 16 bits must be known.
    fn code(&self, bits: &mut Bits) -> Option<u8> {
        let next = bits.peek(16);
        let length = (1..=16_usize).find(|l| next < self.limits[*l])?;
        let index = (next >> (16 - length)) as i32 + self.offsets[length];
        bits.skip(length as u32);
        self.symbols.get(usize::try_from(index).ok()?).copied()
    }
}

/// Run and size of a symbol.
const fn split(kind: Kind, symbol: u8) -> (u8, u32) {
    match kind {
        Kind::Dc => (0, symbol as u32 & 15),
        // Only a run of sixteen has a meaning without a value.
        Kind::Band if symbol & 15 == 0 && symbol != 0xF0 => (RUN_OF_BLOCKS as u8 + (symbol >> 4), 0),
        Kind::Band => (symbol >> 4, symbol as u32 & 15),
        Kind::Plain => (symbol, 0),
    }
}

/// `size` bits as a signed value.
const fn extend(bits: i32, size: u32) -> i32 {
    if size > 0 && bits < 1 << (size - 1) { bits + 1 - (1 << size) } else { bits }
}
