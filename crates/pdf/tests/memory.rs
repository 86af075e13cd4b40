//! The estimate against the kernel's count of what a trim took, one process a file.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![cfg(target_os = "linux")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use sealpress_media::Media;
use sealpress_pdf::{Policy, Trimmer};
use support::raw::{File, stream};

/// Names the file to the child process.
const FILE: &str = "SEALPRESS_PDF_MEMORY";

/// What the promise allows over the estimate: this share of it, and this much for the process itself.
const SHARE: f64 = 1.15;
const PROCESS: f64 = (32 << 20) as f64;

/// Peak resident memory of this process in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// Does nothing, unless it was started by the test below.
#[test]
fn child() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let Ok(media) = Media::sniff(std::fs::read(path).unwrap()) else { return };
    let estimate = Trimmer::new(Policy::default()).estimate(&media);
    // The time is the policy's own: what is given up has taken its memory all the same.
    let outcome = Trimmer::new(Policy::default()).trim(&media).map(|trimmed| trimmed.report().images_reencoded);
    println!("\nPEAK {} {estimate} {outcome:?}", peak());
}

fn giants(folder: &Path) -> Vec<PathBuf> {
    let noise = |bytes: usize| {
        let mut state = 1u32;
        let step = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..bytes).map(step).collect::<Vec<u8>>()
    };
    let image = |width: usize, height: usize| {
        let dict = format!(
            "/Type/XObject/Subtype/Image/Width {width}/Height {height}/BitsPerComponent 8/ColorSpace/DeviceRGB"
        );
        stream(&dict, &noise(width * height * 3))
    };
    let page = "q 595 0 0 842 0 0 cm /I Do Q";
    // A page that must be drawn to be known as blank: grey that hides nothing.
    let blank = {
        let pixels = vec![240u8; 5000 * 4000];
        let (width, height, format) = (4000, 5000, turbojpeg::PixelFormat::GRAY);
        let image = turbojpeg::Image { pixels: &pixels[..], width, pitch: width, height, format };
        turbojpeg::compress(image, 90, turbojpeg::Subsamp::Gray).unwrap().to_vec()
    };
    let blank = stream(
        "/Type/XObject/Subtype/Image/Width 4000/Height 5000/BitsPerComponent 8/ColorSpace/DeviceGray/Filter/DCTDecode",
        &blank,
    );
    let files = [
        ("blank-scan", File::of(&[page; 3]).with(50, blank).bytes()),
        ("phone-scan", sealpress_testkit::pdf_phone_scan(3, 6)),
        ("plain-samples", File::of(&[page]).with(50, image(4000, 5000)).bytes()),
        ("one-image-on-eight-pages", File::of(&[page; 8]).with(50, image(3000, 4000)).bytes()),
        ("broken-giant", {
            let mut file = File::of(&[page; 2]).with(50, image(3000, 4000)).bytes();
            let at = memchr::memmem::rfind(&file, b"startxref").unwrap();
            file.truncate(at);
            file
        }),
    ];
    let write = |(name, bytes): (&str, Vec<u8>)| {
        let path = folder.join(format!("{name}.pdf"));
        std::fs::write(&path, bytes).unwrap();
        path
    };
    files.into_iter().map(write).collect()
}

#[test]
fn the_estimate_is_what_a_trim_takes() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("memory");
    std::fs::create_dir_all(&folder).unwrap();
    let mut files = giants(&folder);
    files.extend(support::corpus_pdfs());
    let (mut wrong, mut worst) = (Vec::new(), 0.0f64);
    for path in files {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture", "--test-threads=1"])
            .env(FILE, &path)
            .output()
            .unwrap();
        let answer = String::from_utf8_lossy(&child.stdout).into_owned();
        let Some(line) = answer.lines().find(|line| line.starts_with("PEAK")) else { continue };
        let mut numbers = line.split_whitespace().skip(1).map(|word| word.parse::<f64>());
        let (peak, estimate) = (numbers.next().unwrap().unwrap(), numbers.next().unwrap().unwrap());
        let ratio = (peak - PROCESS) / estimate;
        worst = worst.max(ratio);
        let mega = f64::from(1 << 20);
        println!("{:6.1} MiB of {:6.1} MiB, {ratio:.2}  {}", peak / mega, estimate / mega, path.display());
        if ratio > SHARE {
            wrong.push(format!("{}: {:.0} MiB taken, {:.0} estimated", path.display(), peak / mega, estimate / mega));
        }
    }
    println!("worst: {worst:.2} of the estimate beyond 32 MiB");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
