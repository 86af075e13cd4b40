//! Huffman tables: the standard's, and the best for a picture.

use super::tokens::SYMBOLS;

/// Of each table and symbol: its code with as many zeros below it as the symbol has value bits,
/// shifted by eight, and in the low byte how long code and value are together.
pub(super) type Codes = [u64; SYMBOLS];

/// One table as it is written: how many symbols have codes of 1 to 16 bits, and the symbols, those
/// with the shortest codes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) lengths: [u8; 16],
    pub(super) symbols: Vec<u8>,
}

/// Luma's first coefficients and others, chroma's first and others.
#[derive(Clone, Debug)]
pub(super) struct Tables(pub(super) [Table; 4]);

impl Tables {
    /// ITU-T T.81, tables K.3 to K.6.
    pub(super) fn standard() -> Self {
        Self([
            table(&[0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &FIRST),
            table(&[0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125], &LUMA),
            table(&[0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &FIRST),
            table(&[0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119], &CHROMA),
        ])
    }

    /// The best for symbols that come so often.
    pub(super) fn optimal(counts: [u32; SYMBOLS], colour: bool) -> Self {
        let of = |i: usize| {
            if i < 2 || colour { optimal(&counts[i << 8..][..256]) } else { table(&[0; 16], &[]) }
        };
        Self([of(0), of(1), of(2), of(3)])
    }

    pub(super) fn codes(&self) -> Codes {
        let mut codes = [0; SYMBOLS];
        for (i, table) in self.0.iter().enumerate() {
            let mut symbols = table.symbols.iter();
            let mut code = 0_u64;
            for (length, count) in (1..).zip(table.lengths) {
                for symbol in symbols.by_ref().take(usize::from(count)) {
                    let size = u64::from(symbol & 15);
                    codes[i << 8 | usize::from(*symbol)] = code << size << 8 | (length + size);
                    code += 1;
                }
                code *= 2;
            }
        }
        codes
    }
}

fn table(lengths: &[u8; 16], symbols: &[u8]) -> Table {
    Table { lengths: *lengths, symbols: symbols.to_vec() }
}

/// A tree before its codes are cut to this many bits.
const DEEPEST: usize = 64;

/// Lengths as libjpeg finds them (ITU-T T.81, annex K.2): the two rarest are joined until one is
/// left, the later symbol first where two are equally rare, and codes above sixteen bits are
/// shortened at the cost of others. A symbol that does not exist keeps the code of all ones.
fn optimal(counts: &[u32]) -> Table {
    // Only what comes at all, and behind it the symbol that does not exist.
    let symbols: Vec<usize> = (0..counts.len()).filter(|i| counts[*i] > 0).collect();
    let mut weights: Vec<u64> = symbols.iter().map(|i| u64::from(counts[*i])).collect();
    weights.push(1);
    let mut depths = vec![0_usize; weights.len()];
    let mut next = vec![None; weights.len()];
    while let Some((one, two)) = rarest(&weights) {
        weights[one] += weights[two];
        weights[two] = 0;
        let end = deepen(&mut depths, &next, one);
        next[end] = Some(two);
        deepen(&mut depths, &next, two);
    }
    let mut lengths = [0_u32; DEEPEST + 1];
    depths.iter().for_each(|depth| lengths[(*depth).min(DEEPEST)] += 1);
    lengths[0] = 0;
    for i in (17..=DEEPEST).rev() {
        while lengths[i] > 0 {
            // Two siblings: one takes their parent's place, the other that of a shorter code, whose
            // symbol and it go one down.
            let shorter = (1..i - 1).rev().find(|j| lengths[*j] > 0).unwrap_or(1);
            lengths[i] -= 2;
            lengths[i - 1] += 1;
            lengths[shorter + 1] += 2;
            lengths[shorter] -= 1;
        }
    }
    // The symbol that does not exist has one of the longest codes.
    if let Some(longest) = lengths.iter_mut().rev().find(|n| **n > 0) {
        *longest -= 1;
    }
    let mut order: Vec<usize> = (0..symbols.len()).collect();
    order.sort_by_key(|i| depths[*i]);
    Table {
        lengths: std::array::from_fn(|i| lengths[i + 1] as u8),
        symbols: order.into_iter().map(|i| symbols[i] as u8).collect(),
    }
}

/// The rarest and the second rarest that are left.
fn rarest(weights: &[u64]) -> Option<(usize, usize)> {
    let least = |but: Option<usize>| {
        let left = (0..weights.len()).rev().filter(|i| weights[*i] > 0 && Some(*i) != but);
        left.min_by_key(|i| weights[*i])
    };
    let one = least(None)?;
    Some((one, least(Some(one))?))
}

/// One bit more for all symbols chained to `from`; answers the chain's end.
fn deepen(depths: &mut [usize], next: &[Option<usize>], from: usize) -> usize {
    let mut at = from;
    depths[at] += 1;
    while let Some(further) = next[at] {
        at = further;
        depths[at] += 1;
    }
    at
}

/// Sizes of differences of first coefficients.
const FIRST: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

#[rustfmt::skip]
const LUMA: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71,
    0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33, 0x62, 0x72,
    0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34, 0x35, 0x36, 0x37,
    0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59,
    0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83,
    0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3,
    0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
    0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2,
    0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];

#[rustfmt::skip]
const CHROMA: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22,
    0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0, 0x15, 0x62, 0x72, 0xD1,
    0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x35, 0x36,
    0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58,
    0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A,
    0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A,
    0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA,
    0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA,
    0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];
