//! Scans: pages that are one picture each.

use super::{Content, Layout, PdfDocument};
use crate::draw::{Canvas, Ink, value_noise};
use crate::{Jpeg, Rgb, Rng};

/// A scan of `pages` A4 pages at `dpi`, each one grey JPEG. The pages in `blank` (1-based) are
/// paper with sensor noise only.
pub fn pdf_scan(seed: u64, pages: u32, blank: &[u32], dpi: u32) -> Vec<u8> {
    let mut document = PdfDocument::new();
    for page in 1..=pages {
        let picture = paper(seed, page, dpi, !blank.contains(&page));
        let jpeg = Jpeg::new(&picture).quality(75).gray().encode();
        add_page(&mut document, &picture, "DeviceGray", jpeg, "");
    }
    document.finish(Layout::Table)
}

/// What a phone's scanner app makes: `pages` colour photos of 12 megapixels, about 10 MB each.
/// Six pages are 60 MB: far over every provider's limit.
pub fn pdf_phone_scan(seed: u64, pages: u32) -> Vec<u8> {
    let mut document = PdfDocument::new();
    for page in 1..=pages {
        let picture = noisy(seed ^ u64::from(page), 3_000, 4_000, &format!("Page {page}"));
        let jpeg = Jpeg::new(&picture).quality(97).encode();
        add_page(&mut document, &picture, "DeviceRGB", jpeg, "");
    }
    document.finish(Layout::Table)
}

/// Adds a page that shows `picture` full bleed; `over` is drawn above it.
pub(super) fn add_page(document: &mut PdfDocument, picture: &Rgb, colour: &str, jpeg: Vec<u8>, over: &str) -> u32 {
    let image = document.jpeg(picture.width, picture.height, colour, jpeg);
    let content = Content::new().draw("Im0", 0.0, 0.0, 595.0, 842.0).raw(over);
    let content = document.stream("", content.bytes());
    document.page_with(&format!(
        "/MediaBox [0 0 595 842] /Contents {content} 0 R \
         /Resources << /XObject << /Im0 {image} 0 R >> /Font << /F1 3 0 R >> >>"
    ))
}

/// Scanned paper: a little uneven, with sensor noise, and printed lines if it has text.
pub(super) fn paper(seed: u64, page: u32, dpi: u32, has_text: bool) -> Rgb {
    let mut rng = Rng::fork(seed ^ u64::from(page) << 40, "paper");
    let (width, height) = (dpi * 827 / 100, dpi * 1_169 / 100);
    let field = rng.next_u32();
    let (w, h) = (width as f32, height as f32);
    let mut canvas = Canvas::new(width, height, [255; 3]);
    canvas.paint(|x, y| [242.0 + 6.0 * value_noise(field, x / w * 5.0, y / h * 5.0) + 1.5 * rng.bell(); 3]);
    if has_text {
        let unit = w / 100.0;
        let ink = Ink::new(35, 35, 40);
        canvas.text(unit * 10.0, unit * 14.0, unit * 3.4, unit * 0.5, ink, &format!("Scan page {page}"));
        for line in 0..30 {
            let y = unit * (22.0 + line as f32 * 3.6);
            let words = rng.pick(&[
                "the tenant agrees to keep the rooms in good order",
                "payment is due on the first day of each month",
                "this specimen was printed and scanned for tests",
                "both parties have received one copy of the lease",
            ]);
            canvas.text(unit * 10.0, y, unit * 1.5, unit * 0.24, ink, words);
        }
    }
    canvas.into_picture()
}

/// A noisy colour photo of a sheet of paper, hard to compress.
fn noisy(seed: u64, width: u32, height: u32, title: &str) -> Rgb {
    let mut rng = Rng::fork(seed, "noisy");
    let (w, h) = (width as f32, height as f32);
    let mut canvas = Canvas::new(width, height, [230, 226, 216]);
    let ink = Ink::new(40, 38, 46);
    let unit = w / 100.0;
    canvas.text(unit * 10.0, unit * 16.0, unit * 6.0, unit * 0.9, ink, title);
    for line in 0..24 {
        let y = unit * (28.0 + line as f32 * 4.2);
        canvas.text(unit * 10.0, y, unit * 1.8, unit * 0.3, ink, "words of the contract, line by line, to be read");
    }
    let mut picture = canvas.into_picture();
    for (index, pixel) in picture.data.chunks_exact_mut(3).enumerate() {
        let (x, y) = ((index as u32 % width) as f32, (index as u32 / width) as f32);
        let light = 1.0 - 0.3 * ((x / w - 0.5) * (x / w - 0.5) + (y / h - 0.5) * (y / h - 0.5));
        for channel in pixel {
            *channel = (f32::from(*channel) * light + 13.0 * rng.bell()).clamp(0.0, 255.0) as u8;
        }
    }
    picture
}
