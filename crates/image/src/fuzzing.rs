//! What the fuzzers call: each decoder's door with small limits, and what must hold whatever comes in: two decodes
//! agree, what passes through decodes, and nothing but a picture comes out. The tests below replay the same on seeds and on
//! broken seeds, so that it runs with every `cargo test`.

use std::cell::RefCell;

use sealpress_media::{Format, Media, Preflight};

use crate::ending::Ending;
use crate::planes::Plane;
use crate::pool::Pool;
use crate::webp::{Container, codec};
use crate::{Action, Damaged, Normalizer, Policy, Probe};

/// A file that begins like a JPEG.
pub fn jpeg(data: &[u8]) {
    door(data, Format::Jpeg);
}

/// A file that begins like a PNG.
pub fn png(data: &[u8]) {
    door(data, Format::Png);
}

/// A file that begins like a WebP. Of a lossy one, libwebp makes the same picture, or none where we make none.
pub fn webp(data: &[u8]) {
    if let Ok(container) = Container::read(data) {
        lossy(&container, data);
    }
    door(data, Format::WebP);
}

/// A file that begins like a HEIC.
pub fn heif(data: &[u8]) {
    door(data, Format::Heic);
}

fn lossy(container: &Container, data: &[u8]) {
    let (width, height) = (container.picture_width, container.picture_height);
    let is_small = u64::from(width) * u64::from(height) <= 1 << 20;
    if container.lossless || container.truncated || !is_small || !container.is_coded(data) {
        return;
    }
    let mut pool = Pool::default();
    let ours = container.lossy(data, &mut pool).map(|lossy| (lossy.ending != Ending::Beyond).then_some(lossy));
    let filled = |side: u32, other: u32| Plane::filled(side as usize, other as usize, 0);
    let halved = || filled(width.div_ceil(2), height.div_ceil(2));
    let mut planes = [filled(width, height), halved(), halved()];
    let mut alpha = container.alpha.then(|| filled(width, height));
    let picture = &data[container.picture.clone()];
    let theirs = codec::planes(picture, width, height, &mut planes, alpha.as_mut());
    let Ok(Some(ours)) = ours else {
        assert!(theirs.is_err(), "libwebp makes a picture of it");
        return;
    };
    assert!(theirs.is_ok(), "libwebp makes no picture of it: {theirs:?}");
    let same = |ours: &Plane, theirs: &Plane| (0..theirs.height).all(|y| ours.row(y) == theirs.row(y));
    for (ours, theirs) in ours.planes.iter().zip(&planes) {
        assert!(same(ours, theirs), "libwebp makes another picture of it");
    }
    if let Some(theirs) = &alpha {
        let agree = match &ours.alpha {
            Some(ours) => same(ours, theirs),
            None => theirs.data.iter().all(|a| *a == 255),
        };
        assert!(agree, "libwebp makes another alpha of it");
    }
}

thread_local! {
    /// Kept over many inputs, as a worker's is: an input must not harm the next one.
    static NORMALIZERS: RefCell<Vec<Normalizer>> = RefCell::new(policies().into_iter().map(Normalizer::new).collect());
}

fn policies() -> Vec<Policy> {
    let small = || Policy::default().with_longer_side(64).with_limits(1 << 20, 64 << 20, 20);
    // Whoever judges no luma passes a lossy WebP on the walk over its data alone.
    let unjudged = small().with_longer_side(4000).with_preflight(Preflight::Off);
    vec![
        small(),
        small().with_damaged(Damaged::Accept).without_pass_through(),
        small().with_longer_side(4000),
        unjudged,
    ]
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
            let done = normalizer.normalize(&media);
            let again = normalizer.normalize(&media);
            let (Ok(done), Ok(again)) = (&done, &again) else {
                assert_eq!(done.is_ok(), again.is_ok(), "one file, one verdict");
                continue;
            };
            assert!(done.media().bytes() == again.media().bytes(), "one file, one picture: {:?}", done.report());
            let policy = normalizer.policy();
            let size = done.report().dimensions;
            assert!(size.width() <= policy.max_width && size.height() <= policy.max_height, "{size}");
            assert!(done.media().len() as u64 <= policy.byte_limit(), "{} bytes", done.media().len());
            let out = Probe::read(done.media()).expect("what comes out can be read");
            assert_eq!(out.orientation(), 1, "what comes out is upright");
            assert_eq!(out.dimensions(), size, "what comes out is as large as the report says");
            assert_bare(done.media());
            let passed = done.report().actions.iter().any(|a| matches!(a, Action::PassedThrough));
            if passed {
                let whole = Normalizer::new(policy.clone().without_pass_through()).normalize(done.media());
                let said = whole.map(|whole| whole.report().warnings.clone());
                assert!(said.as_ref().is_ok_and(Vec::is_empty), "what passes decodes, not: {said:?}");
            }
        }
    });
}

/// Nothing but a picture and its profile, by parsers of their own.
fn assert_bare(media: &Media) {
    let bytes = &media.bytes()[..];
    match media.format() {
        Format::Jpeg => bare_jpeg(bytes),
        Format::Png => {
            let mut at = 8;
            while let Some(head) = bytes.get(at..at + 8) {
                let known = [
                    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT",
                    b"pHYs",
                ];
                assert!(known.iter().any(|name| head[4..] == name[..]), "a chunk {:?}", &head[4..]);
                at += 12 + u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
            }
            assert_eq!(at, bytes.len(), "nothing behind the last chunk");
        }
        Format::WebP => {
            let mut at = 12;
            while let Some(head) = bytes.get(at..at + 8) {
                let known = [b"VP8X", b"ICCP", b"ALPH", b"VP8 ", b"VP8L"];
                assert!(known.iter().any(|name| head[..4] == name[..]), "a chunk {:?}", &head[..4]);
                at += 8 + (u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize).next_multiple_of(2);
            }
            assert_eq!(at, bytes.len(), "nothing behind the last chunk");
        }
        other => panic!("{other} came out"),
    }
}

fn bare_jpeg(bytes: &[u8]) {
    assert_eq!(bytes[..2], [0xFF, 0xD8]);
    let mut at = 2;
    loop {
        assert_eq!(bytes[at], 0xFF, "a marker behind each segment");
        let marker = bytes[at + 1];
        if marker == 0xD9 {
            assert_eq!(at + 2, bytes.len(), "nothing behind the end marker");
            return;
        }
        let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        let body = &bytes[at + 4..at + 2 + length];
        let bare = match marker {
            0xC0..=0xC4 | 0xDA | 0xDB | 0xDD => true,
            0xE0 => body.len() == 14 && body[12..] == [0, 0],
            0xE2 => body.starts_with(b"ICC_PROFILE\0"),
            0xEE => body.len() == 12,
            _ => false,
        };
        assert!(bare, "a segment {marker:#x}");
        at += 2 + length;
        while marker == 0xDA && (bytes[at] != 0xFF || matches!(bytes[at + 1], 0 | 0xD0..=0xD7)) {
            at += 1;
        }
    }
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
        let pixels = |alpha| picture.data.as_chunks::<3>().0.iter().flat_map(move |p| [p[0], p[1], p[2], alpha]);
        for (alpha, partitions) in [(255, 0), (255, 3), (9, 1)] {
            let rgba: Vec<u8> = pixels(alpha).collect();
            replay(webp, &crate::webp::codec::encoded(&rgba, 96, |config| config.partitions = partitions));
        }
    }

    #[cfg(feature = "heif")]
    #[test]
    fn broken_heics() {
        replay(heif, &crate::heif::tests::maker::File::single(&[]).write());
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
