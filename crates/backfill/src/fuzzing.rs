//! What the fuzz target calls, so that a plain test can replay its seeds.

use std::path::{Path, PathBuf};

use crate::manifest::{Manifest, Row};

/// Reads bytes as a manifest of either kind. Its rows end, have lines of their own in order, and are either whole or
/// bad with their text kept; where nothing is quoted, none of them goes missing.
///
/// # Panics
/// When they are not so.
pub fn rows(data: &[u8]) {
    let scratch = Scratch::new(data);
    let (csv, jsonl) = (scratch.named("csv"), scratch.named("jsonl"));
    if let Some(rows) = read(&csv) {
        let plain = !data.contains(&b'"');
        judge(&rows, data);
        let all = || b",;\t".iter().any(|delimiter| tabled(data, *delimiter) == rows.len() + 1);
        assert!(!plain || all(), "rows of a table went missing: {rows:?}");
    }
    if let Some(rows) = read(&jsonl) {
        judge(&rows, data);
        let text = data.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(data);
        let lines = text.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty());
        assert_eq!(rows.len(), lines.count(), "lines went missing: {rows:?}");
    }
}

/// The rows, where the manifest is taken and read to its end.
fn read(path: &Path) -> Option<Vec<Row>> {
    let manifest = Manifest::open(path).ok()?;
    assert!(manifest.fingerprint().is_ok());
    manifest.rows().ok()?.collect::<Result<_, _>>().ok()
}

fn judge(rows: &[Row], data: &[u8]) {
    let lines = 1 + data.iter().filter(|b| b"\r\n".contains(b)).count() as u64;
    assert!(rows.is_sorted_by_key(|row| row.line), "{rows:?}");
    for row in rows {
        assert!((1..=lines).contains(&row.line), "{row:?} of {lines}");
        let whole = row.who.is_some() && !row.media.is_empty() && row.raw.is_none();
        assert!(if row.bad.is_some() { row.raw.is_some() } else { whole }, "{row:?}");
    }
}

/// Lines of a table without quotes that say something, its header among them.
fn tabled(data: &[u8], delimiter: u8) -> usize {
    let says = |line: &&[u8]| line.iter().any(|b| !b.is_ascii_whitespace() && *b != delimiter);
    data.split(|b| b"\r\n".contains(b)).filter(says).count()
}

/// One file under two names, gone with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(data: &[u8]) -> Self {
        let name = format!("sealpress-fuzz-{}-{:?}", std::process::id(), std::thread::current().id());
        let scratch = Self(std::env::temp_dir().join(name));
        for kind in ["csv", "jsonl"] {
            assert!(std::fs::write(scratch.named(kind), data).is_ok(), "no room for {}", scratch.0.display());
        }
        scratch
    }

    fn named(&self, kind: &str) -> PathBuf {
        self.0.with_extension(kind)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for kind in ["csv", "jsonl"] {
            let _ = std::fs::remove_file(self.named(kind));
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_of_rows() {
        let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/manifest_rows");
        let files: Vec<_> = std::fs::read_dir(seeds).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty());
        for file in files {
            let data = std::fs::read(file).unwrap();
            (0..=data.len()).for_each(|n| super::rows(&data[..n]));
        }
    }
}
