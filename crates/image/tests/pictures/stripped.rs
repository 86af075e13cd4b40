//! What passes through is the picture and nothing else, wherever else may stand; judged by a parser of its own.

use crate::support::{actions, normalize, pixels, warnings};
use sealpress_image::{Metadata, Policy};
use sealpress_media::{Format, Media};
use sealpress_testkit::{Exif, IccProfile, Jpeg, JpegFile, JpegSegment, Png, PngFile, PngKind, Rgb, WebP, psnr, scene};

/// Stands for everything that must not leave.
const SECRET: &[u8] = b"SN-PRIVATE-0042";

fn has(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|w| w == what)
}

fn comment() -> JpegSegment {
    JpegSegment::new(0xFE, SECRET)
}

#[test]
fn jpegs_lose_whatever_stands_anywhere() {
    let picture = scene(21, 320, 200);
    let baseline = || JpegFile::parse(&Jpeg::new(&picture).encode());
    let progressive = || JpegFile::parse(&Jpeg::new(&picture).progressive().encode());
    let exif = || JpegSegment::new(0xE1, &[b"Exif\0\0", &Exif::new(1).tiff()[..]].concat());
    let thumbnail = {
        let mut body = b"JFIF\0\x01\x02\0\0\x01\0\x01\x04\x04".to_vec();
        body.extend_from_slice(SECRET);
        body.resize(14 + 4 * 4 * 3, 7);
        let mut file = baseline().without(0xE0);
        file.segments.insert(0, JpegSegment::new(0xE0, &body));
        file
    };
    let adobe = JpegSegment::new(0xEE, &[b"Adobe\0\x64\0\0\0\0\x01", SECRET].concat());
    let between = {
        let mut file = baseline();
        let first = file.segments.first_mut().expect("a segment");
        first.data = SECRET.to_vec();
        file
    };
    let trailer = {
        let mut file = baseline();
        file.trailer = [SECRET, &Jpeg::new(&picture).exif(Exif::new(1)).encode()].concat();
        file
    };
    let passing = [
        ("EXIF in front", baseline().before_scan(exif())),
        ("EXIF between scans", progressive().behind_scan(0, exif())),
        ("EXIF behind the scan", baseline().behind_scan(0, exif())),
        ("a comment between scans", progressive().behind_scan(2, comment())),
        ("a comment before the end", progressive().behind_scan(5, comment())),
        ("a comment behind the only scan", baseline().behind_scan(0, comment())),
        ("application data nobody knows", baseline().before_scan(JpegSegment::new(0xEB, SECRET))),
        ("a thumbnail in the JFIF header", thumbnail),
        ("bytes in Adobe's marker", baseline().before_scan(adobe)),
        ("bytes between segments", between),
        ("a trailer with a picture", trailer),
    ];
    for (name, file) in passing {
        let file = file.write();
        assert!(has(&file, SECRET), "{name}: the specimen has it");
        let done = normalize(Policy::default(), file.clone());
        assert_eq!(actions(&done), ["stripped", "passed-through"], "{name}");
        assert_clean(name, done.media());
        assert_eq!(pixels(done.media()), pixels(&Media::sniff(clean(&picture, name)).expect("a JPEG")), "{name}");
    }
    // What has no end of its own, or has bytes where its data end, is encoded anew.
    let open = |trailer: &[u8]| {
        let mut file = baseline();
        (file.has_end, file.trailer) = (false, trailer.to_vec());
        file
    };
    let inner = Jpeg::new(&picture).exif(Exif::new(1)).encode();
    let mut behind_data = baseline();
    behind_data.data(0).extend_from_slice(&SECRET[..9]);
    for (name, file) in [
        ("a second picture instead of the end", open(&inner)),
        ("a trailer instead of the end", open(&[SECRET, &inner].concat())),
        ("bytes behind the data", behind_data),
    ] {
        let done = normalize(Policy::default(), file.write());
        assert!(actions(&done).contains(&"encoded") && !warnings(&done).is_empty(), "{name}: {:?}", actions(&done));
        assert_clean(name, done.media());
        assert!(psnr(&pixels(done.media()), &picture) > 24.0, "{name}");
    }
}

/// The same picture without anything else.
fn clean(picture: &Rgb, name: &str) -> Vec<u8> {
    let jpeg = Jpeg::new(picture);
    let many = name.contains("between scans") || name == "a comment before the end";
    if many { jpeg.progressive() } else { jpeg }.encode()
}

/// Only the markers that a picture needs, one start and one end, no thumbnail.
fn assert_clean(name: &str, media: &Media) {
    let bytes = media.bytes();
    assert!(!has(bytes, &SECRET[..9]) && !has(bytes, b"Exif") && !has(bytes, b"http"), "{name}");
    assert_eq!(media.format(), Format::Jpeg, "{name}");
    let file = JpegFile::parse(bytes);
    assert!(file.trailer.is_empty() && file.has_end, "{name}");
    for segment in &file.segments {
        let needed = matches!(segment.marker, 0xC0..=0xC4 | 0xDA | 0xDB | 0xDD);
        let jfif = segment.marker == 0xE0 && segment.body.len() == 14 && segment.body[12..] == [0, 0];
        let adobe = segment.marker == 0xEE && segment.body.len() == 12;
        let profile = segment.marker == 0xE2 && segment.body.starts_with(b"ICC_PROFILE\0");
        assert!(needed || jfif || adobe || profile, "{name}: a segment {:#x}", segment.marker);
    }
}

#[test]
fn profiles_stay_and_metadata_too_where_the_policy_says_so() {
    let picture = scene(22, 200, 120);
    let file = Jpeg::new(&picture).icc(IccProfile::DisplayP3).exif(Exif::new(1)).encode();
    let done = normalize(Policy::default(), file.clone());
    assert_eq!(actions(&done), ["profile-kept", "stripped", "passed-through"]);
    assert!(has(done.media().bytes(), &IccProfile::DisplayP3.bytes()));
    let done = normalize(Policy::default().with_metadata(Metadata::Keep), file.clone());
    assert_eq!(done.media().bytes(), &file[..]);
}

#[test]
fn pngs_and_webps_lose_whatever_stands_anywhere() {
    let picture = scene(23, 200, 120);
    let png = || PngFile::parse(&Png::new(&picture).encode());
    let behind = {
        let mut file = png();
        let at = file.chunks.len() - 1;
        file.chunks.insert(at, (*b"zTXt", SECRET.to_vec(), true));
        file
    };
    for (name, file) in [
        ("text", png().with(b"tEXt", SECRET).write()),
        ("EXIF", png().with(b"eXIf", &Exif::new(1).tiff()).write()),
        ("text behind the picture", behind.write()),
        ("a private chunk", png().with(b"prVt", SECRET).write()),
        ("a trailer", [png().write(), SECRET.to_vec()].concat()),
    ] {
        let done = normalize(Policy::default(), file);
        assert_eq!(actions(&done), ["stripped", "passed-through"], "{name}");
        assert_eq!(done.media().bytes(), &png().write()[..], "{name}");
    }
    // Bytes behind the compressed data, in a chunk that has to stay.
    let mut hidden = png();
    hidden.body(b"IDAT").extend_from_slice(&[SECRET, SECRET].concat());
    let done = normalize(Policy::default(), hidden.write());
    assert!(actions(&done).contains(&"encoded") && !has(done.media().bytes(), SECRET));

    let webp = WebP::new(&picture).exif(Exif::new(1)).encode();
    let extra = |mut file: Vec<u8>, id: &[u8; 4]| {
        file.extend_from_slice(id);
        file.extend_from_slice(&(SECRET.len() as u32).to_le_bytes());
        file.extend_from_slice(SECRET);
        file.push(0);
        let length = file.len() as u32 - 8;
        file[4..8].copy_from_slice(&length.to_le_bytes());
        file
    };
    for (name, file) in [
        ("EXIF", webp.clone()),
        ("XMP", extra(webp.clone(), b"XMP ")),
        ("an unknown chunk", extra(webp.clone(), b"what")),
        ("a second picture", extra(webp.clone(), b"VP8L")),
        ("a trailer", [&webp[..], SECRET].concat()),
    ] {
        let done = normalize(Policy::default(), file);
        assert_eq!(actions(&done), ["stripped", "passed-through"], "{name}");
        assert!(!has(done.media().bytes(), SECRET) && !has(done.media().bytes(), b"EXIF"), "{name}");
        assert_eq!(pixels(done.media()), picture, "{name}");
    }
}

/// One rule for all: what may show a background is laid on ours, at every size.
#[test]
fn transparent_pixels_never_leave() {
    let picture = Rgb::filled(120, 80, [20, 40, 200]);
    let half: Vec<u8> = (0..120 * 80).map(|i| if i % 120 < 60 { 0 } else { 255 }).collect();
    let opaque = vec![255; 120 * 80];
    let png = |alpha: &[u8], kind| Png::new(&picture).kind(kind).alpha(alpha.to_vec()).encode();
    let keyed = Png::new(&Rgb::filled(120, 80, [0; 3])).kind(PngKind::Palette8Transparent).encode();
    let transparent = [
        ("RGBA", png(&half, PngKind::Rgba8)),
        ("RGBA of 16 bits", png(&half, PngKind::Rgba16)),
        ("grey and alpha", png(&half, PngKind::GrayAlpha8)),
        ("a palette", keyed),
        ("WebP", WebP::new(&picture).alpha(half.clone()).encode()),
    ];
    for (name, file) in transparent {
        for policy in [Policy::default(), Policy::default().with_longer_side(60)] {
            let done = normalize(policy, file.clone());
            assert!(actions(&done).contains(&"flattened"), "{name}: {:?}", actions(&done));
            let [r, g, b] = pixels(done.media()).pixel(10, 10);
            assert!(r >= 250 && g >= 250 && b >= 250, "{name}: {r} {g} {b}");
        }
    }
    for (name, file) in [
        ("RGBA", png(&opaque, PngKind::Rgba8)),
        ("grey and alpha", png(&opaque, PngKind::GrayAlpha8)),
        ("WebP", WebP::new(&picture).alpha(opaque.clone()).encode()),
    ] {
        assert_eq!(actions(&normalize(Policy::default(), file)), ["passed-through"], "{name}, opaque");
    }
}
