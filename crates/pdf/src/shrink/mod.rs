//! Pages over the byte limit: plain streams are deflated, then images are re-encoded, largest first,
//! first for 300 and then for 200 dots per inch, and only where that makes them smaller.
//!
//! How large an image stands on its page is what the content says (`placement.rs`); where that cannot be
//! known it is taken to fill the largest page, so that no image ever gets fewer dots per inch than said.
//! Images inside content streams are lifted out first (`inline.rs`). Many small images (tiles, strips) shrink
//! like one large one. Lab is resized and stays exact. Bilevel images (CCITT, JBIG2), masks and anything unusual stay as
//! they are: re-encoding them would lose what was written.

mod inline;
mod palette;
mod placement;
mod raster;
mod space;

use std::collections::HashSet;

use bytes::Bytes;

use crate::clock::Deadline;
use crate::object::{Dict, Id, Object, Value};
use crate::policy::Policy;
use crate::write::{Document, deflate};

/// Passes: dots per inch on the page, and JPEG quality.
const PASSES: [(f64, i32); 3] = [(300.0, 85), (200.0, 75), (200.0, 55)];

/// Plain streams below this many bytes are not worth deflating.
const SMALL: usize = 32 * 1024;

/// Images below this many bytes are neither lifted out of content nor re-encoded: the tables of a JPEG alone take a third
/// of it.
const SMALLEST_IMAGE: usize = 2 * 1024;

/// Room for everything that is not a stream.
const OVERHEAD: u64 = 256 << 10;

/// Makes a document fit, if it can. Returns how many images were re-encoded.
pub(crate) fn shrink(document: &mut Document, policy: &Policy) -> u32 {
    let target = policy.max_bytes.saturating_sub(OVERHEAD);
    if document.stream_bytes() <= target {
        return 0;
    }
    let deadline = Deadline::after(policy.shrink_budget);
    inline::lift(document, policy, deadline);
    deflate_plain(document, deadline);
    let masks = masks(document);
    let page = longest_page(document);
    let placed = placement::find(document, policy);
    let palettes = palette::find(document);
    let spaces = space::find(document);
    let mut total = document.stream_bytes();
    let mut done = HashSet::new();
    for (dpi, quality) in PASSES {
        let mut order: Vec<usize> = (0..document.objects.len()).collect();
        order.sort_by_key(|i| std::cmp::Reverse(size(&document.objects[*i].1)));
        for index in order {
            if total <= target || deadline.is_over() {
                return u32::try_from(done.len()).unwrap_or(u32::MAX);
            }
            let (number, value) = &mut document.objects[index];
            let Value::Stream(stream) = value else { continue };
            if stream.data.len() < SMALLEST_IMAGE || masks.contains(number) {
                continue;
            }
            // In points.
            let (width, height) = placed.get(number).copied().unwrap_or((page, page));
            let goal = raster::Target { width: width / 72.0 * dpi, height: height / 72.0 * dpi, quality };
            if let Some(smaller) =
                raster::reencode(stream, palettes.get(number), spaces.get(number).copied(), goal, policy)
            {
                total = total.saturating_sub((stream.data.len() - smaller.data.len()) as u64);
                *stream = smaller;
                done.insert(*number);
            }
        }
    }
    u32::try_from(done.len()).unwrap_or(u32::MAX)
}

fn size(value: &Value) -> usize {
    if let Value::Stream(stream) = value { stream.data.len() } else { 0 }
}

fn deflate_plain(document: &mut Document, deadline: Deadline) {
    for (_, value) in &mut document.objects {
        let Value::Stream(stream) = value else { continue };
        if stream.data.len() < SMALL || stream.dict.contains(b"Filter") || is_photo(&stream.dict) {
            continue;
        }
        if deadline.is_over() {
            return;
        }
        let smaller = deflate(&stream.data);
        if smaller.len() < stream.data.len() {
            stream.dict.remove(b"DecodeParms");
            stream.dict.push(b"Filter", Object::name(b"FlateDecode"));
            stream.data = Bytes::from(smaller);
        }
    }
}

/// Samples that are to be a JPEG anyway.
fn is_photo(dict: &Dict) -> bool {
    dict.get_name(b"Subtype") == Some(b"Image") && dict.get(b"BitsPerComponent").and_then(Object::as_int) == Some(8)
}

/// Images that are another image's mask: lossy edges would show.
fn masks(document: &Document) -> HashSet<u32> {
    let dicts = document.objects.iter().filter_map(|(_, value)| value.dict());
    dicts
        .flat_map(|dict| [b"SMask".as_slice(), b"Mask"].map(|key| dict.get(key).and_then(Object::as_ref_id)))
        .flatten()
        .map(|id: Id| id.number)
        .collect()
}

/// The longest side of any page in points, at least a letter's.
fn longest_page(document: &Document) -> f64 {
    let number = |object: &Object| match object {
        #[expect(clippy::cast_precision_loss, reason = "page sizes")]
        Object::Int(i) => Some(*i as f64),
        Object::Real(r) => Some(*r),
        _ => None,
    };
    let side = |dict: &Dict| {
        let numbers: Option<Vec<f64>> = dict.get(b"MediaBox")?.as_array()?.iter().map(number).collect();
        let [x0, y0, x1, y1] = <[f64; 4]>::try_from(numbers?).ok()?;
        let unit = dict.get(b"UserUnit").and_then(number).unwrap_or(1.0);
        Some((x1 - x0).abs().max((y1 - y0).abs()) * unit)
    };
    let pages = document.objects.iter().filter_map(|(_, value)| value.dict());
    pages.filter(|dict| dict.get_name(b"Type") == Some(b"Page")).filter_map(side).fold(792.0, f64::max).min(14_400.0)
}
