//! Nothing damaged goes out without a word, in the box or above it; nothing that only looks odd is refused.

use crate::support::{actions, normalize, pixels, refusal, warnings};
use sealpress_image::{Damaged, Normalizer, Policy};
use sealpress_media::Media;
use sealpress_testkit::{
    Damage, Jpeg, JpegFile, JpegSegment, Png, PngFile, PngKind, Rgb, Rng, WebP, lossless_jpeg, psnr, scene,
};

/// What becomes of a file: the kind of its refusal, or what was warned of.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Refused(&'static str),
    Warned(Vec<&'static str>),
}

fn outcome(policy: Policy, file: &[u8]) -> Outcome {
    let media = Media::sniff(file.to_vec()).expect("a picture");
    match Normalizer::new(policy).normalize(&media) {
        Ok(done) => Outcome::Warned(warnings(&done)),
        Err(e) => Outcome::Refused(e.kind().as_str()),
    }
}

/// In the box, where it would pass; above it; and turned, where coefficients would be moved.
fn policies() -> [(&'static str, Policy); 2] {
    [("in the box", Policy::default()), ("above it", Policy::default().with_longer_side(100))]
}

fn picture() -> Rgb {
    scene(11, 320, 256)
}

#[test]
fn damaged_jpegs_are_refused_wherever_they_would_go() {
    let picture = picture();
    let sound = |jpeg: Jpeg<'_>| JpegFile::parse(&jpeg.quality(90).encode());
    let baseline = || sound(Jpeg::new(&picture));
    let progressive = || sound(Jpeg::new(&picture).progressive());
    let cut = |mut file: JpegFile, share: usize| {
        let data = file.data(0);
        data.truncate(data.len() * share / 100);
        // A cut byte of 0xFF would swallow the marker.
        while data.last() == Some(&0xFF) {
            data.pop();
        }
        file
    };
    let hole = {
        let mut file = sound(Jpeg::new(&picture).restart(5));
        let data = file.data(0);
        let middle = data.len() / 2;
        data.drain(middle..middle + 300);
        file
    };
    let surplus = {
        let mut file = baseline();
        let data = file.data(0).clone();
        file.data(0).extend_from_slice(&data);
        file
    };
    let stray = {
        let mut file = progressive();
        file.data(1).extend_from_slice(&[0x5A; 3]);
        file
    };
    // A harmless complaint in front of the damage.
    let odd_scan = |mut file: JpegFile| {
        let scan = file.segments.iter_mut().find(|s| s.marker == 0xDA).expect("a scan");
        let length = scan.body.len();
        scan.body[length - 2] = 0;
        file
    };
    let odd_jfif = |file: JpegFile| {
        let mut file = file.without(0xE0);
        file.segments.insert(0, JpegSegment::new(0xE0, b"JFIF\0\x07\0\0\0\x01\0\x01\0\0"));
        file
    };
    let chroma_only = {
        let mut file = progressive();
        file.segments.retain(|s| s.marker != 0xDA || s.body[1] != 1 || s.body[0] != 1);
        file
    };
    // As behind a flipped bit that still made sense: all is there, and no block can be so bright.
    let bright = {
        let mut file = baseline();
        let table = file.segments.iter_mut().find(|s| s.marker == 0xDB).expect("a table");
        table.body[1] = 255;
        file
    };
    let cases = [
        ("half of the data and an end marker", cut(baseline(), 50), "truncated"),
        ("nearly all of the data and an end marker", cut(baseline(), 97), "truncated"),
        ("no data", cut(baseline(), 0), "truncated"),
        ("half of a first scan", cut(progressive(), 50), "truncated"),
        ("the first scan only", progressive().scans(1), "truncated"),
        ("the first three scans", progressive().scans(3), "truncated"),
        ("no scan of luma's details", chroma_only, "truncated"),
        ("no quantization tables", baseline().without(0xDB), "corrupt"),
        ("a hole", hole, "corrupt"),
        ("data of twice the picture", surplus, "corrupt"),
        ("a few bytes behind a scan of several", stray, "corrupt"),
        ("blocks too bright to be any", bright, "corrupt"),
        ("half of the lines in the frame", baseline().lines(128), "corrupt"),
        ("a harmless complaint, then half of the data", cut(odd_scan(baseline()), 50), "truncated"),
        ("another harmless complaint, then half of the data", cut(odd_jfif(baseline()), 50), "truncated"),
    ];
    for (name, file, kind) in cases {
        for (place, policy) in policies() {
            let got = outcome(policy, &file.write());
            // Which of the two is seen first depends on where the data break off.
            let allowed = [Outcome::Refused(kind), Outcome::Refused("corrupt"), Outcome::Refused("truncated")];
            let allowed = if kind == "truncated" && !name.contains("hole") { &allowed[..1] } else { &allowed[..] };
            assert!(allowed.contains(&got), "{name}, {place}: {got:?} instead of {kind}");
        }
        let turned = file.clone().write();
        let turned = [&turned[..2], &exif(6)[..], &turned[2..]].concat();
        let got = outcome(Policy::default(), &turned);
        assert!(matches!(got, Outcome::Refused("truncated" | "corrupt")), "{name}, turned: {got:?}");
    }
}

/// An APP1 segment with this orientation.
fn exif(orientation: u16) -> Vec<u8> {
    let tiff = sealpress_testkit::Exif::new(orientation).tiff();
    let body = [b"Exif\0\0", &tiff[..]].concat();
    [&[0xFF, 0xE1][..], &(body.len() as u16 + 2).to_be_bytes(), &body].concat()
}

#[test]
fn what_only_looks_odd_is_taken_with_a_warning() {
    let picture = picture();
    let file = || JpegFile::parse(&Jpeg::new(&picture).quality(90).encode());
    let progressive = || JpegFile::parse(&Jpeg::new(&picture).quality(90).progressive().encode());
    let open = |mut file: JpegFile, trailer: &[u8]| {
        file.has_end = false;
        file.trailer = trailer.to_vec();
        file
    };
    let padded = |bytes: &[u8]| {
        let mut file = file();
        file.data(0).extend_from_slice(bytes);
        file
    };
    let inner = Jpeg::new(&picture).encode();
    let samsung = [b"\0\0\x0A\x08SEFH", &[0x9F; 3000][..], b"\xFF\x9F\xFF\xF0SEFT"].concat();
    let refinement = {
        // libjpeg's script ends with the lowest bit of luma.
        let mut transform = turbojpeg::Transform::op(turbojpeg::TransformOp::None);
        transform.progressive = true;
        let refined = turbojpeg::transform(&transform, &file().write()).expect("a sound file");
        let mut file = JpegFile::parse(&refined);
        let last = file.segments.iter().rposition(|s| s.marker == 0xDA).expect("a scan");
        file.segments.truncate(last);
        file
    };
    let cases = [
        ("no end marker", open(file(), b""), "end-marker-missing"),
        ("no end marker, progressive", open(progressive(), b""), "end-marker-missing"),
        ("a phone's trailer instead of the end marker", open(file(), &samsung), "end-marker-missing"),
        ("a second picture instead of the end marker", open(file(), &inner), "end-marker-missing"),
        ("a trailer with a picture", open(file(), &[&samsung[..], &inner].concat()), "end-marker-missing"),
        ("zeros behind the data", padded(&[0; 600]), "irregular"),
        ("a few bytes behind the data", padded(&[0x5A; 12]), "irregular"),
        ("so few that a decoder takes them for bits of its own", padded(&[0x5A; 3]), "irregular"),
        ("the last refinement missing", refinement, "irregular"),
    ];
    for (name, file, warning) in cases {
        for (place, policy) in policies() {
            let done = normalize(policy, file.write());
            assert_eq!(warnings(&done), [warning], "{name}, {place}");
            assert!(actions(&done).contains(&"encoded"), "{name}, {place}: {:?}", actions(&done));
            let got = pixels(done.media());
            let want = if got.width == 320 { picture.clone() } else { picture.shrunk(got.width, got.height) };
            let psnr = psnr(&got, &want);
            assert!(psnr > 24.0, "{name}, {place}: {psnr:.1} dB");
        }
    }
}

/// A camera may fill the last byte up as it likes; a wrong bit, too, may be seen nowhere else.
#[test]
fn odd_padding_is_told_where_it_is_alone_and_refused_beside_anything_else() {
    // Six bits for each block, which leave six of the last byte.
    let grey = Rgb::new(328, 248, vec![128; 328 * 248 * 3]);
    let file = |padding: u8, behind: &[u8]| {
        let mut file = JpegFile::parse(&Jpeg::new(&grey).gray().encode());
        let data = file.data(0);
        let last = data.last_mut().expect("data");
        assert_eq!(*last & 0x3F, 0x3F, "six ones");
        *last = *last & 0xC0 | padding;
        data.extend_from_slice(behind);
        file.write()
    };
    const ODD: u8 = 0b10_1111;
    for (place, policy) in policies() {
        for usual in [0x3F, 0] {
            assert_eq!(outcome(policy.clone(), &file(usual, &[])), Outcome::Warned(vec![]), "{place}");
        }
        let done = normalize(policy.clone(), file(ODD, &[]));
        assert_eq!(warnings(&done), ["irregular"], "{place}");
        assert!(actions(&done).contains(&"encoded"), "{place}: {:?}", actions(&done));
        let (behind, mut open) = (file(ODD, &[0x5A]), file(ODD, &[]));
        open.truncate(open.len() - 2);
        // One row of blocks of 31 that is padded otherwise than all others.
        let mut once = JpegFile::parse(&Jpeg::new(&grey).gray().restart(41).encode());
        assert_eq!(once.data(0)[30..33], [0b0010_1011, 0xFF, 0xD0]);
        once.data(0)[30] ^= 1;
        for (what, file) in [("bytes behind", behind), ("no end marker", open), ("one of many", once.write())] {
            assert_eq!(outcome(policy.clone(), &file), Outcome::Refused("corrupt"), "{what}, {place}");
        }
    }
}

#[test]
fn scanners_that_learn_the_number_of_lines_at_the_end_are_believed() {
    let picture = picture();
    for lines in [0, 65_535, 300] {
        let file = JpegFile::parse(&Jpeg::new(&picture).restart(20).encode());
        let file = file.lines(lines).behind_scan(0, JpegSegment::new(0xDC, &256_u16.to_be_bytes()));
        for (place, policy) in policies() {
            let done = normalize(policy, file.write());
            let got = pixels(done.media());
            let want = if got.width == 320 { picture.clone() } else { picture.shrunk(got.width, got.height) };
            assert_eq!((got.width, got.height), (want.width, want.height), "{lines}, {place}");
            assert!(psnr(&got, &want) > 24.0, "{lines}, {place}");
            assert!(!done.media().bytes().windows(2).any(|w| w == [0xFF, 0xDC]), "{lines}, {place}");
        }
        let probe = sealpress_image::Probe::read(&Media::sniff(file.write()).expect("a JPEG")).expect("a header");
        assert_eq!(probe.dimensions().height(), 256, "{lines}");
    }
}

#[test]
fn what_few_decoders_read_is_encoded_anew() {
    let picture = picture();
    let no_codes = JpegFile::parse(&Jpeg::new(&picture).encode()).without(0xC4).write();
    for (name, file) in [
        ("no Huffman tables", no_codes),
        ("lossless RGB", lossless_jpeg(&picture, false)),
        ("lossless grey", lossless_jpeg(&picture, true)),
    ] {
        for (place, policy) in policies() {
            let done = normalize(policy, file.clone());
            assert!(actions(&done).contains(&"encoded"), "{name}, {place}");
            let probe = sealpress_image::Probe::read(done.media()).expect("a JPEG");
            assert!(probe.colour().ends_with("baseline"), "{name}, {place}: {}", probe.colour());
            if name != "lossless grey" {
                let got = pixels(done.media());
                let want = if got.width == 320 { picture.clone() } else { picture.shrunk(got.width, got.height) };
                assert!(psnr(&got, &want) > 24.0, "{name}, {place}");
            }
        }
    }
    let mut twelve = JpegFile::parse(&Jpeg::new(&picture).encode());
    let frame = twelve.segments.iter_mut().find(|s| s.marker == 0xC0).expect("a frame");
    (frame.marker, frame.body[0]) = (0xC1, 12);
    assert_eq!(refusal(Policy::default(), twelve.write()), "unsupported-feature");
}

#[test]
fn damaged_pngs_are_refused_wherever_they_would_go() {
    let picture = picture();
    let kinds = [PngKind::Rgb8, PngKind::Rgba8, PngKind::Gray16, PngKind::Palette8, PngKind::Gray1];
    for kind in kinds {
        let file = || PngFile::parse(&Png::new(&picture).kind(kind).encode());
        let half = {
            let mut file = file();
            let data = file.body(b"IDAT");
            data.truncate(data.len() / 2);
            file
        };
        let sum = {
            let mut file = file();
            *file.body(b"IDAT").last_mut().expect("data") ^= 1;
            file
        };
        let short = {
            let mut file = file();
            file.body(b"IHDR")[7] += 1;
            file
        };
        let cases = [
            ("half of the data", half.write(), "truncated"),
            ("a wrong sum behind the data", sum.write(), "corrupt"),
            ("a row less than the header says", short.write(), "truncated"),
            ("a wrong checksum of the data", file().unsound(b"IDAT").write(), "corrupt"),
            ("a critical chunk that nobody knows", file().with(b"ABCD", b"?").write(), "unsupported-feature"),
        ];
        for (name, file, refused) in cases {
            for (place, policy) in policies() {
                assert_eq!(outcome(policy, &file), Outcome::Refused(refused), "{kind:?}: {name}, {place}");
            }
        }
    }
    let palette = || PngFile::parse(&Png::new(&picture).kind(PngKind::Palette8).encode());
    for (place, policy) in policies() {
        assert_eq!(
            outcome(policy.clone(), &palette().without(b"PLTE").write()),
            Outcome::Refused("corrupt"),
            "{place}"
        );
        let mut few = palette();
        few.body(b"PLTE").truncate(30);
        assert_eq!(outcome(policy, &few.write()), Outcome::Warned(vec!["irregular"]), "{place}");
    }
}

#[test]
fn a_wrong_checksum_beside_the_picture_loses_what_it_stands_on() {
    let picture = picture();
    let file = || PngFile::parse(&Png::new(&picture).icc(sealpress_testkit::IccProfile::DisplayP3).encode());
    for (place, policy) in policies() {
        let done = normalize(policy.clone(), file().unsound(b"iCCP").write());
        assert_eq!(warnings(&done), ["profile-ignored", "irregular"], "{place}");
        assert!(!done.media().bytes().windows(4).any(|w| w == b"iCCP"), "{place}");
        let done = normalize(policy.clone(), file().unsound(b"IEND").write());
        assert_eq!(warnings(&done), ["irregular"], "{place}");
        assert!(pixels(done.media()).width > 0, "{place}: a judge reads it");
        // Nobody misses what is cut away anyway.
        let done = normalize(policy, file().with(b"tEXt", b"a\0b").unsound(b"tEXt").write());
        assert!(warnings(&done).is_empty(), "{place}");
    }
}

#[test]
fn damaged_webps_are_refused_wherever_they_would_go() {
    let picture = picture();
    let whole = WebP::new(&picture).encode();
    let resized = |mut file: Vec<u8>| {
        let length = file.len() as u32;
        file[4..8].copy_from_slice(&(length - 8).to_le_bytes());
        file[16..20].copy_from_slice(&(length - 20).to_le_bytes());
        file
    };
    let cut = resized(whole[..whole.len() / 4 * 2].to_vec());
    for (place, policy) in policies() {
        let Outcome::Refused(kind) = outcome(policy.clone(), &cut) else { panic!("half a picture, {place}") };
        assert!(matches!(kind, "truncated" | "corrupt"), "{place}: {kind}");
        let Outcome::Refused(kind) = outcome(policy, &whole[..whole.len() / 2]) else { panic!("half a file, {place}") };
        assert_eq!(kind, "truncated", "{place}");
    }
}

/// What can be known of damage at some place of a file: all of it in PNG, whose data have checksums; nearly all in HEIC and
/// lossy WebP, whose data end otherwise then; blocks of nonsense in JPEG. (A wrong bit of a JPEG or of a lossless WebP is
/// often another picture.)
#[test]
fn damage_of_every_kind_is_told_wherever_it_is() {
    let picture = picture();
    let testdata = |path| std::fs::read(sealpress_testkit::testdata_root().join(path)).expect("a specimen");
    let blocks = [Damage::Zeros, Damage::Ones, Damage::Other, Damage::Lost];
    let baseline = Jpeg::new(&picture).quality(90).encode();
    let restarts = Jpeg::new(&picture).quality(90).restart(4).encode();
    let progressive = Jpeg::new(&picture).quality(90).progressive().encode();
    let files = [
        ("PNG", Png::new(&picture).encode(), &Damage::ALL[..]),
        ("palette PNG", Png::new(&picture).kind(PngKind::Palette8).encode(), &Damage::ALL),
        ("lossy WebP", testdata("webp/id-back-lossy.webp"), &Damage::ALL),
        ("turned lossy WebP", testdata("webp/selfie-lossy-exif8.webp"), &Damage::ALL),
        ("HEIC", testdata("heic/id-back.heic"), &Damage::ALL),
        ("JPEG", baseline, &blocks),
        ("JPEG with restarts", restarts, &blocks),
        ("progressive JPEG", progressive, &blocks),
    ];
    let mut rng = Rng::new(2);
    for (name, file, kinds) in files {
        let sound = normalize(Policy::default(), file.clone());
        assert!(warnings(&sound).is_empty(), "{name}: {:?}", warnings(&sound));
        for kind in kinds {
            for block in [128, 512, 4096].into_iter().filter(|block| block * 5 < file.len()) {
                let damaged = kind.apply(&file, 900, block, &mut rng);
                if damaged == file {
                    continue;
                }
                for (place, policy) in policies() {
                    let silent = outcome(policy, &damaged) == Outcome::Warned(Vec::new());
                    assert!(!silent, "{name}: {kind:?} of {block} bytes, {place}");
                }
            }
        }
    }
}

/// A lossless WebP whose data go on behind its picture lost something before.
#[test]
fn a_lossless_webp_is_held_to_its_end() {
    let mut file = WebP::new(&picture()).encode();
    file.extend_from_slice(&[0xA5; 8]);
    let length = file.len() as u32;
    file[4..8].copy_from_slice(&(length - 8).to_le_bytes());
    file[16..20].copy_from_slice(&(length - 20).to_le_bytes());
    for (place, policy) in policies() {
        assert_eq!(outcome(policy.clone(), &file), Outcome::Refused("corrupt"), "{place}");
        assert_eq!(outcome(policy.with_damaged(Damaged::Accept), &file), Outcome::Warned(vec!["damaged"]), "{place}");
    }
}

#[test]
fn who_takes_damage_is_told() {
    let picture = picture();
    let mut file = JpegFile::parse(&Jpeg::new(&picture).quality(90).encode());
    let data = file.data(0);
    data.truncate(data.len() / 2);
    while data.last() == Some(&0xFF) {
        data.pop();
    }
    let policy = Policy::default().with_damaged(Damaged::Accept);
    assert_eq!(outcome(policy, &file.write()), Outcome::Warned(vec!["truncated"]));
}
