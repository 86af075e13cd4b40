//! The plain kernel judges the vectors; what it gives is held against the definition in floating point.

use proptest::prelude::*;
use sealpress_testkit::{Rgb, Rng, driving_licence, scene};

use super::looks::{DIRECTIONS, SIDE, Tile};
use super::tiles::{percentile, percentile_of_counts, percentile_of_reals};
use super::*;

/// Luma of a drawn scene with edges of all directions.
fn drawn(seed: u64, width: usize, height: usize) -> Plane {
    luma(&scene(seed, width as u32, height as u32))
}

fn luma(picture: &Rgb) -> Plane {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let pixel = |i: usize| picture.pixel((i % width) as u32, (i / width) as u32);
    let data = (0..width * height).map(|i| crate::convert::luma(pixel(i))).collect();
    Plane { data, width, height, stride: width }
}

/// Means over squares of `2 radius + 1`.
fn blurred(plane: &Plane, radius: usize) -> Plane {
    let mut out = plane.clone();
    for y in 0..plane.height {
        for x in 0..plane.width {
            let columns = x.saturating_sub(radius)..=(x + radius).min(plane.width - 1);
            let rows = y.saturating_sub(radius)..=(y + radius).min(plane.height - 1);
            let count = columns.clone().count() * rows.clone().count();
            let sum: usize = rows.flat_map(|y| plane.row(y)[columns.clone()].iter()).map(|v| usize::from(*v)).sum();
            out.row_mut(y)[x] = ((sum + count / 2) / count) as u8;
        }
    }
    out
}

fn noisy(plane: &Plane, deviation: f64) -> Plane {
    let mut rng = Rng::new(7);
    let mut uniform = move || f64::from(rng.below(1 << 20)) / f64::from(1 << 20);
    let mut out = plane.clone();
    for v in &mut out.data {
        // Twelve uniform numbers are as good as a normal one.
        let normal: f64 = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        *v = (f64::from(*v) + normal * deviation).round().clamp(0.0, 255.0) as u8;
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn all_kernels_give_the_same_integers(seed: u64, more in 0_usize..40, smooth: bool) {
        let mut rng = Rng::new(seed);
        let stride = 3 * SIDE + 12 + more;
        let mut data = rng.bytes(stride * (3 * SIDE));
        if smooth {
            data.iter_mut().enumerate().for_each(|(i, v)| *v = *v / 16 + (i % stride) as u8);
        }
        let start = (SIDE + 6) * stride / 2 * 2 / stride * stride + 6;
        let widths = [1, 31, 32, 33, 64, 71];
        let mut rows = Vec::new();
        for cpu in Cpu::all() {
            // Up to the last sample that there is.
            let mut tiles = [Tile::default(); 3];
            cpu.tiles(&data[..SIDE * stride - more - 12], stride, &mut tiles);
            let energies = cpu.energies(&data, start, stride);
            let halves = widths.map(|width| {
                let mut out = vec![0; width];
                cpu.halve(&data[..width * 2], &data[stride..][..width * 2], &mut out);
                out
            });
            rows.push((tiles, energies, halves));
        }
        prop_assert!(rows.iter().all(|row| *row == rows[0]), "{rows:?}");
    }

    #[test]
    fn percentiles_agree(values in proptest::collection::vec(0_u8..=255, 1..200), share in 0.0..1.0_f64) {
        let mut counts = [0; 256];
        values.iter().for_each(|v| counts[usize::from(*v)] += 1);
        let counted = percentile_of_counts(&counts, share);
        let mut whole: Vec<u32> = values.iter().map(|v| u32::from(*v)).collect();
        let mut reals: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
        prop_assert!((percentile(&mut whole, share).unwrap() - counted).abs() < 1e-9);
        prop_assert!((percentile_of_reals(&mut reals, share).unwrap() - counted).abs() < 1e-9);
        // By the definition.
        let mut sorted = values.clone();
        sorted.sort_unstable();
        let place = share * (sorted.len() - 1) as f64;
        let (low, high) = (f64::from(sorted[place.floor() as usize]), f64::from(sorted[place.ceil() as usize]));
        prop_assert!((low + (high - low) * place.fract() - counted).abs() < 1e-9);
    }
}

/// The specification's formulas, sample by sample in floating point.
#[test]
fn the_numbers_are_those_of_the_definition() {
    let plane = noisy(&drawn(3, 420, 300), 2.0);
    let at = |plane: &Plane, x: isize, y: isize| f64::from(plane.row(y as usize)[x as usize]);
    let sharpness = |plane: &Plane, coarse: bool| {
        let (across, down) = (plane.width / 32, plane.height / 32);
        let (mut noises, mut contrasty) = (Vec::new(), Vec::new());
        for ty in 0..down {
            for tx in 0..across {
                let (x0, y0) = (tx as isize * 32, ty as isize * 32);
                let samples = || (0..1024).map(|i| at(plane, x0 + i % 32, y0 + i / 32));
                let mean = samples().sum::<f64>() / 1024.0;
                if mean > 8.0 && mean < 247.0 {
                    let mut sum = 0.0;
                    for (y, x) in (1..31).flat_map(|y| (1..31).map(move |x| (y + y0, x + x0))) {
                        let row = |y: isize| at(plane, x - 1, y) - 2.0 * at(plane, x, y) + at(plane, x + 1, y);
                        sum += f64::abs(row(y - 1) - 2.0 * row(y) + row(y + 1));
                    }
                    noises.push(sum / 900.0 * (std::f64::consts::PI / 2.0).sqrt() / 6.0);
                }
                let range = samples().fold(0.0, f64::max) - samples().fold(255.0, f64::min);
                let inside = tx > 0 && ty > 0 && tx * 32 + 38 <= plane.width && ty * 32 + 38 <= plane.height;
                if range >= 32.0 && inside {
                    contrasty.push((range, x0, y0));
                }
            }
        }
        let noise = percentile_of_reals(&mut noises, 0.1).unwrap();
        let mut ranges: Vec<f64> = contrasty.iter().map(|tile| tile.0).collect();
        let enough = percentile_of_reals(&mut ranges, 0.75).unwrap().max(32.0);
        contrasty.retain(|tile| tile.0 >= enough);
        let energy = |x0: isize, y0: isize, (dx, dy): (isize, isize), times: isize| {
            let mut sum = 0.0;
            for (y, x) in (0..32).flat_map(|y| (0..32).map(move |x| (y + y0, x + x0))) {
                sum += (at(plane, x, y) - at(plane, x + dx * times, y + dy * times)).powi(2);
            }
            sum / 1024.0 - 2.0 * noise * noise
        };
        let all = |times| DIRECTIONS.map(|u| contrasty.iter().map(|t| energy(t.1, t.2, u, times)).collect::<Vec<_>>());
        let (near, far) = (all(1), all(3));
        let value = if coarse {
            (0..8)
                .map(|u| {
                    let mut ratios: Vec<f64> = (0..contrasty.len())
                        .map(|i| {
                            let largest = far.iter().map(|f| f[i]).fold(f64::MIN, f64::max);
                            if far[u][i] < 0.03 * largest { 1.0 } else { near[u][i].max(0.0) / far[u][i].max(1.0) }
                        })
                        .collect();
                    percentile_of_reals(&mut ratios, 0.9).unwrap()
                })
                .fold(f64::INFINITY, f64::min)
        } else {
            let sum = |v: &Vec<f64>| v.iter().sum::<f64>();
            let largest = far.iter().map(sum).fold(f64::MIN, f64::max);
            let kept = near.iter().zip(&far).filter(|(_, far)| sum(far) >= 0.03 * largest);
            kept.map(|(near, far)| sum(near).max(0.0) / sum(far)).fold(f64::INFINITY, f64::min)
        };
        (value, noise)
    };
    let half = Plane {
        data: (0..210 * 150)
            .map(|i| {
                let (x, y) = (i % 210 * 2, i / 210 * 2);
                let sum = at(&plane, x, y) + at(&plane, x + 1, y) + at(&plane, x, y + 1) + at(&plane, x + 1, y + 1);
                (sum / 4.0 + 0.5).floor() as u8
            })
            .collect(),
        width: 210,
        height: 150,
        stride: 210,
    };
    let ((fine, noise), (coarse, _)) = (sharpness(&plane, false), sharpness(&half, true));
    let got = Meter::new().measure(&plane);
    assert!((got.sharpness.unwrap() - fine).abs() < 1e-4, "{got:?}, {fine}");
    assert!((got.coarse_sharpness.unwrap() - coarse).abs() < 1e-4, "{got:?}, {coarse}");
    assert!((got.noise - noise).abs() < 1e-4, "{got:?}, {noise}");
}

#[test]
fn blur_is_seen_through_noise_and_noise_is_no_sharpness() {
    let mut meter = Meter::new();
    let sharp = luma(&driving_licence(1, 960));
    let codes = |meter: &mut Meter, plane: &Plane| {
        let findings = meter.measure(plane).findings(sealpress_media::Subject::Document);
        findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>()
    };
    assert!(codes(&mut meter, &sharp).is_empty(), "{:?}", meter.measure(&sharp));
    let soft = blurred(&blurred(&sharp, 5), 5);
    assert_eq!(codes(&mut meter, &soft), ["blurred_heavily"], "{:?}", meter.measure(&soft));
    let grainy = noisy(&soft, 4.0);
    assert_eq!(codes(&mut meter, &grainy), ["blurred_heavily"], "{:?}", meter.measure(&grainy));
    assert!(codes(&mut meter, &noisy(&sharp, 4.0)).is_empty());
}

#[test]
fn flat_frames_are_blank_and_small_ones_are_not_judged() {
    let mut meter = Meter::new();
    for value in [0, 90, 255] {
        let flat = noisy(&Plane::filled(640, 480, value), 1.5);
        let findings = meter.measure(&flat).findings(sealpress_media::Subject::Document);
        assert_eq!(findings[0].code.as_str(), "blank", "{value}");
    }
    let small = drawn(1, 255, 400);
    let quality = meter.measure(&small);
    assert_eq!((quality.sharpness, quality.coarse_sharpness, quality.score), (None, None, None));
    // Even of less than a tile something can be said.
    assert_eq!(meter.measure(&Plane::filled(5, 3, 77)).p50, 77.0);
}

#[test]
fn a_lamp_shines_and_white_paper_does_not() {
    let mut meter = Meter::new();
    let mut lamp = drawn(1, 960, 640);
    lamp.data.iter_mut().for_each(|v| *v = *v / 4 * 3);
    let mut paper = lamp.clone();
    for y in 0..640 {
        for x in 0..960 {
            let from = ((x as f64 - 500.0) / 130.0).hypot((y as f64 - 300.0) / 90.0);
            let here = f64::from(lamp.row(y)[x]);
            let shine = (1.6 - from).clamp(0.0, 1.0);
            lamp.row_mut(y)[x] = (here + (300.0 - here) * shine).min(255.0) as u8;
            if x > 400 {
                paper.row_mut(y)[x] = 253;
            }
        }
    }
    assert!(meter.measure(&lamp).glare > 0.02, "{:?}", meter.measure(&lamp));
    assert_eq!(meter.measure(&paper).glare, 0.0);
}

#[test]
fn nothing_of_a_picture_reaches_the_next() {
    let (large, small) = (drawn(1, 900, 700), drawn(2, 300, 280));
    let mut meter = Meter::new();
    meter.measure(&large);
    assert_eq!(meter.measure(&small), Meter::new().measure(&small));
}
