//! Everything in a file that is not coded data, in the order and form of libjpeg-turbo's.

use super::huffman::{Table, Tables};
use super::layout::Layout;
use super::quantize::Steps;
use crate::decode::NATURAL;

/// Bytes of a profile that one segment holds.
const PROFILE_PART: usize = 65_519;

/// Start of the file up to the coded data.
pub(super) fn before_scan(layout: &Layout, steps: &[Steps; 2], tables: &Tables, icc: &[u8], out: &mut Vec<u8>) {
    out.extend([0xFF, 0xD8]);
    // JFIF 1.01, pixels of equal sides, no thumbnail.
    segment(out, 0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    profile(icc, out);
    let sets = if layout.is_colour() { 2 } else { 1 };
    for (i, steps) in steps.iter().enumerate().take(sets) {
        let mut body = vec![i as u8];
        body.extend(NATURAL.map(|place| steps[usize::from(place)] as u8));
        segment(out, 0xDB, &body);
    }
    let side = |n: usize| (n as u16).to_be_bytes();
    let mut frame = vec![8];
    frame.extend(side(layout.height));
    frame.extend(side(layout.width));
    frame.push(layout.components.len() as u8);
    for component in &layout.components {
        let factors = (component.h << 4 | component.v) as u8;
        frame.extend([component.index as u8 + 1, factors, component.table() as u8]);
    }
    segment(out, 0xC0, &frame);
    for (i, table) in tables.0.iter().enumerate().take(sets * 2) {
        let (class, number) = (i % 2, i / 2);
        segment(out, 0xC4, &body_of((class * 16 + number) as u8, table));
    }
    let mut scan = vec![layout.components.len() as u8];
    for component in &layout.components {
        scan.extend([component.index as u8 + 1, component.table() as u8 * 0x11]);
    }
    // All coefficients, to the last bit.
    scan.extend([0, 63, 0]);
    segment(out, 0xDA, &scan);
}

/// End of the file.
pub(super) fn end(out: &mut Vec<u8>) {
    out.extend([0xFF, 0xD9]);
}

fn profile(icc: &[u8], out: &mut Vec<u8>) {
    let parts = icc.chunks(PROFILE_PART);
    let count = parts.len();
    // Parts are numbered in a byte: what does not fit cannot go along.
    if count > 255 {
        return;
    }
    for (i, part) in parts.enumerate() {
        let mut body = Vec::with_capacity(part.len() + 14);
        body.extend(b"ICC_PROFILE\0");
        body.extend([i as u8 + 1, count as u8]);
        body.extend(part);
        segment(out, 0xE2, &body);
    }
}

/// `id` is the table's class in the upper half and its number in the lower.
fn body_of(id: u8, table: &Table) -> Vec<u8> {
    let mut body = vec![id];
    body.extend(table.lengths);
    body.extend(&table.symbols);
    body
}

/// A marker with its length and what it says, which is shorter than 65,534 bytes.
fn segment(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    out.extend([0xFF, marker]);
    out.extend((body.len() as u16 + 2).to_be_bytes());
    out.extend(body);
}
