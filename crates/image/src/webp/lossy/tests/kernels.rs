//! Vectors against plain code, on what pictures do not bring.

use sealpress_testkit::Rng;

use super::super::layout::Content;
use super::super::modes::{Luma, Mode};
use super::super::predict::{self, Beside};
use super::super::residue::Residue;
use super::super::smooth::{self, Outer, Square};
use super::super::strength::Filter;
use super::super::strength::Strength;
use crate::cpu::Cpu;

/// Samples that are far apart, close together, or at both ends.
fn samples(rng: &mut Rng, out: &mut [u8]) {
    let (base, spread) = (rng.below(256), [1, 4, 16, 256][rng.below(4) as usize]);
    out.iter_mut().for_each(|s| *s = (base + rng.below(spread)).clamp(0, 255) as u8);
    if rng.below(8) == 0 {
        out.iter_mut().for_each(|s| *s = if rng.below(2) == 0 { 0 } else { 255 });
    }
}

fn beside(rng: &mut Rng) -> Beside {
    let (mut above, mut left) = ([0; 21], [0; 16]);
    samples(rng, &mut above);
    samples(rng, &mut left);
    Beside { above, left, is_first_row: rng.below(4) == 0, is_first_column: rng.below(4) == 0 }
}

fn residue(rng: &mut Rng) -> Residue {
    let mut residue = Residue::new();
    (residue.luma, residue.chroma) = ([1, 1 + rng.below(8) as i16], [1 + rng.below(8) as i16, 1 + rng.below(8) as i16]);
    let largest = [3, 40, 275][rng.below(3) as usize];
    for (group, contents) in residue.groups.iter_mut().zip(&mut residue.contents) {
        let most = rng.below(4);
        for slot in 0..4 {
            let content = rng.below(most + 1) as u8;
            *contents |= content << (2 * slot);
            let mut value =
                |at: usize| group[at + 4 * slot] = (rng.below(2 * largest + 1) as i32 - largest as i32) as i16;
            match content {
                0 => {}
                Content::FIRST => value(0),
                Content::FEW => [0, 1, 16].into_iter().for_each(value),
                _ => (0..16).for_each(|i| value(i / 4 * 16 + i % 4)),
            }
        }
    }
    residue
}

#[test]
fn predictions_are_the_plain_ones() {
    let mut rng = Rng::new(1);
    let whole = [Mode::Dc, Mode::TrueMotion, Mode::Vertical, Mode::Horizontal];
    for round in 0..6000_usize {
        let seed = u64::from(rng.below(1 << 30));
        let luma = match round % 3 {
            0 => Luma::Whole(whole[round / 3 % 4]),
            _ => Luma::Blocks(std::array::from_fn(|_| rng.below(10) as u8)),
        };
        let around = u64::from(rng.below(1 << 30));
        let besides = || {
            let mut rng = Rng::new(around);
            (beside(&mut rng), [beside(&mut rng), beside(&mut rng)])
        };
        let lefts = |(luma, [blue, red]): &(Beside, [Beside; 2])| {
            [luma.left.to_vec(), blue.left[..8].to_vec(), red.left[..8].to_vec()]
        };
        let mode = whole[rng.below(4) as usize];
        let mut plain = [[7; 20 * 16], [7; 20 * 16], [7; 20 * 16]];
        let mut left = residue(&mut Rng::new(seed));
        let [y, u, v] = &mut plain;
        let mut beside = besides();
        predict::luma(&luma, &mut beside.0, &mut left, y, 20);
        predict::chroma(mode, &mut beside.1, &mut left, [u, v], 20);
        let last = lefts(&beside);
        assert!(left.groups[..6].as_flattened().iter().all(|v| *v == 0), "all is added and cleared");
        for cpu in Cpu::all() {
            let mut got = [[7; 20 * 16], [7; 20 * 16], [7; 20 * 16]];
            let mut left = residue(&mut Rng::new(seed));
            let [y, u, v] = &mut got;
            let mut beside = besides();
            cpu.luma(&luma, &mut beside.0, &mut left, y, 20);
            cpu.chroma(mode, &mut beside.1, &mut left, [u, v], 20);
            assert_eq!(lefts(&beside), last, "{cpu:?}: the next macroblock's column");
            assert!(got == plain, "{cpu:?}, {luma:?}, {mode:?}, {:?}", left.contents);
            assert!(left.groups[..6].as_flattened().iter().all(|v| *v == 0), "{cpu:?}: all is added and cleared");
        }
    }
}

#[test]
fn smoothing_is_the_plain_one() {
    let mut rng = Rng::new(2);
    for round in 0..6000_u32 {
        let strides = [40, 24, 24];
        let mut planes = strides.map(|stride| vec![0; stride * 24]);
        planes.iter_mut().for_each(|plane| samples(&mut rng, plane));
        let strength = Strength {
            edge: rng.below(190) as u8,
            interior: 1 + rng.below(63) as u8,
            high_variance: rng.below(3) as u8,
            inner: rng.below(4) > 0,
        };
        let outer = Outer { left: rng.below(4) > 0, upper: rng.below(4) > 0 };
        let filter = [Filter::Normal, Filter::Normal, Filter::Simple, Filter::None][round as usize % 4];
        let smoothed = |smooth: &dyn Fn(&mut [Square<'_>; 3])| {
            let mut planes = planes.clone();
            let [y, u, v] = &mut planes[..] else { panic!("three planes") };
            smooth(&mut [
                // Where nothing is before or above it, at the very beginning; and at the very end.
                Square {
                    at: if outer.upper { 8 * 40 + 24 } else { 24 * usize::from(outer.left) },
                    samples: y,
                    stride: 40,
                },
                Square {
                    at: if outer.upper { 16 * 24 + 16 } else { 16 * usize::from(outer.left) },
                    samples: u,
                    stride: 24,
                },
                Square {
                    at: if outer.upper { 16 * 24 + 16 } else { 16 * usize::from(outer.left) },
                    samples: v,
                    stride: 24,
                },
            ]);
            planes
        };
        let plain = smoothed(&|squares| smooth::macroblock(filter, squares, strength, outer));
        for cpu in Cpu::all() {
            let got = smoothed(&|squares| cpu.smooth(filter, squares, strength, outer));
            assert!(got == plain, "{cpu:?}, {filter:?}, {strength:?}");
        }
    }
}
