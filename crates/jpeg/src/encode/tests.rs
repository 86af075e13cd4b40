//! libjpeg-turbo is the oracle of whole files, the plain code that of the vectors.

use proptest::prelude::*;
use sealpress_testkit::Rng;
use turbojpeg::{Compressor, Subsamp, YuvImage};

use super::quantize::Quantizer;
use super::*;
use crate::decode;
use crate::plane::Plane;

/// What a plane shows.
#[derive(Clone, Copy, Debug)]
enum Content {
    /// One level: first coefficients and ends of blocks.
    Flat,
    /// Slopes with some grain, like most of a photo.
    Soft,
    /// Noise of all levels: every coefficient of every block.
    Noise,
    /// Black and white at the finest: the largest values that there are.
    Checks,
    /// Few and far coefficients: runs of more than sixteen zeros.
    Sparse,
}

fn plane(content: Content, seed: u64, width: usize, height: usize) -> Plane {
    let mut rng = Rng::new(seed);
    let mut data = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let noise = rng.next_u32() as u8;
            data.push(match content {
                Content::Flat => 77_u8.wrapping_add(seed as u8),
                Content::Soft => ((x * 3 + y * 2) / 5 % 200) as u8 + noise % 12,
                Content::Noise => noise,
                Content::Checks => ((x + y) % 2 * 255) as u8,
                Content::Sparse => 100 + if noise < 4 { 90 } else { ((x ^ y) & 1) as u8 * 5 },
            });
        }
    }
    Plane { data, width, height, stride: width }
}

fn planes(content: Content, seed: u64, (w, h): (usize, usize), sampling: Sampling) -> Vec<Plane> {
    let (across, down) = sampling.factors();
    let size = |i: usize| if i == 0 { (w, h) } else { (w.div_ceil(across), h.div_ceil(down)) };
    (0..sampling.planes()).map(|i| plane(content, seed + i as u64, size(i).0, size(i).1)).collect()
}

/// The samples with the last column and row repeated up to whole chroma samples, which the oracle
/// reads.
fn padded(plane: &Plane, (across, down): (usize, usize)) -> Vec<u8> {
    let (width, height) = (plane.width.next_multiple_of(across), plane.height.next_multiple_of(down));
    let row = |y: usize| {
        let row = plane.row(y.min(plane.height - 1));
        (0..width).map(|x| row[x.min(row.len() - 1)])
    };
    (0..height).flat_map(row).collect()
}

fn oracle(picture: &Picture<'_>, quality: u8, tables: HuffmanTables) -> Vec<u8> {
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(i32::from(quality)).unwrap();
    compressor.set_optimize(tables == HuffmanTables::Optimal).unwrap();
    let mut pixels = padded(&picture.planes()[0], picture.sampling().factors());
    for chroma in &picture.planes()[1..] {
        pixels.extend(padded(chroma, (1, 1)));
    }
    let subsamp = match picture.sampling() {
        Sampling::Gray => Subsamp::Gray,
        Sampling::S444 => Subsamp::None,
        Sampling::S422 => Subsamp::Sub2x1,
        Sampling::S420 => Subsamp::Sub2x2,
    };
    let (width, height) = (picture.width(), picture.height());
    compressor.compress_yuv_to_vec(YuvImage { pixels: &pixels[..], width, align: 1, height, subsamp }).unwrap()
}

const SAMPLINGS: [Sampling; 4] = [Sampling::Gray, Sampling::S444, Sampling::S422, Sampling::S420];
const CONTENTS: [Content; 5] = [Content::Flat, Content::Soft, Content::Noise, Content::Checks, Content::Sparse];
const BOTH: [HuffmanTables; 2] = [HuffmanTables::Standard, HuffmanTables::Optimal];

/// Asserts that every kernel writes the oracle's file, at once and from kept coefficients.
fn agrees(picture: &Picture<'_>, quality: u8, encoders: &mut [Encoder], name: &str) {
    for tables in BOTH {
        let expect = oracle(picture, quality, tables);
        let options = EncodeOptions { tables, ..EncodeOptions::new(quality) };
        for encoder in &mut *encoders {
            let cpu = encoder.cpu;
            let mut out = Vec::new();
            encoder.encode(picture, &options, &mut out);
            let differs = out.iter().zip(&expect).position(|(a, b)| a != b);
            assert!(
                out == expect,
                "{name}, quality {quality}, {tables:?}, {cpu:?}: {} bytes for {}, the first other one is {differs:?}",
                out.len(),
                expect.len()
            );
            out.clear();
            encoder.transform(picture).encode(&options, &mut out);
            assert!(out == expect, "{name}, quality {quality}, {tables:?}, {cpu:?}, from kept coefficients");
        }
    }
}

fn encoders() -> Vec<Encoder> {
    Cpu::all().into_iter().map(Encoder::with).collect()
}

#[test]
fn files_are_to_the_byte_what_the_oracle_writes() {
    let mut encoders = encoders();
    let sizes = [
        (1, 1),
        (2, 3),
        (7, 9),
        (8, 8),
        (9, 17),
        (15, 16),
        (16, 16),
        (17, 33),
        (31, 31),
        (32, 24),
        (33, 1),
        (40, 47),
        (63, 65),
        (97, 50),
        (129, 34),
        (160, 121),
        (255, 257),
        (257, 16),
        (513, 31),
    ];
    for (i, size) in sizes.into_iter().enumerate() {
        for sampling in SAMPLINGS {
            for content in CONTENTS {
                let planes = planes(content, i as u64, size, sampling);
                let picture = Picture::new(size.0, size.1, sampling, &planes).unwrap();
                let quality = [85, 30, 100, 1, 97][i % 5];
                agrees(&picture, quality, &mut encoders, &format!("{size:?} {sampling:?} {content:?}"));
            }
        }
    }
}

#[test]
fn every_quality_is_the_oracle_s() {
    let mut encoders = encoders();
    for content in [Content::Soft, Content::Noise, Content::Checks] {
        let planes = planes(content, 3, (70, 45), Sampling::S420);
        let picture = Picture::new(70, 45, Sampling::S420, &planes).unwrap();
        for quality in 1..=100 {
            agrees(&picture, quality, &mut encoders, &format!("{content:?}"));
        }
    }
}

#[test]
fn a_profile_stands_where_the_oracle_puts_it_and_is_whole() {
    let planes = planes(Content::Soft, 1, (20, 20), Sampling::S420);
    let picture = Picture::new(20, 20, Sampling::S420, &planes).unwrap();
    let plain = {
        let mut out = Vec::new();
        Encoder::new().encode(&picture, &EncodeOptions::new(85), &mut out);
        out
    };
    for length in [1, 65_519, 65_520, 200_000] {
        let profile = Rng::new(length).bytes(length as usize);
        let mut out = Vec::new();
        let options = EncodeOptions { icc: Some(&profile), ..EncodeOptions::new(85) };
        Encoder::new().encode(&picture, &options, &mut out);
        // Behind SOI and the JFIF segment.
        let (head, mut rest) = out.split_at(20);
        assert_eq!(head, &plain[..20]);
        let (mut found, mut parts) = (Vec::<u8>::new(), 0_u8);
        while rest[1] == 0xE2 {
            let end = 2 + usize::from(u16::from_be_bytes([rest[2], rest[3]]));
            parts += 1;
            assert_eq!(&rest[4..16], b"ICC_PROFILE\0");
            assert_eq!(rest[16], parts);
            assert_eq!(usize::from(rest[17]), (length as usize).div_ceil(65_519));
            found.extend(&rest[18..end]);
            rest = &rest[end..];
        }
        assert!(found == profile, "{length}: the parts are the profile");
        assert!(rest == &plain[20..], "{length}: the rest is the same file");
    }
}

#[test]
fn a_dead_zone_rounds_towards_zero_and_leaves_first_coefficients_alone() {
    for quality in [50, 86, 100] {
        let [steps, _] = QuantTables::Standard.steps(quality);
        let [nearest, dead] = [0, 20].map(|dead_zone| Quantizer::new(&steps, dead_zone));
        for i in [0, 1, 8, 63] {
            // Coefficients are eight times too large here; `part` is in hundredths of a step.
            for (part, up) in [(20, false), (49, false), (55, false), (62, false), (80, true), (99, true)] {
                let mut block = [0; 64];
                block[i] = (i32::from(steps[i]) * 8 * (300 + part) / 100) as i16;
                let written = decode::NATURAL.iter().position(|place| usize::from(*place) == i).unwrap();
                let [plain, rounded] = [&nearest, &dead].map(|q| q.apply(&block)[written]);
                let expect = if i == 0 || up { plain } else { 3 };
                assert_eq!(rounded, expect, "{part} hundredths above three steps of {}, place {i}", steps[i]);
            }
        }
    }
}

#[test]
fn the_visual_steps_are_what_their_formula_says() {
    // Of quality 50, where the scale is one.
    let steps = QuantTables::Visual.steps(50);
    for (steps, (size, first)) in steps.iter().zip([(9.0, 0.7), (8.2, 0.8)]) {
        for (i, step) in steps.iter().enumerate() {
            let (u, v) = ((i % 8) as f64 / 7.0, (i / 8) as f64 / 7.0);
            let diagonal = if i == 0 { 0.0 } else { u.min(v) / u.max(v) };
            let of_first = if i == 0 { first } else { 1.0 };
            let expect = size * (1.0 + 5.25 * u.hypot(v).powf(1.275)) * (1.0 + 0.18 * diagonal) * of_first;
            assert_eq!(f64::from(*step), expect.round(), "place {i}");
        }
    }
}

#[test]
fn visual_steps_are_in_the_file_and_read_as_the_picture() {
    let planes = planes(Content::Soft, 5, (320, 240), Sampling::S420);
    let picture = Picture::new(320, 240, Sampling::S420, &planes).unwrap();
    let written = |quantization| {
        let mut out = Vec::new();
        Encoder::new().encode(&picture, &EncodeOptions { quantization, ..EncodeOptions::new(85) }, &mut out);
        out
    };
    let (standard, visual) = (written(QuantTables::Standard), written(QuantTables::Visual));
    for (file, tables) in [(&standard, QuantTables::Standard), (&visual, QuantTables::Visual)] {
        // DQT in the order of the zigzag, eight bits each, luma's behind its number.
        let at = file.windows(2).position(|m| m == [0xFF, 0xDB]).unwrap() + 5;
        let steps = tables.steps(85)[0];
        let expect: Vec<u8> = decode::NATURAL.iter().map(|place| steps[usize::from(*place)] as u8).collect();
        assert_eq!(file[at..at + 64], expect);
    }
    let oracle = turbojpeg::decompress_to_yuv(&visual).unwrap();
    let error: f64 = (0..240)
        .flat_map(|y| (0..320).map(move |x| (x, y)))
        .map(|(x, y)| (f64::from(oracle.pixels[y * 320 + x]) - f64::from(planes[0].row(y)[x])).powi(2))
        .sum();
    assert!((error / (320.0 * 240.0)).sqrt() < 4.0, "what libjpeg-turbo reads is the picture: {error}");
}

#[test]
fn nothing_of_a_picture_is_in_the_next() {
    let large = planes(Content::Noise, 1, (300, 200), Sampling::S444);
    let small = planes(Content::Soft, 2, (21, 50), Sampling::S420);
    let gray = planes(Content::Flat, 3, (9, 9), Sampling::Gray);
    let pictures = [
        Picture::new(300, 200, Sampling::S444, &large).unwrap(),
        Picture::new(21, 50, Sampling::S420, &small).unwrap(),
        Picture::new(9, 9, Sampling::Gray, &gray).unwrap(),
    ];
    let mut kept = Encoder::new();
    for picture in [0, 1, 2, 1, 0, 2].map(|i| &pictures[i]) {
        let [mut first, mut second] = [Vec::new(), Vec::new()];
        kept.encode(picture, &EncodeOptions::new(80), &mut first);
        Encoder::new().encode(picture, &EncodeOptions::new(80), &mut second);
        assert!(first == second);
    }
}

#[test]
fn planes_of_another_picture_are_refused() {
    let good = planes(Content::Flat, 0, (20, 20), Sampling::S420);
    assert!(Picture::new(20, 20, Sampling::S420, &good).is_ok());
    assert!(Picture::new(20, 20, Sampling::S420, &good[..1]).is_err());
    assert!(Picture::new(20, 20, Sampling::S444, &good).is_err());
    assert!(Picture::new(22, 20, Sampling::S420, &good).is_err());
    assert!(Picture::new(0, 20, Sampling::Gray, &good[..1]).is_err());
    let mut short = good.clone();
    short[2].data.pop();
    assert!(Picture::new(20, 20, Sampling::S420, &short).is_err());
    let mut narrow = good;
    narrow[0].stride = 19;
    assert!(Picture::new(20, 20, Sampling::S420, &narrow).is_err());
    let wide = Plane { data: vec![0; 65_501], width: 65_501, height: 1, stride: 65_501 };
    assert!(Picture::new(65_501, 1, Sampling::Gray, &[wide]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_picture_is_to_the_byte_what_the_oracle_writes(
        seed: u64, w in 1_usize..150, h in 1_usize..80, sampling in 0_usize..4, content in 0_usize..5, quality in 1_u8..=100,
    ) {
        let (sampling, content) = (SAMPLINGS[sampling], CONTENTS[content]);
        let planes = planes(content, seed % (1 << 60), (w, h), sampling);
        let picture = Picture::new(w, h, sampling, &planes).unwrap();
        agrees(&picture, quality, &mut encoders(), &format!("{w}x{h} {sampling:?} {content:?}"));
    }

    #[test]
    fn the_vectors_quantize_as_the_plain_code(
        seed: u64, quality in 1_u8..=100, visual: bool, dead_zone in 0_u8..70,
    ) {
        let mut rng = Rng::new(seed);
        // As large as the transform makes them.
        let blocks: [Block; 4] = std::array::from_fn(|_| std::array::from_fn(|_| rng.between(-8_300, 8_300) as i16));
        let tables = if visual { QuantTables::Visual } else { QuantTables::Standard };
        let quantizer = Quantizer::new(&tables.steps(quality)[0], dead_zone);
        let expect = blocks.each_ref().map(|block| quantizer.apply(block));
        for cpu in Cpu::all() {
            let mut out = [[0; 64]; 4];
            kernels::quantize(cpu, &blocks, &quantizer, &mut out);
            prop_assert_eq!(out, expect, "{:?}", cpu);
        }
    }
}
