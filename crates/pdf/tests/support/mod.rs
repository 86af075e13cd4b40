//! What the tests of this crate share.
#![allow(dead_code, reason = "each test uses its part of this")]

pub(crate) mod cases;
pub(crate) mod damage;
pub(crate) mod raw;

use std::path::PathBuf;
use std::time::Duration;

use sealpress_media::Media;
use sealpress_pdf::{Documents, Error, Policy, Trimmed, Trimmer};

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

pub(crate) fn trim(file: Vec<u8>, policy: Policy) -> Result<Trimmed, Error> {
    Trimmer::new(policy).trim(&Media::sniff(file).unwrap())
}

/// The pages kept of a file, rewritten, so that nothing is kept by leaving it alone.
pub(crate) fn kept(file: Vec<u8>) -> Vec<u32> {
    let trimmed = trim(file, patient().with_documents(Documents::PagesOnly)).unwrap();
    trimmed.report().kept.clone()
}

/// Whether so many streams of the output have these bytes.
pub(crate) fn output_has(trimmed: &Trimmed, bytes: &[u8], count: usize) -> bool {
    let output = lopdf::Document::load_mem(trimmed.media().bytes()).unwrap();
    let streams = output.objects.values().filter_map(|object| object.as_stream().ok());
    let has = |stream: &lopdf::Stream| {
        let content = stream.decompressed_content().unwrap_or_else(|_| stream.content.clone());
        memchr::memmem::find(&content, bytes).is_some()
    };
    streams.filter(|stream| has(stream)).count() >= count
}
