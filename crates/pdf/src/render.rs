//! A page as a picture, for a person who wants to see what was judged.

use std::sync::Arc;

use bytes::Bytes;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, hayro_interpret::InterpreterSettings};
use hayro_syntax::Pdf;
use hayro_syntax::page::Page;

/// A page on white paper.
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Three bytes a pixel, rows from the top.
    pub(crate) rgb: Vec<u8>,
}

/// Renders a page with so many pixels a point, and at least one a side.
pub(crate) fn at_scale(page: &Page<'_>, scale: f32, interpreter: &InterpreterSettings) -> Picture {
    let (width, height) = page.render_dimensions();
    // The shorter side of a very long page must not vanish.
    let scale_of = |length: f32| scale.max(1.0 / length.max(1.0));
    let settings = PixmapSettings { x_scale: scale_of(width), y_scale: scale_of(height), bg_color: WHITE };
    let pixmap = hayro::render(page, &RenderCache::new(), interpreter, &RenderSettings::default(), &settings);
    // White paper everywhere: alpha is 255, so the colours are not premultiplied by anything.
    let rgb = pixmap.data().iter().flat_map(|p| [p.r, p.g, p.b]).collect();
    Picture { width: pixmap.width().into(), height: pixmap.height().into(), rgb }
}

/// Renders the first page of a document of ours so that its longer side has `side` pixels.
pub(crate) fn first_page(document: &Bytes, side: u16) -> Option<Picture> {
    let pdf = Pdf::new(Arc::new(document.clone())).ok()?;
    let page = pdf.pages().first()?;
    let (width, height) = page.render_dimensions();
    Some(at_scale(page, f32::from(side) / width.max(height).max(1.0), &InterpreterSettings::default()))
}

/// The picture as a PNG file.
pub(crate) fn png(picture: &Picture) -> Result<Vec<u8>, png::EncodingError> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&picture.rgb)?;
    writer.finish()?;
    Ok(out)
}
