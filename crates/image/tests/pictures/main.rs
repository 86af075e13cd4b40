//! What a production normalizer must get right, each on a picture made for it.

mod colours;
mod damaged;
mod dynamic_range;
mod neighbours;
mod preflight;
mod siblings;
mod stripped;
mod support;

use sealpress_image::{Damaged, Metadata, Normalizer, Policy, Probe, Profiles, Undersized};
use sealpress_media::{Dimensions, Fault, Format, Media};
use sealpress_testkit::{
    Exif, HeifTransform, IccProfile, Jpeg, Png, PngKind, Rgb, Sampling, WebP, heif_with_transforms, mean_delta_e, psnr,
    scene, testdata_root,
};
use support::{actions, normalize, on_white, pixels, refusal, warnings};

/// A vendor of JPEG only, with a box that is not square and a minimum.
fn jpeg_only() -> Policy {
    let mut limits = sealpress_media::Limits::none();
    (limits.formats, limits.image_bytes) = (vec![Format::Jpeg], 10_000_000);
    (limits.max_width, limits.max_height, limits.min_width, limits.min_height) = (3840, 2160, 640, 480);
    Policy::within(&limits)
}

fn d(width: u32, height: u32) -> Dimensions {
    Dimensions::new(width, height).expect("sides")
}

/// A box that makes everything here shrink.
fn small() -> Policy {
    Policy::default().with_longer_side(200)
}

#[test]
fn all_eight_orientations_of_every_format_come_out_upright() {
    let upright = scene(7, 301, 203);
    for orientation in 1..=8_u8 {
        let stored = upright.stored_for(orientation);
        let exif = Exif::new(u16::from(orientation));
        let files = [
            ("jpeg", Jpeg::new(&stored).quality(95).exif(exif).encode()),
            ("jpeg, big endian", Jpeg::new(&stored).quality(95).exif(exif.big_endian()).encode()),
            ("png", Png::new(&stored).exif(exif).encode()),
            ("webp", WebP::new(&stored).exif(exif).encode()),
        ];
        for (name, file) in files {
            for policy in [Policy::default(), small(), jpeg_only().with_minimum(1, 1, Undersized::Accept)] {
                let done = normalize(policy, file.clone());
                let got = pixels(done.media());
                let want =
                    if got.width == upright.width { upright.clone() } else { upright.shrunk(got.width, got.height) };
                assert_eq!((got.width, got.height), (want.width, want.height), "{name} {orientation}");
                let psnr = psnr(&got, &want);
                assert!(psnr > 24.0, "{name} {orientation}: {psnr:.1} dB, {:?}", actions(&done));
                assert_eq!(Probe::read(done.media()).expect("readable").orientation(), 1);
            }
        }
    }
}

/// What a box turns lies on its side as it is stored: it must come out as the one that never lay.
#[test]
fn heics_that_boxes_turn_come_out_upright() {
    let file = |name: &str| std::fs::read(testdata_root().join("heic").join(name)).expect("a specimen");
    let upright = pixels(normalize(Policy::default(), file("selfie.heic")).media());
    for name in ["selfie-irot-3.heic", "selfie-imir.heic"] {
        let got = pixels(normalize(Policy::default(), file(name)).media());
        assert_eq!((got.width, got.height), (upright.width, upright.height), "{name}");
        let psnr = psnr(&got, &upright);
        assert!(psnr > 35.0, "{name}: {psnr:.1} dB");
    }
    let twice =
        [HeifTransform::Rotate(1), HeifTransform::Mirror(0), HeifTransform::Mirror(0), HeifTransform::Rotate(3)];
    let turned = heif_with_transforms(&file("selfie.heic"), &twice).expect("of the simple shape");
    assert_eq!(pixels(normalize(Policy::default(), turned).media()), upright);
}

#[test]
fn a_turn_of_whole_blocks_loses_nothing() {
    let upright = scene(3, 320, 192);
    for orientation in 2..=8_u8 {
        let file = Jpeg::new(&upright.stored_for(orientation)).orientation(u16::from(orientation)).encode();
        let before = turbojpeg::decompress(&file, turbojpeg::PixelFormat::RGB).expect("a JPEG");
        let before = Rgb::new(before.width as u32, before.height as u32, before.pixels).upright(orientation);
        let done = normalize(Policy::default(), file);
        assert_eq!(actions(&done), ["oriented"]);
        // Upsampled chroma differs by rounding where it is interpolated the other way round.
        assert!(psnr(&pixels(done.media()), &before) > 45.0, "{orientation}");
    }
}

#[test]
fn an_invalid_orientation_is_none() {
    let picture = scene(1, 64, 48);
    for value in [0, 9, 300] {
        let done = normalize(Policy::default(), Jpeg::new(&picture).orientation(value).encode());
        assert_eq!(done.report().dimensions, d(64, 48));
        assert_eq!(actions(&done), ["stripped", "passed-through"]);
    }
}

#[test]
fn every_sampling_and_odd_size_agrees_with_the_packed_decode() {
    let samplings = [
        Sampling::S420,
        Sampling::S422,
        Sampling::S444,
        Sampling::S440,
        Sampling::S411,
        Sampling::S441,
        Sampling::S410,
    ];
    for (width, height) in [(401, 303), (400, 301), (833, 625), (1601, 1203)] {
        let picture = scene(u64::from(width), width, height);
        for sampling in samplings {
            for progressive in [false, true] {
                let jpeg = Jpeg::new(&picture).quality(95).sampling(sampling);
                let file = if progressive { jpeg.progressive() } else { jpeg }.encode();
                let full = turbojpeg::decompress(&file, turbojpeg::PixelFormat::RGB).expect("a JPEG");
                let full = Rgb::new(width, height, full.pixels);
                let done = normalize(small().with_quality(95, 95), file);
                let got = pixels(done.media());
                let psnr = psnr(&got, &full.shrunk(got.width, got.height));
                assert!(psnr > 27.0, "{sampling:?} {width}×{height}: {psnr:.1} dB");
            }
        }
    }
}

#[test]
fn grey_stays_grey_and_cmyk_becomes_colour() {
    let picture = scene(5, 400, 300);
    let done = normalize(small(), Jpeg::new(&picture).gray().encode());
    assert_eq!(Probe::read(done.media()).expect("readable").colour(), "grey, baseline");
    for file in [Jpeg::new(&picture).quality(95).cmyk().encode(), Jpeg::new(&picture).quality(95).ycck().encode()] {
        let done = normalize(small(), file);
        let got = pixels(done.media());
        assert!(actions(&done).contains(&"colour-converted"));
        assert!(psnr(&got, &picture.shrunk(got.width, got.height)) > 25.0);
    }
}

#[test]
fn display_p3_becomes_srgb_within_a_rounding_of_one_delta_e() {
    // Patches inside sRGB, as Display P3 numbers: linear light through both matrices.
    let patches = [[200, 60, 50], [60, 160, 80], [50, 80, 180], [180, 160, 60], [128, 128, 128], [230, 200, 180]];
    let to_p3 = |rgb: [u8; 3]| {
        let linear = rgb.map(|v| {
            let v = f64::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        });
        // sRGB to Display P3, both D65 (from the primaries of IEC 61966-2-1 and SMPTE EG 432-1).
        const M: [[f64; 3]; 3] =
            [[0.822_462, 0.177_538, 0.0], [0.033_194, 0.966_806, 0.0], [0.017_083, 0.072_397, 0.910_520]];
        M.map(|row| {
            let v: f64 = row.iter().zip(linear).map(|(m, v)| m * v).sum();
            let v = if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
            (v * 255.0).round() as u8
        })
    };
    for rgb in patches {
        let want = Rgb::filled(150, 150, rgb);
        let p3 = Rgb::filled(600, 600, to_p3(rgb));
        let files = [
            Jpeg::new(&p3).quality(100).sampling(Sampling::S444).icc(IccProfile::DisplayP3).encode(),
            Png::new(&p3).icc(IccProfile::DisplayP3).encode(),
        ];
        for file in files {
            let done = normalize(Policy::default().with_longer_side(150).with_quality(100, 90), file);
            assert!(actions(&done).contains(&"colour-converted"), "{:?}", actions(&done));
            let delta = mean_delta_e(&pixels(done.media()), &want);
            // Before and after, Y'CbCr is rounded to eight bits, which alone makes up to 1.04.
            assert!(delta <= 1.1, "{rgb:?}: {delta:.2}");
        }
    }
}

#[test]
fn an_srgb_profile_costs_no_conversion_and_others_may_be_kept() {
    let picture = scene(2, 500, 400);
    let done = normalize(small(), Jpeg::new(&picture).icc(IccProfile::Srgb).encode());
    assert_eq!(actions(&done), ["resized", "encoded"]);
    let done = normalize(small().with_profiles(Profiles::Keep), Jpeg::new(&picture).icc(IccProfile::AdobeRgb).encode());
    assert_eq!(actions(&done), ["profile-kept", "resized", "encoded"]);
    assert!(Probe::read(done.media()).expect("readable").icc_profile().is_some());
    let broken = Jpeg::new(&picture).icc_bytes(vec![7; 400]).encode();
    let done = normalize(small(), broken);
    assert_eq!(warnings(&done), ["profile-ignored"]);
}

#[test]
fn transparency_lies_on_the_background() {
    let picture = Rgb::filled(300, 200, [20, 40, 200]);
    let alpha: Vec<u8> = (0..300 * 200).map(|i| if i % 300 < 150 { 0 } else { 255 }).collect();
    let policy = || Policy::default().with_longer_side(150).with_accepts([Format::Jpeg]);
    let files = [
        Png::new(&picture).kind(PngKind::Rgba8).alpha(alpha.clone()).encode(),
        Png::new(&picture).kind(PngKind::Rgba16).alpha(alpha.clone()).encode(),
        WebP::new(&picture).alpha(alpha).encode(),
    ];
    for file in files {
        let done = normalize(policy(), file.clone());
        assert!(actions(&done).contains(&"flattened"));
        let got = pixels(done.media());
        let near = |at: [u8; 3], want: [u8; 3]| at.iter().zip(want).all(|(a, b)| a.abs_diff(b) <= 4);
        assert!(near(got.pixel(20, 50), [255, 255, 255]), "{:?}", got.pixel(20, 50));
        assert!(near(got.pixel(130, 50), [20, 40, 200]), "{:?}", got.pixel(130, 50));
        let done = normalize(policy().with_background([255, 0, 0]), file);
        assert!(near(pixels(done.media()).pixel(20, 50), [254, 0, 0]), "{:?}", pixels(done.media()).pixel(20, 50));
    }
}

#[test]
fn every_png_kind_and_the_first_frame() {
    let picture = scene(9, 320, 240);
    let kinds = [
        PngKind::Rgb8,
        PngKind::Rgb16,
        PngKind::Gray8,
        PngKind::Gray16,
        PngKind::Gray1,
        PngKind::Rgba8,
        PngKind::GrayAlpha8,
        PngKind::Palette8,
        PngKind::Palette8Transparent,
    ];
    for kind in kinds {
        let file = Png::new(&picture).kind(kind).encode();
        // What another decoder sees in it, on white.
        let want = on_white(&file).shrunk(200, 150);
        for accepts in [vec![Format::Jpeg], vec![Format::Jpeg, Format::Png]] {
            let done = normalize(small().with_accepts(accepts.clone()), file.clone());
            let got = pixels(done.media());
            assert_eq!((got.width, got.height), (200, 150), "{kind:?}");
            let near = psnr(&got, &want);
            assert!(near > 28.0, "{kind:?} as one of {accepts:?}: {near:.1} dB");
        }
    }
    let done = normalize(small(), Png::new(&picture).animated(3).encode());
    assert!(actions(&done).contains(&"first-frame"));
    let got = pixels(done.media());
    assert!(psnr(&got, &picture.shrunk(got.width, got.height)) > 25.0);
}

#[test]
fn screenshots_stay_png_and_photos_become_jpeg() {
    let mut flat = Rgb::filled(600, 400, [250, 250, 250]);
    for i in 0..flat.data.len() / 3 {
        if (i / 40) % 3 == 0 {
            flat.data[i * 3..i * 3 + 3].copy_from_slice(&[30, 30, 30]);
        }
    }
    let done = normalize(small(), Png::new(&flat).encode());
    assert_eq!(done.media().format(), Format::Png);
    let done = normalize(jpeg_only().with_minimum(1, 1, Undersized::Accept), Png::new(&flat).encode());
    assert_eq!(done.media().format(), Format::Jpeg);
    let done = normalize(small(), Png::new(&scene(4, 600, 400)).encode());
    assert_eq!(done.media().format(), Format::Jpeg);
}

#[test]
fn colour_that_is_none_is_dropped() {
    let mut paper = Rgb::filled(600, 400, [250, 250, 250]);
    for (i, pixel) in paper.data.chunks_exact_mut(3).enumerate() {
        pixel.fill(if (i / 40) % 3 == 0 { 30 } else { 250 });
    }
    // A paper in colour whose colours are greys: its output has one component.
    let done = normalize(small(), Png::new(&paper).encode());
    assert_eq!(done.media().format(), Format::Png);
    assert_eq!(done.media().bytes()[25], 0, "the colour type in IHDR is grey");
    // With one red pixel it stays in colour.
    let mut stamped = paper.clone();
    stamped.data[..3].copy_from_slice(&[200, 20, 20]);
    let done = normalize(small(), Png::new(&stamped).encode());
    assert_eq!(done.media().bytes()[25], 2, "the colour type in IHDR is RGB");
    // Every kind of number that stands for a level keeps it, in rows of a length that fills no byte.
    let mut odd = Rgb::filled(451, 67, [255; 3]);
    for (i, pixel) in odd.data.chunks_exact_mut(3).enumerate() {
        pixel.fill(if (i / 13) % 2 == 0 { 0 } else { 255 });
    }
    for kind in [PngKind::Gray1, PngKind::Gray8, PngKind::Palette8, PngKind::Rgb8] {
        let done = normalize(Policy::default().without_pass_through(), Png::new(&odd).kind(kind).encode());
        assert_eq!(done.media().format(), Format::Png, "{kind:?}");
        assert_eq!(pixels(done.media()), odd, "{kind:?}");
    }
}

#[test]
fn conforming_files_pass_and_lose_only_their_metadata() {
    let picture = scene(8, 400, 300);
    let plain = Jpeg::new(&picture).encode();
    let done = normalize(Policy::default(), plain.clone());
    assert_eq!(done.media().bytes(), &plain[..]);
    assert_eq!(actions(&done), ["passed-through"]);
    let files = [
        Jpeg::new(&picture).exif(Exif::new(1)).trailer(b"SN-PRIVATE-0042").encode(),
        Png::new(&picture).exif(Exif::new(1)).encode(),
        WebP::new(&picture).exif(Exif::new(1)).encode(),
    ];
    for file in files {
        let private = Exif::PRIVATE_TEXT.as_bytes();
        assert!(file.windows(private.len()).any(|w| w == private));
        let done = normalize(Policy::default(), file.clone());
        assert_eq!(actions(&done), ["stripped", "passed-through"]);
        assert!(!done.media().bytes().windows(private.len()).any(|w| w == private));
        assert_eq!(pixels(done.media()), pixels(&Media::sniff(file.clone()).expect("a picture")));
        let kept = normalize(Policy::default().with_metadata(Metadata::Keep), file);
        assert!(kept.media().bytes().windows(4).any(|w| w == b"MM\0*" || w == b"II*\0"));
    }
    // What is decoded loses it in any case.
    let done = normalize(small(), Jpeg::new(&picture).exif(Exif::new(1)).encode());
    assert!(!done.media().bytes().windows(15).any(|w| w == Exif::PRIVATE_TEXT.as_bytes()));
}

#[test]
fn quality_goes_down_until_the_bytes_fit_and_not_below_the_floor() {
    let picture = scene(6, 900, 700);
    let file = Jpeg::new(&picture).quality(95).encode();
    let full = normalize(Policy::default().without_pass_through(), file.clone()).media().len() as u64;
    let done = normalize(Policy::default().with_max_bytes(full * 2 / 3), file.clone());
    assert!(done.media().len() as u64 <= full * 2 / 3);
    assert!(actions(&done).contains(&"quality-lowered"));
    let mut policy = Policy::default();
    policy.max_base64 = full;
    assert!(normalize(policy, file.clone()).media().len() as u64 <= full / 4 * 3);
    let error = Normalizer::new(Policy::default().with_max_bytes(2000))
        .normalize(&Media::sniff(file).expect("a picture"))
        .expect_err("too few bytes");
    assert_eq!((error.kind().as_str(), error.fault()), ("limit", Fault::Limit));
}

#[test]
fn the_other_providers_box() {
    let done = normalize(jpeg_only(), Jpeg::new(&scene(1, 1200, 3000)).encode());
    assert_eq!(done.report().dimensions, d(864, 2160));
    let done = normalize(jpeg_only(), Png::new(&scene(1, 800, 600)).encode());
    assert_eq!(done.media().format(), Format::Jpeg);
    let tiny = Jpeg::new(&scene(1, 320, 240)).encode();
    assert_eq!(refusal(jpeg_only(), tiny.clone()), "limit");
    let done = normalize(jpeg_only().with_minimum(640, 480, Undersized::Accept), tiny.clone());
    assert_eq!((done.report().dimensions, warnings(&done)), (d(320, 240), vec!["upscaling-refused"]));
    let done = normalize(jpeg_only().with_minimum(640, 480, Undersized::Enlarge), tiny);
    assert_eq!((done.report().dimensions, warnings(&done)), (d(640, 480), vec!["enlarged"]));
}

#[test]
fn truncated_files_are_refused_unless_only_the_end_marker_is_missing() {
    let picture = scene(2, 500, 400);
    for progressive in [false, true] {
        let jpeg = Jpeg::new(&picture).quality(90);
        let whole = if progressive { jpeg.progressive() } else { jpeg }.encode();
        for share in [20, 50, 80, 97] {
            let cut = whole[..whole.len() * share / 100].to_vec();
            assert_eq!(refusal(Policy::default(), cut.clone()), "truncated", "{share}% progressive {progressive}");
            if share > 50 {
                let done = normalize(Policy::default().with_damaged(Damaged::Accept), cut);
                assert_eq!(warnings(&done), ["truncated"]);
            }
        }
        let done = normalize(Policy::default(), whole[..whole.len() - 2].to_vec());
        assert_eq!(warnings(&done), ["end-marker-missing"]);
        assert!(psnr(&pixels(done.media()), &picture) > 28.0);
    }
    let png = Png::new(&picture).encode();
    assert_eq!(refusal(small(), png[..png.len() / 2].to_vec()), "truncated");
    let webp = WebP::new(&picture).encode();
    assert_eq!(refusal(small(), webp[..webp.len() / 2].to_vec()), "truncated");
}

#[test]
fn damaged_picture_data_are_refused() {
    let picture = scene(2, 600, 500);
    let mut jpeg = Jpeg::new(&picture).restart(4).encode();
    let middle = jpeg.len() / 2;
    for byte in &mut jpeg[middle..middle + 400] {
        *byte = 0x5A;
    }
    assert_eq!(refusal(small(), jpeg.clone()), "corrupt");
    assert_eq!(warnings(&normalize(small().with_damaged(Damaged::Accept), jpeg)), ["damaged"]);
    let mut png = Png::new(&picture).encode();
    let middle = png.len() / 2;
    png[middle] ^= 0x55;
    assert_eq!(refusal(small(), png), "corrupt");
}

#[test]
fn limits_are_judged_on_the_header() {
    let file = Jpeg::new(&scene(1, 64, 64)).encode();
    let at = file.windows(2).position(|w| w == [0xFF, 0xC0]).expect("a frame header");
    let mut huge = file.clone();
    huge[at + 5..at + 9].copy_from_slice(&[0xFF; 4]);
    assert_eq!(refusal(Policy::default(), huge), "too-large");
    let progressive = Jpeg::new(&scene(1, 400, 400)).progressive().encode();
    assert_eq!(refusal(small().with_limits(1 << 30, 1 << 30, 1), progressive.clone()), "too-large");
    assert_eq!(refusal(small().with_limits(1 << 30, 100_000, 100), progressive), "too-large");
    assert_eq!(refusal(small().with_limits(1000, 1 << 30, 100), file), "too-large");
    let budget = small().with_time_budget(std::time::Duration::ZERO);
    assert_eq!(refusal(budget, Png::new(&scene(1, 800, 800)).encode()), "timeout");
}

#[test]
fn one_normalizer_gives_the_same_bytes_again_and_after_errors() {
    let files = [
        Jpeg::new(&scene(1, 700, 500)).encode(),
        Png::new(&scene(2, 500, 700)).encode(),
        Jpeg::new(&scene(3, 333, 777)).sampling(Sampling::S422).encode(),
        WebP::new(&scene(4, 640, 480)).encode(),
    ];
    let mut kept = Normalizer::new(small());
    let broken = Media::sniff(files[0][..2000].to_vec()).expect("a picture");
    for _ in 0..2 {
        for file in &files {
            let media = Media::sniff(file.clone()).expect("a picture");
            let fresh = normalize(small(), file.clone());
            assert_eq!(kept.normalize(&media).expect("sound").media().bytes(), fresh.media().bytes());
            assert!(kept.normalize(&broken).is_err());
        }
    }
}

#[test]
fn a_report_names_what_was_done() {
    let done = normalize(small(), Jpeg::new(&scene(1, 400, 300)).orientation(6).encode());
    let json = serde_json::to_value(done.report()).expect("JSON");
    assert_eq!(json["format"], "jpeg");
    assert_eq!(json["original"], serde_json::json!({"width": 400, "height": 300}));
    assert_eq!(json["dimensions"], serde_json::json!({"width": 150, "height": 200}));
    let names: Vec<_> = json["actions"].as_array().expect("a list").iter().map(|a| a["name"].clone()).collect();
    assert_eq!(names, ["resized", "oriented", "encoded"]);
    assert_eq!(done.report().summary().actions.len(), 3);
    let probe = Probe::read(&Media::sniff(Jpeg::new(&scene(1, 400, 300)).orientation(6).encode()).expect("a picture"))
        .expect("a header");
    let planned: Vec<_> = Normalizer::new(small()).plan(&probe).iter().map(|a| a.name()).collect();
    assert_eq!(planned, ["resized", "oriented", "encoded"]);
}

/// A worker's codecs, buffers and weights outlive a picture. None of it may show in the next one.
#[test]
fn no_picture_leaves_a_trace_in_the_next() {
    let (small_one, large) = (scene(3, 320, 240), scene(4, 2300, 1500));
    let mut files = vec![
        ("grey", Jpeg::new(&small_one).gray().encode()),
        ("large grey", Jpeg::new(&large).gray().encode()),
        ("CMYK", Jpeg::new(&small_one).cmyk().encode()),
        ("Display P3", Jpeg::new(&large).icc(IccProfile::DisplayP3).encode()),
        ("4:4:4 turned", Jpeg::new(&small_one).sampling(Sampling::S444).orientation(6).encode()),
        ("progressive", Jpeg::new(&large).progressive().encode()),
        ("PNG", Png::new(&large).encode()),
        ("16-bit PNG", Png::new(&small_one).kind(PngKind::Rgba16).encode()),
        ("WebP", WebP::new(&small_one).encode()),
    ];
    if let Some(corpus) = sealpress_testkit::corpus() {
        for name in
            ["heic/exif-rs__exif.heic", "heic/pillow-heif__LA_8__29x100.heif", "heic/test-assets__IMG_2682.heic"]
        {
            let entry = corpus.entries.iter().find(|e| e.path == name).expect("a file of the corpus");
            files.push((name, entry.bytes()));
        }
    }
    let policy = || Policy::default().without_pass_through().with_time_budget(std::time::Duration::from_secs(60));
    let files: Vec<(&str, Media, Vec<u8>)> = files
        .into_iter()
        .map(|(name, file)| {
            let media = Media::sniff(file).expect("a picture");
            let alone = Normalizer::new(policy()).normalize(&media).expect(name).into_media().bytes().to_vec();
            (name, media, alone)
        })
        .collect();
    for (before, first, _) in &files {
        for (name, media, alone) in &files {
            let mut normalizer = Normalizer::new(policy());
            normalizer.normalize(first).expect(before);
            let after = normalizer.normalize(media).expect(name);
            assert!(after.media().bytes() == &alone[..], "{name} after {before} is another picture than {name} alone");
        }
    }
}
