//! The house's own specimens: what must be kept, what must vanish, what must not hang.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::{Duration, Instant};

use sealpress_media::Media;
use sealpress_pdf::{Documents, ErrorKind, Policy, Probe, Trimmer};
use sealpress_testkit::{hostile_pdfs, pdf_cases, pdf_phone_scan};

/// Everything in a file that could be read: its bytes and its streams, inflated.
fn readable(file: &[u8]) -> Vec<u8> {
    let mut all = file.to_vec();
    for object in lopdf::Document::load_mem(file).unwrap().objects.values() {
        all.extend_from_slice(format!("{object:?}\n").as_bytes());
        if let Ok(stream) = object.as_stream() {
            all.extend(stream.decompressed_content().unwrap_or_default());
        }
    }
    all
}

#[test]
fn every_case_keeps_its_pages_and_loses_what_must_vanish() {
    let mut policy = Policy::default().with_documents(Documents::PagesOnly);
    // What is kept must not depend on the speed of a debug build.
    policy.page_budget = Duration::from_secs(60);
    policy.judge_budget = Duration::from_secs(600);
    policy.read_budget = Duration::from_secs(60);
    let mut wrong = Vec::new();
    for case in pdf_cases(11) {
        let media = Media::sniff(case.bytes).unwrap();
        match Trimmer::new(policy.clone()).trim(&media) {
            Ok(trimmed) => {
                if trimmed.report().kept != case.kept {
                    wrong.push(format!("{}: kept {:?}, not {:?}", case.name, trimmed.report().kept, case.kept));
                }
                let output = readable(trimmed.media().bytes());
                for word in case.must_vanish {
                    if memchr::memmem::find(&output, word.as_bytes()).is_some() {
                        wrong.push(format!("{}: still has {word:?}", case.name));
                    }
                }
            }
            Err(e) => wrong.push(format!("{}: {e}", case.name)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each ends soon, either refused as what it is or as a document that another reader opens and that has no more
/// pages than it says.
#[test]
fn hostile_files_end_in_time() {
    for file in hostile_pdfs() {
        let Ok(media) = Media::sniff(file.bytes) else { continue };
        let started = Instant::now();
        let probed = Probe::read(&media);
        let trimmed = Trimmer::new(Policy::default()).trim(&media);
        println!("{}: {:?}, {:?}", file.name, probed.map(|p| p.pages), started.elapsed());
        match trimmed {
            Ok(trimmed) => {
                let kept = &trimmed.report().kept;
                let output = lopdf::Document::load_mem(trimmed.media().bytes());
                let pages = output.map(|output| output.get_pages().len());
                assert_eq!(pages.ok(), Some(kept.len()), "{}: not the pages {kept:?}", file.name);
                assert!((1..=5).contains(&kept.len()), "{}: {kept:?}", file.name);
            }
            Err(e) => assert!(e.kind() != ErrorKind::Internal, "{}: {e}", file.name),
        }
        // The budgets are CPU time; a busy machine may take several times as long.
        assert!(started.elapsed() < Duration::from_secs(100), "{}", file.name);
    }
}

#[test]
fn sixty_megabytes_of_phone_photos_fit() {
    let media = Media::sniff(pdf_phone_scan(3, 6)).unwrap();
    assert!(media.len() > 40_000_000, "only {} bytes", media.len());
    let mut policy = Policy::default();
    policy.judge_budget = Duration::from_secs(600);
    policy.shrink_budget = Duration::from_secs(600);
    let trimmed = Trimmer::new(policy.clone()).trim(&media).unwrap();
    let report = trimmed.report();
    assert!(report.bytes <= policy.max_bytes, "{} bytes", report.bytes);
    assert_eq!(report.kept, [1, 2, 3, 4, 5]);
    assert!(report.images_reencoded > 0);
}
