use std::time::{Duration, Instant};

use bytes::Bytes;
use sealpress_media::Media;

use crate::copy;
use crate::emptiness::{self, Budget, Verdict};
use crate::error::{Error, ErrorKind};
use crate::guard;
use crate::object::Value;
use crate::policy::Policy;
use crate::probe::admit;
use crate::render;
use crate::report::{Action, Dropped, Reader, Reason, Report, Timings, Warning};
use crate::safety;
use crate::shrink;
use crate::source::{Failure, Leave, READERS, Source};
use crate::walk::{Page, Walk};
use crate::write::write;

/// Memory of the interpreter and of one page's decoded pictures, beside input and output.
const WORKING_BYTES: u64 = 64 << 20;

/// Trims PDFs under one policy. Holds no state between files.
#[derive(Clone, Debug)]
pub struct Trimmer {
    policy: Policy,
}

/// A trimmed PDF and what was done to get it.
#[derive(Clone, Debug)]
pub struct Trimmed {
    media: Media,
    report: Report,
}

impl Trimmed {
    /// The new file.
    #[must_use]
    pub const fn media(&self) -> &Media {
        &self.media
    }

    /// The new file, given away.
    #[must_use]
    pub fn into_media(self) -> Media {
        self.media
    }

    /// What was found and done.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }
}

impl Trimmer {
    /// A trimmer for this policy.
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self { policy }
    }

    /// The first non-empty pages in a file of their own.
    ///
    /// # Errors
    /// [`ErrorKind::Encrypted`] where a password is needed, [`ErrorKind::NoPages`] where there is no
    /// page, [`ErrorKind::Corrupt`] where no reader makes sense of the file, [`ErrorKind::TooLarge`],
    /// [`ErrorKind::Limit`] and [`ErrorKind::Timeout`] where it is beyond the policy,
    /// [`ErrorKind::UnsupportedFormat`] for pictures.
    pub fn trim(&mut self, media: &Media) -> Result<Trimmed, Error> {
        let bytes = admit(media, &self.policy)?;
        let started = Instant::now();
        let mut failed = Error::new(ErrorKind::Corrupt, "no reader makes sense of the file");
        // Last of all, pages may stand in for those that no reader can read.
        let attempts = READERS.map(|reader| (reader, false)).into_iter().chain([(Reader::Sure, true)]);
        for (reader, stand_ins) in attempts {
            let left = self.policy.read_budget.saturating_sub(started.elapsed());
            match self.attempt(reader, stand_ins, &bytes, left) {
                Ok(trimmed) => return Ok(trimmed),
                Err(Failure::Leave(_)) => {}
                Err(Failure::Error(e)) if may_be_read_otherwise(&e) => {
                    // "No pages" says more than what the next reader will say.
                    if failed.kind() != ErrorKind::NoPages {
                        failed = e;
                    }
                }
                Err(Failure::Error(e)) => return Err(e),
            }
        }
        Err(failed)
    }

    /// Bytes of memory that a trim of this file may need beside the file itself, its output included.
    #[must_use]
    pub fn estimate(&self, media: &Media) -> u64 {
        // The pages looked at are copied once; in the worst case they are the whole file.
        media.len() as u64 + self.policy.max_bytes + WORKING_BYTES
    }

    /// One page as a PNG whose longer side has `side` pixels (16 to 4,096), the way the emptiness rule
    /// sees it. Pages are numbered from 1.
    ///
    /// # Errors
    /// As [`trim`](Self::trim); [`ErrorKind::NoPages`] where the file has no page of this number,
    /// [`ErrorKind::Timeout`] where the page takes longer than
    /// [`Policy::judge_budget`](crate::Policy::judge_budget) to draw.
    pub fn preview(&mut self, media: &Media, page: u32, side: u16) -> Result<Vec<u8>, Error> {
        let bytes = admit(media, &self.policy)?;
        let policy = self.policy.clone();
        let work = move || preview(&bytes, page, side.clamp(16, 4096), &policy);
        guard::run(self.policy.read_budget + self.policy.judge_budget, work)?
    }

    fn attempt(&self, reader: Reader, stand_ins: bool, bytes: &Bytes, left: Duration) -> Result<Trimmed, Failure> {
        let (policy, bytes) = (self.policy.clone(), bytes.clone());
        // Foreign readers have no deadline; looking at pages and making them smaller have their own.
        let budget = left + policy.judge_budget + policy.shrink_budget;
        let work = move || {
            let opened = Instant::now();
            let source = Source::open(reader, &bytes, &policy)?;
            let pages = Pages::new(&source, opened + left, stand_ins)?;
            Attempt::new(&policy, &source, bytes.len() as u64, opened.elapsed()).run(pages)
        };
        guard::run(budget, work).map_err(Error::from)?
    }
}

/// Whether another reader may do better.
fn may_be_read_otherwise(e: &Error) -> bool {
    matches!(e.kind(), ErrorKind::Corrupt | ErrorKind::NoPages | ErrorKind::Internal)
}

/// One file with one reader.
struct Attempt<'a> {
    policy: &'a Policy,
    source: &'a Source,
    report: Report,
}

impl<'a> Attempt<'a> {
    fn new(policy: &'a Policy, source: &'a Source, original_bytes: u64, read: Duration) -> Self {
        let report = Report {
            pages: 0,
            kept: Vec::new(),
            dropped: Vec::new(),
            original_bytes,
            bytes: 0,
            reader: source.reader(),
            images_reencoded: 0,
            actions: Vec::new(),
            warnings: Vec::new(),
            timings: Timings { read, ..Timings::default() },
        };
        Self { policy, source, report }
    }

    fn run(mut self, pages: Pages<'_>) -> Result<Trimmed, Failure> {
        if self.source.encrypted() {
            self.report.actions.push(Action::Decrypted);
        }
        if self.source.reader() != Reader::Fast && !self.source.encrypted() {
            self.report.actions.push(Action::Repaired);
        }
        let (pages, ready) = self.choose(pages)?;
        let started = Instant::now();
        let bytes = match ready {
            Some(bytes) if bytes.len() as u64 <= self.policy.max_bytes => bytes,
            _ => self.finish(&pages)?,
        };
        if bytes.len() as u64 > self.policy.max_bytes {
            return Err(Error::new(ErrorKind::Limit, "the pages do not fit the byte limit").into());
        }
        reopen(&bytes, pages.len(), self.policy)?;
        self.report.timings.write += started.elapsed();
        self.report.bytes = bytes.len() as u64;
        self.report.actions.push(Action::Rewritten);
        let media = Media::sniff(bytes)
            .map_err(|e| Error::because(ErrorKind::Internal, "the output is not recognised as a PDF", e))?;
        Ok(Trimmed { media, report: self.report })
    }

    /// The pages to keep, and the document of exactly these pages where one was already made.
    fn choose(&mut self, mut pages: Pages<'_>) -> Result<(Vec<Page>, Option<Bytes>), Failure> {
        let max = self.policy.max_pages.max(1) as usize;
        let judging = Instant::now();
        let budget = Budget { page: self.policy.page_budget, deadline: judging + self.policy.judge_budget };
        let (mut kept, mut counted, mut first, mut ready) = (Vec::new(), 0, None, None);
        let mut more = true;
        while more && counted < max && kept.len() < max * 2 {
            // As many candidates as there are places left.
            let (mut numbers, mut batch) = (Vec::new(), Vec::new());
            while batch.len() < max - counted {
                let Some(page) = pages.next()? else {
                    more = false;
                    break;
                };
                self.report.pages += 1;
                first.get_or_insert_with(|| page.clone());
                if self.policy.drop_empty && !page.lost && is_bare(self.source, &page)? {
                    self.drop_page(self.report.pages, Reason::NoContent);
                } else {
                    numbers.push(self.report.pages);
                    batch.push(page);
                }
            }
            let (verdicts, document) = self.judge(&batch, budget)?;
            let stays = |(page, verdict): (&Page, &Verdict)| page.lost || !matches!(verdict, Verdict::Empty(_));
            let all = kept.is_empty() && batch.iter().zip(&verdicts).all(stays);
            ready = if all { document } else { None };
            for ((number, page), verdict) in numbers.into_iter().zip(batch).zip(verdicts) {
                match if page.lost { Verdict::Undecodable } else { verdict } {
                    Verdict::Empty(reason) => {
                        self.drop_page(number, reason);
                        continue;
                    }
                    Verdict::NotEmpty => counted += 1,
                    Verdict::Doubt => {
                        counted += 1;
                        self.report.warnings.push(Warning::PageInDoubt { page: number });
                    }
                    Verdict::Undecodable => self.report.warnings.push(Warning::PageUndecodable { page: number }),
                }
                kept.push(page);
                self.report.kept.push(number);
            }
        }
        if more && pages.next()?.is_some() {
            self.report.actions.push(Action::PagesTrimmed);
        }
        if kept.is_empty() {
            let Some(page) = first else {
                return Err(Error::new(ErrorKind::NoPages, "the file has no pages").into());
            };
            kept.push(page);
            self.report.kept.push(1);
            self.report.dropped.retain(|d| d.page != 1);
            self.report.warnings.push(Warning::AllPagesEmpty);
        }
        if !self.report.dropped.is_empty() {
            let pages = u32::try_from(self.report.dropped.len()).unwrap_or(u32::MAX);
            self.report.actions.push(Action::EmptyPagesDropped { pages });
        }
        Ok((kept, ready))
    }

    /// Verdicts on candidates, and the document they were read from.
    fn judge(&mut self, batch: &[Page], budget: Budget) -> Result<(Vec<Verdict>, Option<Bytes>), Failure> {
        if !self.policy.drop_empty || batch.is_empty() {
            return Ok((vec![Verdict::NotEmpty; batch.len()], None));
        }
        if self.report.pages > self.policy.max_judged_pages || Instant::now() >= budget.deadline {
            if !self.report.warnings.contains(&Warning::PagesNotJudged) {
                self.report.warnings.push(Warning::PagesNotJudged);
            }
            return Ok((vec![Verdict::NotEmpty; batch.len()], None));
        }
        let started = Instant::now();
        let document = copy::copy(self.source, batch, self.policy)?;
        let harmless = safety::is_harmless(&document, self.policy.max_inflated_bytes);
        let document = Bytes::from(write(&document));
        self.report.timings.write += started.elapsed();
        if !harmless {
            return Ok((vec![Verdict::Doubt; batch.len()], Some(document)));
        }
        let started = Instant::now();
        let verdicts = emptiness::judge(&document, batch.len(), budget);
        self.report.timings.judge += started.elapsed();
        Ok((verdicts, Some(document)))
    }

    fn drop_page(&mut self, page: u32, reason: Reason) {
        self.report.dropped.push(Dropped { page, reason });
    }

    /// The output, with images re-encoded where it would not fit.
    fn finish(&mut self, pages: &[Page]) -> Result<Bytes, Failure> {
        let mut document = copy::copy(self.source, pages, self.policy)?;
        let started = Instant::now();
        let images = shrink::shrink(&mut document, self.policy);
        if images > 0 {
            self.report.timings.reencode += started.elapsed();
            self.report.images_reencoded = images;
            self.report.actions.push(Action::ImagesReencoded { images });
        }
        if document.stream_bytes() > self.policy.max_bytes {
            return Err(Error::new(ErrorKind::Limit, "the pages do not fit the byte limit").into());
        }
        Ok(Bytes::from(write(&document)))
    }
}

/// Pages of the tree, or, where the tree has none, those found elsewhere in the file.
struct Pages<'s> {
    source: &'s Source,
    walk: Walk<'s>,
    strays: Option<std::vec::IntoIter<Page>>,
    /// Whether pages may stand in for unreadable ones even where not one page can be read.
    stand_ins: bool,
}

impl<'s> Pages<'s> {
    fn new(source: &'s Source, deadline: Instant, stand_ins: bool) -> Result<Self, Leave> {
        Ok(Self { source, walk: Walk::new(source, deadline)?, strays: None, stand_ins })
    }

    fn next(&mut self) -> Result<Option<Page>, Failure> {
        if let Some(page) = self.walk.next()? {
            return Ok(Some(page));
        }
        if self.walk.found() == 0 {
            let strays = self.strays.get_or_insert_with(|| {
                let strays = self.source.stray_pages().into_iter();
                strays.map(|(id, dict)| Page { id, dict, lost: false }).collect::<Vec<_>>().into_iter()
            });
            if let Some(page) = strays.next() {
                self.stand_ins = false;
                return Ok(Some(page));
            }
        }
        let may = self.stand_ins || (self.walk.found() > 0 && self.strays.is_none());
        Ok(if may { self.walk.stand_in() } else { None })
    }
}

/// A page with neither content nor annotations, which nobody needs to look at.
fn is_bare(source: &Source, page: &Page) -> Result<bool, Leave> {
    for key in [b"Contents".as_slice(), b"Annots"] {
        match source.entry(&page.dict, key)? {
            Value::Plain(crate::object::Object::Null) => {}
            Value::Plain(object) if object.as_array().is_some_and(<[_]>::is_empty) => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// Reads the output back: every object and all pages must be there.
fn reopen(bytes: &Bytes, pages: usize, policy: &Policy) -> Result<(), Error> {
    let unread = |leave: Leave| Error::because(ErrorKind::Internal, "the output cannot be read back", leave.0);
    let source = Source::reopen(bytes, policy).map_err(unread)?;
    let mut walk = Walk::new(&source, Instant::now() + policy.read_budget).map_err(unread)?;
    loop {
        match walk.next() {
            Ok(Some(_)) => {}
            Ok(None) if walk.found() == pages as u64 => return Ok(()),
            Ok(None) => return Err(Error::new(ErrorKind::Internal, "the output lacks pages")),
            Err(Failure::Leave(leave)) => return Err(unread(leave)),
            Err(Failure::Error(e)) => return Err(e),
        }
    }
}

fn preview(bytes: &Bytes, number: u32, side: u16, policy: &Policy) -> Result<Vec<u8>, Error> {
    let mut failed = Error::new(ErrorKind::Corrupt, "no reader makes sense of the file");
    for reader in READERS {
        match preview_with(reader, bytes, number, side, policy) {
            Ok(png) => return Ok(png),
            Err(Failure::Leave(_)) => {}
            Err(Failure::Error(e)) if may_be_read_otherwise(&e) => failed = e,
            Err(Failure::Error(e)) => return Err(e),
        }
    }
    Err(failed)
}

fn preview_with(reader: Reader, bytes: &Bytes, number: u32, side: u16, policy: &Policy) -> Result<Vec<u8>, Failure> {
    let source = Source::open(reader, bytes, policy)?;
    let mut pages = Pages::new(&source, Instant::now() + policy.read_budget, false)?;
    for _ in 1..number.max(1) {
        pages.next()?;
    }
    let Some(page) = pages.next()? else {
        return Err(Error::new(ErrorKind::NoPages, "the file has no page of this number").into());
    };
    let document = Bytes::from(write(&copy::copy(&source, &[page], policy)?));
    let picture = render::first_page(&document, side)
        .ok_or_else(|| Error::new(ErrorKind::Corrupt, "the page cannot be drawn"))?;
    render::png(&picture)
        .map_err(|e| Error::because(ErrorKind::Internal, "the picture of the page cannot be written", e).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pages and objects of a file as the reader of this name sees them: output bytes are made of
    /// nothing else.
    fn output(reader: Reader, bytes: &Bytes) -> Option<(Vec<u32>, Bytes)> {
        let trimmer = Trimmer::new(Policy::default());
        let trimmed = trimmer.attempt(reader, false, bytes, Duration::from_secs(20)).ok()?;
        Some((trimmed.report.kept.clone(), trimmed.into_media().into_bytes()))
    }

    #[test]
    fn the_fast_way_and_the_sure_way_see_the_same() {
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
        let (mut fast_ones, mut different) = (0, Vec::new());
        for folder in ["pdf", "pdf-trim"] {
            let Ok(files) = std::fs::read_dir(corpus.join(folder)) else {
                println!("skipped: no corpus");
                return;
            };
            for path in files.map(|file| file.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "pdf")) {
                let bytes = Bytes::from(std::fs::read(&path).unwrap());
                let Some(fast) = output(Reader::Fast, &bytes) else { continue };
                fast_ones += 1;
                match output(Reader::Sure, &bytes) {
                    Some(sure) if sure == fast => {}
                    Some(sure) => different.push(format!("{}: {:?} and {:?}", path.display(), fast.0, sure.0)),
                    None => different.push(format!("{}: the sure way fails", path.display())),
                }
            }
        }
        println!("{fast_ones} files by both ways");
        assert!(different.is_empty(), "{}", different.join("\n"));
    }
}
