//! What foreign readers and interpreters inflate, they inflate without limit. So it is measured before
//! they see it, and a file that would burst is not shown to them.

use memchr::memmem;

use crate::inflate::measure;
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

/// How far before its data a stream's dictionary is looked for.
const DICTIONARY: usize = 512;

/// Whether an interpreter can be shown this document.
pub(crate) fn is_harmless(document: &Document, limit: u64) -> bool {
    document.objects.iter().all(|(_, value)| match value {
        Value::Stream(stream) => is_harmless_stream(stream, limit),
        Value::Plain(_) => true,
    })
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
    let size = stream.data.len() as u64;
    let inflating =
        |name: &&&[u8]| matches!(**name, b"FlateDecode" | b"Fl" | b"LZWDecode" | b"LZW" | b"RunLengthDecode" | b"RL");
    match filters.iter().filter(inflating).count() {
        0 => true,
        1 => match filters[0] {
            b"FlateDecode" | b"Fl" => size * BEST_RATIO < limit || measure(&stream.data, limit) < limit,
            // Behind an ASCII filter, or LZW: judged by what it could be at worst.
            _ => size * BEST_LZW_RATIO < limit,
        },
        // Filters upon filters are how bombs are built.
        _ => false,
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
    fn structure_that_bursts_is_not_read() {
        let mut file = b"1 0 obj<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length 9>>stream\n".to_vec();
        file.extend(deflate(&vec![b' '; 8 << 20]));
        assert!(has_harmless_structure(&file, 16 << 20));
        assert!(!has_harmless_structure(&file, 4 << 20));
    }
}
