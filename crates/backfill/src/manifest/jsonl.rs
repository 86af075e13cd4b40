//! Manifests of JSON lines: one object a line, with the columns as keys.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

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
    let object = match serde_json::from_slice(text) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return row::unreadable(line, "not a JSON object", []),
        // The column alone: the parser's own message would repeat the line's number as 1.
        Err(e) => return row::unreadable(line, format!("no JSON from column {} on", e.column()), owner(text)),
    };
    row::from_columns(
        line,
        object.into_iter().filter_map(|(name, value)| match value {
            Value::Null => None,
            Value::String(text) => Some((name, text)),
            other => Some((name, other.to_string())),
        }),
    )
}

/// The known columns of a line that is no JSON, as far as they can be told: a key that stands there
/// once, with a text behind it. A key that stands there twice is nobody's.
fn owner(text: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(text);
    let told = |name: &&str| {
        let key = format!("\"{name}\"");
        let mut places = text.match_indices(&key);
        let (at, _) = places.next()?;
        if places.next().is_some() {
            return None;
        }
        let rest = text[at + key.len()..].trim_start().strip_prefix(':')?.trim_start();
        let value = serde_json::Deserializer::from_str(rest).into_iter::<Value>().next()?.ok()?;
        match value {
            Value::String(value) => Some(((*name).to_owned(), value)),
            Value::Number(value) => Some(((*name).to_owned(), value.to_string())),
            _ => None,
        }
    };
    ["session", "subject", "context", "media"].iter().filter_map(told).collect()
}
