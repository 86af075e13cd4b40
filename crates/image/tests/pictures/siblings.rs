//! Kinds of damage that came to light when the known ones were varied, and good files that were taken for damaged.

use crate::support::{actions, normalize, refusal, warnings};
use sealpress_image::Policy;
use sealpress_testkit::{Exif, Jpeg, JpegFile, JpegSegment, Png, PngFile, PngKind, Rgb, Rng, WebP, scene};

/// In the box, where files would pass; and above it.
fn policies() -> [(&'static str, Policy); 2] {
    [("in the box", Policy::default()), ("above it", Policy::default().with_longer_side(100))]
}

fn picture() -> Rgb {
    scene(11, 320, 256)
}

#[test]
fn fewer_lines_behind_the_scan_than_were_coded_are_refused() {
    for restart in [0, 20] {
        for nominal in [0, 65_535, 300] {
            let file = JpegFile::parse(&Jpeg::new(&picture()).restart(restart).encode()).lines(nominal);
            let mut file = file.behind_scan(0, JpegSegment::new(0xDC, &128_u16.to_be_bytes()));
            for (place, policy) in policies() {
                assert_eq!(refusal(policy.clone(), file.write()), "corrupt", "{nominal}, {place}");
                file.has_end = false;
                assert_eq!(refusal(policy, file.write()), "corrupt", "{nominal}, {place}, no end marker");
                file.has_end = true;
            }
        }
    }
}

#[test]
fn quantization_by_zero_is_refused_where_all_of_the_picture_hangs_on_it() {
    let zero = |at: usize| {
        let mut file = JpegFile::parse(&Jpeg::new(&picture()).quality(90).encode());
        let table = file.segments.iter_mut().find(|s| s.marker == 0xDB).expect("a table");
        table.body[1 + at] = 0;
        file.write()
    };
    for (place, policy) in policies() {
        assert_eq!(refusal(policy.clone(), zero(0)), "corrupt", "{place}");
        let done = normalize(policy, zero(60));
        assert_eq!((warnings(&done), actions(&done).contains(&"encoded")), (vec!["irregular"], true), "{place}");
    }
}

/// By a picture's own codes, zeros may mean blocks like the one before, as many as one likes.
#[test]
fn zeros_in_the_place_of_the_rest_are_no_padding() {
    let mut rng = Rng::new(3);
    let (width, height) = (320, 256);
    let grey = |i: usize, noise: u8| if i < width * 8 { noise } else { 128 };
    let data = (0..width * height).flat_map(|i| [grey(i, rng.below(256) as u8); 3]).collect();
    let picture = Rgb::new(width as u32, height as u32, data);
    let file = || JpegFile::parse(&Jpeg::new(&picture).gray().optimized().encode());
    // But for the last byte, which is filled up by ones.
    let ends_in_zeros = |data: &[u8]| data[..data.len() - 1].ends_with(&[0; 64]);
    let flat = {
        let mut file =
            JpegFile::parse(&Jpeg::new(&Rgb::new(320, 256, vec![128; 320 * 256 * 3])).gray().optimized().encode());
        assert!(ends_in_zeros(file.data(0)), "zeros are data here");
        file.write()
    };
    let holed = |end: bool| {
        let mut file = file();
        let data = file.data(0);
        let half = data.len() / 2;
        assert!(half > 600 && ends_in_zeros(data));
        data[half..].fill(0);
        file.has_end = end;
        file.write()
    };
    for (place, policy) in policies() {
        assert!(warnings(&normalize(policy.clone(), flat.clone())).is_empty(), "{place}");
        assert!(warnings(&normalize(policy.clone(), file().write())).is_empty(), "{place}");
        for end in [true, false] {
            assert_eq!(refusal(policy.clone(), holed(end)), "truncated", "{place}, end marker {end}");
        }
    }
}

#[test]
fn whose_own_codes_are_missing_is_no_frame_of_motion_jpeg() {
    let own = JpegFile::parse(&Jpeg::new(&picture()).optimized().encode()).without(0xC4).write();
    for (place, policy) in policies() {
        assert!(["corrupt", "truncated"].contains(&refusal(policy, own.clone())), "{place}");
    }
}

#[test]
fn what_is_metadata_to_us_is_minded_by_nobody() {
    // The index of a background colour in front of the palette that it is of.
    for kind in [PngKind::Palette8, PngKind::Rgb8, PngKind::Gray16] {
        let body: &[u8] =
            if kind == PngKind::Palette8 { &[0] } else { &[0; 6][..if kind == PngKind::Rgb8 { 6 } else { 2 }] };
        let file = PngFile::parse(&Png::new(&picture()).kind(kind).encode()).with(b"bKGD", body).write();
        for (place, policy) in policies() {
            assert!(warnings(&normalize(policy, file.clone())).is_empty(), "{kind:?}, {place}");
        }
    }
}

#[test]
fn more_opacities_than_colours_are_left_to_no_other_decoder() {
    let mut file = PngFile::parse(&Png::new(&picture()).kind(PngKind::Palette8).encode());
    let at = file.chunks.iter().position(|(name, ..)| name == b"IDAT").expect("data");
    let colours = file.body(b"PLTE").len() / 3;
    file.chunks.insert(at, (*b"tRNS", vec![255; colours], true));
    assert!(actions(&normalize(Policy::default(), file.write())).contains(&"passed-through"));
    file.body(b"tRNS").push(255);
    let done = normalize(Policy::default(), file.write());
    assert!(actions(&done).contains(&"encoded"), "{:?}", actions(&done));
}

#[test]
fn rows_behind_the_last_are_told() {
    for kind in [PngKind::Rgb8, PngKind::Palette8, PngKind::Gray16, PngKind::Rgba8] {
        let mut file = PngFile::parse(&Png::new(&picture()).kind(kind).encode());
        file.body(b"IHDR")[4..8].copy_from_slice(&200_u32.to_be_bytes());
        for (place, policy) in policies() {
            assert_eq!(warnings(&normalize(policy, file.write())), ["irregular"], "{kind:?}, {place}");
        }
    }
}

#[test]
fn a_webp_on_a_larger_canvas_is_told_of() {
    let mut file = WebP::new(&picture()).exif(Exif::new(1)).encode();
    assert_eq!(file[12..16], *b"VP8X");
    file[24] += 8;
    for (place, policy) in policies() {
        assert_eq!(warnings(&normalize(policy, file.clone())), ["irregular"], "{place}");
    }
}
