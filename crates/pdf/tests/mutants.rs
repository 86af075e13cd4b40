//! Damaged files against pdfium: what it shows on a page of the input must be on the output's, and a page
//! that was called empty must be empty to it. Where something is lost, a warning must name it.
//!
//! 200 mutants of small real files in the suite; `SEALPRESS_PDF_MUTANTS=20000` for a campaign
//! (`cargo xtask mutants`), `SEALPRESS_PDF_SEED` for another one, `SEALPRESS_PDF_FROM` for a slice that begins
//! with this number, `SEALPRESS_PDF_ONLY=622,2198` for these numbers alone, `SEALPRESS_PDF_FILES=a.pdf,b.pdf` for
//! mutants of these files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sealpress_media::Media;
use sealpress_pdf::{ErrorKind, Trimmer, Warning};
use sealpress_testkit::Rng;
use support::damage::{self, Parts};
use support::raw::{File, TEXT};

/// Larger files take the time of many small ones.
const MAX_BYTES: usize = 60_000;

/// Mutants compared by one process.
const BATCH: usize = 200;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().expect(name))
}

fn originals() -> Vec<Vec<u8>> {
    if let Ok(list) = std::env::var("SEALPRESS_PDF_FILES") {
        return list.split(',').map(|path| std::fs::read(path).expect("SEALPRESS_PDF_FILES")).collect();
    }
    let mut files = vec![File::of(&[TEXT, "q Q", TEXT]).bytes(), File::of(&[TEXT, TEXT]).bytes()];
    files.extend(support::cases::all().into_iter().map(|case| case.file).filter(|file| file.len() < MAX_BYTES));
    for path in support::corpus_pdfs().into_iter().chain(support::case_pdfs()) {
        let file = std::fs::read(path).unwrap();
        if file.len() < MAX_BYTES {
            files.push(file);
        }
    }
    files
}

#[test]
fn pdfium_misses_nothing_that_was_not_named() {
    let Some(python) = sealpress_testkit::python("pypdfium2, numpy") else { return };
    let (mutants, seed) = (setting("SEALPRESS_PDF_MUTANTS", 200), setting("SEALPRESS_PDF_SEED", 14));
    let originals = originals();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mutants-{seed}"));
    // What an earlier run left may have another number.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let (mut wrong, mut compared, mut refused) = (Vec::new(), 0, 0);
    let (mut jobs, mut waiting) = (String::new(), 0);
    let from = setting("SEALPRESS_PDF_FROM", 0);
    let numbers: Vec<u64> = match std::env::var("SEALPRESS_PDF_ONLY") {
        Ok(list) => list.split(',').map(|n| n.parse().expect("SEALPRESS_PDF_ONLY")).collect(),
        Err(_) => (from..from + mutants).collect(),
    };
    let mutants = numbers.len();
    for n in numbers {
        let mut rng = Rng::fork(seed, &format!("mutant {n}"));
        let which = rng.below(u32::try_from(originals.len()).unwrap()) as usize;
        let original = &originals[which];
        let bytes = if n % 4 == 3 {
            Parts::of(original).varied(original, &mut rng)
        } else {
            damage::mutant(original, &mut rng)
        };
        let Ok(media) = Media::sniff(bytes.clone()) else { continue };
        match Trimmer::new(support::patient()).trim(&media) {
            Err(e) if e.kind() == ErrorKind::Internal => {
                let path = folder.join(format!("internal-{seed}-{n}.pdf"));
                std::fs::write(&path, &bytes).unwrap();
                wrong.push(format!("{}: {e}", path.display()));
            }
            Err(_) => refused += 1,
            Ok(trimmed) if trimmed.media().bytes()[..] == bytes[..] => {}
            Ok(trimmed) => {
                let original = folder.join(format!("original-{which}.pdf"));
                if !original.exists() {
                    std::fs::write(&original, &originals[which]).unwrap();
                }
                let (input, output) =
                    (folder.join(format!("{seed}-{n}.pdf")), folder.join(format!("{seed}-{n}-out.pdf")));
                std::fs::write(&input, &bytes).unwrap();
                std::fs::write(&output, trimmed.media().bytes()).unwrap();
                let report = trimmed.report();
                let list = |numbers: &[u32]| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
                let dropped: Vec<u32> = report.dropped.iter().map(|dropped| dropped.page).collect();
                let named = report.warnings.iter().any(|warning| {
                    matches!(
                        warning,
                        Warning::PageInDoubt { .. }
                            | Warning::PageUndecodable { .. }
                            | Warning::ObjectLost { .. }
                            | Warning::ObjectDamaged { .. }
                            | Warning::PageLost { .. }
                            | Warning::PageTreeLost
                    )
                });
                writeln!(
                    jobs,
                    "{}\t{}\t{}\t{}\t{}\t{}",
                    input.display(),
                    output.display(),
                    list(&report.kept),
                    list(&dropped),
                    u8::from(named),
                    original.display()
                )
                .unwrap();
                waiting += 1;
            }
        }
        if waiting >= BATCH {
            compared += compare(&python, &std::mem::take(&mut jobs), &mut wrong);
            waiting = 0;
        }
    }
    compared += compare(&python, &jobs, &mut wrong);
    println!("{mutants} mutants: {refused} refused, {compared} outputs compared, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{} of {mutants}:\n{}", wrong.len(), wrong.join("\n"));
}

/// How many were compared.
fn compare(python: &Path, jobs: &str, wrong: &mut Vec<String>) -> usize {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/ink.py");
    let mut child = Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = jobs.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let answer = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    let mut compared = 0;
    let mut input = jobs.lines();
    for line in answer.lines() {
        let job = input.next().unwrap_or_default();
        compared += usize::from(line.starts_with("same"));
        if line.starts_with("lost") {
            wrong.push(line.to_owned());
        } else {
            // What came out right needs no looking at.
            for path in job.split('\t').take(2) {
                let _ = std::fs::remove_file(path);
            }
        }
    }
    assert_eq!(answer.lines().count(), jobs.lines().count(), "pdfium gave up:\n{answer}");
    compared
}
