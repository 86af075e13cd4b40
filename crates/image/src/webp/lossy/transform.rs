//! From coefficients to samples (RFC 6386 § 14): plain code, and the oracle of the vectors.
//!
//! Of coefficients that no encoder makes, sums go beyond 16 bits. What comes of that is nowhere said; here it is what
//! libwebp makes of it on most of the machines that there are, so that the two can be compared on anything.

use super::area::Area;
use super::layout::{Content, Group};

/// The first coefficients of all of luma's blocks, out of a block of their own times its steps (§ 14.3). Tells whether one is
/// larger than `largest`.
pub(super) fn second(block: &Group, [first, rest]: [i16; 2], groups: &mut [Group; 8], largest: i32) -> bool {
    let at = |row: usize, column: usize| {
        let step = if row + column == 0 { first } else { rest };
        i32::from(block[16 * row + column].wrapping_mul(step))
    };
    let columns: [[i32; 4]; 4] = std::array::from_fn(|column| {
        let (a, b) = (at(0, column) + at(3, column), at(1, column) + at(2, column));
        let (c, d) = (at(1, column) - at(2, column), at(0, column) - at(3, column));
        [a + b, d + c, a - b, d - c]
    });
    let mut extreme = false;
    for (row, group) in groups.iter_mut().take(4).enumerate() {
        let sums = columns.map(|column| column[row]);
        let first = sums[0] + 3;
        let (a, b) = (first + sums[3], sums[1] + sums[2]);
        let (c, d) = (sums[1] - sums[2], first - sums[3]);
        for (slot, sum) in [a + b, d + c, a - b, d - c].into_iter().enumerate() {
            let value = (sum >> 3) as i16;
            extreme |= i32::from(value).abs() > largest;
            group[4 * slot] = value;
        }
    }
    extreme
}

/// Adds a block of a group to the samples from `x` and `y` on.
pub(super) fn add(group: &Group, slot: usize, content: u8, area: &mut Area, x: usize, y: usize) {
    let block: [[i16; 4]; 4] =
        std::array::from_fn(|row| std::array::from_fn(|column| group[16 * row + 4 * slot + column]));
    let sums = match content {
        0 => return,
        Content::FIRST => [[(i32::from(block[0][0]) + 4) >> 3; 4]; 4],
        Content::FEW => few(&block),
        _ => any(block),
    };
    for (row, sums) in sums.iter().enumerate() {
        for (column, sum) in sums.iter().enumerate() {
            let sample = area.sample(x + column, y + row);
            *sample = (i32::from(*sample) + sum).clamp(0, 255) as u8;
        }
    }
}

/// √2 cos π/8 less one, and √2 sin π/8, in units of 1/65536.
const COSINE: i32 = 20091;
const SINE: i32 = 35468;

/// A block of three coefficients: the first, the one beside it and the one below.
fn few(block: &[[i16; 4]; 4]) -> [[i32; 4]; 4] {
    let first = i32::from(block[0][0]) + 4;
    let waves = |value: i16| {
        let value = i32::from(value);
        let (sine, cosine) = ((value * SINE) >> 16, ((value * COSINE) >> 16) + value);
        [cosine, sine, -sine, -cosine]
    };
    let (across, down) = (waves(block[0][1]), waves(block[1][0]));
    down.map(|down| across.map(|across| (first + down + across) >> 3))
}

fn any(block: [[i16; 4]; 4]) -> [[i32; 4]; 4] {
    let rows = turned(turned(block).map(pass));
    // Rounding comes with the first.
    let rows = rows.map(|[first, rest @ ..]| {
        let [b, c, d] = rest;
        pass([first.wrapping_add(4), b, c, d])
    });
    rows.map(|row| row.map(|sum| i32::from(sum >> 3)))
}

fn turned(block: [[i16; 4]; 4]) -> [[i16; 4]; 4] {
    std::array::from_fn(|row| std::array::from_fn(|column| block[column][row]))
}

/// Four coefficients to four sums.
fn pass([first, b, c, d]: [i16; 4]) -> [i16; 4] {
    let sine = |value: i16| (((i32::from(value) * (SINE - 65536)) >> 16) as i16).wrapping_add(value);
    let cosine = |value: i16| (((i32::from(value) * COSINE) >> 16) as i16).wrapping_add(value);
    let (plus, minus) = (first.wrapping_add(c), first.wrapping_sub(c));
    let inner = sine(b).wrapping_sub(cosine(d));
    let outer = cosine(b).wrapping_add(sine(d));
    [plus.wrapping_add(outer), minus.wrapping_add(inner), minus.wrapping_sub(inner), plus.wrapping_sub(outer)]
}
