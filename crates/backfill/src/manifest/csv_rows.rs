use std::path::Path;

use super::row::{self, Row};
use crate::error::{Error, ErrorKind, Result};

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
    for (n, name) in names.iter().enumerate() {
        if name.is_empty() {
            return problem(format!("column {} has no name", n + 1));
        }
        if names[..n].contains(name) {
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
    Ok(std::iter::from_fn(move || {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(e) => return Some(Err(unreadable(e))),
        }
        let line = record.position().map_or(0, csv::Position::line);
        Some(Ok(row(line, &columns, &record)))
    }))
}

fn row(line: u64, columns: &[String], record: &csv::ByteRecord) -> Row {
    if record.len() != columns.len() {
        let why = format!("{} fields where the header has {}", record.len(), columns.len());
        return row::unreadable(line, why);
    }
    let mut fields = Vec::with_capacity(columns.len());
    for (name, value) in columns.iter().zip(record) {
        match std::str::from_utf8(value) {
            Ok(value) => fields.push((name.clone(), value.to_owned())),
            Err(_) => return row::unreadable(line, format!("column `{name}` is not UTF-8")),
        }
    }
    row::from_columns(line, fields.into_iter())
}

fn reader(path: &Path, delimiter: u8) -> csv::Result<csv::Reader<std::fs::File>> {
    csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).buffer_capacity(1 << 20).from_path(path)
}

/// Names of columns are compared without case, spaces around them and the mark that some editors
/// put at the start of a file.
fn name(raw: &[u8]) -> String {
    let name = String::from_utf8_lossy(raw);
    let name = name.trim_start_matches('\u{feff}').trim();
    let lower = name.to_ascii_lowercase();
    if super::COLUMNS.contains(&lower.as_str()) { lower } else { name.to_owned() }
}
