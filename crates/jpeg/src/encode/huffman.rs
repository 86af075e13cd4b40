//! Huffman tables: the standard's, and the best for a picture.

use super::tokens::SYMBOLS;
use crate::standard::{CHROMA_AC, CHROMA_DC, LUMA_AC, LUMA_DC};

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
        Self([LUMA_DC, LUMA_AC, CHROMA_DC, CHROMA_AC].map(|(lengths, symbols)| table(&lengths, symbols)))
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
