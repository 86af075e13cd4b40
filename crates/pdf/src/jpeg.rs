//! JPEG files inside a PDF: what they carry beside the picture.

use std::ops::Range;

use bytes::Bytes;

use crate::object::{Object, Stream};

/// The data of a JPEG stream without its comments, EXIF, XMP and Photoshop segments, or `None` where
/// there is nothing to leave out. Readers of PDF ignore all of them; colour profiles (`APP2`) and
/// Adobe's colour transform (`APP14`) stay.
pub(crate) fn without_metadata(stream: &Stream) -> Option<Bytes> {
    if !is_jpeg(stream) {
        return None;
    }
    let data = &stream.data[..];
    let mut at = 2;
    let mut kept: Vec<Range<usize>> = Vec::new();
    kept.push(0..at);
    if !data.starts_with(&[0xFF, 0xD8]) {
        return None;
    }
    let mut left_out = false;
    // Segments up to the first scan; what follows is the picture.
    loop {
        let [0xFF, marker, high, low, ..] = *data.get(at..)? else { return None };
        if marker == 0xDA {
            break;
        }
        // A marker without length, or filling: not what a camera or scanner writes.
        if !(0xC0..=0xFE).contains(&marker) || (0xD0..=0xD9).contains(&marker) {
            return None;
        }
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        if end > data.len() {
            return None;
        }
        if matches!(marker, 0xE1 | 0xED | 0xFE) {
            left_out = true;
        } else {
            kept.push(at..end);
        }
        at = end;
    }
    kept.push(at..data.len());
    left_out.then(|| {
        let mut out = Vec::with_capacity(kept.iter().map(ExactSizeIterator::len).sum());
        for range in kept {
            out.extend_from_slice(&data[range]);
        }
        Bytes::from(out)
    })
}

/// Whether the data of a stream is a JPEG file as it is.
pub(crate) fn is_jpeg(stream: &Stream) -> bool {
    match stream.dict.get(b"Filter") {
        Some(Object::Array(filters)) if filters.len() == 1 => filters[0].as_name() == Some(b"DCTDecode"),
        Some(filter) => filter.as_name() == Some(b"DCTDecode"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Dict;

    fn stream(data: &[u8]) -> Stream {
        let mut dict = Dict::default();
        dict.push(b"Filter", Object::name(b"DCTDecode"));
        Stream { dict, data: Bytes::copy_from_slice(data) }
    }

    #[test]
    fn exif_and_comments_go_and_the_rest_stays() {
        let file = b"\xFF\xD8\xFF\xE1\x00\x06Exif\xFF\xE2\x00\x04CC\xFF\xFE\x00\x03!\xFF\xDA\x00\x02picture\xFF\xD9";
        let out = without_metadata(&stream(file)).unwrap();
        assert_eq!(&out[..], b"\xFF\xD8\xFF\xE2\x00\x04CC\xFF\xDA\x00\x02picture\xFF\xD9");
        assert_eq!(without_metadata(&stream(&out)), None);
    }

    #[test]
    fn broken_files_are_left_alone() {
        for file in [&b"\xFF\xD8\xFF\xE1\xFF\xFFshort"[..], b"\xFF\xD8", b"", b"\xFF\xD8\xFF\xE1\x00\x04ab"] {
            assert_eq!(without_metadata(&stream(file)), None);
        }
    }
}
