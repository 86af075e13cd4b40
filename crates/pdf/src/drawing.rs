//! The kept pages as pictures, for vendors that take no documents: one JPEG a page.
//!
//! What is drawn is the document that a trim makes: hidden layers stay hidden, annotations and form fields are drawn
//! as they look. Where a page has something that this renderer cannot draw (text in a font that is not in the file,
//! an image that does not decode, an annotation that every reader draws its own way), its picture lacks it, and a
//! warning says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hayro::hayro_interpret::InterpreterSettings;
use hayro_syntax::Pdf;
use sealpress_media::Media;
use serde::{Deserialize, Serialize};

use crate::clock::Deadline;
use crate::emptiness;
use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::guard;
use crate::policy::{Documents, Policy};
use crate::render;
use crate::report::{Action, Report, Warning};
use crate::safety;
use crate::source::Source;

/// Points of an inch.
const POINTS: f32 = 72.0;

/// Of one pixel while a page is drawn: four bytes of colour, three of the picture, what its JPEG takes, and the
/// renderer's own layers.
const BYTES_A_PIXEL: u64 = 20;

/// How pages become pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Drawing {
    /// Pixels of an inch of paper, where the box leaves room for them; 1 to 1,200.
    pub dots_per_inch: u16,
    /// Most pixels of a row.
    pub max_width: u16,
    /// Most rows.
    pub max_height: u16,
    /// Quality of the JPEGs, 1 to 100.
    pub quality: u8,
}

impl Default for Drawing {
    /// 200 dots per inch, at most 4,000 pixels a side, quality 90.
    fn default() -> Self {
        Self { dots_per_inch: 200, max_width: 4_000, max_height: 4_000, quality: 90 }
    }
}

impl Drawing {
    /// The same, in a box of so many pixels.
    #[must_use]
    pub fn with_box(mut self, width: u16, height: u16) -> Self {
        (self.max_width, self.max_height) = (width.max(1), height.max(1));
        self
    }

    /// Bytes of memory that drawing takes beside what a trim does: one page at a time, and all the pictures.
    pub(crate) fn memory(&self, pages: u32) -> u64 {
        let pixels = u64::from(self.max_width) * u64::from(self.max_height);
        pixels * BYTES_A_PIXEL + pixels / 2 * u64::from(pages)
    }

    /// Pixels of a point of paper of this size.
    fn scale(&self, width: f32, height: f32) -> f32 {
        let wanted = f32::from(self.dots_per_inch.clamp(1, 1200)) / POINTS;
        let room = |most: u16, length: f32| f32::from(most.max(1)) / length.max(1.0);
        wanted.min(room(self.max_width, width)).min(room(self.max_height, height))
    }
}

/// The kept pages of a PDF as pictures.
#[derive(Clone, Debug)]
pub struct Drawn {
    pages: Vec<Media>,
    report: Report,
}

impl Drawn {
    pub(crate) const fn new(pages: Vec<Media>, report: Report) -> Self {
        Self { pages, report }
    }

    /// One picture for each kept page, in their order: a JPEG of a page that was drawn, a PNG of one that was scanned.
    #[must_use]
    pub fn pages(&self) -> &[Media] {
        &self.pages
    }

    /// The same, given away.
    #[must_use]
    pub fn into_pages(self) -> Vec<Media> {
        self.pages
    }

    /// What was found and done.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }
}

/// The policy under which a document is trimmed that is then drawn: the byte limit is a document's and no picture's,
/// and signatures are lost, since no picture has any.
pub(crate) fn beforehand(policy: &Policy) -> Policy {
    Policy { documents: Documents::PagesOnly, max_bytes: u64::MAX, ..policy.clone() }
}

/// Draws all pages of a document of ours, which this is said of.
pub(crate) fn draw(policy: &Policy, document: &Bytes, mut report: Report, drawing: Drawing) -> Result<Drawn, Error> {
    let conditional = look(document, policy)?;
    let (mut pages, mut left) = (Vec::with_capacity(report.kept.len()), policy.shrink_budget);
    for (index, number) in report.kept.clone().into_iter().enumerate() {
        let document = document.clone();
        let mut drawing_it = guard::start(move |send| send(page(&document, index, drawing, left)))?;
        let drawn = drawing_it.next(left).map_err(|stopped| match stopped {
            guard::Stopped::Timeout => Error::new(ErrorKind::Timeout, "drawing the pages took too long"),
            other => other.into(),
        });
        left = left.saturating_sub(drawing_it.counted());
        let Picture { jpeg, whole } = drawn??;
        if !whole || conditional {
            report.warnings.push(Warning::PageDrawnInPart { page: number });
        }
        pages.push(Media::sniff(jpeg).map_err(|e| Error::because(ErrorKind::Internal, "no picture was drawn", e))?);
    }
    report.bytes = pages.iter().map(|page| page.len() as u64).sum();
    report.actions.retain(|action| *action != Action::Rewritten);
    let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
    report.actions.push(Action::PagesDrawn { pages: count, dots_per_inch: drawing.dots_per_inch });
    Ok(Drawn { pages, report })
}

/// Judges every stream before a renderer inflates it. True where layers hang together by expressions, which this
/// renderer does not read: what it shows may not be what is meant.
fn look(document: &Bytes, policy: &Policy) -> Result<bool, Error> {
    let unread = |_| Error::new(ErrorKind::Internal, "the pages cannot be read back");
    let source = Source::reopen(document, policy).map_err(unread)?;
    let (mut harmless, mut conditional) = (true, false);
    let walked = source.each(&mut |value| {
        harmless &= safety::is_harmless_value(value, policy.max_inflated_bytes);
        conditional |= value.dict().is_some_and(|dict| dict.contains(b"VE"));
        Ok(())
    });
    match walked {
        Err(Failure::Error(e)) => Err(e),
        Err(Failure::Leave(_)) => Err(Error::new(ErrorKind::Internal, "the pages cannot be read back")),
        Ok(()) if harmless => Ok(conditional),
        Ok(()) => Err(Error::new(ErrorKind::Limit, "a page holds more than may be drawn")),
    }
}

struct Picture {
    jpeg: Bytes,
    /// Nothing of the page is missing, as far as the renderer knows.
    whole: bool,
}

fn page(document: &Bytes, index: usize, drawing: Drawing, budget: Duration) -> Result<Picture, Error> {
    let undrawn = || Error::new(ErrorKind::Corrupt, "a page cannot be drawn");
    let pdf = Pdf::new(Arc::new(document.clone())).map_err(|_| undrawn())?;
    let page = pdf.pages().get(index).ok_or_else(undrawn)?;
    let warned = Arc::new(AtomicBool::new(false));
    let sink = Arc::clone(&warned);
    let settings = InterpreterSettings {
        warning_sink: Arc::new(move |_| sink.store(true, Ordering::Relaxed)),
        ..InterpreterSettings::default()
    };
    let sight = emptiness::look_whole(page, &settings, Deadline::after(budget))
        .ok_or_else(|| Error::new(ErrorKind::Timeout, "drawing the pages took too long"))?;
    if sight.is_huge {
        return Err(Error::new(ErrorKind::Limit, "a page holds more than may be drawn"));
    }
    let (width, height) = page.render_dimensions();
    let picture = render::at_scale(page, drawing.scale(width, height), &settings);
    let (width, height) = (picture.width as usize, picture.height as usize);
    let image = turbojpeg::Image {
        pixels: &picture.rgb[..],
        width,
        pitch: width * 3,
        height,
        format: turbojpeg::PixelFormat::RGB,
    };
    let quality = i32::from(drawing.quality.clamp(1, 100));
    let jpeg = turbojpeg::compress(image, quality, turbojpeg::Subsamp::Sub2x2)
        .map_err(|e| Error::because(ErrorKind::Internal, "the picture of a page cannot be written", e))?;
    Ok(Picture { jpeg: Bytes::copy_from_slice(&jpeg), whole: sight.is_whole && !warned.load(Ordering::Relaxed) })
}
