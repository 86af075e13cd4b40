//! Blocks as lists of tokens, and how often each symbol comes.
//!
//! A token is the number of its Huffman table, its symbol, and the bits of its value:
//! `table << 24 | symbol << 16 | bits`, where the symbol's lower half says how many bits.

use super::Block;
use super::layout::Layout;
#[cfg(target_arch = "x86_64")]
use crate::arch;
use crate::cpu::{Cpu, Work};

/// Pairs of table and symbol. Table 0 is luma's first coefficients, 1 luma's others, 2 and 3 chroma's.
pub(crate) const SYMBOLS: usize = 4 << 8;

/// Tokens that a block is given room for. It makes 64 at most (the first coefficient and 63, or fewer
/// and the end), and vectors may write 16 at once.
pub(crate) const ROOM: usize = 96;

/// Sixteen coefficients of zero.
const LONG_RUN: u32 = 0xF0 << 16;

/// Where a block of a unit stands in the band.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// [`BEYOND`] for a block without samples.
    pub(crate) block: u16,
    pub(crate) component: u8,
}

/// A block that only fills its unit: its first coefficient is that of the block before, so it is the
/// same two tokens whatever the picture.
pub(crate) const BEYOND: u16 = u16::MAX;

/// The order in which a few units' blocks are written.
#[derive(Clone, Debug, Default)]
pub(super) struct Order(Vec<Step>);

impl Order {
    /// Of `units` units from `first` on, in row `row` of units.
    pub(super) fn of(&mut self, layout: &Layout, row: usize, first: usize, units: usize) {
        self.0.clear();
        for unit in 0..units {
            for component in &layout.components {
                for v in 0..component.v {
                    for h in 0..component.h {
                        let x = unit * component.h + h;
                        let inside =
                            first * component.h + x < component.across && row * component.v + v < component.down;
                        let block = if inside { component.band(v, x) as u16 } else { BEYOND };
                        self.0.push(Step { block, component: component.index as u8 });
                    }
                }
            }
        }
    }
}

/// Tokens that are allocated at once; what does not fit behind those of a chunk starts the next.
const CHUNK: usize = 64 << 10;

/// Chunks that are kept from picture to picture: those of most photos at the vendors' sizes.
const KEPT: usize = 32;

/// Some of a picture's tokens.
#[derive(Debug)]
struct Chunk {
    tokens: Box<[u32]>,
    used: usize,
}

/// A picture's tokens. They are never moved, and take no more memory than they need.
#[derive(Debug)]
pub(super) struct Tokens {
    /// The first `chunks` of them count.
    all: Vec<Chunk>,
    chunks: usize,
    /// How often each symbol of each table comes. Two histograms, so that equal neighbours do not
    /// wait for each other.
    counts: Box<[[u32; SYMBOLS]; 2]>,
    /// First coefficients of the blocks before, by component.
    before: [i32; 3],
}

impl Default for Tokens {
    fn default() -> Self {
        Self { all: Vec::new(), chunks: 0, counts: Box::new([[0; SYMBOLS]; 2]), before: [0; 3] }
    }
}

impl Tokens {
    pub(super) fn clear(&mut self) {
        self.chunks = 0;
        self.all.truncate(KEPT);
        self.before = [0; 3];
        *self.counts = [[0; SYMBOLS]; 2];
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &[u32]> {
        self.all[..self.chunks].iter().map(|chunk| &chunk.tokens[..chunk.used])
    }

    pub(super) fn counts(&self) -> [u32; SYMBOLS] {
        std::array::from_fn(|i| self.counts[0][i] + self.counts[1][i])
    }

    /// A chunk with room for so many more tokens.
    fn chunk(&mut self, need: usize) -> &mut Chunk {
        let has_room = |chunk: &Chunk| chunk.tokens.len() - chunk.used >= need;
        if self.chunks == 0 || !has_room(&self.all[self.chunks - 1]) {
            if self.chunks == self.all.len() {
                self.all.push(Chunk { tokens: vec![0; CHUNK].into(), used: 0 });
            }
            self.all[self.chunks].used = 0;
            self.chunks += 1;
        }
        &mut self.all[self.chunks - 1]
    }

    /// Appends the blocks of a band.
    pub(super) fn extend(&mut self, cpu: Cpu, band: &[Block], order: &Order) {
        // Units are few enough that a chunk has room for them.
        let mut before = self.before;
        let chunk = self.chunk(order.0.len() * 64 + ROOM);
        let (_, free) = chunk.tokens.split_at_mut(chunk.used);
        let made = match cpu {
            #[cfg(target_arch = "x86_64")]
            Cpu::Avx512(proof) => arch::encode::avx512::tokens(proof, band, &order.0, &mut before, free),
            _ => cpu.run(Plain { band, order: &order.0, before: &mut before, free }),
        };
        let start = chunk.used;
        chunk.used += made;
        self.before = before;
        let (pairs, rest) = self.all[self.chunks - 1].tokens[start..][..made].as_chunks::<2>();
        let [even, odd] = &mut *self.counts;
        for pair in pairs {
            even[symbol(pair[0])] += 1;
            odd[symbol(pair[1])] += 1;
        }
        rest.iter().for_each(|token| even[symbol(*token)] += 1);
    }
}

/// The table and symbol of a token.
#[inline(always)]
pub(super) const fn symbol(token: u32) -> usize {
    (token >> 16) as usize % SYMBOLS
}

/// The plain way, and the oracle of the vectors.
struct Plain<'a> {
    band: &'a [Block],
    order: &'a [Step],
    before: &'a mut [i32; 3],
    free: &'a mut [u32],
}

impl Work for Plain<'_> {
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let mut made = 0;
        for step in self.order {
            let out: &mut [u32; ROOM] = self.free[made..].first_chunk_mut().expect("there is room for each block");
            let table = table(step.component);
            if step.block == BEYOND {
                made += beyond(table, out);
                continue;
            }
            let block = &self.band[usize::from(step.block)];
            let before = &mut self.before[usize::from(step.component)];
            out[0] = first(table, i32::from(block[0]), before);
            let mut mask = 0_u64;
            for (i, value) in block.iter().enumerate() {
                mask |= u64::from(*value != 0) << i;
            }
            made += others(table, block, mask, out);
        }
        made
    }
}

/// The table of a component's first coefficients.
#[inline(always)]
pub(crate) const fn table(component: u8) -> u32 {
    if component == 0 { 0 } else { 2 }
}

/// The tokens of a block without samples; answers how many.
#[inline(always)]
pub(crate) fn beyond(table: u32, out: &mut [u32; ROOM]) -> usize {
    (out[0], out[1]) = (table << 24, (table + 1) << 24);
    2
}

/// The token of a block's first coefficient.
#[inline(always)]
pub(crate) fn first(table: u32, value: i32, before: &mut i32) -> u32 {
    let difference = value - *before;
    *before = value;
    table << 24 | sized(difference)
}

/// The tokens of a block behind its first, with `mask` telling which coefficients are not zero.
/// Answers the number of all.
#[inline(always)]
pub(crate) fn others(table: u32, block: &Block, mask: u64, out: &mut [u32; ROOM]) -> usize {
    let table = (table + 1) << 24;
    let mut left = mask & !1;
    let (mut made, mut last) = (1, 0);
    while left != 0 {
        let place = left.trailing_zeros();
        left &= left - 1;
        let mut run = place - last - 1;
        last = place;
        while run > 15 {
            out[made] = table | LONG_RUN;
            made += 1;
            run -= 16;
        }
        out[made] = table | run << 20 | sized(i32::from(block[place as usize]));
        made += 1;
    }
    out[made] = table;
    made + usize::from(last < 63)
}

/// A value's size and bits; negative values are one less than their low bits say.
#[inline(always)]
fn sized(value: i32) -> u32 {
    let size = 32 - value.unsigned_abs().leading_zeros();
    size << 16 | (value + (value >> 31)) as u32 & ((1 << size) - 1)
}
