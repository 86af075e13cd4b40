//! One file with one reader: choose pages, copy them, make them fit, write them, read them back.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sealpress_media::Media;

use crate::clock::Deadline;
use crate::copy;
use crate::emptiness::{self, Budget, Judgement, Verdict};
use crate::error::{Error, ErrorKind};
use crate::object::{Object, Value};
use crate::pages::Pages;
use crate::policy::Policy;
use crate::report::{Action, Dropped, Reader, Reason, Report, Timings, Warning};
use crate::safety;
use crate::shrink;
use crate::source::{Failure, Leave, Source};
use crate::walk::{Page, Walk};
use crate::write::write;

/// One file with one reader.
pub(crate) struct Attempt<'a> {
    policy: &'a Policy,
    source: &'a Source,
    report: Report,
    /// When reading and copying must have ended.
    deadline: Deadline,
    /// Time to look at pages.
    budget: Budget,
}

impl<'a> Attempt<'a> {
    /// `all` is the time to look at pages; `read` the time that opening the file took.
    pub(crate) fn new(
        policy: &'a Policy,
        source: &'a Source,
        deadline: Deadline,
        all: Duration,
        read: Duration,
    ) -> Self {
        let report = Report {
            pages: 0,
            kept: Vec::new(),
            dropped: Vec::new(),
            original_bytes: 0,
            bytes: 0,
            reader: source.reader(),
            judged: 0,
            drawn: 0,
            images_reencoded: 0,
            actions: Vec::new(),
            warnings: Vec::new(),
            timings: Timings { read, ..Timings::default() },
        };
        Self { policy, source, report, deadline, budget: Budget { page: policy.page_budget, all } }
    }

    /// Trims. Also says how much time there is still to look at pages, whatever came of it.
    pub(crate) fn run(mut self, pages: Pages<'_>, original_bytes: u64) -> (Result<(Media, Report), Failure>, Duration) {
        self.report.original_bytes = original_bytes;
        let media = self.trim(pages);
        (media.map(|media| (media, self.report)), self.budget.all)
    }

    fn trim(&mut self, pages: Pages<'_>) -> Result<Media, Failure> {
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
        let media = Media::sniff(bytes);
        media.map_err(|e| Error::because(ErrorKind::Internal, "the output is not recognised as a PDF", e).into())
    }

    /// The pages to keep, and the document of exactly these pages where one was already made.
    fn choose(&mut self, mut pages: Pages<'_>) -> Result<(Vec<Page>, Option<Bytes>), Failure> {
        let max = self.policy.max_pages.max(1) as usize;
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
            let (verdicts, document) = self.judge(&batch)?;
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
    fn judge(&mut self, batch: &[Page]) -> Result<(Vec<Verdict>, Option<Bytes>), Failure> {
        if !self.policy.drop_empty || batch.is_empty() {
            return Ok((vec![Verdict::NotEmpty; batch.len()], None));
        }
        if self.report.pages > self.policy.max_judged_pages || self.budget.all.is_zero() {
            if !self.report.warnings.contains(&Warning::PagesNotJudged) {
                self.report.warnings.push(Warning::PagesNotJudged);
            }
            return Ok((vec![Verdict::NotEmpty; batch.len()], None));
        }
        let started = Instant::now();
        let copied = copy::copy(self.source, batch, self.policy, self.deadline)?;
        let harmless = safety::is_harmless(&copied, self.policy.max_inflated_bytes);
        let document = Bytes::from(write(&copied));
        self.report.timings.write += started.elapsed();
        if !harmless {
            return Ok((vec![Verdict::Doubt; batch.len()], Some(document)));
        }
        let started = Instant::now();
        let Judgement { mut verdicts, drawn } = emptiness::judge(&document, batch.len(), &mut self.budget);
        self.report.timings.judge += started.elapsed();
        self.report.judged += u32::try_from(batch.len()).unwrap_or(u32::MAX);
        self.report.drawn += drawn;
        let is_empty = |verdict: &Verdict| matches!(verdict, Verdict::Empty(_));
        if verdicts.iter().any(is_empty) && !safety::is_whole(&copied, self.policy.max_inflated_bytes) {
            verdicts.iter_mut().filter(|verdict| is_empty(verdict)).for_each(|verdict| *verdict = Verdict::Doubt);
        }
        Ok((verdicts, Some(document)))
    }

    fn drop_page(&mut self, page: u32, reason: Reason) {
        self.report.dropped.push(Dropped { page, reason });
    }

    /// The output, with images re-encoded where it would not fit.
    fn finish(&mut self, pages: &[Page]) -> Result<Bytes, Failure> {
        let mut document = copy::copy(self.source, pages, self.policy, self.deadline)?;
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

/// A page with neither content nor annotations, which nobody needs to look at.
fn is_bare(source: &Source, page: &Page) -> Result<bool, Leave> {
    for key in [b"Contents".as_slice(), b"Annots"] {
        match source.entry(&page.dict, key)? {
            Value::Plain(Object::Null) => {}
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
    let mut walk = Walk::new(&source, Deadline::after(policy.read_budget)).map_err(unread)?;
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
