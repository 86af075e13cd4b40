//! The device that looks for marks. The first certain one ends the search by unwinding out of the
//! interpreter; marks that may or may not be seen are left to the raster.

use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::kurbo::{Affine, BezPath, Rect, Shape};
use hayro_interpret::{BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, Paint, SoftMask};
use hayro_syntax::object::{Array, Name, Stream};

use crate::clock::Deadline;
use crate::guard;
use crate::safety;

/// Pixels of one image beyond which nobody looks at the page.
const MAX_IMAGE_PIXELS: u64 = 100_000_000;

/// What an image in the content may inflate to.
const MAX_INLINE_BYTES: u64 = 256 << 20;

/// A mark this dark on white paper is seen at any size that counts; darkness is 255 for black.
const CERTAINLY_DARK: f32 = 75.0;

/// Lighter than this nothing is seen: the limit of the oracle (no channel below 250).
const INVISIBLY_LIGHT: f32 = 5.0;

/// A dark mark of this many square points is seen at 36 dpi, where a point is a quarter of a pixel.
const CERTAIN_AREA: f64 = 1.0;

/// What was seen so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// A mark that is visible beyond doubt.
    pub(super) certain: bool,
    /// Certain marks do not end the walk.
    pub(super) exhaustive: bool,
    /// Something that only the raster can tell.
    pub(super) unclear: bool,
    /// The share of the page that images cover, overlaps counted twice.
    pub(super) image_share: f64,
    /// Something besides images is unclear.
    pub(super) unclear_lines: bool,
    /// Text whose font has no shapes for it.
    pub(super) missing_glyphs: bool,
    /// An image too large to look at.
    pub(super) huge_image: bool,
    /// Runs of text, paths and images that the interpreter came to, visible or not.
    pub(super) texts: u32,
    pub(super) paths: u32,
    pub(super) images: u32,
}

pub(super) struct Marks<'s> {
    seen: &'s mut Seen,
    page: Rect,
    deadline: Deadline,
    /// Callbacks so far.
    calls: u32,
    /// Bounds of the clips in force, and whether they are rectangles.
    clips: Vec<(Rect, bool)>,
    /// Whether a group in force leaves its marks as they are.
    groups: Vec<bool>,
}

impl<'s> Marks<'s> {
    pub(super) fn new(page: Rect, deadline: Deadline, seen: &'s mut Seen) -> Self {
        Self { seen, page, deadline, calls: 0, clips: Vec::new(), groups: Vec::new() }
    }

    /// Looks at the clock now and then: asking the kernel costs as much as a mark.
    fn tick(&mut self) {
        self.calls = self.calls.wrapping_add(1);
        if self.calls.is_multiple_of(16) && self.deadline.is_over() {
            guard::give_up();
        }
    }

    /// The part of a box that clips and page leave.
    fn visible(&self, bounds: Rect) -> Rect {
        let clip = self.clips.last().map_or(self.page, |(clip, _)| *clip);
        bounds.intersect(clip).intersect(self.page)
    }

    fn plain(&self) -> bool {
        self.groups.iter().all(|plain| *plain) && self.clips.iter().all(|(_, rectangle)| *rectangle)
    }

    fn unclear(&mut self) {
        self.seen.unclear = true;
        self.seen.unclear_lines = true;
    }

    /// Something solid within these bounds, in page units.
    fn mark(&mut self, bounds: Rect, props: &DrawProps<'_>) {
        let bounds = self.visible(bounds);
        if bounds.width() <= 0.0 || bounds.height() <= 0.0 {
            return;
        }
        let Paint::Color(color) = &props.paint else { return self.unclear() };
        let [red, green, blue, alpha] = color.to_rgba().to_rgba8().map(f32::from);
        let darkness = (255.0 - red.min(green).min(blue)) * alpha / 255.0;
        let ordinary = props.blend_mode == BlendMode::Normal && props.soft_mask.is_none();
        if ordinary && darkness <= INVISIBLY_LIGHT && self.groups.iter().all(|plain| *plain) {
            return;
        }
        if ordinary && darkness >= CERTAINLY_DARK && bounds.area() >= CERTAIN_AREA && self.plain() {
            self.seen.certain = true;
            if self.seen.exhaustive {
                return;
            }
            guard::give_up();
        }
        self.unclear();
    }

    fn glyph(&mut self, glyph: &Glyph<'_>, place: Affine, props: &DrawProps<'_>, mode: &DrawMode) {
        let Glyph::Outline(outline) = glyph else { return };
        let path = outline.outline();
        if path.elements().is_empty() {
            self.seen.missing_glyphs |= !is_space(glyph);
            return;
        }
        let bounds = (props.transform * place).transform_rect_bbox(path.bounding_box());
        self.mark(stroked(bounds, props.transform, mode), props);
    }
}

/// The same bounds, widened by half a line where the mark is a line.
fn stroked(bounds: Rect, transform: Affine, mode: &DrawMode) -> Rect {
    match mode {
        DrawMode::Stroke(stroke) | DrawMode::FillAndStroke(_, stroke) => {
            // Lines of no width are drawn a device pixel wide.
            let half = f64::from(stroke.line_width) / 2.0 * transform.determinant().abs().sqrt();
            let half = half.clamp(0.1, 1e6);
            bounds.inflate(half, half)
        }
        DrawMode::Fill(_) | DrawMode::Invisible => bounds,
    }
}

/// Whether an image in the content can be decoded without bursting.
fn is_harmless(stream: &Stream<'_>) -> bool {
    let dict = stream.dict();
    let name = |key: &str| dict.get::<Name<'_>>(key);
    let names: Vec<Vec<u8>> = match name("F").or_else(|| name("Filter")) {
        Some(single) => vec![single.to_vec()],
        None => {
            let list = dict.get::<Array<'_>>("F").or_else(|| dict.get::<Array<'_>>("Filter"));
            list.map(|list| list.iter::<Name<'_>>().map(|name| name.to_vec()).collect()).unwrap_or_default()
        }
    };
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    safety::is_harmless_data(&stream.raw_data(), &names, MAX_INLINE_BYTES)
}

/// Whether a glyph without a shape is one that needs none.
fn is_space(glyph: &Glyph<'_>) -> bool {
    let blank = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}')
    };
    match glyph.as_unicode() {
        Some(BfString::Char(c)) => blank(c),
        Some(BfString::String(s)) => s.chars().all(blank),
        None => glyph.char_code() == 32,
    }
}

impl<'a> Device<'a> for Marks<'_> {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        self.tick();
        self.seen.paths = self.seen.paths.saturating_add(1);
        if matches!(mode, DrawMode::Invisible) || path.elements().is_empty() {
            return;
        }
        let bounds = props.transform.transform_rect_bbox(path.bounding_box());
        // Readers draw fills without area as hairlines.
        let bounds = if bounds.area() > 0.0 { bounds } else { bounds.inflate(0.1, 0.1) };
        self.mark(stroked(bounds, props.transform, mode), &props);
    }

    fn push_clip_path(&mut self, clip: &ClipPath) {
        self.tick();
        self.clips.push((self.visible(clip.path.bounding_box()), false));
    }

    fn push_clip_rect(&mut self, rect: &Rect) {
        let plain = self.clips.last().is_none_or(|(_, rectangle)| *rectangle);
        self.clips.push((self.visible(*rect), plain));
    }

    fn push_transparency_group(&mut self, opacity: f32, mask: Option<SoftMask<'a>>, blend_mode: BlendMode) {
        self.tick();
        self.groups.push(opacity >= 0.9 && mask.is_none() && blend_mode == BlendMode::Normal);
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        self.tick();
        self.seen.texts = self.seen.texts.saturating_add(1);
        if matches!(mode, DrawMode::Invisible) {
            return;
        }
        for glyph in run.glyphs() {
            if let Glyph::Type3(drawn) = &**glyph {
                drawn.interpret(self, props.transform, glyph.transform(), &props.paint);
            } else {
                self.glyph(glyph, glyph.transform(), &props, mode);
            }
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.tick();
        self.seen.images = self.seen.images.saturating_add(1);
        let (width, height) = (f64::from(image.width()), f64::from(image.height()));
        let bounds = self.visible(props.transform.transform_rect_bbox(Rect::new(0.0, 0.0, width, height)));
        if bounds.width() <= 0.0 || bounds.height() <= 0.0 {
            return;
        }
        if u64::from(image.width()) * u64::from(image.height()) > MAX_IMAGE_PIXELS {
            self.seen.huge_image = true;
            guard::give_up();
        }
        // Images that stand in the content were not measured with the document's other streams.
        let stream = match &image {
            Image::Stencil(stencil) => stencil.stream(),
            Image::Raster(raster) => raster.stream(),
        };
        if stream.obj_id().obj_number == 0 && !is_harmless(stream) {
            self.seen.huge_image = true;
            guard::give_up();
        }
        self.seen.unclear = true;
        match image {
            Image::Stencil(_) => self.seen.unclear_lines = true,
            Image::Raster(_) => self.seen.image_share += bounds.area() / self.page.area().max(1.0),
        }
    }

    fn pop_clip(&mut self) {
        self.clips.pop();
    }

    fn pop_transparency_group(&mut self) {
        self.groups.pop();
    }
}
