//! Blur: the tiles that tell, and how much of what differs six pixels apart already differs two apart.

use super::looks::{AREA, DIRECTIONS, Energies, REACH, SIDE};
use super::tiles::{Tiles, percentile_of_counts, percentile_of_reals};
use crate::cpu::Cpu;
use crate::planes::Plane;

/// Levels between the darkest and the brightest sample of a tile with something on it.
const CONTRAST: u8 = 32;
/// Fewer such tiles tell nothing.
const FEWEST: usize = 8;
/// A direction in which there is less than this share of what there is in the strongest is along the lines, not across.
const ALONG: f64 = 0.03;

#[derive(Debug, Default)]
pub(crate) struct Blur {
    /// Of the tiles that tell.
    energies: Vec<Energies>,
    ratios: Vec<f64>,
}

impl Blur {
    /// Over all tiles that tell together.
    pub(crate) fn fine(&mut self, cpu: Cpu, tiles: &Tiles, plane: &Plane, noise: f64) -> Option<f64> {
        self.take(cpu, tiles, plane)?;
        let count = self.energies.len() as f64;
        let floor = 2.0 * noise * noise * count;
        let sums: [[f64; 2]; 8] = std::array::from_fn(|i| {
            [0, 1].map(|distance| {
                let sum: u64 = self.energies.iter().map(|tile| u64::from(tile[i][distance])).sum();
                sum as f64 / AREA as f64 - floor
            })
        });
        let largest = sums.iter().map(|sum| sum[1]).fold(f64::NEG_INFINITY, f64::max);
        let across = sums.iter().filter(|sum| sum[1] >= ALONG * largest || largest <= 0.0);
        let least = 1.0 + count / 1000.0;
        across.map(|[near, far]| near.max(0.0) / far.max(least)).reduce(f64::min)
    }

    /// Tile by tile, of the better ones.
    pub(crate) fn coarse(&mut self, cpu: Cpu, tiles: &Tiles, plane: &Plane, noise: f64) -> Option<f64> {
        self.take(cpu, tiles, plane)?;
        let floor = 2.0 * noise * noise;
        let reduced = |sum: u32| f64::from(sum) / AREA as f64 - floor;
        let mut least = f64::INFINITY;
        for i in 0..DIRECTIONS.len() {
            self.ratios.clear();
            self.ratios.extend(self.energies.iter().map(|tile| {
                let far = reduced(tile[i][1]);
                let largest = tile.iter().map(|sum| sum[1]).max().map_or(0.0, reduced);
                if far < ALONG * largest { 1.0 } else { reduced(tile[i][0]).max(0.0) / far.max(1.0) }
            }));
            least = least.min(percentile_of_reals(&mut self.ratios, 0.9)?);
        }
        Some(least)
    }

    /// Looks at the tiles with the most contrast; `None` where too few have any.
    fn take(&mut self, cpu: Cpu, tiles: &Tiles, plane: &Plane) -> Option<()> {
        let inside = |i: usize| {
            let (x, y) = (i % tiles.across, i / tiles.across);
            x > 0 && y > 0 && (x + 1) * SIDE + REACH <= plane.width && (y + 1) * SIDE + REACH <= plane.height
        };
        let contrasty = || tiles.all.iter().enumerate().filter(|(i, t)| t.range() >= CONTRAST && inside(*i));
        let mut counts = [0; 256];
        contrasty().for_each(|(_, tile)| counts[usize::from(tile.range())] += 1);
        if contrasty().count() < FEWEST {
            return None;
        }
        let enough = percentile_of_counts(&counts, 0.75);
        self.energies.clear();
        for (i, _) in contrasty().filter(|(_, tile)| f64::from(tile.range()) >= enough) {
            let start = i / tiles.across * SIDE * plane.stride + i % tiles.across * SIDE;
            self.energies.push(cpu.energies(&plane.data, start, plane.stride));
        }
        Some(())
    }
}
