//! What the tests of this crate share.
#![allow(dead_code, reason = "each test uses its part of this")]

pub(crate) mod cases;
pub(crate) mod damage;
pub(crate) mod raw;

use std::path::PathBuf;
use std::time::Duration;

use sealpress_pdf::Policy;

/// Time enough for a debug build on a busy machine: what is kept must not depend on the clock here.
pub(crate) fn patient() -> Policy {
    let mut policy = Policy::default();
    policy.page_budget = Duration::from_secs(120);
    policy.judge_budget = Duration::from_secs(600);
    policy.shrink_budget = Duration::from_secs(600);
    policy.read_budget = Duration::from_secs(120);
    policy
}

/// A folder of the corpus, or a note that it is not there.
pub(crate) fn corpus(folder: &str) -> Option<PathBuf> {
    let path = sealpress_testkit::corpus_root().join(folder);
    if path.is_dir() {
        return Some(path);
    }
    sealpress_testkit::skip(format!("no corpus folder {folder}"));
    None
}

/// The PDFs of all folders of the corpus, sorted.
pub(crate) fn corpus_pdfs() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["pdf", "pdf-trim", "hostile"] {
        files.extend(pdfs(folder));
    }
    files.sort();
    files
}

/// The cases that came out wrong once, sorted.
pub(crate) fn case_pdfs() -> Vec<PathBuf> {
    let mut files = pdfs("../cases/pdf");
    files.sort();
    files
}

fn pdfs(folder: &str) -> Vec<PathBuf> {
    let Some(folder) = corpus(folder) else { return Vec::new() };
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|e| e == "pdf")).collect()
}
