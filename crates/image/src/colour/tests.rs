//! Floating point is the oracle of colours, the plain kernel that of the vectors.

use moxcms::{ColorProfile, ToneReprCurve};
use proptest::prelude::*;
use sealpress_testkit::{IccProfile, Rng};

use super::*;
use crate::cpu::Cpu;
use crate::planes::Plane;

fn shaper(profile: IccProfile) -> (Shaper, ColorProfile) {
    let Colour::Convert(converter) = from_icc(&profile.bytes(), 3) else { panic!("{profile:?} is not sRGB") };
    let shaper = converter.shaper.unwrap_or_else(|| panic!("{profile:?} is curves and a matrix"));
    ((*shaper).clone(), ColorProfile::new_from_slice(&profile.bytes()).unwrap())
}

fn planes(rng: &mut Rng, width: usize, height: usize) -> Vec<Plane> {
    let mut plane =
        |width: usize, height: usize| Plane { data: rng.bytes(width * height), width, height, stride: width };
    vec![plane(width * 2, height * 2), plane(width, height), plane(width, height)]
}

/// What the profile says of four luma samples and their chroma, without rounding anywhere.
fn exact(profile: &ColorProfile, matrix: Matrix, luma: [u8; 4], cb: u8, cr: u8) -> [f64; 6] {
    let (kr, kb) = matrix.weights().unwrap();
    let (cb, cr) = (f64::from(cb) - 128.0, f64::from(cr) - 128.0);
    let curves = [&profile.red_trc, &profile.green_trc, &profile.blue_trc]
        .map(|c| c.as_ref().unwrap().make_linear_evaluator().unwrap());
    let mix = profile.transform_matrix(&ColorProfile::new_srgb()).v;
    let mut out = [0.0; 6];
    let mut mean = [0.0; 3];
    for (i, y) in luma.into_iter().enumerate() {
        let y = f64::from(y);
        let (r, b) = (y + 2.0 * (1.0 - kr) * cr, y + 2.0 * (1.0 - kb) * cb);
        let g = (y - kr * r - kb * b) / (1.0 - kr - kb);
        let mut light = [r, g, b].map(|v| v.clamp(0.0, 255.0) / 255.0);
        for (light, curve) in light.iter_mut().zip(&curves) {
            *light = f64::from(curve.evaluate_value(*light as f32));
        }
        let rgb = mix.map(|row| {
            let light = row.iter().zip(light).map(|(m, v)| m * v).sum::<f64>().clamp(0.0, 1.0);
            255.0 * if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
        });
        out[i] = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
        mean.iter_mut().zip(rgb).for_each(|(mean, v)| *mean += v / 4.0);
    }
    let y = 0.299 * mean[0] + 0.587 * mean[1] + 0.114 * mean[2];
    out[4] = 128.0 + (mean[2] - y) / 1.772;
    out[5] = 128.0 + (mean[0] - y) / 1.402;
    out
}

#[test]
fn colours_are_within_a_level_of_what_the_profile_says() {
    for name in [IccProfile::DisplayP3, IccProfile::AdobeRgb] {
        let (shaper, profile) = shaper(name);
        for matrix in [Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020] {
            let before = planes(&mut Rng::new(5), 64, 40);
            let mut after = before.clone();
            assert!(shaper.convert(&mut after, matrix));
            let (mut most, mut sum, mut count) = (0.0_f64, 0.0, 0.0);
            for y in 0..40 {
                for x in 0..64 {
                    let four = |p: &Plane| {
                        let (upper, lower) = (p.row(y * 2), p.row(y * 2 + 1));
                        [upper[x * 2], upper[x * 2 + 1], lower[x * 2], lower[x * 2 + 1]]
                    };
                    let expect = exact(&profile, matrix, four(&before[0]), before[1].row(y)[x], before[2].row(y)[x]);
                    let [a, b, c, d] = four(&after[0]);
                    for (got, expect) in [a, b, c, d, after[1].row(y)[x], after[2].row(y)[x]].into_iter().zip(expect) {
                        let off = f64::from(got) - expect;
                        most = most.max(off.abs());
                        (sum, count) = (sum + off, count + 1.0);
                    }
                }
            }
            assert!(most <= 1.0, "{name:?}, {matrix:?}: off by {most:.2} levels");
            assert!((sum / count).abs() < 0.02, "{name:?}, {matrix:?}: off by {:.3} levels in the mean", sum / count);
        }
    }
}

#[test]
fn greys_keep_their_level() {
    for profile in [IccProfile::DisplayP3, IccProfile::AdobeRgb] {
        let Colour::Convert(converter) = from_icc(&profile.bytes(), 3) else { panic!("{profile:?} is not sRGB") };
        let greys: Vec<u8> = (0..=255_u8).flat_map(|v| [v; 3]).collect();
        let mut out = vec![0; greys.len()];
        converter.apply(&greys, &mut out).unwrap();
        // Curves may differ a little; a level lost on the way shows in the mean.
        let moved: i32 = greys.iter().zip(&out).map(|(a, b)| i32::from(*b) - i32::from(*a)).sum();
        let mean = f64::from(moved) / greys.len() as f64;
        let most = if matches!(profile, IccProfile::DisplayP3) { 0.05 } else { 2.5 };
        assert!(mean.abs() <= most, "{profile:?}: greys move by {mean:.2} levels in the mean");
    }
    // From planes to planes: the curve is sRGB's, so not a level may move.
    let (shaper, _) = shaper(IccProfile::DisplayP3);
    let luma: Vec<u8> = (0..=255).flat_map(|v| [v; 4]).collect();
    let luma = Plane { data: luma.clone(), width: 512, height: 2, stride: 512 };
    let mut planes = vec![luma.clone(), Plane::filled(256, 1, 128), Plane::filled(256, 1, 128)];
    assert!(shaper.convert(&mut planes, Matrix::Bt601));
    assert_eq!(planes[0], luma);
    assert!(planes[1..].iter().all(|p| p.data.iter().all(|v| *v == 128)));
}

#[test]
fn what_is_more_than_curves_and_a_matrix_keeps_the_general_way() {
    let mut profile = ColorProfile::new_display_p3();
    let Colour::Convert(converter) = converter(&profile, String::new(), 3) else { panic!("P3 is not sRGB") };
    assert!(converter.shaper.is_some());
    assert!(Shaper::new(&profile).is_some());
    // A curve that the tables would follow, but not where they say the converter goes.
    profile.red_trc = Some(ToneReprCurve::Parametric(vec![1.0]));
    assert!(shaper::agreeing(&profile, &converter).is_none(), "other colours than the converter's");
    profile.red_trc = None;
    assert!(Shaper::new(&profile).is_none(), "a curve is missing");
    let Colour::Convert(pq) = super::from_hdr(9, 16) else { panic!("PQ is not sRGB") };
    assert!(pq.shaper.is_none(), "high dynamic range");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_vectors_convert_as_the_plain_code(seed: u64, width in 1_usize..80, height in 1_usize..4, adobe: bool) {
        let (shaper, _) = shaper(if adobe { IccProfile::AdobeRgb } else { IccProfile::DisplayP3 });
        let before = planes(&mut Rng::new(seed), width, height);
        let mut expect = before.clone();
        prop_assert!(shaper.convert_with(Cpu::Scalar, &mut expect, Matrix::Bt601));
        for cpu in Cpu::all() {
            let mut got = before.clone();
            prop_assert!(shaper.convert_with(cpu, &mut got, Matrix::Bt601));
            prop_assert_eq!(&got, &expect, "{:?}", cpu);
        }
    }
}

#[test]
fn luma_without_its_padding_is_left_alone() {
    let (shaper, _) = shaper(IccProfile::DisplayP3);
    let mut odd = vec![Plane::filled(7, 3, 9), Plane::filled(4, 2, 200), Plane::filled(4, 2, 30)];
    let before = odd.clone();
    assert!(!shaper.convert(&mut odd, Matrix::Bt601));
    assert_eq!(odd, before);
    assert!(!shaper.convert(&mut odd, Matrix::Identity));
    assert!(!shaper.convert(&mut odd[..1], Matrix::Bt601));
}
