//! TIFFs: every kind that Pillow writes comes out as Pillow sees it, pages that are empty are left out, and files that
//! lie about themselves cost nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::Path;
use std::process::Command;

use sealpress_media::{Format, Media};
use sealpress_pdf::{Action, Damaged, Drawing, ErrorKind, Policy, Probe, Trimmed, Trimmer, Warning};
use sealpress_testkit::{Rng, Tiff, TiffPage};
use support::patient;

fn media(file: &[u8]) -> Media {
    let media = Media::sniff(file.to_vec()).unwrap();
    assert_eq!(media.format(), Format::Tiff);
    media
}

fn trim(tiff: &Tiff) -> Trimmed {
    Trimmer::new(patient()).trim(&media(&tiff.bytes())).unwrap()
}

/// Text as far as an emptiness rule sees it: a few rows of black dashes.
fn written(width: u32, height: u32) -> TiffPage {
    TiffPage::bilevel(width, height, |x, y| y % 40 < 8 && y > 40 && x % 30 < 20 && x > 30)
}

fn blank(width: u32, height: u32) -> TiffPage {
    TiffPage::bilevel(width, height, |_, _| false)
}

/// Width, height and samples of a PNG, palettes and bits expanded to bytes.
fn pixels(png: &[u8]) -> (u32, u32, usize, Vec<u8>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut data).unwrap();
    (info.width, info.height, info.color_type.samples(), data)
}

#[test]
fn every_kind_that_pillow_writes_is_what_pillow_sees() {
    let Some(python) = sealpress_testkit::python("PIL, numpy") else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tiffs");
    std::fs::create_dir_all(&folder).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/tiffs.py");
    let made = Command::new(python).arg(script).arg(&folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for line in String::from_utf8(made.stdout).unwrap().lines() {
        let [file, expected, tolerance] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        compared += 1;
        let file = media(&std::fs::read(file).unwrap());
        let drawn = match Trimmer::new(patient()).draw(&file, &Drawing::default()) {
            Ok(drawn) => drawn,
            Err(e) => {
                wrong.push(format!("{line}: {e}"));
                continue;
            }
        };
        let (got, expected) = (pixels(drawn.pages()[0].bytes()), pixels(&std::fs::read(expected).unwrap()));
        let most = got.3.iter().zip(&expected.3).map(|(a, b)| a.abs_diff(*b)).max();
        if (got.0, got.1, got.2) != (expected.0, expected.1, expected.2) {
            wrong.push(format!(
                "{line}: {:?} instead of {:?}",
                (got.0, got.1, got.2),
                (expected.0, expected.1, expected.2)
            ));
        } else if most > Some(tolerance.parse().unwrap()) {
            wrong.push(format!("{line}: differs by {most:?}"));
        }
    }
    assert!(compared > 50, "only {compared} files were made");
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_first_pages_that_are_not_empty_are_kept() {
    let pages = [blank, written, blank, written, written, written, written, written].map(|page| page(400, 500));
    let trimmed = trim(&Tiff::of(pages));
    assert_eq!(trimmed.report().kept, [2, 4, 5, 6, 7]);
    assert_eq!(trimmed.report().dropped.iter().map(|dropped| dropped.page).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(trimmed.report().total_pages, 8);
    assert!(trimmed.report().actions.contains(&Action::PagesTrimmed));
    assert!(trimmed.report().actions.contains(&Action::WrittenAsPdf { pages: 5 }));
    assert_eq!(Probe::read(trimmed.media()).unwrap().pages, Some(5));
}

#[test]
fn a_scan_of_empty_pages_keeps_its_first() {
    let trimmed = trim(&Tiff::of([blank(300, 300), blank(200, 300)]));
    assert_eq!(trimmed.report().kept, [1]);
    assert!(trimmed.report().warnings.contains(&Warning::AllPagesEmpty));
}

#[test]
fn bits_stay_what_they_are_and_nothing_else_stays() {
    // 305 is the program that wrote it, 315 its author; both are numbers here.
    let page = || written(403, 500).with(305, 0x4142_4344).with(315, 0x4546_4748);
    let trimmed = trim(&Tiff::of([page(), page()]));
    let output = lopdf::Document::load_mem(trimmed.media().bytes()).unwrap();
    let image = output.objects.values().filter_map(|o| o.as_stream().ok()).find(|s| s.dict.has(b"Width")).unwrap();
    assert_eq!(image.dict.get(b"BitsPerComponent").unwrap().as_i64().unwrap(), 1);
    let bits = image.decompressed_content().unwrap();
    let black = |x: usize, y: usize| bits[y * 51 + x / 8] >> (7 - x % 8) & 1 == 0;
    for (x, y) in (0..500).flat_map(|y| (0..403).map(move |x| (x, y))) {
        assert_eq!(black(x, y), y % 40 < 8 && y > 40 && x % 30 < 20 && x > 30, "{x}, {y}");
    }
    assert!(output.trailer.get(b"Info").is_err());
}

#[test]
fn copies_and_masks_of_pages_are_no_pages() {
    let small = written(100, 100).with(254, 1);
    let mask = written(100, 100).with(254, 4);
    let tiff = Tiff::of([small, written(300, 300), mask, written(300, 300)]);
    assert_eq!(Probe::read(&media(&tiff.bytes())).unwrap().pages, Some(2));
}

#[test]
fn paper_has_the_size_that_the_file_tells() {
    // Without a resolution: 200 dots per inch.
    let trimmed = trim(&Tiff::of([written(400, 600), written(400, 600).with(274, 6)]));
    let output = lopdf::Document::load_mem(trimmed.media().bytes()).unwrap();
    let sides = |id| {
        let page = output.get_dictionary(id).unwrap().get(b"MediaBox").unwrap().as_array().unwrap();
        (page[2].as_float().unwrap().round(), page[3].as_float().unwrap().round())
    };
    assert_eq!(output.page_iter().map(sides).collect::<Vec<_>>(), [(144.0, 216.0), (216.0, 144.0)]);
}

#[test]
fn what_lies_about_itself_is_refused() {
    let page = || written(300, 300);
    let refused = |page: TiffPage| {
        let file = media(&Tiff::of([page]).bytes());
        let drawn = Trimmer::new(patient()).draw(&file, &Drawing::default());
        drawn.map(|drawn| drawn.report().kept.clone()).map_err(|e| e.kind())
    };
    assert_eq!(refused(page()), Ok(vec![1]));
    for (what, page, kind) in [
        ("no width", page().with(256, 0), ErrorKind::Corrupt),
        ("more pixels than may be decoded", page().with(256, 1 << 20).with(257, 1 << 20), ErrorKind::Limit),
        ("sizes whose product overflows", page().with(256, u32::MAX).with(257, u32::MAX), ErrorKind::Limit),
        ("data behind the end", page().with(273, 1 << 30), ErrorKind::Truncated),
        ("longer data than the file", page().with(279, 1 << 30), ErrorKind::Truncated),
        ("fewer rows than it says", page().with(257, 400).with(278, 400), ErrorKind::Truncated),
        ("a strip of no rows", page().with(278, 0), ErrorKind::Corrupt),
        ("more strips than offsets", page().with(278, 1), ErrorKind::Corrupt),
        ("a rare compression", page().with(259, 34_712), ErrorKind::UnsupportedFormat),
        ("a rare kind of sample", page().with(258, 3), ErrorKind::UnsupportedFormat),
        ("samples without number", page().with(277, 60_000), ErrorKind::UnsupportedFormat),
        ("a fax of bytes", page().with(259, 4).with(258, 8), ErrorKind::UnsupportedFormat),
        ("LZW that is none", page().with(259, 5).with_data(vec![0xFF; 9]), ErrorKind::Corrupt),
        ("a JPEG that is none", TiffPage::grey(9, 9, |_, _| 0).with(259, 7), ErrorKind::Corrupt),
        ("a palette that is missing", TiffPage::grey(9, 9, |_, _| 0).with(262, 3), ErrorKind::Corrupt),
        ("a camera's raw file", page().with(50_706, 1), ErrorKind::UnsupportedFormat),
        ("nothing but a smaller copy", page().with(254, 1), ErrorKind::NoPages),
    ] {
        assert_eq!(refused(page), Err(kind), "{what}");
    }
}

/// Whoever cuts a file between two pages leaves no trace in the pages before.
#[test]
fn a_list_of_pages_that_leads_out_of_the_file_is_truncated() {
    let mut file = Tiff::of([written(400, 300), written(400, 300)]).bytes();
    let long = |file: &[u8], at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let first = long(&file, 4);
    let entries = usize::from(u16::from_le_bytes(file[first..first + 2].try_into().unwrap()));
    let next = first + 2 + 12 * entries;
    assert_ne!(long(&file, next), 0, "no second page");
    let nowhere = u32::try_from(file.len()).unwrap() + 1_000;
    file[next..next + 4].copy_from_slice(&nowhere.to_le_bytes());

    let refused = Trimmer::new(patient()).trim(&media(&file)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Truncated);
    let policy = patient().with_damaged(Damaged::Accept);
    let accepted = Trimmer::new(policy).trim(&media(&file)).unwrap();
    assert_eq!(
        (accepted.report().kept.as_slice(), accepted.report().warnings.as_slice()),
        (&[1][..], &[Warning::Truncated][..])
    );
}

#[test]
fn a_policy_limits_scans_as_it_limits_documents() {
    let file = media(&Tiff::of([written(300, 300), written(300, 300), written(300, 300)]).bytes());
    let two = Trimmer::new(patient().with_max_pages(2)).trim(&file).unwrap();
    assert_eq!(two.report().kept, [1, 2]);
    let mut small = Policy::default();
    small.max_input_bytes = 100;
    assert_eq!(Trimmer::new(small).trim(&file).unwrap_err().kind(), ErrorKind::TooLarge);
    let tight = Trimmer::new(patient().with_max_bytes(300)).trim(&file).unwrap_err();
    assert_eq!(tight.kind(), ErrorKind::Limit);
}

#[test]
fn a_tile_larger_than_the_page_is_cut() {
    let tile = TiffPage::grey(32, 32, |x, y| (x * 7 + y) as u8);
    // The data of the first page begin behind the header.
    let page = tile.with(256, 20).with(257, 10).with(322, 32).with(323, 32).with(324, 8).with(325, 32 * 32);
    let drawn = Trimmer::new(patient()).draw(&media(&Tiff::of([page]).bytes()), &Drawing::default()).unwrap();
    let (width, height, _, data) = pixels(drawn.pages()[0].bytes());
    assert_eq!((width, height), (20, 10));
    assert_eq!(data, (0..10).flat_map(|y| (0..20).map(move |x| (x * 7 + y) as u8)).collect::<Vec<_>>());
}

#[test]
fn faxes_of_half_the_rows_are_drawn_as_high_as_they_are() {
    // 204 columns and 98 rows to an inch.
    let fractions = [204u32, 1, 98, 1].iter().flat_map(|n| n.to_le_bytes());
    let mut page = TiffPage::grey(100, 50, |_, y| y as u8);
    let data: Vec<u8> = (0..50).flat_map(|y| [y; 100]).chain(fractions).collect();
    page = page.with_data(data);
    let mut file = Tiff::of([page.with(282, 8 + 5_000).with(283, 8 + 5_008)]).bytes();
    // A fraction is of another kind than a number.
    for tag in [282u16, 283] {
        let entry = [&tag.to_le_bytes()[..], &[4, 0]].concat();
        let at = file.windows(4).rposition(|window| window == entry).unwrap();
        file[at + 2] = 5;
    }
    let drawn = Trimmer::new(patient()).draw(&media(&file), &Drawing::default()).unwrap();
    let (width, height, _, data) = pixels(drawn.pages()[0].bytes());
    assert_eq!((width, height), (100, 104));
    assert_eq!((data[0], data[100 * 103]), (0, 49));
}

#[test]
fn damaged_scans_break_nothing() {
    let mut files: Vec<Vec<u8>> =
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/tiff"))
            .unwrap()
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect();
    files.sort();
    files.push(Tiff::of([written(90, 90), blank(90, 90).with(274, 6)]).bytes());
    for n in 0..600 {
        let mut rng = Rng::fork(14, &format!("scan {n}"));
        let mut file = files[n % files.len()].clone();
        for _ in 0..=rng.below(6) {
            let at = rng.below(u32::try_from(file.len()).unwrap()) as usize;
            file[at] = match rng.below(3) {
                0 => 0xFF,
                1 => file[at] ^ 1 << rng.below(8),
                _ => rng.next_u32().to_le_bytes()[0],
            };
        }
        if rng.below(8) == 0 {
            file.truncate(file.len() / 2);
        }
        // Panics where it panics, or where what it wrote cannot be read.
        sealpress_pdf::fuzzing::scan(&file);
    }
}

/// A scanner's colours are those of its profile, in a PDF as in a picture. One profile of all pages is there once.
#[test]
fn a_profile_goes_along() {
    let Some(python) = sealpress_testkit::python("PIL, numpy, pypdfium2") else { return };
    for name in ["p3", "inks"] {
        profile_goes_along(&python, name);
    }
}

fn profile_goes_along(python: &Path, name: &str) {
    let folder = folder_of("profile");
    let [profile, tiff, pdf] = ["icc", "tif", "pdf"].map(|end| folder.join(format!("{name}.{end}")));
    if name == "p3" {
        std::fs::write(&profile, sealpress_testkit::IccProfile::DisplayP3.bytes()).unwrap();
    } else {
        // The script makes one of inks.
        let _ = std::fs::remove_file(&profile);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/profile.py");
    let ask = |mode: &str| {
        let done = Command::new(python).arg(&script).arg(mode).args([&profile, &tiff, &pdf]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    ask("make");
    let trimmed = Trimmer::new(patient()).trim(&media(&std::fs::read(&tiff).unwrap())).unwrap();
    assert_eq!(trimmed.report().kept, [1, 2]);
    std::fs::write(&pdf, trimmed.media().bytes()).unwrap();
    let output = lopdf::Document::load_mem(trimmed.media().bytes()).unwrap();
    let profiles = output.objects.values().filter(|o| o.as_stream().is_ok_and(|s| s.dict.has(b"Alternate"))).count();
    assert_eq!(profiles, 1);
    let said = ask("judge");
    let away: Vec<f64> = said.split_whitespace().map(|n| n.parse().unwrap()).collect();
    let [meant, bare] = away[..] else { panic!("{said}") };
    assert!(
        meant < 2.0 && bare > 4.0 * meant,
        "{name}: pdfium shows colours {meant} from those meant, {bare} from the samples"
    );
}

fn folder_of(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
