//! libjpeg-turbo is the oracle, the plain code that of the vectors.

use proptest::prelude::*;
use sealpress_testkit::{Jpeg, Rng, Sampling, scene};

use turbojpeg::{Decompressor, ScalingFactor, YuvImage};

use super::blocks::Block;
use super::tables::Steps;
use super::transform::Four;
use super::*;
use crate::plane::Fresh;

const LIMITS: Limits = Limits { max_scans: 500, max_pixels: 80_000_000 };

/// What libjpeg-turbo makes of a file; the text is its complaint.
fn oracle(jpeg: &[u8], scale: Scale) -> Result<Vec<Plane>, String> {
    let jpeg = &with_known_revision(jpeg);
    // One for each picture: tables outlive a picture in libjpeg's handle.
    let mut codec = Decompressor::new().unwrap();
    let header = codec.read_header(jpeg).map_err(|e| e.to_string())?;
    codec.set_scaling_factor(ScalingFactor::new(scale.samples(), 8)).unwrap();
    let (width, height) = (scale.of(header.width), scale.of(header.height));
    let len = turbojpeg::yuv_pixels_len(width, 1, height, header.subsamp).map_err(|e| e.to_string())?;
    let mut image = YuvImage { pixels: vec![0; len], width, align: 1, height, subsamp: header.subsamp };
    codec.decompress_to_yuv(jpeg, image.as_deref_mut()).map_err(|e| e.to_string())?;
    let luma = image.y_size();
    let mut sizes = vec![luma];
    if header.subsamp != turbojpeg::Subsamp::Gray {
        sizes.extend([image.uv_size(); 2]);
    }
    let mut rest = &image.pixels[..];
    let planes = sizes.into_iter().map(|(width, height)| {
        let (data, behind) = rest.split_at(width * height);
        rest = behind;
        Plane { data: data.to_vec(), width, height, stride: width }
    });
    Ok(planes.collect())
}

/// The file with a number of its format's revision that libjpeg-turbo has heard of: it stands in no part of the picture,
/// but where it is another, nothing is told of the header.
fn with_known_revision(jpeg: &[u8]) -> Vec<u8> {
    let mut jpeg = jpeg.to_vec();
    if let [0xFF, 0xD8, 0xFF, 0xE0, _, _, b'J', b'F', b'I', b'F', 0, major, ..] = &mut jpeg[..] {
        *major = 1;
    }
    jpeg
}

/// Whether every kernel decodes the file; if so, each must give what libjpeg-turbo gives, which must
/// have nothing to complain about. Plain code takes its time, and photos are left to the vectors.
fn agrees(jpeg: &[u8], scale: Scale, name: &str) -> bool {
    let mut got = Vec::new();
    let slow = jpeg.len() > 200_000 && Cpu::detect() != Cpu::Scalar;
    for cpu in Cpu::all().into_iter().filter(|cpu| !slow || *cpu != Cpu::Scalar) {
        let mut decoder = Decoder::on(cpu);
        // Twice: what is left of one picture must not show in the next.
        let once = decoder.planes(jpeg, scale, LIMITS, &mut Fresh);
        let again = decoder.planes(jpeg, scale, LIMITS, &mut Fresh);
        assert_eq!(once.as_ref().err(), again.as_ref().err(), "{name}, {cpu:?}");
        got.push((cpu, again));
    }
    let verdict = Decoder::new().verify(jpeg, LIMITS);
    if let Err(error) = got[0].1 {
        assert!(got.iter().all(|(_, planes)| planes == &Err(error)), "{name}: all kernels alike");
        return false;
    }
    assert_eq!((verdict.result, verdict.end_marker, verdict.stray), (Ok(()), true, 0), "{name}");
    let expect = oracle(jpeg, scale).unwrap_or_else(|e| panic!("{name}: libjpeg-turbo complains: {e}"));
    for (cpu, planes) in got {
        let planes = planes.unwrap_or_default();
        assert_eq!(planes.len(), expect.len(), "{name}");
        for (i, (got, expect)) in planes.iter().zip(&expect).enumerate() {
            // The oracle pads luma to whole chroma samples.
            assert!(got.width <= expect.width && got.width + 4 > expect.width, "{name}: plane {i}");
            for y in 0..got.height {
                assert_eq!(got.row(y), &expect.row(y)[..got.width], "{name}: plane {i}, row {y}, {scale:?}, {cpu:?}");
            }
        }
    }
    true
}

#[test]
fn every_sampling_and_size_is_decoded_as_the_oracle_does() {
    for (w, h) in [(1_u32, 1_u32), (7, 9), (8, 8), (16, 16), (17, 33), (31, 64), (97, 50), (160, 121)] {
        let picture = scene(u64::from(w * 100 + h), w, h);
        use Sampling::{S411, S420, S422, S440, S441, S444};
        for sampling in [S444, S422, S420, S440, S411, S441].map(Some).into_iter().chain([None]) {
            for (quality, restart, progressive) in
                [(90, 0, false), (99, 3, false), (31, 0, false), (90, 0, true), (40, 0, true), (97, 2, true)]
            {
                let maker = Jpeg::new(&picture).quality(quality);
                let mut maker = match sampling {
                    Some(sampling) => maker.sampling(sampling),
                    None => maker.gray(),
                };
                if restart > 0 {
                    maker = maker.restart(restart);
                }
                if progressive {
                    maker = maker.progressive();
                }
                // Such files come in one scan for each component.
                if quality == 31 {
                    maker = maker.optimized();
                }
                let jpeg = maker.encode();
                for scale in Scale::ALL {
                    let name = format!("{w}x{h} {sampling:?} q{quality} restart {restart} progressive {progressive}");
                    assert!(agrees(&jpeg, scale, &name), "{name}: not decoded");
                }
            }
        }
    }
}

#[test]
fn real_files_are_decoded_as_the_oracle_does() {
    let Some(corpus) = sealpress_testkit::corpus() else { return };
    let mut decoded = 0;
    for entry in corpus.entries.iter().filter(|e| e.kind == "jpeg") {
        let bytes = entry.bytes();
        for scale in Scale::ALL {
            decoded += usize::from(agrees(&bytes, scale, &entry.path));
        }
    }
    assert!(decoded >= 50, "only {decoded} decodes were ours");
}

#[test]
fn an_unknown_revision_of_the_format_changes_no_picture() {
    let mut jpeg = Jpeg::new(&scene(5, 64, 48)).encode();
    let at = jpeg.windows(5).position(|w| w == b"JFIF\0").expect("the file says that it is JFIF") + 5;
    jpeg[at] = 66;
    assert!(agrees(&jpeg, Scale::Full, "revision 66"), "left to libjpeg-turbo");
}

#[test]
fn the_standard_s_codes_are_meant_where_there_are_none() {
    for sampling in [Sampling::S420, Sampling::S444] {
        let jpeg = Jpeg::new(&scene(5, 64, 48)).sampling(sampling).encode();
        let file = sealpress_testkit::JpegFile::parse(&jpeg).without(0xC4).write();
        assert!(agrees(&file, Scale::Full, "no codes"), "left to libjpeg-turbo");
    }
}

proptest! {
    #[test]
    fn what_is_broken_is_left_or_is_fine_with_the_oracle(seed: u64, progressive: bool, restart in 0_u16..4) {
        let picture = scene(5, 64, 48);
        let mut maker = Jpeg::new(&picture).sampling(Sampling::S420);
        if progressive {
            maker = maker.progressive();
        }
        if restart > 0 {
            maker = maker.restart(restart);
        }
        let mut jpeg = maker.encode();
        let mut rng = Rng::new(seed);
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(jpeg.len() as u32) as usize;
            jpeg[at] = rng.below(256) as u8;
        }
        jpeg.truncate(jpeg.len() - rng.below(4) as usize);
        agrees(&jpeg, Scale::Half, "broken");
    }

    #[test]
    fn the_vectors_transform_as_the_plain_code(seed: u64, sparse in 0_u32..64, large: bool) {
        let mut rng = Rng::new(seed);
        let mut rows: [Block; 4] = [[0; 64]; 4];
        for block in &mut rows {
            for _ in 0..rng.below(sparse + 1) {
                let span = if large { 65_536 } else { 2_048 };
                block[1 + rng.below(63) as usize] = (rng.below(span) as i32 - span as i32 / 2) as i16;
            }
        }
        let first = array::from_fn(|_| (rng.below(4_096) as i32 - 2_048) as i16);
        let steps: Steps = array::from_fn(|_| 1 + rng.below(if large { 255 } else { 4 }) as i16);
        let written = rows.map(|rows| NATURAL.map(|place| rows[usize::from(place)]));
        for scale in Scale::ALL {
            let stride = 37;
            let transformed = Cpu::all().into_iter().map(|cpu| {
                let blocks = if cpu.takes_rows() { &rows } else { &written };
                let mut out = vec![77; stride * 8];
                cpu.transform(scale, &Four { blocks: blocks.each_ref(), first }, &steps, &mut out, stride);
                // What is behind the four blocks is no part of them.
                let n = scale.samples();
                let rows: Vec<Vec<u8>> = out.chunks(stride).take(n).map(|row| row[..4 * n].to_vec()).collect();
                (cpu, rows)
            });
            let transformed: Vec<_> = transformed.collect();
            for (cpu, out) in &transformed {
                prop_assert_eq!(out, &transformed[0].1, "{:?}", cpu);
            }
        }
    }
}

#[test]
fn factors_may_be_larger_than_they_need_be() {
    // In scans of one component each, the order of blocks does not depend on the factors.
    for (sampling, luma, chroma) in
        [(Sampling::S444, 0x21, 0x21), (Sampling::S444, 0x12, 0x12), (Sampling::S422, 0x22, 0x12)]
    {
        let mut jpeg = Jpeg::new(&scene(8, 100, 70)).sampling(sampling).optimized().encode();
        let frame = jpeg.windows(4).position(|w| w == [0xFF, 0xC0, 0, 17]).unwrap();
        for (component, factors) in [luma, chroma, chroma].into_iter().enumerate() {
            jpeg[frame + 11 + 3 * component] = factors;
        }
        for scale in Scale::ALL {
            let name = format!("{luma:x}, {chroma:x}");
            assert!(agrees(&jpeg, scale, &name), "{name}: not decoded");
        }
    }
}
