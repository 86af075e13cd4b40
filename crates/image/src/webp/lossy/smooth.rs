//! Smoothing of the edges between blocks (RFC 6386 § 15): plain code, and the oracle of the vectors.
//!
//! A macroblock's edges are smoothed when all of its row is made, the next row being predicted from what was before: its
//! left edge, those within it from left to right, its upper edge, and those within it from top to bottom. Up to four
//! samples before the macroblock are read and three of them changed.

use super::strength::Filter;
use super::strength::{MACROBLOCK, Strength};

/// A macroblock of a plane among those around it.
pub(super) struct Square<'a> {
    /// Samples of the plane, those before the macroblock among them.
    pub(super) samples: &'a mut [u8],
    /// Its first sample.
    pub(super) at: usize,
    pub(super) stride: usize,
}

/// Which edges there are besides those within the macroblock.
#[derive(Clone, Copy)]
pub(super) struct Outer {
    pub(super) left: bool,
    pub(super) upper: bool,
}

/// Smooths the edges of a macroblock.
pub(super) fn macroblock(filter: Filter, planes: &mut [Square<'_>; 3], strength: Strength, outer: Outer) {
    if strength.edge == 0 || filter == Filter::None {
        return;
    }
    let [luma, blue, red] = planes;
    let smooth = |square: &mut Square<'_>, side: usize| {
        let stride = square.stride;
        for (step, along, is_outer) in [(1, stride, outer.left), (stride, 1, outer.upper)] {
            if is_outer {
                edge(filter, true, square, square.at, step, along, side, strength);
            }
            if strength.inner {
                for i in (4..side).step_by(4) {
                    edge(filter, false, square, square.at + i * step, step, along, side, strength);
                }
            }
        }
    };
    smooth(luma, 16);
    if filter == Filter::Normal {
        smooth(blue, 8);
        smooth(red, 8);
    }
}

/// Smooths `side` places of an edge, before the sample `at` and `step` from sample to sample across it.
#[expect(clippy::too_many_arguments, reason = "an edge is a place, two directions, a length and a strength")]
fn edge(
    filter: Filter,
    is_outer: bool,
    square: &mut Square<'_>,
    at: usize,
    step: usize,
    along: usize,
    side: usize,
    strength: Strength,
) {
    let limit = i32::from(strength.edge + if is_outer { MACROBLOCK } else { 0 });
    let limit = 2 * limit + 1;
    for i in 0..side {
        let at = at + i * along;
        if filter == Filter::Simple {
            let mut across = Across::<2>::read(square.samples, at, step);
            if across.is_near(limit) {
                across.two();
                across.write(square.samples, at, step);
            }
            continue;
        }
        let mut across = Across::<4>::read(square.samples, at, step);
        if !across.is_near(limit) || !across.is_smooth(i32::from(strength.interior)) {
            continue;
        }
        match across.is_picture(i32::from(strength.high_variance)) {
            true => across.two(),
            false if is_outer => across.six(),
            false => across.four(),
        }
        across.write(square.samples, at, step);
    }
}

/// Samples across an edge, `N` on either side, the nearest first.
struct Across<const N: usize> {
    before: [i32; N],
    behind: [i32; N],
}

impl<const N: usize> Across<N> {
    fn read(samples: &[u8], at: usize, step: usize) -> Self {
        Self {
            before: std::array::from_fn(|i| i32::from(samples[at - (i + 1) * step])),
            behind: std::array::from_fn(|i| i32::from(samples[at + i * step])),
        }
    }

    fn write(&self, samples: &mut [u8], at: usize, step: usize) {
        for i in 0..N {
            samples[at - (i + 1) * step] = self.before[i] as u8;
            samples[at + i * step] = self.behind[i] as u8;
        }
    }

    fn is_near(&self, limit: i32) -> bool {
        4 * (self.before[0] - self.behind[0]).abs() + (self.before[1] - self.behind[1]).abs() <= limit
    }

    fn is_smooth(&self, limit: i32) -> bool {
        let near = |side: &[i32; N]| side.windows(2).all(|pair| (pair[0] - pair[1]).abs() <= limit);
        near(&self.before) && near(&self.behind)
    }

    /// Whether the edge is one of the picture.
    fn is_picture(&self, limit: i32) -> bool {
        let differ = |side: &[i32; N]| (side[0] - side[1]).abs() > limit;
        differ(&self.before) || differ(&self.behind)
    }

    /// Moves both samples of place `i` towards each other.
    fn near(&mut self, i: usize, before: i32, behind: i32) {
        self.before[i] = (self.before[i] + before).clamp(0, 255);
        self.behind[i] = (self.behind[i] - behind).clamp(0, 255);
    }

    fn step(&self) -> i32 {
        3 * (self.behind[0] - self.before[0])
    }

    fn outer_step(&self) -> i32 {
        signed(self.before[1] - self.behind[1])
    }

    fn two(&mut self) {
        let step = signed(self.step() + self.outer_step());
        self.near(0, signed(step + 3) >> 3, signed(step + 4) >> 3);
    }

    fn four(&mut self) {
        let step = signed(self.step());
        let behind = signed(step + 4) >> 3;
        self.near(0, signed(step + 3) >> 3, behind);
        let outer = (behind + 1) >> 1;
        self.near(1, outer, outer);
    }

    fn six(&mut self) {
        let step = signed(self.step() + self.outer_step());
        for (i, weight) in [27, 18, 9].into_iter().enumerate() {
            let by = (weight * step + 63) >> 7;
            self.near(i, by, by);
        }
    }
}

/// As much of a value as eight bits hold.
fn signed(value: i32) -> i32 {
    value.clamp(-128, 127)
}
