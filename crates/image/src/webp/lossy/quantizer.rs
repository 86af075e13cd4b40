//! By what coefficients are multiplied (RFC 6386 § 9.6 and § 14.1).

use super::bools::Bools;
use super::segments::Segments;

/// Steps of a macroblock's coefficients: of each kind of block the first one's, and all others'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) luma: [i16; 2],
    /// Of the block of luma's first coefficients.
    pub(super) second: [i16; 2],
    pub(super) chroma: [i16; 2],
}

/// The steps of each segment.
pub(super) fn read(bools: &mut Bools<'_>, segments: Option<&Segments>) -> [Steps; 4] {
    let picture = bools.number(7) as i32;
    let [luma, second, second_rest, chroma, chroma_rest] = std::array::from_fn(|_| bools.optional(4).unwrap_or(0));
    std::array::from_fn(|i| {
        let index = Segments::of(segments, picture, |own| own.quantizers[i]);
        let of = |table: &[i16; 128], delta: i32, last: i32| table[(index + delta).clamp(0, last) as usize];
        Steps {
            luma: [of(&FIRST, luma, 127), of(&REST, 0, 127)],
            second: [of(&FIRST, second, 127) * 2, ((i32::from(of(&REST, second_rest, 127)) * 155 / 100) as i16).max(8)],
            chroma: [of(&FIRST, chroma, 117), of(&REST, chroma_rest, 127)],
        }
    })
}

/// Steps of first coefficients.
#[rustfmt::skip]
const FIRST: [i16; 128] = [
    4, 5, 6, 7, 8, 9, 10, 10, 11, 12, 13, 14, 15, 16, 17, 17,
    18, 19, 20, 20, 21, 21, 22, 22, 23, 23, 24, 25, 25, 26, 27, 28,
    29, 30, 31, 32, 33, 34, 35, 36, 37, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58,
    59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74,
    75, 76, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89,
    91, 93, 95, 96, 98, 100, 101, 102, 104, 106, 108, 110, 112, 114, 116, 118,
    122, 124, 126, 128, 130, 132, 134, 136, 138, 140, 143, 145, 148, 151, 154, 157,
];

/// Steps of all others.
#[rustfmt::skip]
const REST: [i16; 128] = [
    4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
    20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
    36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
    52, 53, 54, 55, 56, 57, 58, 60, 62, 64, 66, 68, 70, 72, 74, 76,
    78, 80, 82, 84, 86, 88, 90, 92, 94, 96, 98, 100, 102, 104, 106, 108,
    110, 112, 114, 116, 119, 122, 125, 128, 131, 134, 137, 140, 143, 146, 149, 152,
    155, 158, 161, 164, 167, 170, 173, 177, 181, 185, 189, 193, 197, 201, 205, 209,
    213, 217, 221, 225, 229, 234, 239, 245, 249, 254, 259, 264, 269, 274, 279, 284,
];
