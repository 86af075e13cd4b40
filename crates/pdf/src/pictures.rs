//! JPEG and JPEG 2000 files inside a PDF: what they carry beside the picture is left out, whatever filters
//! they are wrapped in. Readers of PDF look at none of it.

use std::ops::Range;

use bytes::Bytes;
use memchr::memchr;

use crate::inflate::{self, Peeled};
use crate::object::{Object, Stream};

/// Bytes of one wrapped picture that is unwrapped.
const MAX_PICTURE: u64 = 256 << 20;

/// Bytes of `APP0` up to its thumbnail: marker, length, `JFIF\0`, version, density, and the two sides.
const JFIF: usize = 18;

/// The stream of a picture with nothing but the picture in it, or `None` where there is nothing to leave
/// out or the picture makes no sense.
pub(crate) fn without_metadata(stream: &Stream) -> Option<Stream> {
    if !is_picture(stream) {
        return None;
    }
    let Peeled { data, codec } = inflate::peel(stream, MAX_PICTURE).ok()?;
    let (name, parms) = codec?;
    let data = match name.as_bytes() {
        b"DCTDecode" | b"DCT" => jpeg(&data)?,
        b"JPXDecode" => jpeg2000(&data)?,
        _ => return None,
    };
    let mut dict = stream.dict.clone();
    dict.set(b"Filter", Object::Name(name));
    match parms {
        Some(parms) => dict.set(b"DecodeParms", parms),
        None => dict.remove(b"DecodeParms"),
    }
    Some(Stream { dict, data })
}

/// Whether the last filter of a stream is a codec of pictures that carry metadata.
fn is_picture(stream: &Stream) -> bool {
    let last = match stream.dict.get(b"Filter") {
        Some(Object::Array(filters)) => filters.last().and_then(Object::as_name),
        Some(filter) => filter.as_name(),
        None => None,
    };
    matches!(last, Some(b"DCTDecode" | b"DCT" | b"JPXDecode"))
}

/// The parts of a file that stay, put together where they are not all of it.
fn joined(data: &Bytes, kept: Vec<Range<usize>>) -> Option<Bytes> {
    let length: usize = kept.iter().map(ExactSizeIterator::len).sum();
    if length == data.len() {
        return None;
    }
    let mut out = Vec::with_capacity(length);
    for range in kept {
        out.extend_from_slice(data.get(range)?);
    }
    Some(Bytes::from(out))
}

/// A JPEG file up to the end of its first picture, with the segments that its picture needs: no EXIF, XMP,
/// Photoshop, comments, thumbnails, no second picture. Colour profiles (`APP2`) and Adobe's colour
/// transform (`APP14`) stay.
fn jpeg(data: &Bytes) -> Option<Bytes> {
    if !data.starts_with(&[0xFF, 0xD8]) {
        return None;
    }
    let (mut at, mut thumbnail) = (2, None);
    let mut kept: Vec<Range<usize>> = Vec::new();
    kept.push(0..2);
    loop {
        // Any number of 0xFF may fill the space before a marker.
        let fill = data.get(at..)?.iter().take_while(|b| **b == 0xFF).count();
        if fill == 0 {
            return None;
        }
        let (marker, start) = (*data.get(at + fill)?, at + fill - 1);
        if marker == 0xD9 {
            kept.push(start..start + 2);
            break;
        }
        if (0xD0..=0xD8).contains(&marker) || marker < 0xC0 {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([*data.get(start + 2)?, *data.get(start + 3)?]));
        let end = start + 2 + length;
        let body = data.get(start + 4..end)?;
        match marker {
            0xE0 if body.starts_with(b"JFIF\0") && end - start > JFIF => {
                kept.push(start..start + JFIF);
                thumbnail = Some(start);
            }
            0xE0 if body.starts_with(b"JFIF\0") => kept.push(start..end),
            0xE2 if body.starts_with(b"ICC_PROFILE\0") => kept.push(start..end),
            0xEE if body.starts_with(b"Adobe") => kept.push(start..end),
            0xE0..=0xEF | 0xFE => {}
            0xDA => {
                let Some(scan) = end_of_scan(data, end) else {
                    // It breaks off within its picture: all of that stays.
                    kept.push(start..data.len());
                    break;
                };
                kept.push(start..scan);
                at = scan;
                continue;
            }
            _ => kept.push(start..end),
        }
        at = end;
    }
    let out = joined(data, kept)?;
    let Some(_) = thumbnail else { return Some(out) };
    // The shortened segment says so: 16 bytes, and a thumbnail of no size.
    let mut out = Vec::from(out);
    let at = memchr::memmem::find(&out, b"JFIF\0")?;
    out.get_mut(at - 2..at)?.copy_from_slice(&[0, 16]);
    out.get_mut(at + 12..at + 14)?.copy_from_slice(&[0, 0]);
    Some(Bytes::from(out))
}

/// Where the entropy-coded data that begin here end: at the next marker that is no restart.
fn end_of_scan(data: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr(0xFF, data.get(at..)?)?;
        match data.get(at + 1)? {
            0 | 0xD0..=0xD7 => at += 2,
            0xFF => at += 1,
            _ => return Some(at),
        }
    }
}

/// Boxes of a JPEG 2000 file that say how its picture is to be shown, and the picture.
const BOXES: [&[u8; 4]; 11] =
    [b"jP  ", b"ftyp", b"rreq", b"jp2h", b"jp2c", b"jpch", b"jplh", b"cgrp", b"opct", b"ftbl", b"flst"];

/// A JPEG 2000 file without boxes of XML, of identifiers and of rights, and without comments.
fn jpeg2000(data: &Bytes) -> Option<Bytes> {
    if data.starts_with(&[0xFF, 0x4F]) {
        return uncommented(data.to_vec(), 0..data.len());
    }
    let (mut at, mut kept, mut streams) = (0, Vec::new(), Vec::new());
    while at < data.len() {
        let head = data.get(at..at + 8)?;
        let short = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let (length, header) = match short {
            0 => (data.len() - at, 8),
            1 => {
                let long = data.get(at + 8..at + 16)?;
                (usize::try_from(u64::from_be_bytes(long.try_into().ok()?)).ok()?, 16)
            }
            length => (usize::try_from(length).ok()?, 8),
        };
        let end = at.checked_add(length).filter(|end| length >= header && *end <= data.len())?;
        if BOXES.iter().any(|kind| head[4..] == kind[..]) {
            let place: usize = kept.iter().map(ExactSizeIterator::len).sum();
            if &head[4..] == b"jp2c" {
                streams.push(place + header..place + length);
            }
            kept.push(at..end);
        }
        at = end;
    }
    let shorter = joined(data, kept);
    let changed = shorter.is_some();
    let mut out = shorter.map_or_else(|| data.to_vec(), Vec::from);
    let mut blanked = false;
    for stream in streams {
        blanked |= blank_comments(&mut out, stream)?;
    }
    (changed || blanked).then(|| Bytes::from(out))
}

fn uncommented(mut file: Vec<u8>, stream: Range<usize>) -> Option<Bytes> {
    blank_comments(&mut file, stream)?.then(|| Bytes::from(file))
}

/// Overwrites the comments in the headers of a codestream with blanks. Whether there were any; `None` where
/// it makes no sense.
fn blank_comments(file: &mut [u8], stream: Range<usize>) -> Option<bool> {
    let (mut at, mut changed) = (stream.start + 2, false);
    while at + 2 <= stream.end {
        let marker = u16::from_be_bytes([*file.get(at)?, *file.get(at + 1)?]);
        if marker == 0xFFD9 {
            break;
        }
        let word = |file: &[u8], at: usize| Some(usize::from(u16::from_be_bytes([*file.get(at)?, *file.get(at + 1)?])));
        let length = word(file, at + 2)?;
        let end = at.checked_add(2 + length).filter(|end| length >= 2 && *end <= stream.end)?;
        match marker {
            0xFF90 => {
                // A part of a tile: its own header, then data up to the length that it says.
                let part = file.get(at + 6..at + 10)?;
                let part = usize::try_from(u32::from_be_bytes(part.try_into().ok()?)).ok()?;
                let after = if part == 0 { stream.end } else { at.checked_add(part)? };
                let mut inner = end;
                while word(file, inner)? != 0xFF93 {
                    let length = word(file, inner + 2)?;
                    changed |= blank(file, inner, length)?;
                    inner = inner.checked_add(2 + length).filter(|end| length >= 2 && *end < after)?;
                }
                at = after;
            }
            _ => {
                changed |= blank(file, at, length)?;
                at = end;
            }
        }
    }
    Some(changed)
}

/// Blanks the text of a comment segment. Whether it is one that had any.
fn blank(file: &mut [u8], at: usize, length: usize) -> Option<bool> {
    if file.get(at..at + 2)? != [0xFF, 0x64] || length <= 4 {
        return Some(false);
    }
    let text = file.get_mut(at + 6..at + 2 + length)?;
    let changed = text.iter().any(|b| *b != b' ');
    text.fill(b' ');
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Dict;
    use crate::write::deflate;

    fn stream(filters: &[&[u8]], data: &[u8]) -> Stream {
        let mut dict = Dict::default();
        dict.push(b"Filter", Object::Array(filters.iter().map(|f| Object::name(f)).collect()));
        Stream { dict, data: Bytes::copy_from_slice(data) }
    }

    fn without(data: &[u8]) -> Option<Vec<u8>> {
        without_metadata(&stream(&[b"DCTDecode"], data)).map(|stream| stream.data.to_vec())
    }

    const PICTURE: &[u8] =
        b"\xFF\xD8\xFF\xE2\x00\x10ICC_PROFILE\0ab\xFF\xDA\x00\x02pic\xFF\x00ture\xFF\xD0more\xFF\xD9";

    /// The picture with this before its profile.
    fn with(segments: &[u8]) -> Vec<u8> {
        [&PICTURE[..2], segments, &PICTURE[2..]].concat()
    }

    #[test]
    fn whatever_is_no_picture_goes() {
        for (what, file) in [
            ("EXIF", with(b"\xFF\xE1\x00\x08Exif\0\0")),
            ("a comment", with(b"\xFF\xFE\x00\x03!")),
            ("Photoshop", with(b"\xFF\xED\x00\x04PS")),
            ("EXIF behind fill bytes", with(b"\xFF\xFF\xFF\xFF\xE1\x00\x08Exif\0\0")),
            ("an index of further pictures", with(b"\xFF\xE2\x00\x06MPF\0")),
            ("a second picture", [PICTURE, b"\xFF\xD8\xFF\xE1\x00\x08Exif\0\0\xFF\xD9"].concat()),
            ("a trailer", [PICTURE, b"SEFT and more"].concat()),
        ] {
            assert_eq!(without(&file).as_deref(), Some(PICTURE), "{what}");
        }
        assert_eq!(without(PICTURE), None);
    }

    #[test]
    fn metadata_between_scans_and_thumbnails_go() {
        let file = b"\xFF\xD8\xFF\xDA\x00\x02one\xFF\xE1\x00\x08Exif\0\0\xFF\xDA\x00\x02two\xFF\xD9";
        assert_eq!(without(file).unwrap(), b"\xFF\xD8\xFF\xDA\x00\x02one\xFF\xDA\x00\x02two\xFF\xD9");
        let file = b"\xFF\xD8\xFF\xE0\x00\x13JFIF\0\x01\x01\0\0\x01\0\x01\x01\x01RGB\xFF\xDA\x00\x02two\xFF\xD9";
        let bare = b"\xFF\xD8\xFF\xE0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xFF\xDA\x00\x02two\xFF\xD9";
        assert_eq!(without(file).unwrap(), bare);
        assert_eq!(without(bare), None);
    }

    #[test]
    fn wrapped_pictures_are_unwrapped() {
        let file = with(b"\xFF\xE1\x00\x08Exif\0\0");
        let hex: Vec<u8> = file.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect();
        for (filters, data) in
            [(&[&b"FlateDecode"[..], b"DCTDecode"][..], deflate(&file)), (&[b"ASCIIHexDecode", b"DCTDecode"], hex)]
        {
            let out = without_metadata(&stream(filters, &data)).unwrap();
            assert_eq!(&out.data[..], PICTURE);
            assert_eq!(out.dict.get_name(b"Filter"), Some(&b"DCTDecode"[..]));
        }
    }

    #[test]
    fn boxes_and_comments_of_jpeg_2000_go() {
        let part = b"\xFF\x90\x00\x0A\0\0\0\0\0\x1A\0\x01\xFF\x64\x00\x06\0\x01hi\xFF\x93data";
        let stream_of = |comment: &[u8], inner: &[u8]| {
            let mut part = part.to_vec();
            part[18..20].copy_from_slice(inner);
            [b"\xFF\x4F\xFF\x51\x00\x04ab\xFF\x64\x00\x09\0\x01".as_slice(), comment, &part, b"\xFF\xD9"].concat()
        };
        let boxed =
            |kind: &[u8], body: &[u8]| [&u32::try_from(body.len() + 8).unwrap().to_be_bytes()[..], kind, body].concat();
        let codestream = stream_of(b"where", b"hi");
        let blank = stream_of(b"     ", b"  ");
        let file = [
            boxed(b"jP  ", b"\r\n\x87\n"),
            boxed(b"xml ", b"<gps/>"),
            boxed(b"uuid", b"Exif"),
            boxed(b"jp2c", &codestream),
        ]
        .concat();
        let want = [boxed(b"jP  ", b"\r\n\x87\n"), boxed(b"jp2c", &blank)].concat();
        let out = |data: &[u8]| without_metadata(&stream(&[b"JPXDecode"], data)).map(|stream| stream.data.to_vec());
        assert_eq!(out(&file).unwrap(), want);
        assert_eq!(out(&want), None);
        assert_eq!(out(&codestream).unwrap(), blank);
    }

    #[test]
    fn broken_files_are_left_alone() {
        for file in [&b"\xFF\xD8\xFF\xE1\xFF\xFFshort"[..], b"\xFF\xD8", b"", b"\xFF\xD8\xFF\xE1\x00\x04ab"] {
            assert_eq!(without(file), None);
        }
        let cut = b"\xFF\xD8\xFF\xE1\x00\x08Exif\0\0\xFF\xDA\x00\x02half a pic";
        assert_eq!(without(cut).unwrap(), b"\xFF\xD8\xFF\xDA\x00\x02half a pic");
    }
}
