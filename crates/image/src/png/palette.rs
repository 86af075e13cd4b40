//! Pixels that are numbers: of a palette's colours, or grey of fewer than eight bits, whose palette is the steps from
//! black to white.

use super::chunks::Chunks;

/// Whether a picture's pixels are numbers.
pub(super) const fn is_used(chunks: &Chunks) -> bool {
    chunks.colour_type == 3 || chunks.colour_type == 0 && chunks.bit_depth < 8
}

/// Whether all colours that pixels can have are opaque greys.
pub(super) fn is_gray(bytes: &[u8], chunks: &Chunks) -> bool {
    chunks.colour_type == 0
        || chunks.transparency.is_none() && colours(bytes, chunks).iter().all(|[r, g, b, _]| r == g && g == b)
}

/// Red, green, blue and opacity of every number that the file explains.
fn colours(bytes: &[u8], chunks: &Chunks) -> Vec<[u8; 4]> {
    if chunks.colour_type == 0 {
        let most = (1_u16 << chunks.bit_depth) - 1;
        return (0..=most).map(|n| [(n * 255 / most) as u8; 3]).map(|[r, g, b]| [r, g, b, 255]).collect();
    }
    let part = |range: &Option<std::ops::Range<usize>>| range.clone().map_or(&bytes[..0], |r| &bytes[r]);
    let opacities = part(&chunks.transparency);
    let colour = |(i, c): (usize, &[u8])| [c[0], c[1], c[2], opacities.get(i).copied().unwrap_or(255)];
    part(&chunks.palette).chunks_exact(3).enumerate().map(colour).collect()
}

/// What a row becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Samples {
    Gray,
    Rgb,
    Rgba,
}

/// Numbers to colours.
pub(super) struct Palette {
    /// Of every number that a pixel can have; black where the file has none.
    colours: [[u8; 4]; 256],
    /// How many the file has.
    entries: usize,
    depth: usize,
    width: usize,
    samples: Samples,
    /// The numbers in each byte of a packed row.
    unpacked: Vec<[u8; 8]>,
    /// One row as numbers and as colours.
    numbers: Vec<u8>,
    row: Vec<u8>,
    most: u8,
}

impl Palette {
    pub(super) fn new(bytes: &[u8], chunks: &Chunks) -> Self {
        let found = colours(bytes, chunks);
        let mut colours = [[0, 0, 0, 255]; 256];
        for (to, from) in colours.iter_mut().zip(&found) {
            *to = *from;
        }
        let samples = match chunks.transparency {
            _ if is_gray(bytes, chunks) => Samples::Gray,
            None => Samples::Rgb,
            Some(_) => Samples::Rgba,
        };
        let depth = usize::from(chunks.bit_depth);
        let number = |byte: usize, i: usize| {
            if (i + 1) * depth > 8 { 0 } else { byte >> (8 - depth * (i + 1)) & ((1 << depth) - 1) }
        };
        let unpacked = (0..256).map(|byte| std::array::from_fn(|i| number(byte, i) as u8)).collect();
        let width = chunks.width as usize;
        let (numbers, row) = (Vec::new(), Vec::new());
        Self { colours, entries: found.len(), depth, width, samples, unpacked, numbers, row, most: 0 }
    }

    /// Whether a pixel had a number that the palette has no colour for.
    pub(super) fn has_strays(&self) -> bool {
        usize::from(self.most) >= self.entries
    }

    /// A row of packed numbers as grey, RGB or RGBA.
    pub(super) fn row(&mut self, packed: &[u8]) -> &[u8] {
        let Self { colours, numbers, row, .. } = self;
        if self.depth < 8 {
            numbers.clear();
            for byte in packed {
                numbers.extend_from_slice(&self.unpacked[usize::from(*byte)][..8 / self.depth]);
            }
        }
        // Behind the last pixel of a packed row stands anything.
        let numbers = if self.depth < 8 { &numbers[..self.width] } else { packed };
        self.most = numbers.iter().copied().fold(self.most, u8::max);
        match self.samples {
            Samples::Gray => {
                row.clear();
                row.extend(numbers.iter().map(|n| colours[usize::from(*n)][0]));
            }
            Samples::Rgb => {
                row.resize(self.width * 3, 0);
                for (out, n) in row.as_chunks_mut::<3>().0.iter_mut().zip(numbers) {
                    let [r, g, b, _] = colours[usize::from(*n)];
                    *out = [r, g, b];
                }
            }
            Samples::Rgba => {
                row.resize(self.width * 4, 0);
                for (out, n) in row.as_chunks_mut::<4>().0.iter_mut().zip(numbers) {
                    *out = colours[usize::from(*n)];
                }
            }
        }
        row
    }
}
