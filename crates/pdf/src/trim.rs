//! The door: one file with one reader after another, each under its time, until one makes sense of it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sealpress_media::{Format, Media};

use crate::attempt::{Attempt, TRUNCATED};
use crate::clock::Deadline;
use crate::drawing::{self, Drawing, Drawn};
use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::guard;
use crate::memory;
use crate::pages::Pages;
use crate::policy::Policy;
use crate::preview;
use crate::probe::admit;
use crate::report::Reader;
use crate::scan::{self, Scan};
use crate::source::{READERS, Source, is_cut};
use crate::trimmed::Trimmed;

/// The last image that is made smaller, or the last object that is read, may take this much longer than
/// the budget.
const OVERRUN: Duration = Duration::from_millis(300);

/// Trims PDFs under one policy. Holds no state between files.
#[derive(Clone, Debug)]
pub struct Trimmer {
    policy: Policy,
}

impl Trimmer {
    /// A trimmer for this policy.
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self { policy }
    }

    /// The first non-empty pages in a file of their own, a PDF, whatever the source is.
    ///
    /// # Errors
    /// [`ErrorKind::Encrypted`] where a password is needed, [`ErrorKind::NoPages`] where there is no
    /// page, [`ErrorKind::Corrupt`] where no reader makes sense of the file, [`ErrorKind::TooLarge`],
    /// [`ErrorKind::Limit`] and [`ErrorKind::Timeout`] where it is beyond the policy,
    /// [`ErrorKind::UnsupportedFormat`] for pictures.
    pub fn trim(&mut self, media: &Media) -> Result<Trimmed, Error> {
        if media.format() == Format::Tiff {
            return scan::trim(media, &self.policy, &trim_made);
        }
        let bytes = admit(media, &self.policy)?;
        let mut left = Left { read: self.policy.read_budget, judge: self.policy.judge_budget };
        let mut failed = Error::new(ErrorKind::Corrupt, "no reader makes sense of the file");
        for &reader in READERS {
            match self.attempt(reader, &bytes, &mut left) {
                Ok(trimmed) => return Ok(trimmed),
                Err(Failure::Leave(_)) => {}
                Err(Failure::Error(e)) if e.may_be_read_otherwise() => {
                    // "No pages" says more than what the next reader will say.
                    if failed.kind() != ErrorKind::NoPages {
                        failed = e;
                    }
                }
                Err(Failure::Error(e)) => return Err(e),
            }
        }
        if failed.may_be_read_otherwise() && is_cut(&bytes) {
            failed = Error::because(ErrorKind::Truncated, TRUNCATED, failed);
        }
        Err(failed)
    }

    /// The first non-empty pages as pictures, one each, for vendors that take no documents: JPEGs of PDFs, PNGs of
    /// TIFFs, which are pictures already.
    ///
    /// # Errors
    /// As [`trim`](Self::trim), but for the byte limit, which is a document's; [`ErrorKind::Timeout`] where drawing
    /// takes longer than [`Policy::shrink_budget`](crate::Policy::shrink_budget), [`ErrorKind::SignatureLost`] for a
    /// signed document unless the policy warns only: a picture has no signature.
    pub fn draw(&mut self, media: &Media, drawing: &Drawing) -> Result<Drawn, Error> {
        if media.format() == Format::Tiff {
            return scan::draw(media, &self.policy, &trim_made);
        }
        let (media, report) = Self::new(drawing::beforehand(&self.policy)).trim(media)?.into_parts();
        drawing::draw(&self.policy, &media.into_bytes(), report, *drawing)
    }

    /// Bytes of memory that [`draw`](Self::draw) may take.
    #[must_use]
    pub fn estimate_drawing(&self, media: &Media, drawing: &Drawing) -> u64 {
        if media.format() == Format::Tiff {
            return self.estimate(media);
        }
        self.estimate(media).saturating_add(drawing.memory(self.policy.max_pages))
    }

    /// Bytes of memory that a trim of this file may take: the file itself, what is written of it, the largest
    /// picture of a page while it is decoded.
    #[must_use]
    pub fn estimate(&self, media: &Media) -> u64 {
        if media.format() == Format::Tiff {
            return Scan::read(media, &self.policy).map_or(0, |scan| memory::of_scan(scan.memory(), &self.policy));
        }
        memory::estimate(media.bytes(), &self.policy)
    }

    /// One page as a PNG whose longer side has `side` pixels (16 to 4,096), the way the emptiness rule
    /// sees it. Pages are numbered from 1.
    ///
    /// # Errors
    /// As [`trim`](Self::trim); [`ErrorKind::NoPages`] where the file has no page of this number,
    /// [`ErrorKind::Timeout`] where the page takes longer than
    /// [`Policy::judge_budget`](crate::Policy::judge_budget) to draw.
    pub fn preview(&mut self, media: &Media, page: u32, side: u16) -> Result<Vec<u8>, Error> {
        if media.format() == Format::Tiff {
            return self.preview(&scan::page_as_pdf(media, &self.policy, page)?, 1, side);
        }
        let bytes = admit(media, &self.policy)?;
        let policy = self.policy.clone();
        let work = move || preview::preview(&bytes, page, side.clamp(16, 4096), &policy);
        guard::run(self.policy.read_budget + self.policy.judge_budget, work)?
    }

    fn attempt(&self, reader: Reader, bytes: &Bytes, left: &mut Left) -> Result<Trimmed, Failure> {
        let (policy, bytes, Left { read, judge }) = (self.policy.clone(), bytes.clone(), *left);
        let work = move |send: &dyn Fn(Step)| {
            let (opened, deadline) = (Instant::now(), Deadline::after(read));
            let source = match Source::open(reader, &bytes, &policy) {
                Ok(source) => source,
                Err(failure) => return send(Step::Done(Box::new(Err(failure)), judge)),
            };
            send(Step::Opened);
            let pages = match Pages::new(&source, deadline) {
                Ok(pages) => pages,
                Err(failure) => return send(Step::Done(Box::new(Err(failure)), judge)),
            };
            let attempt = Attempt::new(&policy, &source, &bytes, deadline, judge, opened.elapsed());
            let (result, judge) = attempt.run(pages);
            let result = result.map(|(media, report)| Trimmed::new(media, report));
            send(Step::Done(Box::new(result), judge));
        };
        let mut working = guard::start(work).map_err(Error::from)?;
        let mut budget = read;
        loop {
            let step = working.next(budget);
            left.read = read.saturating_sub(working.counted());
            match step.map_err(Error::from)? {
                // Foreign readers have no deadline; our own steps have, and may overrun it by one object.
                Step::Opened => budget = left.read + self.policy.shrink_budget + OVERRUN,
                Step::Done(result, judge) => {
                    left.judge = judge;
                    return *result;
                }
            }
        }
    }
}

/// Trims a document that was made of a scan.
fn trim_made(policy: Policy, made: &Media) -> Result<Trimmed, Error> {
    Trimmer::new(policy).trim(made)
}

/// How far an attempt is.
enum Step {
    /// The reader made sense of the file.
    Opened,
    /// It has ended; so much time is left to look at pages.
    Done(Box<Result<Trimmed, Failure>>, Duration),
}

/// CPU time left for one file, whatever readers it takes.
#[derive(Clone, Copy, Debug)]
struct Left {
    read: Duration,
    judge: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Documents;

    /// The pages and objects of a file as the reader of this name sees them: output bytes are made of
    /// nothing else.
    fn output(reader: Reader, bytes: &Bytes) -> Option<(Vec<u32>, Bytes)> {
        let trimmer = Trimmer::new(Policy::default().with_documents(Documents::PagesOnly));
        let mut left = Left { read: Duration::from_secs(20), judge: Duration::from_secs(20) };
        let trimmed = trimmer.attempt(reader, bytes, &mut left).ok()?;
        Some((trimmed.report().kept.clone(), trimmed.into_media().into_bytes()))
    }

    #[test]
    fn the_strict_and_the_repairing_reader_see_the_same() {
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
        let (mut strict_ones, mut different) = (0, Vec::new());
        for folder in ["pdf", "pdf-trim"] {
            let Ok(files) = std::fs::read_dir(corpus.join(folder)) else {
                sealpress_testkit::skip("no corpus");
                return;
            };
            for path in files.map(|file| file.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "pdf")) {
                let bytes = Bytes::from(std::fs::read(&path).unwrap());
                let Some(strict) = output(Reader::Strict, &bytes) else { continue };
                strict_ones += 1;
                match output(Reader::Repairing, &bytes) {
                    Some(repaired) if repaired == strict => {}
                    Some(repaired) => {
                        different.push(format!("{}: {:?} and {:?}", path.display(), strict.0, repaired.0))
                    }
                    None => different.push(format!("{}: the repairing reader fails", path.display())),
                }
            }
        }
        println!("{strict_ones} files by both ways");
        assert!(different.is_empty(), "{}", different.join("\n"));
    }
}
