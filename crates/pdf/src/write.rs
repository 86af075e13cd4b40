//! The writer: a full rewrite with object streams and a cross-reference stream (PDF 1.7). The same
//! document always gives the same bytes.

use std::io::Write as _;

use flate2::write::ZlibEncoder;
use flate2::{Compress, Compression};

use crate::object::{Dict, Object, Value};

/// Plain objects per object stream. Readers inflate a whole one to see a single object.
const PER_OBJECT_STREAM: usize = 200;

/// Objects to be written; each number stands once, numbers start at 1 and have no gaps.
pub(crate) struct Document {
    pub(crate) objects: Vec<(u32, Value)>,
    pub(crate) root: u32,
    pub(crate) info: Option<u32>,
}

impl Document {
    /// A lower bound of what [`write`] makes of it: the data of its streams.
    pub(crate) fn stream_bytes(&self) -> u64 {
        self.objects.iter().map(|(_, value)| if let Value::Stream(s) = value { s.data.len() as u64 } else { 0 }).sum()
    }

    /// The dictionaries of its images, by their numbers.
    pub(crate) fn images(&self) -> impl Iterator<Item = (u32, &Dict)> {
        self.objects.iter().filter_map(|(number, value)| match value {
            Value::Stream(stream) if stream.dict.get_name(b"Subtype") == Some(b"Image") => {
                Some((*number, &stream.dict))
            }
            _ => None,
        })
    }
}

/// Where an object of the output lies.
#[derive(Clone, Copy)]
enum Place {
    Free,
    At(usize),
    In { stream: u32, index: u16 },
}

/// Writes a document.
pub(crate) fn write(document: &Document) -> Vec<u8> {
    let mut objects: Vec<&(u32, Value)> = document.objects.iter().collect();
    objects.sort_by_key(|(number, _)| *number);
    let plain: Vec<(u32, &Object)> = objects
        .iter()
        .filter_map(|(number, value)| if let Value::Plain(object) = value { Some((*number, object)) } else { None })
        .collect();

    let last = objects.last().map_or(0, |(number, _)| *number);
    let packs = u32::try_from(plain.len().div_ceil(PER_OBJECT_STREAM)).unwrap_or(u32::MAX);
    let size = last as usize + packs as usize + 2;
    let mut places = vec![Place::Free; size];

    let expected = usize::try_from(document.stream_bytes()).unwrap_or(0);
    let mut out = Vec::with_capacity(expected + expected / 64 + 4096);
    out.extend_from_slice(b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n");
    for (number, value) in &objects {
        if let Value::Stream(stream) = value {
            places[*number as usize] = Place::At(out.len());
            write_stream(&mut out, *number, &stream.dict, &stream.data);
        }
    }
    for (pack, chunk) in (last + 1..).zip(plain.chunks(PER_OBJECT_STREAM)) {
        for (index, (number, _)) in (0..).zip(chunk) {
            places[*number as usize] = Place::In { stream: pack, index };
        }
        places[pack as usize] = Place::At(out.len());
        write_object_stream(&mut out, pack, chunk);
    }
    let xref = last + packs + 1;
    let start = out.len();
    places[xref as usize] = Place::At(start);
    write_xref(&mut out, xref, &places, document);
    out.extend_from_slice(format!("startxref\n{start}\n%%EOF\n").as_bytes());
    out
}

fn write_stream(out: &mut Vec<u8>, number: u32, dict: &Dict, data: &[u8]) {
    out.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
    let mut dict = dict.clone();
    dict.set(b"Length", int(data.len()));
    write_dict(out, &dict);
    out.extend_from_slice(b"\nstream\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\nendstream\nendobj\n");
}

fn write_object_stream(out: &mut Vec<u8>, number: u32, objects: &[(u32, &Object)]) {
    let (mut index, mut body) = (Vec::new(), Vec::new());
    for (number, object) in objects {
        index.extend_from_slice(format!("{number} {} ", body.len()).as_bytes());
        write_object(&mut body, object);
        body.push(b'\n');
    }
    let mut dict = Dict::default();
    dict.push(b"Type", Object::name(b"ObjStm"));
    dict.push(b"N", int(objects.len()));
    dict.push(b"First", int(index.len()));
    dict.push(b"Filter", Object::name(b"FlateDecode"));
    index.append(&mut body);
    write_stream(out, number, &dict, &deflate(&index));
}

fn write_xref(out: &mut Vec<u8>, number: u32, places: &[Place], document: &Document) {
    let mut rows = Vec::with_capacity(places.len() * 7);
    for (n, place) in places.iter().enumerate() {
        let (kind, middle, last) = match *place {
            Place::Free => (0u8, 0u32, if n == 0 { 0xFFFFu16 } else { 0 }),
            // The output is far below 4 GiB: its limit is judged before it is written.
            Place::At(offset) => (1, u32::try_from(offset).unwrap_or(u32::MAX), 0),
            Place::In { stream, index } => (2, stream, index),
        };
        rows.push(kind);
        rows.extend_from_slice(&middle.to_be_bytes());
        rows.extend_from_slice(&last.to_be_bytes());
    }
    let mut dict = Dict::default();
    dict.push(b"Type", Object::name(b"XRef"));
    dict.push(b"Size", int(places.len()));
    dict.push(b"W", Object::Array(vec![Object::Int(1), Object::Int(4), Object::Int(2)]));
    dict.push(b"Root", reference(document.root));
    if let Some(info) = document.info {
        dict.push(b"Info", reference(info));
    }
    if rows.len() < WORTH_DEFLATING {
        return write_stream(out, number, &dict, &rows);
    }
    dict.push(b"Filter", Object::name(b"FlateDecode"));
    write_stream(out, number, &dict, &deflate(&rows));
}

/// A reference to an object of the output.
pub(crate) fn reference(number: u32) -> Object {
    Object::Ref(crate::object::Id::new(number, 0))
}

fn int(n: usize) -> Object {
    Object::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Bytes from which a cross-reference is deflated. A short one saves less than a kilobyte, and the
/// encoder's tables cost more time than the rest of the file.
const WORTH_DEFLATING: usize = 1 << 10;

/// Zlib data of level 6, with a window no larger than the data: of a few kilobytes, most of the time
/// goes into clearing the tables of the window.
pub(crate) fn deflate(data: &[u8]) -> Vec<u8> {
    let window = data.len().next_power_of_two().trailing_zeros().clamp(9, 15) as u8;
    let encoder = Compress::new_with_window_bits(Compression::new(6), true, window);
    let mut encoder = ZlibEncoder::new_with_compress(Vec::with_capacity(data.len() / 3 + 64), encoder);
    // Writing into memory does not fail; an empty stream would be noticed when the output is reopened.
    if encoder.write_all(data).is_err() {
        return Vec::new();
    }
    encoder.finish().unwrap_or_default()
}

/// Rows as differences to the row above (PNG's filter 2), which deflate better.
pub(crate) fn differences(data: &[u8], row: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + data.len() / row.max(1) + 1);
    let mut above: Option<&[u8]> = None;
    for row in data.chunks_exact(row.max(1)) {
        out.push(2);
        match above {
            None => out.extend_from_slice(row),
            Some(above) => out.extend(row.iter().zip(above).map(|(here, above)| here.wrapping_sub(*above))),
        }
        above = Some(row);
    }
    out
}

/// Writes a direct object. Descends at most `MAX_DEPTH` levels: deeper objects do not exist.
fn write_object(out: &mut Vec<u8>, object: &Object) {
    match object {
        Object::Null | Object::Kids(_) => out.extend_from_slice(b"null"),
        Object::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        Object::Int(i) => out.extend_from_slice(i.to_string().as_bytes()),
        Object::Real(r) => write_real(out, *r),
        Object::String(s) => write_string(out, s),
        Object::Name(name) => write_name(out, name.as_bytes()),
        Object::Ref(id) => out.extend_from_slice(format!("{} {} R", id.number, id.generation).as_bytes()),
        Object::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b' ');
                }
                write_object(out, item);
            }
            out.push(b']');
        }
        Object::Dict(dict) => write_dict(out, dict),
    }
}

/// Decimal places of a real. Readers compute in 32 bits, of which the smallest number that differs from
/// zero has 38; what matters on a page has fewer than ten.
const PLACES: usize = 20;

/// A real that every reader reads back: no exponent, which PDF does not know, no endless digits.
fn write_real(out: &mut Vec<u8>, real: f64) {
    // `Display` gives the shortest digits that mean this number, and never an exponent.
    let text = if real.is_finite() { real.clamp(-9e15, 9e15).to_string() } else { "0".to_owned() };
    let text = match text.find('.') {
        Some(point) if text.len() - point > PLACES => text[..=point + PLACES].trim_end_matches('0'),
        _ => &text,
    };
    let text = text.trim_end_matches('.');
    out.extend_from_slice(if text == "-0" { b"0" } else { text.as_bytes() });
}

/// Writes a dictionary, its brackets included.
pub(crate) fn write_dict(out: &mut Vec<u8>, dict: &Dict) {
    out.extend_from_slice(b"<<");
    for (key, value) in dict.entries() {
        write_name(out, key.as_bytes());
        out.push(b' ');
        write_object(out, value);
    }
    out.extend_from_slice(b">>");
}

fn write_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(b'/');
    for &b in name {
        if (b'!'..=b'~').contains(&b) && !b"#()<>[]{}/%".contains(&b) {
            out.push(b);
        } else {
            out.extend_from_slice(format!("#{b:02X}").as_bytes());
        }
    }
}

fn write_string(out: &mut Vec<u8>, string: &[u8]) {
    out.push(b'(');
    for &b in string {
        match b {
            b'(' | b')' | b'\\' => out.extend_from_slice(&[b'\\', b]),
            // A bare carriage return would be read as a line feed.
            b'\r' => out.extend_from_slice(b"\\r"),
            _ => out.push(b),
        }
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_can_be_read_back() {
        let written = |real: f64| {
            let mut out = Vec::new();
            write_real(&mut out, real);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(0.5), "0.5");
        assert_eq!(written(-12.25), "-12.25");
        assert_eq!(written(1.175e-38), "0");
        assert_eq!(written(-1.175e-38), "0");
        assert_eq!(written(1.5e-19), "0.00000000000000000015");
        assert_eq!(written(1e300), "9000000000000000");
        assert_eq!(written(f64::NAN), "0");
        assert_eq!(written(f64::NEG_INFINITY), "0");
    }
}
