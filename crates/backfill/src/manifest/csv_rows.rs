//! Manifests of comma-separated values with a header.

use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::row::{self, Row, Who};
use crate::error::{Error, ErrorKind, Result};

/// What is read of the file at a time.
const BUFFER: usize = 1 << 20;
/// How often a row may ask for more: a row of 2 MiB is a quote that nobody closed.
const MOST_READS: u32 = 3;
/// Columns whose values have no line breaks: where one has, a quote was not closed in time, and rows
/// were swallowed that nobody would miss.
const ONE_LINE: [&str; 4] = ["session", "subject", "context", "media"];

/// The header's names and the delimiter it was written with: a comma, or what spreadsheets of some
/// countries and database exports write instead.
pub(super) fn header(path: &Path) -> Result<(Vec<String>, u8)> {
    let unreadable =
        |e: csv::Error| Error::caused(ErrorKind::Manifest, format!("{} cannot be read", path.display()), e);
    let mut best: Option<(Vec<String>, u8)> = None;
    for delimiter in [b',', b';', b'\t'] {
        let mut reader = reader(path, delimiter).map_err(unreadable)?;
        let names: Vec<String> = reader.byte_headers().map_err(unreadable)?.iter().map(name).collect();
        if best.as_ref().is_none_or(|(b, _)| names.len() > b.len()) {
            best = Some((names, delimiter));
        }
    }
    let (names, delimiter) = best.unwrap_or_default();
    let problem = |what: String| Err(Error::new(ErrorKind::Manifest, format!("{}, line 1: {what}", path.display())));
    if names.iter().all(String::is_empty) {
        return problem("no header; expected columns such as `session,context,media`".to_owned());
    }
    let has = |wanted: &str| names.iter().any(|n| n == wanted);
    let list = names.join(", ");
    for wanted in ["context", "media"] {
        if !has(wanted) {
            return problem(format!("no column `{wanted}` in the header ({list})"));
        }
    }
    if !has("session") && !has("subject") {
        return problem(format!("neither a column `session` nor `subject` in the header ({list})"));
    }
    let mut met = HashSet::new();
    for (n, name) in names.iter().enumerate() {
        if name.is_empty() {
            return problem(format!("column {} has no name", n + 1));
        }
        if !met.insert(name) {
            return problem(format!("two columns are called `{name}`"));
        }
    }
    Ok((names, delimiter))
}

pub(super) fn rows(
    path: &Path,
    columns: &[String],
    delimiter: u8,
) -> Result<impl Iterator<Item = Result<Row>> + Send + use<>> {
    let unreadable = |e: csv::Error| Error::caused(ErrorKind::Manifest, "the manifest cannot be read", e);
    let mut reader = reader(path, delimiter).map_err(unreadable)?;
    reader.byte_headers().map_err(unreadable)?;
    let columns = columns.to_vec();
    let mut record = csv::ByteRecord::new();
    let mut last_owner = None;
    Ok(std::iter::from_fn(move || {
        let start = loop {
            reader.get_ref().row();
            let start = reader.position().byte();
            match reader.read_byte_record(&mut record) {
                // Spreadsheets leave rows of nothing but delimiters behind.
                Ok(true) if record.iter().all(|value| value.trim_ascii().is_empty()) => {}
                Ok(true) => break start,
                Ok(false) => return None,
                Err(e) if reader.get_ref().is_too_long() => {
                    let (line, _) = reader.get_ref().line_at(start);
                    return Some(Err(open_quote(line, Some(e))));
                }
                Err(e) => return Some(Err(unreadable(e))),
            }
        };
        let (line, start) = reader.get_ref().line_at(start);
        if record.iter().any(is_broken) && has_open_quote(&columns, &record, &reader) {
            return Some(Err(open_quote(line, None)));
        }
        let row = row(line, &columns, &record, last_owner.as_ref());
        let row = row.keeping(|| reader.get_ref().text(start, reader.position().byte()));
        if row.bad.is_none() {
            last_owner.clone_from(&row.who);
        }
        Some(Ok(row))
    }))
}

/// Whether a row of several lines looks like one whose quote was forgotten: too many or too few
/// fields, a line break where none belongs, or no closing quote at the file's end.
fn has_open_quote(columns: &[String], record: &csv::ByteRecord, reader: &csv::Reader<Watched>) -> bool {
    let misplaced =
        columns.iter().zip(record).any(|(name, value)| ONE_LINE.contains(&name.as_str()) && is_broken(value));
    let file = reader.get_ref();
    let unfinished =
        file.ended.get() && file.last.get() != b'"' && record.get(record.len().wrapping_sub(1)).is_some_and(is_broken);
    record.len() != columns.len() || misplaced || unfinished
}

fn is_broken(value: &[u8]) -> bool {
    value.contains(&b'\n') || value.contains(&b'\r')
}

fn open_quote(line: u64, cause: Option<csv::Error>) -> Error {
    let message = format!("line {line}: a quote that is opened here is not closed where the row ends");
    match cause {
        Some(e) => Error::caused(ErrorKind::Manifest, message, e),
        None => Error::new(ErrorKind::Manifest, message),
    }
}

/// A row that has too many fields or too few, or a text that is none, is a bad one; whose it is is
/// read all the same, where the column of its owner can be told.
fn row(line: u64, columns: &[String], record: &csv::ByteRecord, last_owner: Option<&Who>) -> Row {
    if is_json(record) {
        return row::unreadable(line, "a JSON object in a table", []);
    }
    if record.len() != columns.len() {
        let why = match record.len() {
            1 => format!("1 field where the header has {}", columns.len()),
            n => format!("{n} fields where the header has {}", columns.len()),
        };
        return row::unreadable(line, why, told_columns(columns, record, last_owner));
    }
    let mut fields = Vec::with_capacity(columns.len());
    let mut problem = None;
    for (name, value) in columns.iter().zip(record) {
        match std::str::from_utf8(value) {
            Ok(value) => fields.push((name.clone(), value.to_owned())),
            Err(_) if super::COLUMNS.contains(&name.as_str()) => {
                problem.get_or_insert_with(|| format!("column `{name}` is not UTF-8"));
            }
            // Carried through, and nobody's business.
            Err(_) => fields.push((name.clone(), text(value))),
        }
    }
    match problem {
        Some(why) => row::unreadable(line, why, fields),
        None => row::from_columns(line, fields.into_iter()),
    }
}

/// Whose braces are no part of any value.
fn is_json(record: &csv::ByteRecord) -> bool {
    let ends = record.get(0).zip(record.get(record.len().wrapping_sub(1)));
    ends.is_some_and(|(first, last)| first.trim_ascii().starts_with(b"{\"") && last.trim_ascii().ends_with(b"}"))
}

/// The columns of a row with another number of fields than the header. Fields count from the left:
/// what stands first cannot have moved, and is whole where something stands behind it: what stands alone may
/// be the beginning of another owner, or a row of another delimiter. Any other owner is believed where it is the row before's
/// too; a field too many or too few in front of it may have moved it.
fn told_columns(columns: &[String], record: &csv::ByteRecord, last_owner: Option<&Who>) -> Vec<(String, String)> {
    let text = |at: usize| record.get(at).and_then(|value| std::str::from_utf8(value).ok());
    let mut fields = Vec::new();
    for (at, name) in columns.iter().enumerate() {
        let owner = matches!(name.as_str(), "session" | "subject");
        let value = if owner && at > 0 {
            let (few, many) = (record.len().min(columns.len()), record.len().max(columns.len()));
            let moved = many - few;
            let places = if record.len() > columns.len() { at..=at + moved } else { at.saturating_sub(moved)..=at };
            let last = match last_owner {
                Some(Who::Session(id)) if name == "session" => Some(id.as_str()),
                Some(Who::Subject { subject, .. }) if name == "subject" => Some(subject.as_str()),
                _ => None,
            };
            let is_last = |value: &&str| Some(value.trim()) == last;
            places.filter_map(text).find(is_last)
        } else if owner && record.len() == 1 {
            None
        } else {
            text(at)
        };
        if let Some(value) = value {
            fields.push((name.clone(), value.to_owned()));
        }
    }
    fields
}

fn reader(path: &Path, delimiter: u8) -> csv::Result<csv::Reader<Watched>> {
    let file = Watched {
        file: File::open(path)?,
        reads: Cell::new(0),
        last: Cell::new(0),
        ended: Cell::new(false),
        recent: RefCell::default(),
        lines: Cell::new((0, 1, false)),
    };
    Ok(csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).buffer_capacity(BUFFER).from_reader(file))
}

/// A file that counts how often it was read for one row, and refuses beyond the limit.
struct Watched {
    file: File,
    reads: Cell<u32>,
    /// The last byte that was no line break.
    last: Cell<u8>,
    /// Whether the end was reached. The reader itself says so only behind the last row.
    ended: Cell<bool>,
    /// What was read last, with its place in the file: enough for the longest row.
    recent: RefCell<VecDeque<(u64, Vec<u8>)>>,
    /// A place in the file and its line: where lines were counted up to, and whether a carriage return stands right
    /// before it. The reader's own count is one behind in files whose lines end with one.
    lines: Cell<(u64, u64, bool)>,
}

impl Watched {
    /// A new row begins.
    fn row(&self) {
        self.reads.set(0);
    }

    /// The line on which the first character at or behind `place` stands that ends no line, and its
    /// own place.
    fn line_at(&self, place: u64) -> (u64, u64) {
        let (mut at, mut line, mut returned) = self.lines.get();
        let recent = self.recent.borrow();
        'chunks: for (start, chunk) in recent.iter() {
            let skip = usize::try_from(at.saturating_sub(*start)).unwrap_or(usize::MAX).min(chunk.len());
            for byte in &chunk[skip..] {
                // A carriage return ends a line by itself, or with the line feed behind it.
                line += u64::from(returned && *byte != b'\n');
                returned = false;
                if at >= place && !matches!(byte, b'\r' | b'\n') {
                    break 'chunks;
                }
                line += u64::from(*byte == b'\n');
                returned = *byte == b'\r';
                at += 1;
            }
        }
        self.lines.set((at, line, returned));
        (line, at)
    }

    /// What stands between two places, without the end of its line.
    fn text(&self, from: u64, to: u64) -> Vec<u8> {
        let mut text = Vec::new();
        for (start, chunk) in self.recent.borrow().iter() {
            let within =
                |place: u64| usize::try_from(place.saturating_sub(*start)).unwrap_or(usize::MAX).min(chunk.len());
            text.extend_from_slice(&chunk[within(from)..within(to).max(within(from))]);
        }
        let end = text.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |last| last + 1);
        text.truncate(end);
        text
    }

    fn is_too_long(&self) -> bool {
        self.reads.get() > MOST_READS
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.reads.set(self.reads.get() + 1);
        if self.is_too_long() {
            return Err(std::io::Error::other("the row is longer than 2 MiB"));
        }
        let n = self.file.read(buffer)?;
        let mut recent = self.recent.borrow_mut();
        let place = recent.back().map_or(0, |(start, chunk)| start + chunk.len() as u64);
        recent.push_back((place, buffer[..n].to_vec()));
        if recent.len() > MOST_READS as usize + 1 {
            recent.pop_front();
        }
        self.ended.set(n == 0);
        if let Some(last) = buffer[..n].iter().rev().find(|b| !b"\r\n".contains(b)) {
            self.last.set(*last);
        }
        Ok(n)
    }
}

/// A column's name as the header has it.
fn name(raw: &[u8]) -> String {
    super::column(text(raw).trim_start_matches('\u{feff}'))
}

/// What is no UTF-8 is Latin-1, in which every byte is a letter.
fn text(raw: &[u8]) -> String {
    std::str::from_utf8(raw).map_or_else(|_| raw.iter().map(|b| char::from(*b)).collect(), str::to_owned)
}
