//! A plane's tiles and what is known of each; percentiles.

use std::ops::Range;

use super::looks::{AREA, SIDE, Tile, WHITE};
use crate::cpu::Cpu;
use crate::planes::Plane;

/// Second differences both ways that a tile's noise is summed of: all but its outermost samples.
const INNER: f64 = ((SIDE - 2) * (SIDE - 2)) as f64;

/// The whole tiles of a plane, row by row.
#[derive(Debug, Default)]
pub(crate) struct Tiles {
    pub(crate) all: Vec<Tile>,
    pub(crate) across: usize,
    pub(crate) down: usize,
    values: Vec<u32>,
}

impl Tiles {
    /// Looks at all tiles, and lets `then` look at each row of them while it is still in the cache.
    pub(crate) fn look(&mut self, cpu: Cpu, plane: &Plane, mut then: impl FnMut(Range<usize>)) {
        (self.across, self.down) = (plane.width / SIDE, plane.height / SIDE);
        self.all.clear();
        self.all.resize(self.across * self.down, Tile::default());
        for y in 0..self.down {
            let tiles = &mut self.all[y * self.across..][..self.across];
            cpu.tiles(&plane.data[y * SIDE * plane.stride..], plane.stride, tiles);
            then(y * SIDE..(y + 1) * SIDE);
        }
        then(self.down * SIDE..plane.height);
    }

    /// The 98th percentile of the tiles' ranges; 0 of a picture without a tile.
    pub(crate) fn contrast(&self) -> f64 {
        let mut counts = [0; 256];
        self.all.iter().for_each(|tile| counts[usize::from(tile.range())] += 1);
        percentile_of_counts(&counts, 0.98)
    }

    /// Noise in levels: the 10th percentile over tiles that are neither black nor white, 0 where all are.
    pub(crate) fn noise(&mut self) -> f64 {
        let grey = 8 * AREA as u32 + 1..247 * AREA as u32;
        self.values.clear();
        self.values.extend(self.all.iter().filter(|tile| grey.contains(&tile.sum)).map(|tile| tile.noise));
        // Of noise with deviation s the mean absolute second difference is 6 s √(2/π).
        percentile(&mut self.values, 0.1).map_or(0.0, |sum| sum / INNER * (std::f64::consts::PI / 2.0).sqrt() / 6.0)
    }

    /// White samples of the whole plane.
    pub(crate) fn white(&self, plane: &Plane) -> u64 {
        let mut white: u64 = self.all.iter().map(|tile| u64::from(tile.white)).sum();
        let count = |samples: &[u8]| samples.iter().filter(|v| **v >= WHITE).count() as u64;
        for y in 0..plane.height {
            // What lies beside the last tile, and below.
            let first = if y < self.down * SIDE { self.across * SIDE } else { 0 };
            white += count(&plane.row(y)[first..]);
        }
        white
    }
}

/// Between the ranks that are nearest, as everybody's default has it; `None` of nothing. Puts the values into another
/// order.
pub(crate) fn percentile(values: &mut [u32], share: f64) -> Option<f64> {
    let place = share * values.len().checked_sub(1)? as f64;
    let rank = place as usize;
    let (_, below, above) = values.select_nth_unstable(rank);
    let below = f64::from(*below);
    let next = above.iter().min().map_or(below, |v| f64::from(*v));
    Some(below + (next - below) * (place - rank as f64))
}

/// The same of numbers that have a fraction.
pub(crate) fn percentile_of_reals(values: &mut [f64], share: f64) -> Option<f64> {
    let place = share * values.len().checked_sub(1)? as f64;
    let rank = place as usize;
    let (_, below, above) = values.select_nth_unstable_by(rank, f64::total_cmp);
    let below = *below;
    let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(below);
    Some(below + (next - below) * (place - rank as f64))
}

/// The same of values that were counted; 0 of nothing.
pub(crate) fn percentile_of_counts(counts: &[u32; 256], share: f64) -> f64 {
    let all: u64 = counts.iter().map(|n| u64::from(*n)).sum();
    let place = share * all.saturating_sub(1) as f64;
    let rank = place as u64;
    let at = |rank: u64| {
        let mut seen = 0;
        let found = counts.iter().position(|n| {
            seen += u64::from(*n);
            seen > rank
        });
        found.unwrap_or(0) as f64
    };
    let below = at(rank);
    below + (at((rank + 1).min(all.saturating_sub(1))) - below) * (place - rank as f64)
}
