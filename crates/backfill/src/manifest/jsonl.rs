//! Manifests of JSON lines: one object a line, with the columns as keys.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::BOM;
use super::row::{self, Row};
use crate::error::{Error, ErrorKind, Result};

/// The longest line that is read; more is a bad row and is skipped without being kept.
const LONGEST_LINE: u64 = 1 << 20;

/// By its name, or by a brace as its first character.
pub(super) fn looks_like(path: &Path, file: &File) -> io::Result<bool> {
    let name = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    match name.as_str() {
        "jsonl" | "ndjson" | "json" => return Ok(true),
        "csv" | "tsv" => return Ok(false),
        _ => {}
    }
    let mut first = Vec::new();
    file.take(64).read_to_end(&mut first)?;
    let first = first.strip_prefix(BOM).unwrap_or(&first);
    Ok(first.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{'))
}

/// What looks like lines and is one value over all of them would fail in every line.
///
/// # Errors
/// `Manifest` for a JSON array.
pub(super) fn check(path: &Path) -> Result<()> {
    let mut first = Vec::new();
    let read = File::open(path).and_then(|file| file.take(64).read_to_end(&mut first));
    read.map_err(|e| Error::caused(ErrorKind::Manifest, "the manifest cannot be read", e))?;
    let first = first.strip_prefix(BOM).unwrap_or(&first);
    match first.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(b'[') => Err(Error::new(
            ErrorKind::Manifest,
            format!(
                "{}, line 1: a JSON array; one object a line is meant, without brackets and commas",
                path.display()
            ),
        )),
        _ => Ok(()),
    }
}

pub(super) fn rows(path: &Path) -> Result<impl Iterator<Item = Result<Row>> + Send + use<>> {
    let unreadable = |e| Error::caused(ErrorKind::Manifest, "the manifest cannot be read", e);
    let mut file = BufReader::with_capacity(1 << 20, File::open(path).map_err(unreadable)?);
    let mut number = 0;
    let mut line = Vec::new();
    Ok(std::iter::from_fn(move || {
        loop {
            line.clear();
            number += 1;
            match (&mut file).take(LONGEST_LINE).read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(e) => return Some(Err(unreadable(e))),
            }
            if line.len() as u64 == LONGEST_LINE && line.last() != Some(&b'\n') {
                if let Err(e) = file.skip_until(b'\n') {
                    return Some(Err(unreadable(e)));
                }
                let why = format!("longer than {LONGEST_LINE} bytes");
                return Some(Ok(row::unreadable(number, why, owner(&line)).keeping(|| line.clone())));
            }
            let text = if number == 1 { line.strip_prefix(BOM).unwrap_or(&line) } else { &line };
            let text = text.trim_ascii();
            if !text.is_empty() {
                return Some(Ok(row(number, text).keeping(|| text.to_vec())));
            }
        }
    }))
}

fn row(line: u64, text: &[u8]) -> Row {
    let pairs = match serde_json::from_slice(text) {
        Ok(Line::Pairs(pairs)) => pairs,
        Ok(Line::Other) => return row::unreadable(line, "not a JSON object", []),
        // The column alone: the parser's own message would repeat the line's number as 1.
        Err(e) => return row::unreadable(line, format!("no JSON from column {} on", e.column()), owner(text)),
    };
    let mut columns: Vec<(String, String)> = Vec::with_capacity(pairs.len());
    let mut unclear: Vec<(String, String)> = Vec::new();
    let mut met = HashSet::new();
    for (key, value) in pairs {
        let name = super::column(&key);
        let known = super::COLUMNS.contains(&name.as_str());
        let why = match value {
            Value::Null => continue,
            _ if met.contains(&name) => format!("two keys are called `{name}`"),
            Value::Array(_) | Value::Object(_) | Value::Bool(_) if known => format!("`{name}` is no text"),
            // It was rounded: two long numbers may have become one.
            Value::Number(number) if known && !is_whole(&number) => {
                format!("`{name}` is a number that cannot be kept as it stands; put it in quotes")
            }
            value => {
                let text = if let Value::String(text) = value { text } else { value.to_string() };
                met.insert(name.clone());
                columns.push((name, text));
                continue;
            }
        };
        unclear.push((name, why));
    }
    let Some((_, why)) = unclear.first() else { return row::from_columns(line, columns.into_iter()) };
    // What stands there twice is nobody's.
    let nobodys: HashSet<&String> = unclear.iter().map(|(name, _)| name).collect();
    let clear = columns.into_iter().filter(|(name, _)| !nobodys.contains(name));
    row::unreadable(line, why, clear.collect::<Vec<_>>())
}

/// Whether a number has the digits that stand in the file.
fn is_whole(number: &serde_json::Number) -> bool {
    number.is_u64() || number.is_i64()
}

/// A line of JSON: an object with every key that it has, those that stand there twice included, or anything
/// else.
enum Line {
    Pairs(Vec<(String, Value)>),
    Other,
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Line;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Line::Pairs(pairs))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Line, A::Error> {
                while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                Ok(Line::Other)
            }

            fn visit_str<E>(self, _: &str) -> Result<Line, E> {
                Ok(Line::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Line, E> {
                Ok(Line::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Line, E> {
                Ok(Line::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Line, E> {
                Ok(Line::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Line, E> {
                Ok(Line::Other)
            }

            fn visit_unit<E>(self) -> Result<Line, E> {
                Ok(Line::Other)
            }
        }
        from.deserialize_any(Reader)
    }
}

/// The known columns of a line that is no JSON, as far as they can be told: a key that stands there
/// once, with a text behind it. A key that stands there twice is nobody's.
fn owner(text: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(text);
    // As long as the text: keys are compared without case.
    let lower = text.to_ascii_lowercase();
    let told = |name: &&str| {
        let key = format!("\"{name}\"");
        let mut places = lower.match_indices(&key);
        let (at, _) = places.next()?;
        if places.next().is_some() {
            return None;
        }
        let rest = text[at + key.len()..].trim_start().strip_prefix(':')?.trim_start();
        let value = serde_json::Deserializer::from_str(rest).into_iter::<Value>().next()?.ok()?;
        match value {
            Value::String(value) => Some(((*name).to_owned(), value)),
            Value::Number(value) if is_whole(&value) => Some(((*name).to_owned(), value.to_string())),
            _ => None,
        }
    };
    ["session", "subject", "context", "media"].iter().filter_map(told).collect()
}
