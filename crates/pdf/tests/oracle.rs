//! pdfium as the judge: what it shows of the output is what it shows of the input. The library comes in
//! the pypdfium2 wheel, in the tests' virtual environment under `target/`; where that is not there the
//! test says so and passes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sealpress_media::Media;
use sealpress_pdf::{Documents, Trimmer};

#[test]
fn pdfium_sees_the_same_pages() {
    let Some(python) = sealpress_testkit::python("pypdfium2, numpy") else { return };
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle-outputs");
    std::fs::create_dir_all(&out).unwrap();
    let mut files = support::corpus_pdfs();
    for (n, case) in support::cases::all().iter().enumerate() {
        files.push(out.join(format!("case-{n}.pdf")));
        std::fs::write(files.last().unwrap(), &case.file).unwrap();
    }
    let (mut jobs, mut expected) = (String::new(), 0);
    for (n, path) in files.iter().enumerate() {
        let Ok(media) = Media::sniff(std::fs::read(path).unwrap()) else { continue };
        for documents in [Documents::AsIssued, Documents::PagesOnly] {
            let policy = support::patient().with_documents(documents);
            let Ok(trimmed) = Trimmer::new(policy).trim(&media) else { continue };
            // What is the same file looks the same.
            if trimmed.media().bytes() == media.bytes() {
                continue;
            }
            let output = out.join(format!("{n}-{documents:?}.pdf"));
            std::fs::write(&output, trimmed.media().bytes()).unwrap();
            let kept: Vec<String> = trimmed.report().kept.iter().map(u32::to_string).collect();
            jobs += &format!("{}\t{}\t{}\n", path.display(), output.display(), kept.join(","));
            expected += 1;
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/compare.py");
    let mut child = Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(jobs.as_bytes()).unwrap();
    let answer = child.wait_with_output().unwrap();
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    let lines: Vec<&str> = answer.lines().collect();
    let of = |verdict: &str| lines.iter().filter(|line| line.starts_with(verdict)).copied().collect::<Vec<_>>();
    println!("{} same, {} skipped of {expected}", of("same").len(), of("skipped").len());
    of("skipped").iter().for_each(|line| println!("{line}"));
    assert_eq!(lines.len(), expected, "pdfium gave up:\n{answer}");
    assert!(of("differs").is_empty(), "pages differ:\n{}", of("differs").join("\n"));
}
