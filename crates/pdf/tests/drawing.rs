//! Pages as pictures: what they look like is held against pdfium, what they lack must be said.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sealpress_media::{Format, Media};
use sealpress_pdf::{Drawing, Drawn, ErrorKind, Policy, Signed, Trimmer, Warning};
use support::patient;
use support::raw::{File, TEXT};

fn draw(file: &[u8], policy: Policy, drawing: &Drawing) -> Result<Drawn, ErrorKind> {
    Trimmer::new(policy).draw(&Media::sniff(file.to_vec()).unwrap(), drawing).map_err(|e| e.kind())
}

/// Width and height in the frame header of a JPEG.
fn size(jpeg: &Media) -> (u16, u16) {
    assert_eq!(jpeg.format(), Format::Jpeg);
    let header = turbojpeg::read_header(jpeg.bytes()).unwrap();
    (header.width.try_into().unwrap(), header.height.try_into().unwrap())
}

fn misses(drawn: &Drawn, page: u32) -> bool {
    drawn.report().warnings.contains(&Warning::PageDrawnInPart { page })
}

#[test]
fn pictures_are_what_pdfium_draws() {
    let Some(python) = sealpress_testkit::python("pypdfium2, numpy, PIL") else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("drawings");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let mut files = support::corpus_pdfs();
    files.retain(|path| std::fs::metadata(path).is_ok_and(|about| about.len() < 300_000));
    for (n, case) in support::cases::all().into_iter().enumerate() {
        files.push(folder.join(format!("case-{n}.pdf")));
        std::fs::write(files.last().unwrap(), case.file).unwrap();
    }
    let (mut jobs, mut pages) = (String::new(), 0);
    // A few dots an inch less than what is sent: the test is not to take minutes in a debug build.
    let mut drawing = Drawing::default().with_box(900, 900);
    drawing.dots_per_inch = 72;
    let mut policy = patient();
    policy.max_pages = 2;
    for (n, path) in files.iter().enumerate() {
        let Ok(drawn) = draw(&std::fs::read(path).unwrap(), policy.clone(), &drawing) else { continue };
        for (picture, number) in drawn.pages().iter().zip(&drawn.report().kept) {
            let file = folder.join(format!("{n}-{number}.jpg"));
            std::fs::write(&file, picture.bytes()).unwrap();
            let named = drawn.report().warnings.iter().any(|warning| {
                matches!(warning, Warning::ObjectLost { .. } | Warning::ObjectDamaged { .. } | Warning::PageLost { .. })
            });
            let named = u8::from(named || misses(&drawn, *number));
            jobs += &format!("{}\t{number}\t{}\t{named}\n", path.display(), file.display());
            pages += 1;
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/pictures.py");
    let mut child = Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(jobs.as_bytes()));
    let answer = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    let of = |verdict: &str| answer.lines().filter(|line| line.starts_with(verdict)).collect::<Vec<_>>();
    println!("{} same, {} named, {} skipped of {pages}", of("same").len(), of("named").len(), of("skipped").len());
    of("named").iter().for_each(|line| println!("{line}"));
    assert_eq!(answer.lines().count(), pages, "pdfium gave up:\n{answer}");
    assert!(of("differs").is_empty(), "pages differ:\n{}", of("differs").join("\n"));
}

#[test]
fn pictures_are_as_fine_as_asked_and_as_small_as_the_box() {
    let file = File::of(&[TEXT, "", TEXT]).bytes();
    let drawn = draw(&file, patient(), &Drawing::default()).unwrap();
    assert_eq!(drawn.report().kept, [1, 3]);
    // 595 by 842 points at 200 dots per inch.
    for (width, height) in drawn.pages().iter().map(size) {
        assert!((1652..=1653).contains(&width) && (2338..=2339).contains(&height), "{width} by {height}");
    }
    let drawn = draw(&file, patient(), &Drawing::default().with_box(1000, 800)).unwrap();
    let (width, height) = size(&drawn.pages()[0]);
    assert!(height <= 800 && (564..=566).contains(&width), "{width} by {height}");
    assert!(drawn.report().actions.iter().any(|action| action.name() == "pages-drawn"));
}

#[test]
fn what_a_picture_lacks_is_said() {
    let cases = [
        ("an ordinary page", File::of(&[TEXT]), false),
        (
            "text in a font that is not in the file",
            File::of(&["BT /F 24 Tf 72 700 Td <4E2D6587> Tj ET"])
                .with(
                    3,
                    "<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[4 0 R]>>",
                )
                .with(
                    4,
                    "<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light\
                     /CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>>>",
                ),
            true,
        ),
        (
            "an annotation without an appearance",
            File::of(&[TEXT]).with(
                10,
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents 30 0 R\
                 /Annots[<</Type/Annot/Subtype/FreeText/Rect[9 9 99 99]/DA(/F 9 Tf)/Contents(a note)>>]>>",
            ),
            true,
        ),
        (
            "an image that does not decode",
            File::of(&["q 300 0 0 300 9 9 cm /I Do Q"]).with(
                50,
                support::raw::stream(
                    "/Subtype/Image/Width 9/Height 9/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode",
                    b"no JPEG",
                ),
            ),
            true,
        ),
    ];
    for (what, file, expected) in cases {
        let drawn = draw(&file.bytes(), patient(), &Drawing::default().with_box(300, 300)).unwrap();
        assert_eq!(misses(&drawn, 1), expected, "{what}: {:?}", drawn.report().warnings);
    }
}

#[test]
fn a_picture_has_no_signature_and_says_so() {
    let file = File::of(&[TEXT])
        .with_catalog("/AcroForm<</SigFlags 3/Fields[60 0 R]>>")
        .with(60, "<</FT/Sig/T(Signature1)/V 61 0 R>>")
        .with(61, "<</Type/Sig/Filter/Adobe.PPKLite/ByteRange[0 1 2 3]/Contents<00>>>")
        .bytes();
    let small = Drawing::default().with_box(200, 200);
    let drawn = draw(&file, patient(), &small).unwrap();
    assert!(drawn.report().warnings.iter().any(|w| w.name() == "signature-lost"), "{:?}", drawn.report());
    for signed in [Signed::Keep, Signed::Refuse] {
        assert_eq!(draw(&file, patient().with_signed(signed), &small).unwrap_err(), ErrorKind::SignatureLost);
    }
}
