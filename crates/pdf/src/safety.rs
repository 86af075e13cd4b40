//! What foreign readers and interpreters inflate, they inflate without limit. So it is measured before
//! they see it, and a file that would burst is not shown to them.

use memchr::memmem;

use crate::ascii;
use crate::inflate::{self, inflated, measure};
use crate::object::{Object, Stream, Value};
use crate::write::Document;

/// Deflate cannot do better than 1 to 1,032; small data needs no measuring.
const BEST_RATIO: u64 = 1032;

/// LZW of 12-bit codes cannot do better than this (strings of 4,096 bytes for 12 bits).
const BEST_LZW_RATIO: u64 = 2731;

/// Content streams of real pages stay below 50 MB.
const MAX_CONTENT: u64 = 64 << 20;

/// Pixels of one image that an interpreter may have to decode.
const MAX_PIXELS: i64 = 100_000_000;

/// Filters that make much of little.
const INFLATING: [&[u8]; 6] = [b"FlateDecode", b"Fl", b"LZWDecode", b"LZW", b"RunLengthDecode", b"RL"];

/// How far before its data a stream's dictionary is looked for.
const DICTIONARY: usize = 512;

/// Whether an interpreter can be shown this document.
pub(crate) fn is_harmless(document: &Document, limit: u64) -> bool {
    document.objects.iter().all(|(_, value)| is_harmless_value(value, limit))
}

/// Whether every deflated stream of a document is whole. Where one is not, what an interpreter shows of
/// the pages may be less than what was meant.
pub(crate) fn is_whole(document: &Document, limit: u64) -> bool {
    let deflated = |stream: &Stream| match stream.dict.get(b"Filter") {
        Some(Object::Array(filters)) => filters.first().and_then(Object::as_name) == Some(b"FlateDecode"),
        filter => filter.and_then(Object::as_name) == Some(b"FlateDecode"),
    };
    document.objects.iter().all(|(_, value)| match value {
        Value::Stream(stream) => !deflated(stream) || inflate::is_whole(&stream.data, limit),
        Value::Plain(_) => true,
    })
}

/// The same of one object.
pub(crate) fn is_harmless_value(value: &Value, limit: u64) -> bool {
    match value {
        Value::Stream(stream) => is_harmless_stream(stream, limit),
        Value::Plain(_) => true,
    }
}

fn is_harmless_stream(stream: &Stream, limit: u64) -> bool {
    let int = |key: &[u8]| stream.dict.get(key).and_then(Object::as_int).unwrap_or(0);
    let image = stream.dict.get_name(b"Subtype") == Some(b"Image");
    if image && int(b"Width").saturating_mul(int(b"Height")) > MAX_PIXELS {
        return false;
    }
    let filters: Vec<&[u8]> = match stream.dict.get(b"Filter") {
        Some(Object::Array(filters)) => filters.iter().filter_map(Object::as_name).collect(),
        Some(filter) => filter.as_name().into_iter().collect(),
        None => return true,
    };
    let limit = if image { limit } else { limit.min(MAX_CONTENT) };
    is_harmless_data(&stream.data, &filters, limit)
}

/// Whether data with these filters stays below the limit, with every filter undone.
pub(crate) fn is_harmless_data(data: &[u8], filters: &[&[u8]], limit: u64) -> bool {
    let size = data.len() as u64;
    match filters {
        [] => true,
        [b"ASCII85Decode" | b"A85", rest @ ..] if !rest.is_empty() => {
            ascii::base85(data).is_none_or(|data| is_harmless_data(&data, rest, limit))
        }
        [b"ASCIIHexDecode" | b"AHx", rest @ ..] if !rest.is_empty() => {
            ascii::hex(data).is_none_or(|data| is_harmless_data(&data, rest, limit))
        }
        [b"FlateDecode" | b"Fl"] => size * BEST_RATIO < limit || measure(data, limit) < limit,
        [b"FlateDecode" | b"Fl", codec @ (b"DCTDecode" | b"JPXDecode")] => {
            inflated(data, limit).is_ok_and(|data| is_harmless_data(&data, &[codec], limit))
        }
        [b"LZWDecode" | b"LZW" | b"RunLengthDecode" | b"RL"] => size * BEST_LZW_RATIO < limit,
        [b"DCTDecode" | b"DCT"] => pixels_of_jpeg(data) <= MAX_PIXELS,
        [b"JPXDecode"] => pixels_of_jpeg2000(data) <= MAX_PIXELS,
        // Other filters upon filters are how bombs are built.
        filters => !filters.iter().any(|name| INFLATING.contains(name)),
    }
}

/// What the frame header of a JPEG says, whatever the dictionary says; 0 where there is none.
fn pixels_of_jpeg(data: &[u8]) -> i64 {
    let mut at = 2;
    while let Some(&[0xFF, marker, high, low, ref rest @ ..]) = data.get(at..) {
        match (marker, rest) {
            (0xFF, _) => at += 1,
            (0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF, [_, y1, y0, x1, x0, ..]) => {
                return i64::from(u16::from_be_bytes([*y1, *y0])) * i64::from(u16::from_be_bytes([*x1, *x0]));
            }
            (0xDA, _) => return 0,
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    0
}

/// What the size marker of a JPEG 2000 codestream says; 0 where there is none.
fn pixels_of_jpeg2000(data: &[u8]) -> i64 {
    // Start of codestream and size marker; then two lengths, and the far and near corners of the image.
    let Some(at) = memmem::find(&data[..data.len().min(1 << 20)], b"\xFF\x4F\xFF\x51") else { return 0 };
    let number = |n: usize| {
        let bytes = data.get(at + 8 + 4 * n..at + 12 + 4 * n)?;
        Some(i64::from(u32::from_be_bytes(bytes.try_into().ok()?)))
    };
    match [0, 1, 2, 3].map(number) {
        [Some(right), Some(bottom), Some(left), Some(top)] => (right - left).saturating_mul(bottom - top),
        _ => 0,
    }
}

/// Whether a reader that inflates all structure of a file can be shown it: object streams and
/// cross-reference streams are found by their names.
pub(crate) fn has_harmless_structure(bytes: &[u8], limit: u64) -> bool {
    memmem::find_iter(bytes, b"stream").all(|at| {
        let before = &bytes[at.saturating_sub(DICTIONARY)..at];
        if before.ends_with(b"end") {
            return true;
        }
        let start = memmem::rfind(before, b"obj").unwrap_or(0);
        let dict = &before[start..];
        if memmem::find(dict, b"ObjStm").is_none() && memmem::find(dict, b"XRef").is_none() {
            return true;
        }
        let data = &bytes[at + 6..];
        let data = data.strip_prefix(b"\r").unwrap_or(data);
        let data = data.strip_prefix(b"\n").unwrap_or(data);
        // More than one filter on structure is nothing but an attack.
        let filters = memmem::find_iter(dict, b"Decode").count() - memmem::find_iter(dict, b"DecodeParms").count();
        filters <= 1 && measure(data, limit) < limit
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::object::Dict;
    use crate::write::deflate;

    fn document(filters: &[&[u8]], data: Vec<u8>) -> Document {
        let mut dict = Dict::default();
        dict.push(b"Filter", Object::Array(filters.iter().map(|f| Object::name(f)).collect()));
        Document { objects: vec![(1, Value::Stream(Stream { dict, data: Bytes::from(data) }))], root: 1, info: None }
    }

    #[test]
    fn bombs_are_not_shown_to_anybody() {
        let bomb = deflate(&vec![0; 80 << 20]);
        assert!(!is_harmless(&document(&[b"FlateDecode"], bomb.clone()), 256 << 20));
        assert!(!is_harmless(&document(&[b"FlateDecode", b"FlateDecode"], deflate(&bomb)), 64 << 20));
        assert!(is_harmless(&document(&[b"FlateDecode"], deflate(&vec![7; 1 << 20])), 256 << 20));
    }

    #[test]
    fn pictures_larger_than_they_say_are_not_shown() {
        let jpeg = b"\xFF\xD8\xFF\xE0\x00\x04ab\xFF\xC0\x00\x11\x08\xFF\xFF\xFF\xFF\x03".to_vec();
        assert!(!is_harmless(&document(&[b"DCTDecode"], jpeg.clone()), 256 << 20));
        assert!(!is_harmless(&document(&[b"FlateDecode", b"DCTDecode"], deflate(&jpeg)), 256 << 20));
        let mut codestream = b"\xFF\x4F\xFF\x51\x00\x2F\x00\x00".to_vec();
        codestream.extend([60_000u32, 60_000, 0, 0].iter().flat_map(|n| n.to_be_bytes()));
        assert!(!is_harmless(&document(&[b"JPXDecode"], codestream.clone()), 256 << 20));
        codestream[8..16].copy_from_slice(&[0, 0, 8, 0, 0, 0, 8, 0]);
        assert!(is_harmless(&document(&[b"JPXDecode"], codestream), 256 << 20));
    }

    #[test]
    fn text_around_deflated_data_is_looked_through() {
        let digits = |data: &[u8]| data.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect::<Vec<u8>>();
        let hidden = digits(&deflate(&vec![0; 80 << 20]));
        assert!(!is_harmless(&document(&[b"ASCIIHexDecode", b"FlateDecode"], hidden), 256 << 20));
        let small = digits(&deflate(&vec![7; 300_000]));
        assert!(is_harmless(&document(&[b"ASCIIHexDecode", b"FlateDecode"], small), 256 << 20));
    }

    #[test]
    fn data_that_breaks_off_is_not_whole() {
        let data = deflate(b"0 0 1 rg 10 10 100 100 re f");
        assert!(is_whole(&document(&[b"FlateDecode"], data.clone()), 1 << 20));
        assert!(!is_whole(&document(&[b"FlateDecode"], data[..data.len() - 6].to_vec()), 1 << 20));
        assert!(!is_whole(&document(&[b"FlateDecode"], b"\x78\x9cthis is not deflated".to_vec()), 1 << 20));
        assert!(is_whole(&document(&[b"LZWDecode"], b"anything".to_vec()), 1 << 20));
    }

    #[test]
    fn structure_that_bursts_is_not_read() {
        let mut file = b"1 0 obj<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length 9>>stream\n".to_vec();
        file.extend(deflate(&vec![b' '; 8 << 20]));
        assert!(has_harmless_structure(&file, 16 << 20));
        assert!(!has_harmless_structure(&file, 4 << 20));
    }
}
