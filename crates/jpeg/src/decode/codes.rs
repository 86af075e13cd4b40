//! Huffman codes of sequential scans, made ready for looking up two symbols at once.

use super::tables::{Code, ends};

/// Bits looked at once: 16 KiB a table. One more or fewer is slower, by the first-level cache.
pub(crate) const LOOK: u32 = 11;
/// Bits that one look-up may take, so that three fit into the 56 of a refill.
const MOST: u32 = 18;
/// What [`Entry::behind`] is where the careful way must be taken.
pub(crate) const LEAVE: u8 = 255;
/// The table number whose entries all leave: behind the last block.
pub(crate) const STOP: usize = 0;

/// One or two symbols with their values. Its bytes are loaded one by one: taking a word apart would
/// fill the few ports that can shift.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Bits taken: both codes, both values.
    pub(crate) total: u8,
    /// Zeros before the first value.
    pub(crate) first: u8,
    /// Coefficients up to and with the second value; `first` plus one where there is only one.
    pub(crate) behind: u8,
    /// 63 where the block ends here: the low bits of a place that is a block's last.
    pub(crate) end: u8,
    /// Ones for the low bits of the first value that are not among the bits looked at. Then there is no
    /// second.
    pub(crate) missing: u8,
    pub(crate) second: i8,
    /// First value, its missing bits zero.
    pub(crate) base: i16,
}

/// All codes of a scan: the table that stops; then for each pair of codes the table for first
/// coefficients, whose second symbol is an AC one, and the table for the others.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    pub(crate) entries: Vec<Entry>,
    canonical: Vec<Canonical>,
}

/// Which table comes behind a symbol of this block, as an index into the entries: its AC table in the
/// low half; behind the block's end, in the high half, the first table of the next block.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Follow(pub(crate) u64);

impl Follow {
    /// Of a block that uses pair `own` of codes and is followed by one that uses `next`, or by none.
    pub(crate) fn new(own: usize, next: Option<usize>) -> Self {
        let next = next.map_or(STOP, |n| 1 + 2 * n);
        Self(((2 + 2 * own) << LOOK) as u64 | ((next << LOOK) as u64) << 32)
    }
}

const NOTHING: Entry = Entry { total: 0, first: 0, behind: LEAVE, end: 0, missing: 0, second: 0, base: 0 };

impl Codes {
    /// Makes the tables for these pairs of DC and AC codes, in the place of what was there.
    pub(crate) fn set(&mut self, pairs: &[(&Code, &Code)]) {
        self.canonical.clear();
        self.entries.clear();
        self.entries.resize(1 << LOOK, NOTHING);
        self.canonical.push(Canonical::default());
        for (dc, ac) in pairs {
            let second = symbols(ac);
            for (code, is_dc) in [(dc, true), (ac, false)] {
                let first = symbols(code);
                self.canonical.push(Canonical::new(code));
                let entries = first.iter().enumerate();
                self.entries.extend(entries.map(|(bits, s)| entry(bits, *s, is_dc, &second).unwrap_or(NOTHING)));
            }
        }
    }

    /// Where the table for a first coefficient of this pair begins.
    pub(crate) fn start(pair: usize) -> u32 {
        ((1 + 2 * pair) << LOOK) as u32
    }

    /// Length and symbol of the code of this table that stands in the upper of sixteen bits.
    pub(crate) fn symbol(&self, table: usize, bits: u32) -> Option<(u32, u8)> {
        self.canonical.get(table)?.symbol(bits)
    }
}

/// Code length and symbol by the bits looked at; length zero where the code is longer.
fn symbols(code: &Code) -> Vec<(u32, u8)> {
    let mut table = vec![(0, 0); 1 << LOOK];
    let (mut next, mut symbols) = (0, code.symbols.iter());
    for (length, count) in (1..=LOOK).zip(&code.counts) {
        let span = 1 << (LOOK - length);
        for symbol in symbols.by_ref().take(usize::from(*count)) {
            if let Some(part) = table.get_mut(next..next + span) {
                part.fill((length, *symbol));
            }
            next += span;
        }
    }
    table
}

/// What stands in the table at `bits`, which begin with a code of this length for this symbol.
/// `None` where that takes the careful way.
fn entry(bits: usize, (length, symbol): (u32, u8), is_dc: bool, ac: &[(u32, u8)]) -> Option<Entry> {
    let (run, size) = if is_dc { (0, u32::from(symbol)) } else { (symbol >> 4, u32::from(symbol & 15)) };
    let taken = length + size;
    // At least the sign must be among the bits.
    if length == 0 || taken > MOST || (size > 0 && length == LOOK) {
        return None;
    }
    if !is_dc && ends(symbol) {
        return Some(Entry { total: length as u8, behind: 1, end: 63, ..NOTHING });
    }
    let missing = taken.saturating_sub(LOOK);
    let known = (bits >> (LOOK + missing - taken)) & ((1 << (size - missing)) - 1);
    let base = extend((known << missing) as i32, size) as i16;
    let one = Entry { total: taken as u8, first: run, behind: run + 1, missing: (1 << missing) - 1, base, ..NOTHING };
    if taken >= LOOK {
        return Some(one);
    }
    let rest = (bits << taken) & ((1 << LOOK) - 1);
    let (length, symbol) = ac[rest];
    let (run, size) = (symbol >> 4, u32::from(symbol & 15));
    if length == 0 || taken + length + size > LOOK || size > 7 {
        return Some(one);
    }
    let total = (taken + length + size) as u8;
    if ends(symbol) {
        return Some(Entry { total, end: 63, ..one });
    }
    let value = (rest >> (LOOK - length - size)) & ((1 << size) - 1);
    Some(Entry { total, behind: one.behind + run + 1, second: extend(value as i32, size) as i8, ..one })
}

/// `size` bits as a value: the upper half of its range positive, the lower half negative.
pub(crate) const fn extend(bits: i32, size: u32) -> i32 {
    if size > 0 && bits < 1 << (size - 1) { bits + 1 - (1 << size) } else { bits }
}

/// A code by comparison, for what is too long for the tables.
#[derive(Debug, Default)]
struct Canonical {
    /// By length: one more than the last code of that length, moved to sixteen bits.
    limits: [u32; 17],
    /// By length: what is added to a code to give its symbol's index.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Canonical {
    fn new(code: &Code) -> Self {
        let mut canonical = Self { symbols: code.symbols.clone(), ..Self::default() };
        let (mut next, mut index) = (0, 0);
        for (length, count) in (1..=16).zip(&code.counts) {
            canonical.offsets[length] = index - next;
            next += i32::from(*count);
            index += i32::from(*count);
            canonical.limits[length] = (next as u32) << (16 - length);
            next <<= 1;
        }
        canonical
    }

    fn symbol(&self, bits: u32) -> Option<(u32, u8)> {
        let length = (1..=16_usize).find(|l| bits < self.limits[*l])?;
        let index = (bits >> (16 - length)) as i32 + self.offsets[length];
        Some((length as u32, *self.symbols.get(usize::try_from(index).ok()?)?))
    }
}
