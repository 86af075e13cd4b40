//! TIFFs: scans and faxes, which are documents of one picture a page. A page is read as pixels and written as a
//! picture, or as the page of a PDF that goes the way of any other one: looked at for emptiness, then trimmed.
//! Of the file nothing stays but pixels: no tags, no thumbnails, no private data.
//!
//! The container and the samples are read by a reader of ours, since it has to judge every size before it allocates
//! for it and all the codecs in a TIFF are those of a PDF, which this crate has already: faxes of three kinds, LZW,
//! deflate, PackBits, JPEG.

mod bits;
mod container;
mod raster;
mod samples;

use std::time::Duration;

use bytes::Bytes;
use sealpress_media::{Format, Media};

use crate::drawing::Drawn;
use crate::error::{Error, ErrorKind};
use crate::guard;
use crate::object::{Dict, Object, Stream, Value};
use crate::policy::{Damaged, Documents, Policy};
use crate::report::{Action, Dropped, Reason, Report, Warning};
use crate::trimmed::Trimmed;
use crate::write::{Document, deflate, reference, write};
use container::{Chain, Container, tag};
use raster::{Raster, Samples};
use samples::Layout;

/// Dots per inch of a page that does not say how large it is.
const USUAL_RESOLUTION: f64 = 200.0;

/// Points of the largest page that readers of PDFs take.
const MAX_POINTS: f64 = 14_400.0;

/// Bytes of a colour profile. Real ones have up to a million and a half.
const MAX_PROFILE: usize = 4 << 20;

const NOT_WRITTEN: Error = Error::new(ErrorKind::Internal, "no document was written");

/// A TIFF whose pages are known and not yet read.
#[derive(Clone)]
pub(crate) struct Scan {
    container: Container,
    /// Where the directories of the pages stand.
    pages: Vec<usize>,
    /// There may have been more of them.
    is_torn: bool,
}

/// A page as it was read.
struct Page {
    raster: Raster,
    orientation: u32,
    /// Pixels of an inch, across and down.
    resolution: (f64, f64),
    profile: Option<Bytes>,
}

/// A page written as an image, with its size on paper in points and its turn to the right.
struct Sheet {
    image: Stream,
    /// A profile of the image's samples, which black and white has no use for.
    profile: Option<Bytes>,
    width: f64,
    height: f64,
}

impl Scan {
    /// Finds the pages of a TIFF. Smaller copies and masks of pages are none.
    pub(crate) fn read(media: &Media, policy: &Policy) -> Result<Self, Error> {
        if media.format() != Format::Tiff {
            return Err(Error::new(ErrorKind::UnsupportedFormat, "not a TIFF"));
        }
        if media.len() as u64 > policy.max_input_bytes {
            return Err(Error::new(ErrorKind::TooLarge, "the file is larger than the policy allows"));
        }
        let container = Container::new(media.bytes())?;
        let Chain { directories, is_torn } = container.directories()?;
        if is_torn && policy.damaged == Damaged::Refuse {
            return Err(Error::new(ErrorKind::Truncated, "the list of pages leads out of the file"));
        }
        let mut pages = Vec::new();
        for at in directories {
            let directory = container.directory(at)?;
            if directory.contains(tag::DNG) {
                return Err(Error::new(ErrorKind::UnsupportedFormat, "a camera's raw file, not a TIFF of pages"));
            }
            // Bit 0: a smaller copy, bit 2: a mask.
            if directory.first(tag::KIND).unwrap_or(0) & 0b101 == 0 && directory.contains(tag::WIDTH) {
                pages.push(at);
            }
        }
        if pages.is_empty() {
            return Err(Error::new(ErrorKind::NoPages, "the file has no page that can be read"));
        }
        Ok(Self { container, pages, is_torn })
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.pages.len()).unwrap_or(u32::MAX)
    }

    /// Most bytes that reading a page takes.
    pub(crate) fn memory(&self) -> u64 {
        let page =
            |at: &usize| self.container.directory(*at).and_then(|page| Layout::of(&page)).map_or(0, |l| l.memory());
        self.pages.iter().map(page).max().unwrap_or(0)
    }

    /// The page of this index.
    fn page(&self, index: usize) -> Result<Page, Error> {
        let at = self.pages.get(index).ok_or(Error::new(ErrorKind::NoPages, "the file has no page of this number"))?;
        let directory = self.container.directory(*at)?;
        let raster = Layout::of(&directory)?.decode(&self.container, &directory)?;
        let fraction = |tag: u16| directory.fraction(tag).filter(|dots| (1.0..=100_000.0).contains(dots));
        // Unit 1 is none: the two numbers only tell how wide a pixel is against its height.
        let unit = directory.first(tag::RESOLUTION_UNIT).unwrap_or(2);
        let resolution = match (fraction(tag::X_RESOLUTION), fraction(tag::Y_RESOLUTION)) {
            (Some(across), Some(down)) if unit == 3 => (across * 2.54, down * 2.54),
            (Some(across), Some(down)) if unit == 2 => (across, down),
            (Some(across), Some(down)) => (USUAL_RESOLUTION, USUAL_RESOLUTION * down / across),
            _ => (USUAL_RESOLUTION, USUAL_RESOLUTION),
        };
        let orientation = directory.first(tag::ORIENTATION).unwrap_or(1);
        let profile = directory.bytes(tag::PROFILE).filter(|profile| profile.len() <= MAX_PROFILE);
        Ok(Page { raster, orientation, resolution, profile })
    }

    /// The page under a guard: broken codecs cost it alone, and time is counted.
    fn guarded<T: Send + 'static>(
        &self,
        index: usize,
        left: &mut Duration,
        make: impl FnOnce(Page) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let scan = self.clone();
        let mut reading = guard::start(move |send| send(scan.page(index).and_then(make)))?;
        let made = reading.next(*left).map_err(Error::from);
        *left = left.saturating_sub(reading.counted());
        made?
    }
}

impl Page {
    fn sheet(self) -> Sheet {
        let Self { raster, orientation, resolution: (across, down), profile } = self;
        let profile = profile.filter(|profile| raster.samples != Samples::Bilevel && raster.is_of(profile));
        // Inks without a profile are shown by every reader its own way.
        let raster = if profile.is_some() { raster } else { raster.coloured() };
        let (across, down) = if (5..=8).contains(&orientation) { (down, across) } else { (across, down) };
        let raster = raster.upright(orientation);
        #[expect(clippy::cast_precision_loss, reason = "sizes of paper")]
        let points = |pixels: usize, dots: f64| pixels as f64 / dots * 72.0;
        let (width, height) = (points(raster.width, across), points(raster.height, down));
        // Paper may be neither larger than readers take nor too thin to be seen.
        let scale = (MAX_POINTS / width.max(height)).min(1.0).max(3.0 / width.min(height).min(3.0));
        let fit = |points: f64| (points * scale).min(MAX_POINTS);
        Sheet { image: raster.image(), profile, width: fit(width), height: fit(height) }
    }

    fn picture(self) -> Result<Media, Error> {
        let Self { raster, orientation, resolution: (across, down), profile } = self;
        raster.coloured().square(down / across).upright(orientation).png(profile.as_deref())
    }
}

/// Pages as a PDF.
fn document(sheets: Vec<Sheet>) -> Bytes {
    let count = u32::try_from(sheets.len()).unwrap_or(u32::MAX);
    let mut objects = Vec::new();
    let mut catalog = Dict::default();
    catalog.push(b"Type", Object::name(b"Catalog"));
    catalog.push(b"Pages", reference(2));
    let mut tree = Dict::default();
    tree.push(b"Type", Object::name(b"Pages"));
    tree.push(b"Count", Object::Int(i64::from(count)));
    tree.push(b"Kids", Object::Array((0..count).map(|n| reference(3 + 3 * n)).collect()));
    objects.push((1, Value::Plain(Object::Dict(catalog))));
    objects.push((2, Value::Plain(Object::Dict(tree))));
    // Pages of one scanner have one profile.
    let mut profiles: Vec<Bytes> = Vec::new();
    for (number, Sheet { mut image, profile, width, height }) in (3..).step_by(3).zip(sheets) {
        if let Some(profile) = profile {
            let known = profiles.iter().position(|known| *known == profile).unwrap_or_else(|| {
                profiles.push(profile);
                profiles.len() - 1
            });
            let at = reference(3 + 3 * count + u32::try_from(known).unwrap_or(u32::MAX));
            image.dict.set(b"ColorSpace", Object::Array(vec![Object::name(b"ICCBased"), at]));
        }
        let mut images = Dict::default();
        images.push(b"I", reference(number + 2));
        let mut resources = Dict::default();
        resources.push(b"XObject", Object::Dict(images));
        let mut page = Dict::default();
        page.push(b"Type", Object::name(b"Page"));
        page.push(b"Parent", reference(2));
        let sides = [Object::Int(0), Object::Int(0), Object::Real(width), Object::Real(height)];
        page.push(b"MediaBox", Object::Array(sides.to_vec()));
        page.push(b"Resources", Object::Dict(resources));
        page.push(b"Contents", reference(number + 1));
        let content = format!("q {width} 0 0 {height} 0 0 cm /I Do Q");
        let content = Stream { dict: Dict::default(), data: Bytes::from(content) };
        objects.push((number, Value::Plain(Object::Dict(page))));
        objects.push((number + 1, Value::Stream(content)));
        objects.push((number + 2, Value::Stream(image)));
    }
    for (number, profile) in (3 + 3 * count..).zip(profiles) {
        objects.push((number, Value::Stream(colour_space(&profile))));
    }
    Bytes::from(write(&Document { objects, root: 1, info: None }))
}

/// A profile as a colour space is based on it.
fn colour_space(profile: &[u8]) -> Stream {
    let (components, plain) = match profile.get(16..20) {
        Some(b"GRAY") => (1, "DeviceGray"),
        Some(b"CMYK") => (4, "DeviceCMYK"),
        _ => (3, "DeviceRGB"),
    };
    let mut dict = Dict::default();
    dict.push(b"N", Object::Int(components));
    dict.push(b"Alternate", Object::name(plain.as_bytes()));
    dict.push(b"Filter", Object::name(b"FlateDecode"));
    Stream { dict, data: Bytes::from(deflate(profile)) }
}

/// The pages to keep, and what is said of the choice.
struct Choice {
    sheets: Vec<Sheet>,
    report: Report,
}

/// Whoever trims the PDFs that are made of pages.
type Trim<'t> = &'t dyn Fn(Policy, &Media) -> Result<Trimmed, Error>;

/// What is trimmed of a scan: its first pages that are not empty, and PDF made of them.
pub(crate) fn trim(media: &Media, policy: &Policy, trim: Trim<'_>) -> Result<Trimmed, Error> {
    let scan = Scan::read(media, policy)?;
    let mut left = policy.read_budget;
    let Choice { sheets, report: chosen } = choose(&scan, policy, trim, &mut left)?;
    let made = Media::known(Format::Pdf, document(sheets)).ok_or(NOT_WRITTEN)?;
    let as_made = policy.clone().keeping_empty_pages().with_documents(Documents::AsIssued);
    let (made, done) = trim(as_made, &made)?.into_parts();
    let mut report =
        Report { bytes: done.bytes, images_reencoded: done.images_reencoded, timings: done.timings, ..chosen };
    report.original_bytes = media.len() as u64;
    report.actions.push(Action::WrittenAsPdf { pages: u32::try_from(report.kept.len()).unwrap_or(u32::MAX) });
    report.actions.extend(done.actions.into_iter().filter(|action| matches!(action, Action::ImagesReencoded { .. })));
    Ok(Trimmed::new(made, report))
}

/// The pages of a scan as pictures, lossless: whoever wants them smaller makes them so as any other picture. The only
/// page of a scan is taken unseen.
pub(crate) fn draw(media: &Media, policy: &Policy, trim: Trim<'_>) -> Result<Drawn, Error> {
    let scan = Scan::read(media, policy)?;
    let mut left = policy.read_budget;
    let mut report = if scan.count() == 1 {
        Report { kept: vec![1], ..report(&scan) }
    } else {
        choose(&scan, policy, trim, &mut left)?.report
    };
    let mut left = policy.shrink_budget;
    let mut pages = Vec::with_capacity(report.kept.len());
    for number in &report.kept {
        pages.push(scan.guarded(*number as usize - 1, &mut left, Page::picture)?);
    }
    report.original_bytes = media.len() as u64;
    report.bytes = pages.iter().map(|page| page.len() as u64).sum();
    Ok(Drawn::new(pages, report))
}

/// The page of this number as a PDF of its own.
pub(crate) fn page_as_pdf(media: &Media, policy: &Policy, number: u32) -> Result<Media, Error> {
    let scan = Scan::read(media, policy)?;
    let index = (number as usize).saturating_sub(1);
    let sheet = scan.guarded(index, &mut policy.read_budget.clone(), |page| Ok(page.sheet()))?;
    Media::known(Format::Pdf, document(vec![sheet])).ok_or(NOT_WRITTEN)
}

/// Nothing said yet.
fn report(scan: &Scan) -> Report {
    let warnings = if scan.is_torn { vec![Warning::Truncated] } else { Vec::new() };
    Report { pages: scan.count().min(1), total_pages: scan.count(), warnings, ..Report::new() }
}

/// Reads page after page until there are as many as the policy allows that are not empty.
fn choose(scan: &Scan, policy: &Policy, trim: Trim<'_>, left: &mut Duration) -> Result<Choice, Error> {
    let mut report = Report { pages: 0, ..report(scan) };
    let (mut sheets, mut first) = (Vec::new(), None);
    let mut judge = policy.judge_budget;
    for number in 1..=scan.count() {
        if sheets.len() == policy.max_pages.max(1) as usize {
            report.actions.push(Action::PagesTrimmed);
            break;
        }
        report.pages = number;
        let sheet = scan.guarded(number as usize - 1, left, |page| Ok(page.sheet()))?;
        let looks = policy.drop_empty && number <= policy.max_judged_pages && !judge.is_zero();
        if policy.drop_empty && !looks && !report.warnings.contains(&Warning::PagesNotJudged) {
            report.warnings.push(Warning::PagesNotJudged);
        }
        let (sheet, empty) = if looks { judged(sheet, policy, trim, &mut judge)? } else { (sheet, None) };
        report.judged += u32::from(looks);
        match empty {
            Some(reason) => {
                report.dropped.push(Dropped { page: number, reason });
                first.get_or_insert(sheet);
            }
            None => {
                report.kept.push(number);
                sheets.push(sheet);
            }
        }
    }
    if let (true, Some(sheet)) = (sheets.is_empty(), first) {
        report.kept.push(report.dropped.remove(0).page);
        report.warnings.push(Warning::AllPagesEmpty);
        sheets.push(sheet);
    }
    if !report.dropped.is_empty() {
        let pages = u32::try_from(report.dropped.len()).unwrap_or(u32::MAX);
        report.actions.push(Action::EmptyPagesDropped { pages });
    }
    Ok(Choice { sheets, report })
}

/// The sheet again, and why it is empty if it is: the rule is that of any page of a PDF.
fn judged(
    sheet: Sheet,
    policy: &Policy,
    trim: Trim<'_>,
    left: &mut Duration,
) -> Result<(Sheet, Option<Reason>), Error> {
    let copy = Sheet { image: sheet.image.clone(), profile: sheet.profile.clone(), ..sheet };
    let single = Media::known(Format::Pdf, document(vec![copy])).ok_or(NOT_WRITTEN)?;
    let mut alone = Policy { max_bytes: u64::MAX, judge_budget: *left, ..policy.clone() };
    alone.drop_empty = true;
    let trimmed = trim(alone, &single)?;
    *left = left.saturating_sub(trimmed.report().timings.judge);
    let empty = trimmed.report().warnings.contains(&Warning::AllPagesEmpty);
    Ok((sheet, empty.then_some(Reason::BlankScan)))
}
