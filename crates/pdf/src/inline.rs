//! Images that stand in content itself, between `BI` and `EI`: found, spelt out as images that are objects are, and
//! freed of what their JPEGs carry beside the picture.

use std::ops::Range;

use bytes::Bytes;
use hayro_syntax::content::TypedIter;
use hayro_syntax::content::ops::TypedInstruction;
use memchr::memmem;

use crate::inflate;
use crate::object::{Dict, Name, Object, Stream};
use crate::pictures;
use crate::source::parse_dict;
use crate::write::{deflate, write_dict};

/// Keys of images in content and what they stand for (ISO 32000-1, table 93).
const KEYS: [(&[u8], &[u8]); 10] = [
    (b"BPC", b"BitsPerComponent"),
    (b"CS", b"ColorSpace"),
    (b"D", b"Decode"),
    (b"DP", b"DecodeParms"),
    (b"F", b"Filter"),
    (b"H", b"Height"),
    (b"IM", b"ImageMask"),
    (b"I", b"Interpolate"),
    (b"W", b"Width"),
    (b"L", b"Length"),
];

/// Names of colour spaces and filters (ISO 32000-1, table 94).
const NAMES: [(&[u8], &[u8]); 11] = [
    (b"G", b"DeviceGray"),
    (b"RGB", b"DeviceRGB"),
    (b"CMYK", b"DeviceCMYK"),
    (b"I", b"Indexed"),
    (b"AHx", b"ASCIIHexDecode"),
    (b"A85", b"ASCII85Decode"),
    (b"LZW", b"LZWDecode"),
    (b"Fl", b"FlateDecode"),
    (b"RL", b"RunLengthDecode"),
    (b"CCF", b"CCITTFaxDecode"),
    (b"DCT", b"DCTDecode"),
];

/// Content of one stream that is looked through.
const MAX_CONTENT: u64 = 64 << 20;

/// A JPEG shorter than this has no room for anything beside its picture.
const SMALLEST_JPEG: usize = 128;

/// An image in content.
pub(crate) struct Inline {
    /// From `BI` to `EI`.
    pub(crate) whole: Range<usize>,
    /// With keys and names as they are outside of content. A colour space may be a name of the page's choosing.
    pub(crate) dict: Dict,
    pub(crate) data: Range<usize>,
}

/// The images of this content whose data have at least `least` bytes, as far as they are understood.
pub(crate) fn images(content: &Bytes, least: usize) -> Vec<Inline> {
    let mut images = Vec::new();
    let mut operators = TypedIter::new(content);
    while let Some(operator) = operators.next() {
        let TypedInstruction::InlineImage(image) = operator else { continue };
        let std::borrow::Cow::Borrowed(data) = image.0.raw_data() else { continue };
        if data.len() < least {
            continue;
        }
        let Some(Place { whole, dict, data }) = place(content, data) else { continue };
        let Some(dict) = spelt_out(&content[dict]) else { continue };
        images.push(Inline { whole, dict, data });
    }
    images
}

/// Content whose images have nothing but pictures in them, or `None` where there is nothing to leave out.
pub(crate) fn without_metadata(stream: &Stream) -> Option<Stream> {
    if stream.data.len() < SMALLEST_JPEG {
        return None;
    }
    let content = inflate::undo(stream, MAX_CONTENT).ok()?;
    memmem::find(&content, b"DCT")?;
    let (mut out, mut copied) = (Vec::new(), 0);
    for Inline { whole, dict, data } in images(&content, SMALLEST_JPEG) {
        // The blank before `EI` is none of the picture's.
        let data = content.slice_ref(content[data].trim_ascii_end());
        let Some(bare) = pictures::without_metadata(&Stream { dict, data }) else { continue };
        out.extend_from_slice(&content[copied..whole.start]);
        write_as_text(&mut out, bare);
        copied = whole.end;
    }
    if copied == 0 {
        return None;
    }
    out.extend_from_slice(&content[copied..]);
    let mut dict = stream.dict.clone();
    dict.remove(b"DecodeParms");
    dict.set(b"Filter", Object::name(b"FlateDecode"));
    Some(Stream { dict, data: Bytes::from(deflate(&out)) })
}

/// An image in digits, in which nobody takes a byte of data for its end.
fn write_as_text(out: &mut Vec<u8>, Stream { mut dict, data }: Stream) {
    for (key, first) in [(b"Filter".as_slice(), Object::name(b"AHx")), (b"DecodeParms", Object::Null)] {
        if let Some(last) = dict.get(key).cloned() {
            dict.set(key, Object::Array(vec![first, last]));
        }
    }
    let mut text = Vec::new();
    write_dict(&mut text, &dict);
    out.extend_from_slice(b"BI ");
    out.extend_from_slice(&text[2..text.len() - 2]);
    out.extend_from_slice(b" ID ");
    for byte in &data[..] {
        let digits = [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
        out.extend_from_slice(&digits);
    }
    out.extend_from_slice(b">\nEI");
}

/// Where an image stands in content: all of it, its dictionary, its data.
struct Place {
    whole: Range<usize>,
    dict: Range<usize>,
    data: Range<usize>,
}

/// `BI` dictionary `ID` data `EI`, found from the data.
fn place(content: &[u8], data: &[u8]) -> Option<Place> {
    let start = data.as_ptr().addr().checked_sub(content.as_ptr().addr())?;
    let end = start.checked_add(data.len()).filter(|end| *end <= content.len())?;
    if !content[end..].starts_with(b"EI") {
        return None;
    }
    let head = &content[..start];
    let id = memmem::rfind(&head[head.len().saturating_sub(4)..], b"ID")? + head.len().saturating_sub(4);
    // The nearest `BI` that is a word. A dictionary with that word in it is not taken apart rightly, does
    // not parse, and stays where it is.
    let word = |at: usize| {
        let free = |b: Option<&u8>| b.is_none_or(|b| !b.is_ascii_alphanumeric());
        free(at.checked_sub(1).and_then(|at| head.get(at))) && free(head.get(at + 2))
    };
    let begins = memmem::rfind_iter(&head[..id], b"BI").find(|at| word(*at))?;
    Some(Place { whole: begins..end + 2, dict: begins + 2..id, data: start..end })
}

/// The dictionary with keys and names as they are outside of content.
fn spelt_out(text: &[u8]) -> Option<Dict> {
    let mut dict = Dict::default();
    for (key, value) in parse_dict([b"<<", text, b">>"].concat())?.entries() {
        let key = KEYS.iter().find(|(short, _)| key == *short).map_or(key.as_bytes(), |(_, long)| *long);
        let value = match (key, value) {
            (b"Length", _) => continue,
            (b"ColorSpace" | b"Filter", Object::Name(name)) => Object::Name(long(name)),
            (b"ColorSpace" | b"Filter", Object::Array(items)) => Object::Array(
                items
                    .iter()
                    .map(|item| if let Object::Name(n) = item { Object::Name(long(n)) } else { item.clone() })
                    .collect(),
            ),
            (_, value) => value.clone(),
        };
        dict.push(key, value);
    }
    Some(dict)
}

fn long(name: &Name) -> Name {
    NAMES.iter().find(|(short, _)| name == *short).map_or_else(|| name.clone(), |(_, long)| Name::new(long))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_jpegs_in_content_carry_goes() {
        let jpeg = |between: &[u8]| {
            let picture = [0x55; 140];
            [b"\xFF\xD8", between, b"\xFF\xDA\x00\x02", &picture, b"\xFF\xD9"].concat()
        };
        let content = |filter: &str, data: &[u8]| {
            let head = format!("q BI /W 1 /H 1 /CS /G /BPC 8 /F {filter} ID ");
            Stream { dict: Dict::default(), data: [head.as_bytes(), data, b"\nEI Q"].concat().into() }
        };
        let digits = |data: &[u8]| {
            let digits = data.iter().flat_map(|b| format!("{b:02x}").into_bytes());
            digits.chain(*b">").collect::<Vec<u8>>()
        };
        let exif = jpeg(b"\xFF\xE1\x00\x0CExif\0\0GPS!");
        for stream in [content("/DCT", &exif), content("[/AHx /DCT]", &digits(&exif))] {
            let out = inflate::undo(&without_metadata(&stream).unwrap(), MAX_CONTENT).unwrap();
            let [image] = &images(&out, 1)[..] else { panic!("{}", String::from_utf8_lossy(&out)) };
            let image = Stream { dict: image.dict.clone(), data: out.slice(image.data.clone()) };
            assert_eq!(inflate::peel(&image, MAX_CONTENT).unwrap().data, jpeg(b""));
            assert_eq!(image.dict.get(b"Width"), Some(&Object::Int(1)));
            assert!(out.starts_with(b"q BI ") && out.ends_with(b"EI Q"));
        }
        assert!(without_metadata(&content("/DCT", &jpeg(b""))).is_none());
        assert!(without_metadata(&content("/Fl", &exif)).is_none());
    }
}
