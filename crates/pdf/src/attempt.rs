//! One file with one reader: choose pages, copy them, make them fit, write them, read them back.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sealpress_media::Media;

use crate::clock::Deadline;
use crate::copy::{self, Copied};
use crate::emptiness::{self, Budget, Judgement, Verdict};
use crate::error::{Error, ErrorKind};
use crate::failure::{Failure, Leave};
use crate::inventory::{self, Inventory};
use crate::loss::{Extent, Loss};
use crate::object::{Object, Value};
use crate::pages::Pages;
use crate::policy::{Damaged, Documents, Policy, Signed};
use crate::removed::Removed;
use crate::report::{Action, Dropped, Reader, Reason, Report, Timings, Warning};
use crate::safety;
use crate::shrink;
use crate::source::{Source, is_cut};
use crate::walk::{Page, Walk};
use crate::write::write;

/// One file with one reader.
pub(crate) struct Attempt<'a> {
    policy: &'a Policy,
    source: &'a Source,
    /// The file.
    bytes: &'a Bytes,
    report: Report,
    inventory: Inventory,
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
        bytes: &'a Bytes,
        deadline: Deadline,
        all: Duration,
        read: Duration,
    ) -> Self {
        let timings = Timings { read, ..Timings::default() };
        let report = Report { original_bytes: bytes.len() as u64, reader: source.reader(), timings, ..Report::new() };
        let inventory = Inventory::default();
        Self { policy, source, bytes, report, inventory, deadline, budget: Budget { page: policy.page_budget, all } }
    }

    /// Trims. Also says how much time there is still to look at pages, whatever came of it.
    pub(crate) fn run(mut self, pages: Pages<'_>) -> (Result<(Media, Report), Failure>, Duration) {
        let media = self.trim(pages);
        (media.map(|media| (media, self.report)), self.budget.all)
    }

    fn trim(&mut self, pages: Pages<'_>) -> Result<Media, Failure> {
        if self.source.encrypted() {
            self.report.actions.push(Action::Decrypted { empty: self.source.empty_password() });
        } else if self.source.reader() != Reader::Strict {
            self.report.actions.push(Action::Repaired);
        }
        let mut chosen = self.choose(pages)?;
        let started = Instant::now();
        // What may leave as it is must be known whole.
        let all = chosen.whole || self.policy.signed == Signed::Keep;
        self.inventory = Inventory::take(self.source, &chosen.kept, all, self.deadline)?;
        self.report.timings.read += started.elapsed();
        if self.conforms(&chosen) {
            return self.pass(Action::PassedThrough);
        }
        if let Some(media) = self.keep_signature(&mut chosen)? {
            return Ok(media);
        }
        let started = Instant::now();
        // What does not fit goes before another one is made.
        let ready = chosen.ready.take().filter(|bytes| bytes.len() as u64 <= self.policy.max_bytes);
        let bytes = match ready {
            Some(bytes) => bytes,
            None => self.finish(&chosen.kept)?,
        };
        if bytes.len() as u64 > self.policy.max_bytes {
            return Err(Error::new(ErrorKind::Limit, "the pages do not fit the byte limit").into());
        }
        self.refuse_truncated(&chosen)?;
        reopen(&bytes, chosen.kept.len(), self.policy)?;
        self.report.timings.write += started.elapsed();
        self.tell_what_went();
        self.output(bytes)
    }

    fn output(&mut self, bytes: Bytes) -> Result<Media, Failure> {
        self.report.bytes = bytes.len() as u64;
        let media = Media::sniff(bytes);
        media.map_err(|e| Error::because(ErrorKind::Internal, "the output is not recognised as a PDF", e).into())
    }

    /// Whether the file may leave as it was issued.
    fn conforms(&self, chosen: &Chosen) -> bool {
        self.may_leave() && chosen.whole
    }

    /// The same, but for its pages.
    fn may_leave(&self) -> bool {
        self.policy.documents == Documents::AsIssued
            && self.source.is_strict()
            && self.bytes.len() as u64 <= self.policy.max_bytes
            && !self.inventory.is_active()
    }

    /// The file as it is.
    fn pass(&mut self, action: Action) -> Result<Media, Failure> {
        self.report.actions.push(action);
        self.tell_what_stays_behind();
        self.output(self.bytes.clone())
    }

    /// What the policy wants of a signature that a rewrite would lose: the file whole, or a refusal.
    fn keep_signature(&mut self, chosen: &mut Chosen) -> Result<Option<Media>, Failure> {
        if self.inventory.signatures() == 0 || self.policy.signed == Signed::Warn {
            return Ok(None);
        }
        if self.policy.signed == Signed::Refuse || !self.may_leave() {
            let lost = "the document is signed and cannot be sent without losing the signature";
            return Err(Error::new(ErrorKind::SignatureLost, lost).into());
        }
        let mut walk = Walk::new(self.source, self.deadline)?;
        while walk.next()?.is_some() {}
        let pages = u32::try_from(walk.found()).unwrap_or(u32::MAX);
        self.report.pages = pages;
        self.report.total_pages = pages;
        self.report.kept = (1..=pages).collect();
        self.report.dropped.clear();
        self.report.actions.clear();
        chosen.ready = None;
        self.report.warnings.push(Warning::SignedKeptWhole { pages });
        self.pass(Action::PassedThrough).map(Some)
    }

    /// A file that breaks off, and whose pages miss something for it, is refused unless the policy accepts
    /// damage.
    fn refuse_truncated(&mut self, chosen: &Chosen) -> Result<(), Failure> {
        let loses = |warning: &Warning| {
            matches!(warning, Warning::ObjectLost { .. } | Warning::PageLost { .. } | Warning::PageTreeLost)
        };
        let misses = chosen.misses_pages || self.report.warnings.iter().any(loses);
        if self.source.is_strict() || !misses || !is_cut(self.bytes) {
            return Ok(());
        }
        if self.policy.damaged == Damaged::Refuse {
            return Err(Error::new(ErrorKind::Truncated, TRUNCATED).into());
        }
        self.report.warnings.push(Warning::Truncated);
        Ok(())
    }

    /// Names what a rewritten file no longer has.
    fn tell_what_went(&mut self) {
        self.report.actions.push(Action::Rewritten);
        let signatures = self.inventory.signatures();
        for what in Removed::ALL {
            let count = match what {
                Removed::Signatures => signatures,
                Removed::Revisions => inventory::revisions(self.bytes),
                Removed::Information | Removed::Metadata if self.policy.keep_metadata => 0,
                kind => self.inventory.count(kind),
            };
            if count > 0 {
                self.report.actions.push(Action::Removed { what, count });
            }
        }
        if signatures > 0 {
            let fields = std::mem::take(&mut self.inventory.fields);
            self.report.warnings.push(Warning::SignatureLost { signatures, fields });
        }
        self.tell_what_stays_behind();
    }

    fn tell_what_stays_behind(&mut self) {
        if self.inventory.portfolio {
            let files = self.inventory.count(Removed::EmbeddedFiles);
            self.report.warnings.push(Warning::Portfolio { files });
        }
        if self.inventory.count(Removed::XfaForms) > 0 {
            self.report.warnings.push(Warning::XfaForm);
        }
    }

    /// The pages to keep, and the document of exactly these pages where one was already made.
    fn choose(&mut self, mut pages: Pages<'_>) -> Result<Chosen, Failure> {
        let max = self.policy.max_pages.max(1) as usize;
        let (mut kept, mut first, mut ready) = (Vec::new(), None, None);
        let mut more = true;
        while more && kept.len() < max {
            // As many candidates as there are places left.
            let (mut numbers, mut batch) = (Vec::new(), Vec::new());
            while batch.len() < max - kept.len() {
                let in_tree = !pages.are_strays();
                let Some(page) = pages.next()? else {
                    more = false;
                    break;
                };
                if in_tree && pages.are_strays() {
                    // The tree has not one page that can be read: those found elsewhere are counted anew.
                    self.report.pages = 0;
                    self.report.warnings.clear();
                    (numbers, batch) = (Vec::new(), Vec::new());
                    (kept, self.report.kept) = (Vec::new(), Vec::new());
                }
                self.report.pages += 1;
                if page.lost {
                    self.report.warnings.push(Warning::PageLost { page: self.report.pages });
                } else {
                    first.get_or_insert_with(|| (self.report.pages, page.clone()));
                }
                if self.policy.drop_empty
                    && !page.lost
                    && page.damaged.is_none()
                    && is_bare(&page)
                    && !self.has_strange_stream(&page)?
                {
                    self.drop_page(self.report.pages, Reason::NoContent);
                } else {
                    numbers.push(self.report.pages);
                    batch.push(page);
                }
            }
            let (verdicts, document) = self.judge(&batch, &numbers)?;
            let stays = |(page, verdict): (&Page, &Verdict)| page.lost || !matches!(verdict, Verdict::Empty(_));
            let all = kept.is_empty() && batch.iter().zip(&verdicts).all(stays);
            ready = if all { document } else { None };
            for ((number, page), verdict) in numbers.into_iter().zip(batch).zip(verdicts) {
                match if page.lost { Verdict::NotEmpty } else { verdict } {
                    Verdict::Empty(reason) => {
                        self.drop_page(number, reason);
                        continue;
                    }
                    Verdict::NotEmpty => {}
                    Verdict::Doubt => self.report.warnings.push(Warning::PageInDoubt { page: number }),
                    Verdict::Undecodable => self.report.warnings.push(Warning::PageUndecodable { page: number }),
                }
                kept.push(page);
                self.report.kept.push(number);
            }
        }
        let trimmed = more && pages.next()?.is_some();
        if trimmed {
            self.report.actions.push(Action::PagesTrimmed);
        }
        if pages.are_strays() && first.is_some() {
            self.report.warnings.push(Warning::PageTreeLost);
        }
        let Some((number, page)) = first else {
            return Err(Error::new(ErrorKind::NoPages, "the file has no page that can be read").into());
        };
        if kept.is_empty() {
            kept.push(page);
            self.report.kept.push(number);
            self.report.dropped.retain(|d| d.page != number);
            self.report.warnings.push(Warning::AllPagesEmpty);
        }
        if !self.report.dropped.is_empty() {
            let pages = u32::try_from(self.report.dropped.len()).unwrap_or(u32::MAX);
            self.report.actions.push(Action::EmptyPagesDropped { pages });
        }
        self.report.total_pages = u32::try_from(pages.total()).unwrap_or(u32::MAX).max(self.report.pages);
        let whole = !trimmed && self.report.dropped.is_empty();
        // Only the end of the tree tells whether it has all the pages that it claims.
        let misses_pages = !more && kept.len() < max && pages.claims_more();
        Ok(Chosen { kept, ready, whole, misses_pages })
    }

    /// Whether a page has a stream under a key that no standard knows: a name may be misspelt.
    fn has_strange_stream(&self, page: &Page) -> Result<bool, Leave> {
        for (key, value) in page.dict.entries() {
            let strange = !matches!(key.as_bytes(), b"Contents" | b"Metadata" | b"Thumb");
            if strange && value.as_ref_id().is_some() && matches!(self.source.resolve(value)?, Value::Stream(_)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Verdicts on candidates, and the document they were read from.
    fn judge(&mut self, batch: &[Page], numbers: &[u32]) -> Result<(Vec<Verdict>, Option<Bytes>), Failure> {
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
        if self.are_plain(batch)? {
            self.report.timings.judge += started.elapsed();
            self.report.judged += u32::try_from(batch.len()).unwrap_or(u32::MAX);
            return Ok((vec![Verdict::NotEmpty; batch.len()], None));
        }
        let started = Instant::now();
        let Copied { document: copied, losses } = copy::copy(self.source, batch, self.policy, self.deadline)?;
        self.tell_losses(&losses, numbers);
        let harmless = safety::is_harmless(&copied, self.policy.max_inflated_bytes);
        let document = Bytes::from(write(&copied));
        self.report.timings.write += started.elapsed();
        if !harmless {
            return Ok((vec![Verdict::Doubt; batch.len()], Some(document)));
        }
        let started = Instant::now();
        let Judgement { mut verdicts, drawn } = emptiness::judge(&copied, &document, batch.len(), &mut self.budget);
        self.report.timings.judge += started.elapsed();
        self.report.judged += u32::try_from(batch.len()).unwrap_or(u32::MAX);
        self.report.drawn += drawn;
        let is_empty = |verdict: &Verdict| matches!(verdict, Verdict::Empty(_));
        if verdicts.iter().any(is_empty) && !safety::is_whole(&copied, self.policy.max_inflated_bytes) {
            verdicts.iter_mut().filter(|verdict| is_empty(verdict)).for_each(|verdict| *verdict = Verdict::Doubt);
        }
        for (verdict, page) in verdicts.iter_mut().zip(batch) {
            if is_empty(verdict) && self.has_strange_stream(page)? {
                *verdict = Verdict::Doubt;
            }
        }
        // A page that lost something is not known to be empty.
        for page in losses.iter().filter_map(|loss| loss.page) {
            if let Some(verdict) = verdicts.get_mut(page).filter(|verdict| is_empty(verdict)) {
                *verdict = Verdict::Doubt;
            }
        }
        Ok((verdicts, Some(document)))
    }

    /// Whether all of these pages are plainly not empty. Of a file that is not as it should be nothing is plain.
    fn are_plain(&self, batch: &[Page]) -> Result<bool, Leave> {
        if !self.source.is_strict() {
            return Ok(false);
        }
        for page in batch {
            if self.deadline.is_over() || !emptiness::has_mark(self.source, page)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn tell_losses(&mut self, losses: &[Loss], numbers: &[u32]) {
        for loss in losses {
            let page = loss.page.and_then(|index| numbers.get(index)).copied();
            let object = loss.object;
            let warning = match loss.extent {
                Extent::Whole => Warning::ObjectLost { page, object },
                Extent::Part => Warning::ObjectDamaged { page, object },
            };
            if !self.report.warnings.contains(&warning) {
                self.report.warnings.push(warning);
            }
        }
    }

    fn drop_page(&mut self, page: u32, reason: Reason) {
        self.report.dropped.push(Dropped { page, reason });
    }

    /// The output, with images re-encoded where it would not fit.
    fn finish(&mut self, pages: &[Page]) -> Result<Bytes, Failure> {
        let Copied { mut document, losses } = copy::copy(self.source, pages, self.policy, self.deadline)?;
        let kept = self.report.kept.clone();
        self.tell_losses(&losses, &kept);
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

/// Why a file that breaks off is refused.
pub(crate) const TRUNCATED: &str = "the file breaks off, and what its pages need is missing";

/// What is to be kept of a file.
struct Chosen {
    kept: Vec<Page>,
    /// The document of exactly these pages, where one was already made.
    ready: Option<Bytes>,
    /// They are all the pages that the file has.
    whole: bool,
    /// The tree claims pages that it has not.
    misses_pages: bool,
}

/// A page with neither content nor annotations, which nobody needs to look at. What is there and cannot be
/// read is not nothing.
fn is_bare(page: &Page) -> bool {
    [b"Contents".as_slice(), b"Annots"].iter().all(|key| match page.dict.get(key) {
        None | Some(Object::Null) => true,
        Some(Object::Array(items)) => items.is_empty(),
        Some(_) => false,
    })
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
