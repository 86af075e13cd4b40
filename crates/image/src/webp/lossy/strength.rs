//! How strongly edges are smoothed (RFC 6386 § 9.3, § 9.6 and § 15.2 to 15.4).

use super::bools::Bools;
use super::segments::Segments;

/// What smooths the edges of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    None,
    Simple,
    Normal,
}

/// How strongly a macroblock's edges are smoothed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Strength {
    /// How much samples may differ across an edge between blocks; 0 where nothing is smoothed. Across one between
    /// macroblocks it is [`MACROBLOCK`] more.
    pub(super) edge: u8,
    /// How much neighbours may differ.
    pub(super) interior: u8,
    /// From where on an edge is one of the picture.
    pub(super) high_variance: u8,
    /// Whether the edges within the macroblock are smoothed too.
    pub(super) inner: bool,
}

/// What samples may differ by more across an edge between macroblocks.
pub(super) const MACROBLOCK: u8 = 4;

/// The filter, and its strength by segment and way of prediction.
pub(super) fn read(bools: &mut Bools<'_>, segments: Option<&Segments>) -> (Filter, [[Strength; 2]; 4]) {
    let is_simple = bools.flag();
    let (picture, sharpness) = (bools.number(6) as i32, bools.number(3) as i32);
    // Of the frames and modes that there are, a key frame has but one each that counts.
    let (mut whole, mut blocks) = (0, 0);
    if bools.flag() && bools.flag() {
        let deltas: [i32; 8] = std::array::from_fn(|_| bools.optional(6).unwrap_or(0));
        (whole, blocks) = (deltas[0], deltas[0] + deltas[4]);
    }
    let filter = match (picture, is_simple) {
        (0, _) => Filter::None,
        (_, true) => Filter::Simple,
        (_, false) => Filter::Normal,
    };
    let strengths = std::array::from_fn(|i| {
        let level = Segments::of(segments, picture, |own| own.levels[i]);
        [(whole, false), (blocks, true)].map(|(delta, inner)| strength((level + delta).clamp(0, 63), sharpness, inner))
    });
    (filter, strengths)
}

fn strength(level: i32, sharpness: i32, inner: bool) -> Strength {
    if level == 0 {
        return Strength { inner, ..Strength::default() };
    }
    let mut interior = level;
    if sharpness > 0 {
        interior = (level >> if sharpness > 4 { 2 } else { 1 }).min(9 - sharpness);
    }
    let interior = interior.max(1);
    let high_variance = u8::from(level >= 15) + u8::from(level >= 40);
    Strength { edge: (2 * level + interior) as u8, interior: interior as u8, high_variance, inner }
}
