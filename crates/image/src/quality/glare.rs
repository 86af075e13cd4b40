//! Glare: blobs of white tiles with a soft edge, in a picture that is not white elsewhere.

use super::looks::{AREA, SIDE};
use super::tiles::Tiles;
use crate::planes::Plane;

/// Shares of the picture that a blob may have.
const SMALLEST: f64 = 0.002;
const LARGEST: f64 = 0.3;
/// Beyond this step between neighbours an edge is something printed, not the fading of a lamp.
const SOFT: u32 = 80;
/// If more than this share is white elsewhere, then the paper itself is.
const WHITE_PAPER: f64 = 0.02;
/// Tiles by which a blob is grown before one looks elsewhere.
const AWAY: usize = 3;

/// What is known of a tile.
const CORE: u8 = 1;
/// Belongs to a blob that was looked at.
const SEEN: u8 = 2;
/// Of the blob at hand, or of its ring.
const BLOB: u8 = 4;
const RING: u8 = 8;
/// Within a few tiles of a blob that shines.
const NEAR: u8 = 16;

#[derive(Debug, Default)]
pub(crate) struct Glare {
    marks: Vec<u8>,
    blob: Vec<usize>,
    ring: Vec<usize>,
    steps: Vec<u32>,
}

impl Glare {
    /// The share of all tiles that lies in blobs that shine.
    pub(crate) fn share(&mut self, tiles: &Tiles, luma: &Plane) -> f64 {
        let core = |white: u32| white as usize * 10 >= AREA * 9;
        self.marks.clear();
        self.marks.extend(tiles.all.iter().map(|tile| if core(tile.white) { CORE } else { 0 }));
        let count = tiles.all.len() as f64;
        let mut shining = 0;
        for first in 0..tiles.all.len() {
            if self.marks[first] & (CORE | SEEN) != CORE {
                continue;
            }
            let at_edge = self.collect(first, tiles);
            let share = self.blob.len() as f64 / count;
            if !at_edge && (SMALLEST..=LARGEST).contains(&share) && self.is_soft(tiles, luma) {
                shining += self.blob.len();
                self.mark_near(tiles);
            }
        }
        if shining == 0 {
            return 0.0;
        }
        let elsewhere = || tiles.all.iter().zip(&self.marks).filter(|(_, mark)| **mark & NEAR == 0);
        let white: u64 = elsewhere().map(|(tile, _)| u64::from(tile.white)).sum();
        let samples = (elsewhere().count() * AREA) as f64;
        if white as f64 > WHITE_PAPER * samples { 0.0 } else { shining as f64 / count }
    }

    /// The blob that `first` belongs to, by a list of tiles still to be looked at. Whether it touches the frame's edge.
    fn collect(&mut self, first: usize, tiles: &Tiles) -> bool {
        self.blob.clear();
        self.blob.push(first);
        self.marks[first] |= SEEN;
        let (mut next, mut at_edge) = (0, false);
        while let Some(&at) = self.blob.get(next) {
            next += 1;
            let (x, y) = (at % tiles.across, at / tiles.across);
            at_edge |= x == 0 || y == 0 || x + 1 == tiles.across || y + 1 == tiles.down;
            let beside = [
                (x > 0).then(|| at - 1),
                (x + 1 < tiles.across).then_some(at + 1),
                (y > 0).then(|| at - tiles.across),
                (y + 1 < tiles.down).then_some(at + tiles.across),
            ];
            for at in beside.into_iter().flatten() {
                if self.marks[at] & (CORE | SEEN) == CORE {
                    self.marks[at] |= SEEN;
                    self.blob.push(at);
                }
            }
        }
        at_edge
    }

    /// Whether the tiles around the blob fade.
    fn is_soft(&mut self, tiles: &Tiles, luma: &Plane) -> bool {
        self.blob.iter().for_each(|at| self.marks[*at] |= BLOB);
        self.ring.clear();
        for at in &self.blob {
            for near in around(*at, 1, tiles) {
                if self.marks[near] & (BLOB | RING) == 0 {
                    self.marks[near] |= RING;
                    self.ring.push(near);
                }
            }
        }
        self.blob.iter().chain(&self.ring).for_each(|at| self.marks[*at] &= !(BLOB | RING));
        self.steps.clear();
        self.steps.extend(self.ring.iter().map(|at| steepest(luma, at % tiles.across, at / tiles.across)));
        super::tiles::percentile(&mut self.steps, 0.5).is_some_and(|median| median <= f64::from(SOFT))
    }

    fn mark_near(&mut self, tiles: &Tiles) {
        for at in &self.blob {
            for near in around(*at, AWAY, tiles) {
                self.marks[near] |= NEAR;
            }
        }
    }
}

/// Tiles up to so many away, each way.
fn around(at: usize, away: usize, tiles: &Tiles) -> impl Iterator<Item = usize> + use<> {
    let (across, down) = (tiles.across, tiles.down);
    let (x, y) = (at % across, at / across);
    let rows = y.saturating_sub(away)..=(y + away).min(down - 1);
    rows.flat_map(move |y| (x.saturating_sub(away)..=(x + away).min(across - 1)).map(move |x| y * across + x))
}

/// The largest difference of two neighbours inside a tile.
fn steepest(luma: &Plane, x: usize, y: usize) -> u32 {
    let row = |i: usize| &luma.row(y * SIDE + i)[x * SIDE..][..SIDE];
    let mut most = 0;
    for i in 0..SIDE {
        let across = row(i).windows(2).map(|pair| pair[0].abs_diff(pair[1])).max();
        let down = (i > 0).then(|| row(i).iter().zip(row(i - 1)).map(|(a, b)| a.abs_diff(*b)).max()).flatten();
        most = most.max(across.max(down).unwrap_or(0));
    }
    u32::from(most)
}
