//! Baseline JPEG from planes, with Huffman tables made for the picture at hand.
//!
//! A picture goes through in rows of units, some units at a time so that everything between the
//! samples and the tokens stays in the first cache: samples are transformed and quantized four blocks
//! at once, each block becomes a list of tokens (symbol and value bits), and the tokens are counted.
//! When all are there the tables are settled and the tokens written as bits. With the standard's
//! example tables the file is to the byte what libjpeg-turbo writes, with tables of its own what
//! libjpeg-turbo writes when it is asked to optimize: the tests hold it to both.

mod bits;
pub(crate) mod fdct;
mod huffman;
pub(crate) mod kernels;
mod layout;
mod markers;
mod picture;
pub(crate) mod quantize;
#[cfg(test)]
mod tests;
pub(crate) mod tokens;

use crate::cpu::Cpu;
use huffman::Tables;
use kernels::Group;
use layout::{Layout, UNITS};
pub use picture::{Mismatch, Picture, Sampling};
pub use quantize::QuantTables;
use quantize::Quantizer;
use tokens::{Order, Tokens};

/// Samples of one row of a block.
pub(crate) const SIDE: usize = 8;

/// Coefficients of a block.
pub(crate) type Block = [i16; 64];

/// Which Huffman tables a file is written with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HuffmanTables {
    /// The examples of ITU-T T.81, Annex K.3, which many encoders take for all pictures.
    Standard,
    /// The best for this picture: 2 to 10% fewer bytes.
    #[default]
    Optimal,
}

/// How a picture is to be written.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct EncodeOptions<'a> {
    /// 1 to 100, on libjpeg's scale; what lies beyond counts as its end.
    pub quality: u8,
    /// What the quality scales.
    pub quantization: QuantTables,
    /// The Huffman tables.
    pub tables: HuffmanTables,
    /// How far beyond the middle between two steps coefficients but a block's first are still rounded
    /// towards zero, in hundredths of a step: 0 rounds to the nearest as libjpeg does; what is above
    /// 50 counts as 50. Ones become zeros, which cost few bits.
    pub dead_zone: u8,
    /// An ICC profile to go along; empty ones are left out.
    pub icc: Option<&'a [u8]>,
}

impl EncodeOptions<'_> {
    /// With the standard's quantization, the best Huffman tables and without a profile: libjpeg-turbo's file where
    /// that is asked to optimize.
    #[must_use]
    pub const fn new(quality: u8) -> Self {
        Self { quality, quantization: QuantTables::Standard, tables: HuffmanTables::Optimal, dead_zone: 0, icc: None }
    }
}

/// Encodes planes. Keeps its memory from picture to picture, 8 MB at most, and nothing else.
#[derive(Debug)]
pub struct Encoder {
    cpu: Cpu,
    tokens: Tokens,
    /// Blocks of a few units, quantized, in the order in which coefficients are written.
    band: Vec<Block>,
    order: Order,
    /// Transformed blocks of a picture that is written more than once.
    kept: Vec<Block>,
}

/// A picture behind the transform, which [`Encoder::transform`] makes: to be written at several
/// qualities, each of which costs a quantization and the coding but no transform.
#[derive(Debug)]
pub struct Transformed<'a> {
    encoder: &'a mut Encoder,
    layout: Layout,
}

/// Where quantized blocks come from.
#[derive(Clone, Copy)]
enum Source<'a> {
    Planes(&'a Picture<'a>),
    Kept(&'a [Block]),
}

impl Encoder {
    /// An encoder that uses what this CPU has.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Cpu::detect())
    }

    fn with(cpu: Cpu) -> Self {
        Self { cpu, tokens: Tokens::default(), band: Vec::new(), order: Order::default(), kept: Vec::new() }
    }

    /// Appends the picture to `out` as a whole JPEG file.
    pub fn encode(&mut self, picture: &Picture<'_>, options: &EncodeOptions<'_>, out: &mut Vec<u8>) {
        let layout = Layout::new(picture.width(), picture.height(), picture.sampling());
        self.write(&layout, Source::Planes(picture), options, out);
    }

    /// Transforms the picture once, to be written as often as needed.
    pub fn transform(&mut self, picture: &Picture<'_>) -> Transformed<'_> {
        let layout = Layout::new(picture.width(), picture.height(), picture.sampling());
        self.kept.resize(layout.kept_blocks(), [0; 64]);
        for component in &layout.components {
            for y in 0..component.down {
                for x in (0..component.across).step_by(4) {
                    let group = Group::cut(&picture.planes()[component.index], x, y);
                    let to = component.kept(x, y);
                    let to = self.kept[to..].first_chunk_mut().expect("rows are kept in whole groups");
                    kernels::forward(self.cpu, &group, to);
                }
            }
        }
        Transformed { encoder: self, layout }
    }

    fn write(&mut self, layout: &Layout, source: Source<'_>, options: &EncodeOptions<'_>, out: &mut Vec<u8>) {
        let quality = options.quality.clamp(1, 100);
        let steps = options.quantization.steps(quality);
        let quantizers = steps.each_ref().map(|steps| Quantizer::new(steps, options.dead_zone));
        self.tokenize(layout, source, &quantizers);
        let tables = match options.tables {
            HuffmanTables::Standard => Tables::standard(),
            HuffmanTables::Optimal => Tables::optimal(self.tokens.counts(), layout.is_colour()),
        };
        markers::before_scan(layout, &steps, &tables, options.icc.unwrap_or_default(), out);
        bits::write(self.cpu, self.tokens.all(), &tables.codes(), out);
        markers::end(out);
    }

    /// Makes tokens of all blocks, unit after unit.
    fn tokenize(&mut self, layout: &Layout, source: Source<'_>, quantizers: &[Quantizer; 2]) {
        self.tokens.clear();
        self.band.resize(layout.band_blocks(), [0; 64]);
        for row in 0..layout.units_down {
            for first in (0..layout.units_across).step_by(UNITS) {
                let units = UNITS.min(layout.units_across - first);
                self.quantize(layout, source, quantizers, row, first, units);
                self.order.of(layout, row, first, units);
                self.tokens.extend(self.cpu, &self.band, &self.order);
            }
        }
    }

    /// Fills the band with the blocks of some units.
    fn quantize(
        &mut self,
        layout: &Layout,
        source: Source<'_>,
        quantizers: &[Quantizer; 2],
        row: usize,
        first: usize,
        units: usize,
    ) {
        for component in &layout.components {
            let quantizer = &quantizers[component.table()];
            let columns = first * component.h..component.across.min((first + units) * component.h);
            for v in 0..component.v {
                let y = row * component.v + v;
                if y >= component.down {
                    break;
                }
                for x in columns.clone().step_by(4) {
                    let to = component.band(v, x - columns.start);
                    let to = self.band[to..].first_chunk_mut().expect("rows of the band are whole groups");
                    match source {
                        Source::Planes(picture) => {
                            let group = Group::cut(&picture.planes()[component.index], x, y);
                            kernels::forward_quantized(self.cpu, &group, quantizer, to);
                        }
                        Source::Kept(blocks) => {
                            let from = blocks[component.kept(x, y)..].first_chunk().expect("kept in whole groups");
                            kernels::quantize(self.cpu, from, quantizer, to);
                        }
                    }
                }
            }
        }
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Transformed<'_> {
    /// Appends the picture to `out` as a whole JPEG file; what [`Encoder::encode`] would write.
    pub fn encode(&mut self, options: &EncodeOptions<'_>, out: &mut Vec<u8>) {
        let kept = std::mem::take(&mut self.encoder.kept);
        self.encoder.write(&self.layout, Source::Kept(&kept), options, out);
        self.encoder.kept = kept;
    }
}

impl Drop for Transformed<'_> {
    fn drop(&mut self) {
        // Three bytes a pixel that few pictures need.
        self.encoder.kept = Vec::new();
    }
}
