//! High dynamic range, and what else a PNG says of its colours, on every way out.

use crate::support::{actions, normalize, pixels, warnings};
use sealpress_image::Policy;
use sealpress_testkit::{Png, PngFile, Rgb};

/// A PNG of one colour that says so by the numbers of H.273: BT.2020, this transfer, RGB, full range.
fn file(colour: [u8; 3], transfer: u8) -> Vec<u8> {
    PngFile::parse(&Png::new(&Rgb::filled(64, 48, colour)).encode()).with(b"cICP", &[9, transfer, 0, 1]).write()
}

#[test]
fn diffuse_white_is_near_white_and_nothing_passes_as_it_is() {
    // 203 cd/m²: 58% of PQ and 75% of HLG (ITU-R BT.2408 table 1).
    for (transfer, white, peak) in [(16, 148, 255), (18, 191, 255)] {
        for policy in [Policy::default(), Policy::default().with_longer_side(32)] {
            let done = normalize(policy.clone(), file([white; 3], transfer));
            assert!(actions(&done).contains(&"colour-converted"), "{:?}", actions(&done));
            assert_eq!(warnings(&done), ["dynamic-range-reduced"]);
            let [r, g, b] = pixels(done.media()).pixel(20, 20);
            assert!((240..=250).contains(&g) && r.abs_diff(g) <= 2 && b.abs_diff(g) <= 2, "{transfer}: {r} {g} {b}");
            let bright = pixels(normalize(policy.clone(), file([peak; 3], transfer)).media()).pixel(20, 20);
            assert!(bright.iter().all(|v| *v >= 253), "{transfer}: {bright:?}");
            let dark = pixels(normalize(policy, file([white / 2; 3], transfer)).media()).pixel(20, 20);
            assert!((25..=130).contains(&dark[1]), "{transfer}: {dark:?}");
        }
    }
}

/// A ramp of PQ in sixteen bits from black to a little above diffuse white, the same in every row.
fn ramp(colour: png::ColorType) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, 1200, 16);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Sixteen);
    let row: Vec<u8> = (0..1200_u16)
        .flat_map(|x| std::iter::repeat_n((x * 33).to_be_bytes(), colour.samples()))
        .enumerate()
        .flat_map(|(i, v)| if colour == png::ColorType::Rgba && i % 4 == 3 { [255; 2] } else { v })
        .collect();
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&row.repeat(16)).expect("all rows");
    drop(writer);
    PngFile::parse(&out).with(b"cICP", &[9, 16, 0, 1]).write()
}

#[test]
fn sixteen_bits_of_high_dynamic_range_leave_no_bands() {
    for colour in [png::ColorType::Rgb, png::ColorType::Rgba, png::ColorType::Grayscale] {
        let done = normalize(Policy::default(), ramp(colour));
        assert_eq!(done.media().format(), sealpress_media::Format::Png, "flat rows stay PNG");
        assert_eq!(warnings(&done), ["dynamic-range-reduced"]);
        let out = pixels(done.media());
        let levels: Vec<u8> = (0..1200).map(|x| out.pixel(x, 8)[1]).collect();
        assert!(levels.is_sorted(), "{colour:?}");
        let distinct: std::collections::BTreeSet<&u8> = levels.iter().collect();
        // Eight bits have 154 levels up to here.
        assert!(distinct.len() > 235, "{colour:?}: {} levels", distinct.len());
    }
}

#[test]
fn strong_colours_are_judged_on_the_way_through() {
    let picture = Rgb::filled(64, 48, [120, 90, 60]);
    let png = || PngFile::parse(&Png::new(&picture).encode());
    // Linear light, and red and blue in each other's place.
    let linear = png().with(b"gAMA", &100_000_u32.to_be_bytes());
    let swapped: Vec<u8> = [31_270_u32, 32_900, 15_000, 6_000, 30_000, 60_000, 64_000, 33_000]
        .iter()
        .flat_map(|n| n.to_be_bytes())
        .collect();
    let swapped = png().with(b"gAMA", &45_455_u32.to_be_bytes()).with(b"cHRM", &swapped);
    for (name, file) in [("linear", linear), ("swapped", swapped)] {
        let done = normalize(Policy::default(), file.write());
        assert!(actions(&done).contains(&"colour-converted"), "{name}: {:?}", actions(&done));
    }
    for (name, file) in [
        ("sRGB's own", png().with(b"gAMA", &45_455_u32.to_be_bytes())),
        ("sRGB said", png().with(b"sRGB", &[0])),
        ("BT.709", png().with(b"cICP", &[1, 1, 0, 1])),
    ] {
        assert_eq!(actions(&normalize(Policy::default(), file.write())), ["passed-through"], "{name}");
    }
}
