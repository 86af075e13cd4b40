use std::time::{Duration, Instant};

use bytes::Bytes;
use sealpress_media::Media;

use crate::copy::{self, Failure};
use crate::emptiness::{self, Budget, Verdict};
use crate::error::{Error, ErrorKind};
use crate::guard;
use crate::object::Value;
use crate::policy::Policy;
use crate::probe::admit;
use crate::render;
use crate::report::{Action, Dropped, Reader, Reason, Report, Timings, Warning};
use crate::source::{Leave, READERS, Source};
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
        for reader in READERS {
            let left = self.policy.read_budget.saturating_sub(started.elapsed());
            match self.attempt(reader, &bytes, left) {
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

    fn attempt(&self, reader: Reader, bytes: &Bytes, budget: Duration) -> Result<Trimmed, Failure> {
        let (policy, bytes) = (self.policy.clone(), bytes.clone());
        // Foreign readers have no deadline; looking at pages has its own.
        let budget = budget + policy.judge_budget;
        let work = move || {
            let opened = Instant::now();
            let source = Source::open(reader, &bytes)?;
            Attempt::new(&policy, &source, bytes.len() as u64, opened.elapsed()).run()
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

    fn run(mut self) -> Result<Trimmed, Failure> {
        if self.source.encrypted() {
            self.report.actions.push(Action::Decrypted);
        }
        if self.source.reader() != Reader::Fast && !self.source.encrypted() {
            self.report.actions.push(Action::Repaired);
        }
        let (pages, ready) = self.choose()?;
        let started = Instant::now();
        let bytes = match ready {
            Some(bytes) => bytes,
            None => self.build(&pages)?,
        };
        if bytes.len() as u64 > self.policy.max_bytes {
            return Err(Error::new(ErrorKind::Limit, "the pages do not fit the byte limit").into());
        }
        reopen(&bytes, pages.len())?;
        self.report.timings.write += started.elapsed();
        self.report.bytes = bytes.len() as u64;
        self.report.actions.push(Action::Rewritten);
        let media = Media::sniff(bytes)
            .map_err(|e| Error::because(ErrorKind::Internal, "the output is not recognised as a PDF", e))?;
        Ok(Trimmed { media, report: self.report })
    }

    /// The pages to keep, and the document of exactly these pages where one was already made.
    fn choose(&mut self) -> Result<(Vec<Page>, Option<Bytes>), Failure> {
        let mut pages = Pages::new(self.source)?;
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
                if self.policy.drop_empty && is_bare(self.source, &page)? {
                    self.drop_page(self.report.pages, Reason::NoContent);
                } else {
                    numbers.push(self.report.pages);
                    batch.push(page);
                }
            }
            let (verdicts, document) = self.judge(&batch, budget)?;
            let all = kept.is_empty() && verdicts.iter().all(|v| !matches!(v, Verdict::Empty(_)));
            ready = if all { document } else { None };
            for ((number, page), verdict) in numbers.into_iter().zip(batch).zip(verdicts) {
                match verdict {
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
        let document = self.build(batch)?;
        let started = Instant::now();
        let verdicts = emptiness::judge(&document, batch.len(), budget);
        self.report.timings.judge += started.elapsed();
        Ok((verdicts, Some(document)))
    }

    fn drop_page(&mut self, page: u32, reason: Reason) {
        self.report.dropped.push(Dropped { page, reason });
    }

    fn build(&mut self, pages: &[Page]) -> Result<Bytes, Failure> {
        let started = Instant::now();
        let document = copy::copy(self.source, pages, self.policy)?;
        let bytes = Bytes::from(write(&document));
        self.report.timings.write += started.elapsed();
        Ok(bytes)
    }
}

/// Pages of the tree, or, where the tree has none, those found elsewhere in the file.
struct Pages<'s> {
    source: &'s Source,
    walk: Walk<'s>,
    strays: Option<std::vec::IntoIter<Page>>,
    any: bool,
}

impl<'s> Pages<'s> {
    fn new(source: &'s Source) -> Result<Self, Leave> {
        Ok(Self { source, walk: Walk::new(source)?, strays: None, any: false })
    }

    fn next(&mut self) -> Result<Option<Page>, Leave> {
        if let Some(page) = self.walk.next()? {
            self.any = true;
            return Ok(Some(page));
        }
        if self.any {
            return Ok(None);
        }
        let strays = self.strays.get_or_insert_with(|| {
            let strays = self.source.stray_pages().into_iter().map(|(id, dict)| Page { id, dict });
            strays.collect::<Vec<_>>().into_iter()
        });
        Ok(strays.next())
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

/// Reads the output back: all pages must be there.
fn reopen(bytes: &Bytes, pages: usize) -> Result<(), Error> {
    let unread = |_| Error::new(ErrorKind::Internal, "the output cannot be read back");
    let source = Source::open(Reader::Sure, bytes)?;
    let mut walk = Walk::new(&source).map_err(unread)?;
    let mut found = 0;
    while walk.next().map_err(unread)?.is_some() {
        found += 1;
    }
    if found == pages { Ok(()) } else { Err(Error::new(ErrorKind::Internal, "the output lacks pages")) }
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
    let source = Source::open(reader, bytes)?;
    let mut pages = Pages::new(&source)?;
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
