//! Pillow and pillow-heif judge what comes out of real files: the turn, the size, the colours.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use sealpress_image::{Action, Normalizer, Policy, Probe};
use sealpress_media::Media;
use sealpress_testkit::{Entry, corpus, python};

/// Reads `original<TAB>output` lines, answers `width height psnr` of each: the original upright, in
/// sRGB, at the output's size, against the output.
const JUDGE: &str = r#"
import io, sys
import numpy
import pillow_heif
from PIL import Image, ImageCms, ImageOps
Image.MAX_IMAGE_PIXELS = None
pillow_heif.register_heif_opener()
for line in sys.stdin:
    original, output = line.rstrip("\n").split("\t")
    image = Image.open(original)
    icc = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
    if image.mode in ("RGBA", "LA", "PA", "P"):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    if image.mode.startswith("I;16"):
        image = Image.fromarray((numpy.asarray(image) >> 8).astype(numpy.uint8))
    image = image.convert("RGB")
    if icc:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            image = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), renderingIntent=1)
        except ImageCms.PyCMSError:
            pass
    out = Image.open(output).convert("RGB")
    size = image.size
    image = image.resize(out.size, Image.Resampling.LANCZOS)
    error = numpy.mean((numpy.asarray(image, float) - numpy.asarray(out, float)) ** 2)
    print(size[0], size[1], 99.0 if error == 0 else 10 * numpy.log10(255 ** 2 / error), flush=True)
"#;

/// A photo turned wrongly is below 20 dB; quality 85, halved chroma of coloured bars and another
/// rendering intent leave more than this.
const DECIBELS: f64 = 25.0;

#[test]
fn orientation_files_come_out_as_pillow_turns_them() {
    check(|entry| entry.group() == "orientation", 14);
}

#[test]
fn heic_files_come_out_as_pillow_heif_decodes_them() {
    // pillow-heif reads no sequence that has no still picture beside it.
    check(|e| e.kind == "heif" && e.group() != "orientation" && !e.traits.contains("sequence-only"), 8);
}

#[test]
fn phone_photos_come_out_as_pillow_decodes_them() {
    check(|entry| matches!(entry.group(), "phone-jpeg" | "documents") && entry.kind != "pdf", 20);
}

/// Draws a noisy scan of bar codes in 3,000 by 2,250 pixels, grey with sixteen levels and a palette so that it may stay
/// PNG; argument: file. Answers the texts.
const CODES: &str = r#"
import sys
import numpy, zxingcpp
from PIL import Image
page, texts, x, y, row = Image.new("L", (3000, 2250), 244), [], 60, 60, 0
kinds = [zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.DataMatrix, zxingcpp.BarcodeFormat.PDF417,
         zxingcpp.BarcodeFormat.Code128, zxingcpp.BarcodeFormat.Aztec]
for i in range(20):
    text = f"DOC-{i:02d}-" + "ABCDEFGH1234567"[: 8 + i % 5]
    code = Image.fromarray(numpy.array(zxingcpp.create_barcode(text, kinds[i % 5]).to_image(scale=4)))
    # A module is 4 pixels here and 2.6 in the output.
    if x + code.width > 2900:
        x, y, row = 60, y + row + 60, 0
    if y + code.height > 2200:
        break
    page.paste(code, (x, y))
    texts.append(text)
    x, row = x + code.width + 80, max(row, code.height)
noise = numpy.random.default_rng(7).normal(0, 5, (2250, 3000))
scan = numpy.clip(numpy.asarray(page, float) * 0.85 + 20 + noise, 0, 255).astype("uint8")
Image.fromarray(scan).quantize(64).save(sys.argv[1])
print("\n".join(texts))
"#;

/// Prints the texts of the codes that are read from a file, a large one resized without loss first.
const READ_CODES: &str = r#"
import sys
import numpy, zxingcpp
from PIL import Image
page = Image.open(sys.argv[1]).convert("L")
page.thumbnail((1920, 1920), Image.Resampling.LANCZOS)
for code in zxingcpp.read_barcodes(numpy.asarray(page)):
    print(code.text)
"#;

#[test]
fn codes_are_read_from_the_jpeg_that_goes_in_the_place_of_a_png() {
    let Some(python) = python("PIL, numpy, zxingcpp") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let lines = |script: &str, file: &Path| {
        let out = Command::new(&python).args(["-c", script]).arg(file).output().expect("Python starts");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let text = String::from_utf8(out.stdout).expect("text");
        text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
    };
    let (scan, output) = (folder.path().join("scan.png"), folder.path().join("output"));
    let drawn = lines(CODES, &scan);
    assert!(drawn.len() >= 15, "{drawn:?}");
    let media = Media::sniff(std::fs::read(&scan).expect("it was drawn")).expect("a PNG");
    let done = Normalizer::new(Policy::default()).normalize(&media).expect("sound");
    assert_eq!(done.media().format(), sealpress_media::Format::Jpeg, "noise makes the PNG the larger one");
    let Some(Action::Encoded { quality, reason, .. }) = done.report().actions.last() else {
        panic!("{:?}", done.report().actions)
    };
    assert_eq!((*quality, *reason), (Some(92), "as PNG it would be larger"));
    std::fs::write(&output, done.media().bytes()).expect("a writable folder");
    let (readable, read) = (lines(READ_CODES, &scan), lines(READ_CODES, &output));
    assert!(readable.is_subset(&drawn) && readable.len() >= 15, "{readable:?}");
    assert!(readable.is_subset(&read), "not read: {:?}", readable.difference(&read).collect::<Vec<_>>());
}

fn check(chosen: impl Fn(&Entry) -> bool, least: usize) {
    let Some(corpus) = corpus() else { return };
    let Some(python) = python("PIL, pillow_heif, numpy") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut normalizer =
        Normalizer::new(Policy::default().without_pass_through().with_time_budget(Duration::from_secs(60)));
    let mut jobs = Vec::new();
    for (i, entry) in corpus.entries.iter().filter(|e| !e.is_invalid && chosen(e)).enumerate() {
        let Ok(media) = Media::sniff(entry.bytes()) else { continue };
        let Ok(done) = normalizer.normalize(&media) else { continue };
        if done.report().warnings.iter().any(|w| w.name() == "profile-ignored") {
            println!("{}: a profile that is not ours to read", entry.path);
            continue;
        }
        let probe = Probe::read(&media).expect("it was read");
        // The index has a HEIC's size before its clean aperture; the judge below has the one behind it.
        let cropped = entry.kind == "heif" && entry.group() == "heic";
        if !cropped && entry.width.is_some() {
            let stored = (Some(probe.dimensions().width()), Some(probe.dimensions().height()));
            assert_eq!(stored, (entry.width, entry.height), "{}: size as stored, against the index", entry.path);
        }
        let out = folder.path().join(i.to_string());
        std::fs::write(&out, done.media().bytes()).expect("a writable folder");
        jobs.push((entry, probe.upright_dimensions(), out));
    }
    assert!(jobs.len() >= least, "only {} pictures came out", jobs.len());
    let files: Vec<(&Path, &Path)> = jobs.iter().map(|(e, _, out)| (e.file.as_path(), out.as_path())).collect();
    let mut wrong = Vec::new();
    for ((entry, upright, _), answer) in jobs.iter().zip(judge(&python, &files)) {
        println!("{}: {answer:?}", entry.path);
        let [width, height, decibels] = answer[..] else { panic!("{}: {answer:?}", entry.path) };
        let same_size = (f64::from(upright.width()), f64::from(upright.height())) == (width, height);
        if !same_size || decibels < DECIBELS {
            wrong.push(format!("{}: {upright} against {width}×{height}, {decibels:.1} dB", entry.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn judge(python: &Path, files: &[(&Path, &Path)]) -> Vec<Vec<f64>> {
    let mut child = Command::new(python)
        .args(["-c", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut lines = String::new();
    for (original, output) in files {
        lines += &format!("{}\t{}\n", original.display(), output.display());
    }
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let out = child.wait_with_output().expect("Python ends");
    writer.join().expect("no panic").expect("Python reads");
    assert!(out.status.success(), "the judge failed");
    let text = String::from_utf8(out.stdout).expect("numbers");
    let rows: Vec<Vec<f64>> =
        text.lines().map(|l| l.split(' ').map(|n| n.parse().expect("a number")).collect()).collect();
    assert_eq!(rows.len(), files.len(), "one answer each");
    rows
}
