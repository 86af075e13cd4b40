//! The steps of a quality, and division by them without dividing.

use super::Block;
use crate::decode::NATURAL;

/// Quantizer steps, row by row.
pub(super) type Steps = [u16; 64];

/// ITU-T T.81, table K.1.
#[rustfmt::skip]
const LUMA: [u8; 64] = [
    16,  11,  10,  16,  24,  40,  51,  61,
    12,  12,  14,  19,  26,  58,  60,  55,
    14,  13,  16,  24,  40,  57,  69,  56,
    14,  17,  22,  29,  51,  87,  80,  62,
    18,  22,  37,  56,  68, 109, 103,  77,
    24,  35,  55,  64,  81, 104, 113,  92,
    49,  64,  78,  87, 103, 121, 120, 101,
    72,  92,  95,  98, 112, 100, 103,  99,
];

/// ITU-T T.81, table K.2.
#[rustfmt::skip]
const CHROMA: [u8; 64] = [
    17,  18,  24,  47,  99,  99,  99,  99,
    18,  21,  26,  66,  99,  99,  99,  99,
    24,  26,  56,  99,  99,  99,  99,  99,
    47,  66,  99,  99,  99,  99,  99,  99,
    99,  99,  99,  99,  99,  99,  99,  99,
    99,  99,  99,  99,  99,  99,  99,  99,
    99,  99,  99,  99,  99,  99,  99,  99,
    99,  99,  99,  99,  99,  99,  99,  99,
];

/// Luma's steps at a quality of 1 to 100.
pub(super) fn luma(quality: u8) -> Steps {
    scaled(&LUMA, quality)
}

/// Chroma's.
pub(super) fn chroma(quality: u8) -> Steps {
    scaled(&CHROMA, quality)
}

/// libjpeg's scale: 50 is the table, 100 all ones, and no step needs more than eight bits.
fn scaled(table: &[u8; 64], quality: u8) -> Steps {
    let quality = u32::from(quality);
    let percent = if quality < 50 { 5000 / quality } else { 200 - quality * 2 };
    table.map(|step| ((u32::from(step) * percent + 50) / 100).clamp(1, 255) as u16)
}

/// What divides and rounds coefficients: `(|c| + correction) × reciprocal × scale`, the upper half of
/// each product being kept, is `|c| / step` rounded, for coefficients eight times too large as the
/// transform leaves them. The numbers are libjpeg's, so that halves fall as they do there. All row
/// by row.
#[derive(Clone, Debug)]
pub(crate) struct Quantizer {
    pub(crate) correction: [u16; 64],
    pub(crate) reciprocal: [u16; 64],
    pub(crate) scale: [u16; 64],
}

impl Quantizer {
    /// For these steps, with a dead zone of so many hundredths of a step.
    pub(super) fn new(steps: &Steps, dead_zone: u8) -> Self {
        let mut all = Self { correction: [0; 64], reciprocal: [0; 64], scale: [0; 64] };
        for (i, step) in steps.iter().enumerate() {
            let divisor = u32::from(*step) * 8;
            let mut shift = 16 + divisor.ilog2();
            let (mut reciprocal, rest) = ((1 << shift) / divisor, (1 << shift) % divisor);
            let mut correction = divisor / 2;
            if rest == 0 {
                // A power of two: one bit more would not fit.
                reciprocal /= 2;
                shift -= 1;
            } else if rest <= divisor / 2 {
                correction += 1;
            } else {
                reciprocal += 1;
            }
            if i > 0 {
                correction -= (divisor * u32::from(dead_zone) / 100).min(correction);
            }
            all.correction[i] = correction as u16;
            all.reciprocal[i] = reciprocal as u16;
            all.scale[i] = (1_u32 << (32 - shift)) as u16;
        }
        all
    }

    /// One block, from rows to the order in which coefficients are written. The oracle of the
    /// vectors.
    pub(super) fn apply(&self, block: &Block) -> Block {
        let high = |a: u16, b: u16| ((u32::from(a) * u32::from(b)) >> 16) as u16;
        NATURAL.map(|place| {
            let i = usize::from(place);
            let size = block[i].unsigned_abs().wrapping_add(self.correction[i]);
            let size = high(high(size, self.reciprocal[i]), self.scale[i]) as i16;
            if block[i] < 0 { -size } else { size }
        })
    }
}
