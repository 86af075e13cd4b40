//! What a stored file is and how large it is, from its own header: a second opinion that shares no code
//! with the client's. Every offset is checked; a header that lies gives no dimensions, never a panic.

/// A recognised medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sniffed {
    pub(crate) mimetype: &'static str,
    /// Width and height in pixels as stored (orientation not applied), where the header tells them.
    pub(crate) size: Option<(u32, u32)>,
}

/// Names the format by its first bytes; `None` for anything unknown.
pub(crate) fn sniff(b: &[u8]) -> Option<Sniffed> {
    let found = |mimetype, size| Some(Sniffed { mimetype, size });
    if b.starts_with(&[0xFF, 0xD8, 0xFF]) {
        return found("image/jpeg", jpeg(b));
    }
    if b.starts_with(b"\x89PNG\r\n\x1a\n") {
        return found("image/png", png(b));
    }
    if b.len() >= 12 && &b[..4] == b"RIFF" && &b[8..12] == b"WEBP" {
        return found("image/webp", webp(b));
    }
    if b.len() >= 12 && &b[4..8] == b"ftyp" {
        return match &b[8..12] {
            b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" => found("image/heic", heif(b)),
            b"mif1" | b"msf1" | b"mif2" => found(if has_hevc_brand(b) { "image/heic" } else { "image/heif" }, heif(b)),
            _ => None,
        };
    }
    // The header of a PDF may stand anywhere in its first kilobyte.
    let head = &b[..b.len().min(1024)];
    if head.windows(5).any(|w| w == b"%PDF-") {
        return found("application/pdf", None);
    }
    None
}

/// The file name ending of a mimetype.
pub(crate) fn extension(mimetype: &str) -> &'static str {
    match mimetype {
        "image/jpeg" | "image/jpg" => "jpg",
        "image/png" => "png",
        "image/webp" => "webp",
        "image/heic" => "heic",
        "image/heif" => "heif",
        "application/pdf" => "pdf",
        _ => "bin",
    }
}

fn be16(b: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16::from_be_bytes(b.get(at..at.checked_add(2)?)?.try_into().ok()?)))
}

fn be32(b: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(b.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn be64(b: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(b.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

fn le(b: &[u8], at: usize, n: usize) -> Option<u32> {
    Some(b.get(at..at.checked_add(n)?)?.iter().rev().fold(0, |v, x| v << 8 | u32::from(*x)))
}

/// Walks the marker segments to the first start-of-frame.
fn jpeg(b: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        // Fill bytes may stand before a marker.
        while *b.get(at)? == 0xFF && *b.get(at + 1)? == 0xFF {
            at += 1;
        }
        if *b.get(at)? != 0xFF {
            return None;
        }
        let marker = *b.get(at + 1)?;
        match marker {
            0x01 | 0xD0..=0xD7 => at += 2,
            0xD9 | 0xDA => return None,
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                return Some((be16(b, at + 7)?, be16(b, at + 5)?));
            }
            _ => at += 2 + usize::try_from(be16(b, at + 2)?).ok()?.max(2),
        }
    }
}

fn png(b: &[u8]) -> Option<(u32, u32)> {
    (b.get(12..16)? == b"IHDR").then_some(())?;
    Some((be32(b, 16)?, be32(b, 20)?))
}

fn webp(b: &[u8]) -> Option<(u32, u32)> {
    match b.get(12..16)? {
        b"VP8X" => Some((le(b, 24, 3)? + 1, le(b, 27, 3)? + 1)),
        b"VP8L" => {
            (*b.get(20)? == 0x2F).then_some(())?;
            let bits = le(b, 21, 4)?;
            Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
        }
        b"VP8 " => {
            (b.get(23..26)? == [0x9D, 0x01, 0x2A]).then_some(())?;
            Some((le(b, 26, 2)? & 0x3FFF, le(b, 28, 2)? & 0x3FFF))
        }
        _ => None,
    }
}

fn has_hevc_brand(b: &[u8]) -> bool {
    let len = be32(b, 0).and_then(|n| usize::try_from(n).ok()).unwrap_or(0).min(b.len());
    b.get(16..len).is_some_and(|brands| {
        brands.chunks_exact(4).any(|brand| matches!(brand, b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx"))
    })
}

/// The payload of the first box `name` among the boxes of `b`.
fn child<'a>(b: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(b).find(|(kind, _)| kind == name).map(|(_, payload)| payload)
}

fn boxes(b: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut at = 0usize;
    std::iter::from_fn(move || {
        let kind: [u8; 4] = b.get(at.checked_add(4)?..at.checked_add(8)?)?.try_into().ok()?;
        let (header, len) = match be32(b, at)? {
            0 => (8, b.len() - at),
            1 => (16, usize::try_from(be64(b, at + 8)?).ok()?),
            n => (8, usize::try_from(n).ok()?),
        };
        let end = at.checked_add(len)?.min(b.len());
        let payload = b.get(at.checked_add(header)?..end)?;
        at = end;
        Some((kind, payload))
    })
}

/// The largest `ispe` among the item properties: the tiles of a grid and the thumbnails are smaller than
/// the picture that they make up.
fn heif(b: &[u8]) -> Option<(u32, u32)> {
    let meta = child(b, b"meta")?.get(4..)?;
    let properties = child(child(meta, b"iprp")?, b"ipco")?;
    boxes(properties)
        .filter(|(kind, _)| kind == b"ispe")
        .filter_map(|(_, p)| Some((be32(p, 4)?, be32(p, 8)?)))
        .max_by_key(|(w, h)| u64::from(*w) * u64::from(*h))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_give_dimensions() {
        let jpeg = [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xFF, 0xC2, 0, 11, 8, 0x04, 0x38, 0x07, 0x80, 3, 0, 0, 0];
        assert_eq!(sniff(&jpeg), Some(Sniffed { mimetype: "image/jpeg", size: Some((1920, 1080)) }));
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend_from_slice(&[0, 0, 0, 7, 0, 0, 0, 9]);
        assert_eq!(sniff(&png), Some(Sniffed { mimetype: "image/png", size: Some((7, 9)) }));
        let vp8x = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x7f\x07\0\x37\x04\0";
        assert_eq!(sniff(vp8x).unwrap().size, Some((1920, 1080)));
        let vp8l = b"RIFF\x16\0\0\0WEBPVP8L\x0a\0\0\0\x2f\x7f\xc7\x0d\x01\0";
        assert_eq!(sniff(vp8l).unwrap().size, Some((1920, 1080)));
        assert_eq!(sniff(b"junk %PDF-1.7").unwrap().mimetype, "application/pdf");
        assert_eq!(sniff(b"GIF89a"), None);
        assert_eq!(sniff(b""), None);
    }

    #[test]
    fn heif_takes_the_largest_picture() {
        let boxed = |kind: &[u8; 4], payload: &[u8]| {
            let mut v = u32::try_from(payload.len() + 8).unwrap().to_be_bytes().to_vec();
            v.extend_from_slice(kind);
            v.extend_from_slice(payload);
            v
        };
        let ispe = |w: u32, h: u32| boxed(b"ispe", &[&[0; 4], &w.to_be_bytes()[..], &h.to_be_bytes()[..]].concat());
        let ipco = boxed(b"ipco", &[ispe(512, 512), ispe(4032, 3024), ispe(320, 240)].concat());
        let meta = boxed(b"meta", &[vec![0; 4], boxed(b"iprp", &ipco)].concat());
        let file = [boxed(b"ftyp", b"mif1\0\0\0\0mif1heic"), meta].concat();
        assert_eq!(sniff(&file), Some(Sniffed { mimetype: "image/heic", size: Some((4032, 3024)) }));
        // Cut anywhere, it must neither panic nor loop.
        for n in 0..file.len() {
            let _ = sniff(&file[..n]);
        }
    }

    #[test]
    fn no_header_makes_it_panic() {
        let mut dice = 5;
        let starts: [&[u8]; 7] = [
            b"\xFF\xD8\xFF",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            b"RIFF\0\0\0\0WEBPVP8X",
            b"RIFF\0\0\0\0WEBPVP8L",
            b"RIFF\0\0\0\0WEBPVP8 ",
            b"\0\0\0\x10ftypheic\0\0\0\0\0\0\0\x40meta\0\0\0\0\0\0\0\x34iprp\0\0\0\x2cipco",
            b"\0\0\0\x10ftypmif1\0\0\0\0\0\0\0\x01meta\xff\xff\xff\xff\xff\xff\xff\xff",
        ];
        for start in starts {
            for _ in 0..2_000 {
                let mut bytes = start.to_vec();
                for _ in 0..crate::faults::roll(&mut dice) % 64 {
                    bytes.extend_from_slice(&crate::faults::roll(&mut dice).to_be_bytes()[..3]);
                }
                let at = usize::try_from(crate::faults::roll(&mut dice)).unwrap() % bytes.len();
                bytes[at] ^= 1 << (crate::faults::roll(&mut dice) % 8);
                let _ = sniff(&bytes);
            }
        }
    }
}
