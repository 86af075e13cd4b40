//! What happens to files, and what a careless program does to them: seeded, for campaigns against another reader.

use std::io::{Read as _, Write as _};
use std::ops::Range;

use flate2::read::ZlibDecoder;
use sealpress_testkit::Rng;

/// Words that structure is made of.
const WORDS: [&[u8]; 16] = [
    b"endstream",
    b"stream",
    b"endobj",
    b" obj",
    b"xref",
    b"trailer",
    b"startxref",
    b"%%EOF",
    b" 0 R",
    b" 00000 n",
    b"/Length",
    b"/Contents",
    b"/Kids",
    b"/Filter",
    b"/Type",
    b">>",
];

/// What stands in content and dictionaries where nobody expects it.
const STRAYS: [&[u8]; 14] = [
    b" ) ",
    b" > ",
    b" >> ",
    b" << ",
    b" ] ",
    b" [ ",
    b" } ",
    b" { ",
    b" (",
    b" <4!>",
    b" null ",
    b" 7 0 R ",
    b" 99999999999999999999 ",
    b" % ",
];

/// One of these words, wherever it stands, with a letter changed, lost, doubled, or something behind it.
fn misspelt(out: &mut Vec<u8>, rng: &mut Rng) {
    let word = WORDS[rng.below(16) as usize];
    let places: Vec<usize> = memchr::memmem::find_iter(out, word).collect();
    let Ok(count @ 1..) = u32::try_from(places.len()) else { return };
    let start = places[rng.below(count) as usize];
    let letter = start + rng.below(u32::try_from(word.len()).unwrap()) as usize;
    match rng.below(5) {
        0 => out[letter] = b'a' + u8::try_from(rng.below(26)).unwrap(),
        1 => drop(out.remove(letter)),
        2 => out.insert(letter, out[letter]),
        3 => out[letter] = b"0123456789 \n"[rng.below(12) as usize],
        _ => {
            let stray = STRAYS[rng.below(14) as usize];
            let end = start + word.len();
            out.splice(end..end, stray.iter().copied());
        }
    }
}

/// A file with some of what happens to files: bytes changed, lost, doubled, a piece moved, an end cut off, a word of
/// its structure misspelt, something between its words.
pub(crate) fn mutant(file: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut out = file.to_vec();
    let at = |rng: &mut Rng, out: &[u8]| rng.below(u32::try_from(out.len()).unwrap()) as usize;
    for _ in 0..=rng.below(4) {
        let start = at(rng, &out);
        match rng.below(11) {
            0 | 1 => out[start] = rng.next_u32().to_le_bytes()[0],
            2 => out[start] ^= 1 << rng.below(8),
            3 => {
                let end = (start + 1 + rng.below(12) as usize).min(out.len());
                out.drain(start..end);
            }
            4 => {
                let end = (start + 1 + rng.below(40) as usize).min(out.len());
                let piece = out[start..end].to_vec();
                out.splice(start..start, piece);
            }
            5 => {
                // Digits are what structure is made of.
                if let Some(digit) = out[start..].iter().position(u8::is_ascii_digit) {
                    out[start + digit] = b'0' + u8::try_from(rng.below(10)).unwrap();
                }
            }
            6..=8 => misspelt(&mut out, rng),
            9 => {
                let blanks: Vec<usize> = memchr::memchr2_iter(b' ', b'\n', &out).collect();
                let blank = blanks[rng.below(u32::try_from(blanks.len()).unwrap()) as usize];
                out.splice(blank..blank, STRAYS[rng.below(14) as usize].iter().copied());
            }
            _ => {
                if rng.below(4) == 0 {
                    out.truncate(start.max(200));
                }
            }
        }
        if out.len() < 200 {
            return file.to_vec();
        }
    }
    out
}

/// Where the parts of a file lie that a variation drops or alters.
#[derive(Default)]
pub(crate) struct Parts {
    /// `7 0 obj` to `endobj`.
    objects: Vec<Range<usize>>,
    /// The data of streams that are deflated and nothing else.
    deflated: Vec<Range<usize>>,
}

/// What stands for a filter that was meant to be another one.
const FILTERS: [&[u8]; 8] = [
    b"/ASCIIHexDecode",
    b"/ASCII85Decode",
    b"/LZWDecode",
    b"/RunLengthDecode",
    b"/FlateDecode",
    b"/DCTDecode",
    b"/Fl",
    b"[]",
];

fn find(bytes: &[u8], from: usize, word: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes.get(from..)?, word).map(|at| from + at)
}

fn any<T: Clone>(items: &[T], rng: &mut Rng) -> Option<T> {
    let count = u32::try_from(items.len()).ok().filter(|count| *count > 0)?;
    items.get(rng.below(count) as usize).cloned()
}

impl Parts {
    pub(crate) fn of(file: &[u8]) -> Self {
        let mut parts = Self::default();
        for at in memchr::memmem::find_iter(file, b" obj") {
            let digits = |b: &u8| b.is_ascii_digit() || *b == b' ';
            let start = at - file[..at].iter().rev().take_while(|b| digits(b)).count();
            let Some(end) = find(file, at, b"endobj") else { break };
            parts.objects.push(start..end + 6);
            let object = &file[at..end];
            let Some(word) = find(object, 0, b"stream") else { continue };
            let head = &object[..word];
            let Some(last) = find(object, word + 6, b"endstream") else { continue };
            let blank = object[word + 6..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            if find(head, 0, b"FlateDecode").is_some() && find(head, 0, b"Parms").is_none() {
                parts.deflated.push(at + word + 6 + blank..at + last);
            }
        }
        parts
    }

    /// The file with one part of it gone or another one.
    pub(crate) fn varied(&self, file: &[u8], rng: &mut Rng) -> Vec<u8> {
        let mut out = file.to_vec();
        let changed = match rng.below(8) {
            // An object that is not there, or stands there twice.
            0 => any(&self.objects, rng).map(|object| match rng.below(3) {
                0 => drop(out.splice(object.clone(), file[object].iter().copied().chain(*b"\n"))),
                _ => drop(out.drain(object)),
            }),
            // The words of content, which no damage to its deflated bytes ever changes one by one.
            1..=3 => any(&self.deflated, rng).and_then(|data| {
                let mut content = Vec::new();
                ZlibDecoder::new(&file[data.clone()]).read_to_end(&mut content).ok()?;
                token(&mut content, rng)?;
                let mut deflated = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
                deflated.write_all(&content).ok()?;
                out.splice(data, deflated.finish().ok()?);
                Some(())
            }),
            4 => number_behind(&mut out, b"/Length", rng),
            5 => number_behind(&mut out, b" obj", rng),
            6 => {
                let places: Vec<usize> = memchr::memmem::find_iter(&out, b"Decode").collect();
                any(&places, rng).and_then(|at| {
                    let start = memchr::memrchr(b'/', &out[..at])?;
                    out.splice(start..at + 6, any(&FILTERS, rng)?.iter().copied());
                    Some(())
                })
            }
            _ => token(&mut out, rng),
        };
        if changed.is_some() { out } else { mutant(file, rng) }
    }
}

/// One word gone, doubled, or another one that stands elsewhere.
fn token(text: &mut Vec<u8>, rng: &mut Rng) -> Option<()> {
    let blank = |b: &u8| b.is_ascii_whitespace();
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let length = text[at..].iter().take_while(|b| !blank(b)).count();
        if length > 0 {
            words.push(at..at + length);
        }
        at += length + 1;
    }
    let word = any(&words, rng)?;
    match rng.below(4) {
        0 | 1 => drop(text.drain(word)),
        2 => {
            let again = text[word.clone()].to_vec();
            text.splice(word.end..word.end, std::iter::once(b' ').chain(again));
        }
        _ => {
            let other = text[any(&words, rng)?].to_vec();
            text.splice(word, other);
        }
    }
    Some(())
}

/// Another number behind or, of a header, before this word: a length, a reference, a generation.
fn number_behind(out: &mut Vec<u8>, word: &[u8], rng: &mut Rng) -> Option<()> {
    let places: Vec<usize> = memchr::memmem::find_iter(out, word).collect();
    let at = any(&places, rng)?;
    let start = if word == b" obj" {
        at - out[..at].iter().rev().take_while(|b| b.is_ascii_digit()).count()
    } else {
        at + word.len() + out[at + word.len()..].iter().take_while(|b| **b == b' ').count()
    };
    let end = start + out[start..].iter().take_while(|b| b.is_ascii_digit()).count();
    let number: u64 = std::str::from_utf8(&out[start..end]).ok()?.parse().ok()?;
    let other = match rng.below(6) {
        0 => 0,
        1 => number + 1,
        2 => number.saturating_sub(1 + u64::from(rng.below(9))),
        3 => number + u64::from(rng.below(400)),
        4 => u64::MAX,
        _ => number / 10,
    };
    out.splice(start..end, other.to_string().into_bytes());
    Some(())
}
