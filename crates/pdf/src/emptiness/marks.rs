//! What a page's content does, seen without drawing it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hayro_interpret::font::GlyphRun;
use hayro_interpret::kurbo::{Affine, BezPath, Rect};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, SoftMask, interpret_page,
};
use hayro_syntax::content::ops::TypedInstruction;
use hayro_syntax::object::{Array, Dict, Object, Stream};
use hayro_syntax::page::Page;

use super::Verdict;
use crate::guard;
use crate::report::Reason;

/// Judges one page. Unwinds when `deadline` passes within the interpreter.
pub(super) fn judge(page: &Page<'_>, deadline: Instant) -> Verdict {
    match content(page) {
        Content::Undecodable => return Verdict::Undecodable,
        Content::Unknown => return Verdict::Doubt,
        Content::Absent if !has_annotations(page) => return Verdict::Empty(Reason::NoContent),
        Content::Absent | Content::Readable => {}
    }
    let warned = Arc::new(AtomicBool::new(false));
    let sink = Arc::clone(&warned);
    let settings = InterpreterSettings {
        warning_sink: Arc::new(move |_| sink.store(true, Ordering::Relaxed)),
        ..InterpreterSettings::default()
    };
    let (width, height) = page.render_dimensions();
    let target = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let transform = page.initial_transform(true);
    let transform = Affine::new(transform.as_coeffs());
    let cache = InterpreterCache::new();
    let mut context = Context::new(transform, target, &cache, page.xref(), settings);
    let mut marks = Marks { deadline, any: false };
    interpret_page(page, &mut context, &mut marks);
    if marks.any || has_annotations(page) {
        Verdict::NotEmpty
    } else if warned.load(Ordering::Relaxed) {
        Verdict::Doubt
    } else {
        Verdict::Empty(Reason::NoMarks)
    }
}

enum Content {
    /// No content stream, or nothing but white space in it.
    Absent,
    /// Every stream decodes, and there is an operator that is known.
    Readable,
    /// A stream does not decode.
    Undecodable,
    /// Nothing in it is an operator.
    Unknown,
}

fn content(page: &Page<'_>) -> Content {
    let raw = page.raw();
    if let Some(stream) = raw.get::<Stream<'_>>("Contents") {
        if stream.decoded_data().is_err() {
            return Content::Undecodable;
        }
    } else if let Some(array) = raw.get::<Array<'_>>("Contents") {
        for stream in array.iter::<Object<'_>>().filter_map(Object::into_stream) {
            if stream.decoded_data().is_err() {
                return Content::Undecodable;
            }
        }
    }
    let Some(bytes) = page.page_stream() else { return Content::Absent };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Content::Absent;
    }
    let mut typed = page.typed_operations();
    while let Some(operator) = typed.next() {
        if !matches!(operator, TypedInstruction::Fallback(_)) {
            return Content::Readable;
        }
    }
    Content::Unknown
}

fn has_annotations(page: &Page<'_>) -> bool {
    let Some(annotations) = page.raw().get::<Array<'_>>("Annots") else { return false };
    annotations.iter::<Dict<'_>>().next().is_some()
}

/// A device that notes whether anything was drawn, and watches the clock.
struct Marks {
    deadline: Instant,
    any: bool,
}

impl Marks {
    fn tick(&self) {
        if Instant::now() >= self.deadline {
            guard::give_up();
        }
    }

    fn mark(&mut self) {
        self.tick();
        self.any = true;
    }
}

impl<'a> Device<'a> for Marks {
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {
        self.mark();
    }

    fn push_clip_path(&mut self, _: &ClipPath) {
        self.tick();
    }

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {
        self.tick();
    }

    fn draw_glyph_run(&mut self, _: &GlyphRun<'_, 'a>, _: DrawProps<'a>, _: &DrawMode) {
        self.mark();
    }

    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {
        self.mark();
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}
