//! Cross-reference sections, newest first. A table is not read: entry n is a seek to a row of 20 bytes,
//! looked at when somebody asks for object n.

use std::collections::HashSet;

use bytes::Bytes;
use memchr::memmem;

use super::lex::{Lexer, is_space};
use crate::failure::{Failure, Leave};
use crate::inflate;
use crate::object::{Dict, Id, Object, Stream};

/// Revisions of one file.
const MAX_SECTIONS: usize = 256;

/// Ranges of object numbers in one section.
const MAX_RANGES: usize = 65_536;

const ROW: usize = 20;

pub(crate) struct Sections {
    bytes: Bytes,
    sections: Vec<Section>,
    trailer: Dict,
    encrypted: bool,
}

/// Where an object lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Absent,
    At(usize),
    In { stream: u32, index: usize },
}

struct Section {
    ranges: Vec<Range>,
    rows: Rows,
}

impl Section {
    fn range(&self, number: usize) -> Option<&Range> {
        self.ranges.iter().rev().find(|r| number >= r.first && number - r.first < r.count)
    }
}

impl Section {
    /// Whether this table has none of the objects in use that a stream hides from old readers: which of the two
    /// counts then, readers do not agree about.
    fn agrees_with(&self, hidden: &Self, bytes: &[u8]) -> Result<(), Leave> {
        if !matches!(self.rows, Rows::Text) {
            return Err(Leave("a stream of hidden objects beside another stream"));
        }
        for range in &self.ranges {
            for row in 0..range.count {
                let at = range.start + row * ROW;
                if bytes.get(at + 17) != Some(&b'f') && hidden.range(range.first.saturating_add(row)).is_some() {
                    return Err(Leave("a hidden object that is not hidden"));
                }
            }
        }
        Ok(())
    }
}

/// Objects `first..first + count`; their rows begin at `start`.
struct Range {
    first: usize,
    count: usize,
    start: usize,
}

enum Rows {
    /// In the file, 20 bytes each.
    Text,
    /// In an inflated stream, with fields of these widths.
    Binary { data: Bytes, widths: [usize; 3] },
}

impl Sections {
    /// The sections that the end of the file names.
    pub(crate) fn of(bytes: &Bytes, limit: u64) -> Result<Self, Leave> {
        let tail = &bytes[bytes.len().saturating_sub(1024)..];
        let at = memmem::rfind(tail, b"startxref").ok_or(Leave("no startxref"))?;
        let mut lexer = Lexer::new(bytes, bytes.len() - tail.len() + at + 9);
        lexer.skip_space();
        let start = lexer.integer()?;
        Self::read(bytes, start, limit)
    }

    /// Reads all sections from the newest, whose offset is given.
    fn read(bytes: &Bytes, start: usize, limit: u64) -> Result<Self, Leave> {
        let (mut sections, mut newest, mut seen) = (Vec::new(), None, HashSet::new());
        let (mut next, mut encrypted) = (Some(start), false);
        let place = |trailer: &Dict, key: &[u8]| match trailer.get(key) {
            None => Ok(None),
            Some(offset) => {
                let offset = offset.as_int().and_then(|n| usize::try_from(n).ok());
                offset.filter(|n| *n < bytes.len()).map(Some).ok_or(Leave("a strange previous revision"))
            }
        };
        while let Some(at) = next {
            if !seen.insert(at) || sections.len() >= MAX_SECTIONS {
                return Err(Leave("too many revisions"));
            }
            let (section, trailer) = section(bytes, at, limit)?;
            encrypted |= trailer.contains(b"Encrypt");
            // Objects that old readers must not see: their table calls them free.
            if let Some(hidden) = place(&trailer, b"XRefStm")? {
                let hidden = stream(bytes, Lexer::new(bytes, hidden), limit)?.0;
                section.agrees_with(&hidden, bytes)?;
                sections.push(hidden);
            }
            next = place(&trailer, b"Prev")?;
            sections.push(section);
            newest.get_or_insert(trailer);
        }
        let trailer = newest.ok_or(Leave("no trailer"))?;
        Ok(Self { bytes: bytes.clone(), sections, trailer, encrypted })
    }

    pub(super) fn encrypted(&self) -> bool {
        self.encrypted
    }

    pub(super) fn size(&self) -> usize {
        self.sections.iter().flat_map(|section| &section.ranges).map(|range| range.count).sum()
    }

    /// Calls `see` with every object that is in use.
    pub(super) fn each_in_use(&self, see: &mut dyn FnMut(Id) -> Result<(), Failure>) -> Result<(), Failure> {
        const STRANGE: Leave = Leave("a strange object number");
        for (newer, section) in self.sections.iter().enumerate() {
            for range in &section.ranges {
                for row in 0..range.count {
                    let number = range.first.checked_add(row).ok_or(STRANGE)?;
                    if self.sections[..newer].iter().any(|section| section.range(number).is_some()) {
                        continue;
                    }
                    if let Some(generation) = self.generation(section, range, row)? {
                        see(Id::new(u32::try_from(number).map_err(|_| STRANGE)?, generation))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The generation of an object in use.
    fn generation(&self, section: &Section, range: &Range, row: usize) -> Result<Option<i32>, Leave> {
        const STRANGE: Leave = Leave("a strange row");
        match &section.rows {
            Rows::Text => {
                let at = range.start + row * ROW;
                let row = self.bytes.get(at..at + ROW).ok_or(STRANGE)?;
                if row[17] == b'f' {
                    return Ok(None);
                }
                let generation = std::str::from_utf8(&row[11..16]).ok().and_then(|digits| digits.parse().ok());
                generation.map(Some).ok_or(STRANGE)
            }
            Rows::Binary { data, widths: [kind, middle, last] } => {
                let at = range.start + row * (kind + middle + last);
                let number = |bytes: Option<&[u8]>| {
                    bytes.map(|b| b.iter().fold(0u64, |n, b| n << 8 | u64::from(*b))).ok_or(STRANGE)
                };
                let of_kind = if *kind == 0 { 1 } else { number(data.get(at..at + kind))? };
                let at = at + kind + middle;
                match of_kind {
                    0 => Ok(None),
                    1 => number(data.get(at..at + last))?.try_into().map(Some).map_err(|_| STRANGE),
                    _ => Ok(Some(0)),
                }
            }
        }
    }

    pub(crate) fn trailer(&self) -> &Dict {
        &self.trailer
    }

    /// Where the newest revision that knows the object says it is.
    pub(crate) fn find(&self, id: Id) -> Result<Place, Leave> {
        let number = id.number as usize;
        for section in &self.sections {
            let Some(range) = section.range(number) else { continue };
            let row = number - range.first;
            return match &section.rows {
                Rows::Text => text_row(&self.bytes, range.start + row * ROW, id),
                Rows::Binary { data, widths } => {
                    let width: usize = widths.iter().sum();
                    binary_row(data.get(range.start + row * width..).unwrap_or_default(), *widths, id)
                }
            };
        }
        Ok(Place::Absent)
    }
}

fn section(bytes: &Bytes, at: usize, limit: u64) -> Result<(Section, Dict), Leave> {
    let mut lexer = Lexer::new(bytes, at);
    lexer.skip_space();
    if lexer.keyword(b"xref") { table(bytes, lexer) } else { stream(bytes, lexer, limit) }
}

/// `xref`, then ranges of rows, then `trailer` and its dictionary.
fn table<'a>(bytes: &'a Bytes, mut lexer: Lexer<'a>) -> Result<(Section, Dict), Leave> {
    let mut ranges = Vec::new();
    loop {
        lexer.skip_space();
        if lexer.keyword(b"trailer") {
            break;
        }
        let first = lexer.integer()?;
        lexer.skip_space();
        let count = lexer.integer()?;
        lexer.skip_space();
        let start = lexer.position();
        let end = count.checked_mul(ROW).and_then(|n| n.checked_add(start)).filter(|end| *end <= bytes.len());
        lexer = Lexer::new(bytes, end.ok_or(Leave("a table longer than the file"))?);
        ranges.push(Range { first, count, start });
        if ranges.len() > MAX_RANGES {
            return Err(Leave("too many ranges"));
        }
    }
    match lexer.object()? {
        Object::Dict(trailer) => Ok((Section { ranges, rows: Rows::Text }, trailer)),
        _ => Err(Leave("no trailer")),
    }
}

/// A cross-reference stream. Its length is a number: nothing can be looked up yet.
fn stream(bytes: &Bytes, mut lexer: Lexer<'_>, limit: u64) -> Result<(Section, Dict), Leave> {
    const STRANGE: Leave = Leave("a strange cross-reference stream");
    lexer.integer()?;
    lexer.skip_space();
    lexer.integer()?;
    lexer.skip_space();
    if !lexer.keyword(b"obj") {
        return Err(Leave("no cross-reference where it should be"));
    }
    let Object::Dict(dict) = lexer.object()? else { return Err(STRANGE) };
    lexer.skip_space();
    let begins = lexer.keyword(b"stream") && (lexer.keyword(b"\r\n") || lexer.keyword(b"\n"));
    let int = |key: &[u8]| dict.get(key).and_then(Object::as_int).and_then(|n| usize::try_from(n).ok());
    let (true, Some(b"XRef"), Some(length)) = (begins, dict.get_name(b"Type"), int(b"Length")) else {
        return Err(STRANGE);
    };
    let start = lexer.position();
    let end = start.checked_add(length).filter(|end| *end <= bytes.len()).ok_or(STRANGE)?;
    let stream = Stream { dict: dict.clone(), data: bytes.slice(start..end) };
    let data = inflate::undo(&stream, limit)?;

    let list = |key: &[u8]| -> Option<Vec<usize>> {
        dict.get(key)?.as_array()?.iter().map(|n| n.as_int().and_then(|n| usize::try_from(n).ok())).collect()
    };
    let widths = list(b"W").and_then(|w| <[usize; 3]>::try_from(w).ok()).ok_or(STRANGE)?;
    let width: usize = widths.iter().map(|w| (*w).min(9)).sum();
    if widths.iter().any(|w| *w > 8) || width == 0 {
        return Err(STRANGE);
    }
    let index = match list(b"Index") {
        Some(index) => index,
        None => vec![0, int(b"Size").ok_or(STRANGE)?],
    };
    let (mut ranges, mut start) = (Vec::new(), 0usize);
    for pair in index.chunks(2) {
        let &[first, count] = pair else { return Err(STRANGE) };
        ranges.push(Range { first, count, start });
        start =
            count.checked_mul(width).and_then(|n| n.checked_add(start)).filter(|n| *n <= data.len()).ok_or(STRANGE)?;
    }
    Ok((Section { ranges, rows: Rows::Binary { data, widths } }, dict))
}

/// `oooooooooo ggggg n` and two bytes of line end.
fn text_row(bytes: &[u8], at: usize, id: Id) -> Result<Place, Leave> {
    const STRANGE: Leave = Leave("a strange row of a table");
    let row = bytes.get(at..at + ROW).ok_or(STRANGE)?;
    let digits = |range: std::ops::Range<usize>| {
        row[range].iter().try_fold(0usize, |n, b| b.is_ascii_digit().then(|| n * 10 + usize::from(b - b'0')))
    };
    let sound = row[10] == b' ' && row[16] == b' ' && is_space(row[18]) && is_space(row[19]);
    let (true, Some(offset), Some(generation)) = (sound, digits(0..10), digits(11..16)) else { return Err(STRANGE) };
    match row[17] {
        b'f' => Ok(Place::Absent),
        b'n' if offset > 0 && Ok(generation) == usize::try_from(id.generation) => Ok(Place::At(offset)),
        _ => Err(STRANGE),
    }
}

fn binary_row(data: &[u8], widths: [usize; 3], id: Id) -> Result<Place, Leave> {
    const STRANGE: Leave = Leave("a strange row of a stream");
    let [a, b, c] = widths;
    let row = data.get(..a + b + c).ok_or(STRANGE)?;
    let number = |bytes: &[u8]| usize::try_from(bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b)));
    let field = |range: std::ops::Range<usize>| number(&row[range]).map_err(|_| STRANGE);
    let kind = if a == 0 { 1 } else { field(0..a)? };
    let (second, third) = (field(a..a + b)?, field(a + b..a + b + c)?);
    match kind {
        0 => Ok(Place::Absent),
        1 if second > 0 && Ok(third) == usize::try_from(id.generation) => Ok(Place::At(second)),
        2 if id.generation == 0 => Ok(Place::In { stream: u32::try_from(second).map_err(|_| STRANGE)?, index: third }),
        _ => Err(STRANGE),
    }
}
