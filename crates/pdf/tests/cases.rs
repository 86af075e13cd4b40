//! Generated files, each with one question, and the limits.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use sealpress_media::Media;
use sealpress_pdf::{Documents, Error, ErrorKind, Policy, Probe, Reader, Trimmed, Trimmer};
use support::{cases, patient};

fn trim(file: Vec<u8>, policy: Policy) -> Result<Trimmed, Error> {
    Trimmer::new(policy).trim(&Media::sniff(file).unwrap())
}

#[test]
fn every_case_keeps_what_it_should() {
    let mut wrong = Vec::new();
    for case in cases::all() {
        match trim(case.file, patient()) {
            Ok(trimmed) if trimmed.report().kept == case.kept && trimmed.report().reader == Reader::Strict => {}
            Ok(trimmed) => {
                let report = trimmed.report();
                wrong.push(format!("{}: kept {:?} by {}", case.name, report.kept, report.reader.as_str()));
            }
            Err(e) => wrong.push(format!("{}: {e}", case.name)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A photo of a page as large as phones make them: noise does not compress.
fn photo(seed: u32) -> (usize, usize, Vec<u8>) {
    let (width, height) = (2000, 2600);
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut pixels = vec![0u8; width * height * 3];
    for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        // Lines of print, or the page would be the scan of blank paper.
        let is_ink = (i / width) % 400 < 60 && (300..1700).contains(&(i % width));
        let light = if is_ink { 10 } else { 120 + (i / width * 60 / height) as u8 };
        pixel.copy_from_slice(&[light + (state & 63) as u8, light + (state >> 8 & 63) as u8, light]);
    }
    let image =
        turbojpeg::Image { pixels: &pixels[..], width, pitch: width * 3, height, format: turbojpeg::PixelFormat::RGB };
    (width, height, turbojpeg::compress(image, 93, turbojpeg::Subsamp::Sub2x2).unwrap().to_vec())
}

#[test]
fn photos_over_the_limit_are_made_to_fit() {
    // Five different ones: equal streams are written once.
    let photos: Vec<_> = (7..12).map(photo).collect();
    let file = cases::photos(&photos);
    println!("{} bytes", file.len());
    assert!(file.len() > 10_000_000, "only {} bytes", file.len());
    let limit = 8_000_000;
    let trimmed = trim(file, patient().with_max_bytes(limit)).unwrap();
    let report = trimmed.report();
    println!("{} bytes, {} images in {:?}", report.bytes, report.images_reencoded, report.timings.reencode);
    assert!(report.bytes <= limit && report.images_reencoded > 0 && report.kept == [1, 2, 3, 4, 5]);
}

/// Width, height and first filter of every image.
fn images(trimmed: &Trimmed) -> Vec<(i64, i64, Vec<u8>)> {
    let output = lopdf::Document::load_mem(trimmed.media().bytes()).unwrap();
    let streams = output.objects.values().filter_map(|object| object.as_stream().ok());
    let images =
        streams.filter(|s| s.dict.get(b"Subtype").and_then(lopdf::Object::as_name).is_ok_and(|n| n == b"Image"));
    let int = |s: &lopdf::Stream, key: &[u8]| s.dict.get(key).and_then(lopdf::Object::as_i64).unwrap();
    images.map(|s| (int(s, b"Width"), int(s, b"Height"), s.filters().unwrap()[0].to_vec())).collect()
}

#[test]
fn photos_inside_content_and_behind_filters_are_made_to_fit() {
    let (width, height, jpeg) = photo(5);
    let file = cases::wrapped(width, height, &jpeg);
    let limit = jpeg.len() as u64 * 2;
    assert!(file.len() as u64 > 2 * limit - 100_000);
    let trimmed = trim(file, patient().with_max_bytes(limit)).unwrap();
    let report = trimmed.report();
    assert!(report.bytes <= limit && report.kept == [1, 2], "{report:?}");
    assert_eq!(report.images_reencoded, 2);
    let images = images(&trimmed);
    assert!(images.iter().all(|(_, _, filter)| filter == b"DCTDecode") && images.len() == 2, "{images:?}");
}

#[test]
fn lzw_is_made_to_fit_and_fax_stays() {
    let (width, height, jpeg) = photo(8);
    let pixels = turbojpeg::decompress(&jpeg, turbojpeg::PixelFormat::RGB).unwrap().pixels;
    let packed = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(&pixels).unwrap();
    // Group 4: two white and three black pixels in horizontal mode, 345 times a row.
    let pair = [0, 0, 1, 0, 1, 1, 1, 1, 0];
    let bits: Vec<u8> = std::iter::repeat_n(pair, 345 * 400).flatten().collect();
    let fax: Vec<u8> = bits.chunks(8).map(|byte| byte.iter().fold(0, |all, bit| all << 1 | bit)).collect();
    let file = cases::lzw_and_fax(width, height, &packed, &fax);
    let limit = 2_000_000;
    assert!(packed.len() > 2 * limit && fax.len() > 100_000);
    let trimmed = trim(file, patient().with_max_bytes(limit as u64)).unwrap();
    let report = trimmed.report();
    assert!(report.bytes <= limit as u64 && report.kept == [1, 2] && report.images_reencoded == 1, "{report:?}");
    let filters: Vec<Vec<u8>> = images(&trimmed).into_iter().map(|(_, _, filter)| filter).collect();
    assert!(filters.contains(&b"DCTDecode".to_vec()) && filters.contains(&b"CCITTFaxDecode".to_vec()), "{filters:?}");
    let out = trimmed.media().bytes();
    assert!(out.windows(fax.len()).any(|window| window == fax), "the fax is there byte for byte");
}

#[test]
fn an_image_gets_the_resolution_of_the_place_where_it_stands() {
    let (width, height, jpeg) = photo(6);
    // Turned by a right angle, 144 points each way: 600 pixels at 300 dots per inch.
    let file = cases::small_photo(width, height, &jpeg, 144);
    let trimmed = trim(file, patient().with_max_bytes(jpeg.len() as u64 * 2 / 3)).unwrap();
    let images = images(&trimmed);
    let [(width, height, _)] = images[..] else { panic!("{images:?}") };
    assert!(width.min(height) == 600 && width.max(height) <= 781, "{width} × {height}");
}

#[test]
fn what_cannot_fit_is_a_limit() {
    let (width, height, mut data) = photo(9);
    // A picture that no codec here decodes cannot be made smaller.
    data[0] = 0;
    let file = cases::photos(&[(width, height, data)]);
    let error = trim(file, patient().with_max_bytes(1_000_000)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}

#[test]
fn a_probe_counts_pages_and_a_preview_is_a_picture() {
    let file = cases::all().remove(0).file;
    let media = Media::sniff(file).unwrap();
    let probe = Probe::read(&media).unwrap();
    assert_eq!((probe.pages, probe.encrypted, probe.version.as_deref()), (Some(2), false, Some("1.7")));
    let png = Trimmer::new(Policy::default()).preview(&media, 1, 400).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.height, 400);
    assert!(pixels.iter().any(|p| *p < 50), "the text is black");
    let missing = Trimmer::new(Policy::default()).preview(&media, 3, 400).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NoPages);
}

#[test]
fn a_broken_table_is_repaired_to_the_same_pages() {
    for case in cases::all() {
        let pages_only = patient().with_documents(Documents::PagesOnly);
        let whole = trim(case.file.clone(), pages_only.clone()).unwrap();
        let mut broken = case.file;
        let at = broken.windows(9).rposition(|w| w == b"startxref").unwrap();
        broken.truncate(at);
        let mended = trim(broken, pages_only).unwrap();
        assert_eq!(mended.report().reader, Reader::Repairing, "{}", case.name);
        assert!(mended.media().bytes() == whole.media().bytes(), "{}", case.name);
    }
}

/// How far pdfium's pictures of the first pages of two files are from each other, in mean levels, where there is a
/// pdfium.
fn levels_apart(name: &str, before: &[u8], after: &Trimmed) -> Option<f64> {
    let python = sealpress_testkit::python("pypdfium2, numpy")?;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let [input, output] = ["in", "out"].map(|end| folder.join(format!("{name}-{end}.pdf")));
    std::fs::write(&input, before).unwrap();
    std::fs::write(&output, after.media().bytes()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/near.py");
    let said = std::process::Command::new(python).arg(script).args([&input, &output]).output().unwrap();
    String::from_utf8_lossy(&said.stdout).trim().parse().ok()
}

/// Samples of every depth and space, the space also where it stands elsewhere in the file, are made to fit; those of
/// Lab without a JPEG.
#[test]
fn samples_of_every_kind_are_made_to_fit() {
    let (width, height, jpeg) = photo(4);
    let rgb = turbojpeg::decompress(&jpeg, turbojpeg::PixelFormat::RGB).unwrap().pixels;
    let grey = turbojpeg::decompress(&jpeg, turbojpeg::PixelFormat::GRAY).unwrap().pixels;
    let profile = sealpress_testkit::IccProfile::DisplayP3.bytes();
    let icc = (12, cases::plain("/N 3", &profile));
    let lab = "[/Lab<</WhitePoint[0.9505 1 1.089]/Range[-128 127 -128 127]>>]";
    // A grey ramp in Lab: the axes of colour are about 0.
    let ramp: String = (0..=255u8).map(|n| format!("{n:02x}8080")).collect();
    let packed = |bits: usize| -> Vec<u8> {
        let per = 8 / bits;
        grey.chunks(per).map(|few| few.iter().fold(0, |byte, s| byte << bits | s >> (8 - bits))).collect()
    };
    let wide: Vec<u8> = rgb.iter().zip(0u32..).flat_map(|(sample, n)| [*sample, (n * 167 % 251) as u8]).collect();
    let inks: Vec<u8> = rgb.chunks_exact(3).flat_map(|p| [255 - p[0], 255 - p[1], 255 - p[2], 0]).collect();
    let of =
        |space: &str, bits: u32| format!("/Width {width}/Height {height}/ColorSpace{space}/BitsPerComponent {bits}");
    for (name, dict, data, more, filter) in [
        ("lab", of(" 10 0 R", 8), &rgb, vec![(10, lab.as_bytes().to_vec())], "FlateDecode"),
        ("profile", of(" 11 0 R", 8), &rgb, vec![(11, b"[/ICCBased 12 0 R]".to_vec()), icc], "DCTDecode"),
        ("lab-palette", of(&format!("[/Indexed{lab} 255<{ramp}>]"), 8), &grey, vec![], "FlateDecode"),
        ("wide", of("/DeviceRGB", 16), &wide, vec![], "DCTDecode"),
        ("four-bits", of("/DeviceGray", 4), &packed(4), vec![], "DCTDecode"),
        ("four-bits-inverted", of("/DeviceGray/Decode[1 0]", 4), &packed(4), vec![], "DCTDecode"),
        ("two-bits", of("/DeviceGray", 2), &packed(2), vec![], "DCTDecode"),
        ("inks", of("/DeviceCMYK", 8), &inks, vec![], "DCTDecode"),
    ] {
        let file = cases::of_samples(&dict, data, &more);
        // Few bits deflate well.
        let limit = data.len() as u64 * if name == "two-bits" { 1 } else { 3 } / 5;
        let trimmed = trim(file.clone(), patient().with_max_bytes(limit)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(trimmed.report().bytes <= limit && trimmed.report().images_reencoded == 1, "{:?}", trimmed.report());
        let images = images(&trimmed);
        let [(smaller, _, ref packed)] = images[..] else { panic!("{images:?}") };
        assert_eq!(packed, filter.as_bytes(), "{name}");
        assert!(filter == "DCTDecode" || smaller < width as i64, "{name}: {smaller} of {width}");
        let apart = levels_apart(name, &file, &trimmed);
        assert!(apart.is_none_or(|apart| apart < 1.0), "{name}: pdfium shows them {apart:?} levels apart");
    }
}

#[test]
fn many_small_images_inside_content_are_made_to_fit() {
    let (width, height, jpeg) = photo(3);
    let grey = turbojpeg::decompress(&jpeg, turbojpeg::PixelFormat::GRAY).unwrap().pixels;
    let rows = 10;
    let strips: Vec<Vec<u8>> = grey
        .chunks_exact(width * rows)
        .map(|pixels| {
            let format = turbojpeg::PixelFormat::GRAY;
            let image = turbojpeg::Image { pixels, width, pitch: width, height: rows, format };
            turbojpeg::compress(image, 97, turbojpeg::Subsamp::Gray).unwrap().to_vec()
        })
        .collect();
    assert!(strips.len() == height / rows && strips.iter().all(|strip| strip.len() < 30_000));
    let file = cases::strips(width, rows, &strips);
    // Half of what the digits take, which take twice what they stand for.
    let limit = file.len() as u64 / 4;
    let trimmed = trim(file.clone(), patient().with_max_bytes(limit)).unwrap();
    assert!(trimmed.report().bytes <= limit && trimmed.report().images_reencoded > 0, "{:?}", trimmed.report());
    let apart = levels_apart("strips", &file, &trimmed);
    assert!(apart.is_none_or(|apart| apart < 2.0), "pdfium shows them {apart:?} levels apart");
}
