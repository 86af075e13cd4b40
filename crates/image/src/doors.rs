//! What the fuzzers call: each decoder's door with small limits, and what must hold whatever comes
//! in. The tests below replay the same on seeds and on broken seeds, so that it runs with every
//! `cargo test`.

use std::cell::RefCell;

use sealpress_media::{Format, Media};

use crate::{Damaged, Normalizer, Policy, Probe};

/// A file that begins like a JPEG.
pub fn jpeg(data: &[u8]) {
    door(data, Format::Jpeg);
}

/// A file that begins like a PNG.
pub fn png(data: &[u8]) {
    door(data, Format::Png);
}

/// A file that begins like a WebP.
pub fn webp(data: &[u8]) {
    door(data, Format::WebP);
}

/// A file that begins like a HEIC.
pub fn heif(data: &[u8]) {
    door(data, Format::Heic);
}

thread_local! {
    /// Kept over many inputs, as a worker's is: an input must not harm the next one.
    static NORMALIZERS: RefCell<Vec<Normalizer>> = RefCell::new(policies().into_iter().map(Normalizer::new).collect());
}

fn policies() -> Vec<Policy> {
    let small = || Policy::veriff().with_longer_side(64).with_limits(1 << 20, 64 << 20, 20).with_native_hevc(false);
    vec![small(), small().with_damaged(Damaged::Accept).with_pass_through(false), small().with_longer_side(4000)]
}

fn door(data: &[u8], format: Format) {
    let Ok(media) = Media::sniff(data.to_vec()) else { return };
    if media.format() != format {
        return;
    }
    let probe = Probe::read(&media);
    NORMALIZERS.with_borrow_mut(|normalizers| {
        for normalizer in normalizers {
            if let Ok(probe) = &probe {
                let _ = normalizer.plan(probe);
                let _ = normalizer.estimate(probe);
            }
            let Ok(done) = normalizer.normalize(&media) else { continue };
            let policy = normalizer.policy();
            let size = done.report().dimensions;
            assert!(size.width() <= policy.max_width && size.height() <= policy.max_height, "{size}");
            assert!(done.media().len() as u64 <= policy.byte_limit(), "{} bytes", done.media().len());
            let out = Probe::read(done.media()).expect("what comes out can be read");
            assert_eq!(out.orientation(), 1, "what comes out is upright");
            assert_eq!(out.dimensions(), size, "what comes out is as large as the report says");
        }
    });
}

#[cfg(test)]
mod tests {
    use sealpress_testkit::{Exif, Jpeg, Png, PngKind, Rng, WebP, scene};

    use super::*;

    /// Every prefix of some lengths, and bytes changed by a seeded generator.
    fn replay(door: fn(&[u8]), seed: &[u8]) {
        door(seed);
        for share in 0..24 {
            door(&seed[..seed.len() * share / 24]);
        }
        let mut rng = Rng::new(seed.len() as u64);
        for _ in 0..160 {
            let mut broken = seed.to_vec();
            for _ in 0..1 + rng.below(6) {
                // Most damage goes where the structure is.
                let span = if rng.below(3) > 0 { broken.len().min(700) } else { broken.len() };
                let at = rng.below(span as u32) as usize;
                broken[at] = rng.below(256) as u8;
            }
            door(&broken);
        }
    }

    #[test]
    fn broken_jpegs() {
        let picture = scene(1, 96, 70);
        replay(jpeg, &Jpeg::new(&picture).exif(Exif::new(6)).encode());
        replay(jpeg, &Jpeg::new(&picture).progressive().encode());
        replay(jpeg, &Jpeg::new(&picture).ycck().restart(2).encode());
    }

    #[test]
    fn broken_pngs() {
        let picture = scene(1, 96, 70);
        replay(png, &Png::new(&picture).exif(Exif::new(3)).encode());
        replay(png, &Png::new(&picture).kind(PngKind::Rgba16).animated(2).encode());
    }

    #[test]
    fn broken_webps() {
        let picture = scene(1, 96, 70);
        replay(webp, &WebP::new(&picture).exif(Exif::new(5)).encode());
    }

    #[test]
    fn broken_files_of_the_corpus() {
        let Some(corpus) = sealpress_testkit::corpus() else { return };
        for entry in corpus.entries.iter().filter(|e| e.size < 20_000) {
            let bytes = entry.bytes();
            match entry.kind.as_str() {
                "jpeg" => replay(jpeg, &bytes),
                "png" => replay(png, &bytes),
                "webp" => replay(webp, &bytes),
                "heif" => replay(heif, &bytes),
                _ => {}
            }
        }
    }
}
