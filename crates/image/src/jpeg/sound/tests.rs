//! libjpeg-turbo is the oracle, the plain code that of the vectors.

use proptest::prelude::*;
use sealpress_testkit::{Jpeg, Rng, Sampling, scene};

use super::idct::{Pair, Steps};
use super::*;
use crate::jpeg::turbo::Decompressor;
use crate::limits::Limits;

const LIMITS: Limits = Limits { max_pixels: 80_000_000, max_memory: 1 << 30, max_scans: 500 };

/// What libjpeg-turbo makes of a file, with its complaint.
fn oracle(jpeg: &[u8], shrink: Shrink) -> Option<(Vec<Plane>, Option<String>)> {
    let mut codec = Decompressor::new().unwrap();
    let header = codec.header(jpeg, &LIMITS).ok()?;
    header.sampling?;
    codec.planes(jpeg, &header, shrink, &mut |len| vec![0; len]).ok()
}

/// Whether both kernels decode the file; if so, they must give what libjpeg-turbo gives, which must
/// have nothing to complain about.
fn agrees(jpeg: &[u8], shrink: Shrink, name: &str) -> bool {
    let mut pool = Pool::default();
    let mut got = [Sound::new(), Sound::scalar()].map(|mut sound| {
        // Twice: what is left of one picture must not show in the next.
        let once = sound.planes(jpeg, shrink, 500, &mut pool);
        let again = sound.planes(jpeg, shrink, 500, &mut pool);
        assert_eq!(once.is_some(), again.is_some(), "{name}");
        again
    });
    let (Some(got), Some(scalar)) = (got[0].take(), got[1].take()) else {
        assert!(got.iter().all(Option::is_none), "{name}: both kernels or none");
        return false;
    };
    let (expect, complaint) = oracle(jpeg, shrink).unwrap_or_else(|| panic!("{name}: libjpeg-turbo refuses"));
    assert_eq!(complaint, None, "{name}");
    assert_eq!(got.len(), expect.len(), "{name}");
    for (i, ((got, scalar), expect)) in got.iter().zip(&scalar).zip(&expect).enumerate() {
        // The oracle pads luma to whole chroma samples.
        assert!(got.width <= expect.width && got.width + 1 >= expect.width, "{name}: plane {i}");
        for y in 0..got.height {
            assert_eq!(got.row(y), &expect.row(y)[..got.width], "{name}: plane {i}, row {y}, {shrink:?}");
            assert_eq!(scalar.row(y), got.row(y), "{name}: plane {i}, row {y}, {shrink:?}, plain code");
        }
    }
    true
}

#[test]
fn every_sampling_and_size_is_decoded_as_the_oracle_does() {
    for (w, h) in [(1_u32, 1_u32), (7, 9), (8, 8), (16, 16), (17, 33), (31, 64), (97, 50), (160, 121)] {
        let picture = scene(u64::from(w * 100 + h), w, h);
        for sampling in [Some(Sampling::S444), Some(Sampling::S422), Some(Sampling::S420), Some(Sampling::S440), None] {
            for (quality, restart, progressive) in
                [(90, 0, false), (30, 0, false), (99, 3, false), (90, 0, true), (40, 0, true), (97, 2, true)]
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
                let jpeg = maker.encode();
                for shrink in [Shrink::One, Shrink::Two] {
                    let name = format!("{w}x{h} {sampling:?} q{quality} restart {restart} progressive {progressive}");
                    assert!(agrees(&jpeg, shrink, &name), "{name}: not decoded");
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
        for shrink in [Shrink::One, Shrink::Two] {
            decoded += usize::from(agrees(&bytes, shrink, &entry.path));
        }
    }
    assert!(decoded >= 50, "only {decoded} decodes were ours");
}

proptest! {
    #[test]
    fn what_is_broken_is_left_or_decoded_as_the_oracle_does(seed: u64, progressive: bool, restart in 0_u16..4) {
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
        let mut pool = Pool::default();
        let decoded = Sound::new().planes(&jpeg, Shrink::Two, 500, &mut pool);
        let plain = Sound::scalar().planes(&jpeg, Shrink::Two, 500, &mut pool);
        prop_assert_eq!(decoded.is_some(), plain.is_some());
        if decoded.is_some() && let Some((_, complaint)) = oracle(&jpeg, Shrink::Two) {
            prop_assert_eq!(complaint, None);
        }
    }

    #[test]
    fn the_vectors_transform_as_the_plain_code(seed: u64, sparse in 1_u32..64, large: bool) {
        let mut rng = Rng::new(seed);
        let mut pair: Pair = [0; 128];
        for _ in 0..sparse * 2 {
            let span = if large { 65_536 } else { 2_048 };
            pair[rng.below(128) as usize] = (rng.below(span) as i32 - span as i32 / 2) as i16;
        }
        let steps: Steps = array::from_fn(|_| 1 + rng.below(if large { 255 } else { 4 }) as i16);
        let fast = Kernel::detect();
        prop_assert_eq!(fast.half(&pair, &steps), idct::half(&pair, &steps));
        prop_assert_eq!(fast.whole(&pair, &steps), idct::whole(&pair, &steps));
    }
}
