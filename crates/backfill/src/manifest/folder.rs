use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::hash;
use super::row::{self, Row};
use crate::error::{Error, ErrorKind, Result};

/// `SUBJECT/CONTEXT/FILE`, or `SUBJECT/CONTEXT.jpg` and `SUBJECT/CONTEXT-2.jpg`; in the order of
/// the names. Names that begin with a dot are left alone.
pub(super) fn rows(root: &Path) -> Result<impl Iterator<Item = Result<Row>> + Send + use<>> {
    let root = root.to_owned();
    // One subject's files at a time: a folder of millions of subjects needs only their names.
    let subjects = entries(&root)?;
    let mut line = 0;
    Ok(subjects.into_iter().flat_map(move |subject| {
        let files = match files_of(&root, &subject) {
            Ok(files) => files,
            Err(e) => return vec![Err(e)],
        };
        files
            .into_iter()
            .map(|file| {
                line += 1;
                Ok(row(line, &file))
            })
            .collect()
    }))
}

pub(super) fn fingerprint(root: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for subject in entries(root)? {
        for file in files_of(root, &subject)? {
            let size = std::fs::metadata(root.join(&file)).map(|m| m.len()).unwrap_or(0);
            hash.update(format!("{size} {}\n", file.display()));
        }
    }
    Ok(hash::hex(&hash.finalize()))
}

fn row(line: u64, file: &Path) -> Row {
    let Some(parts) = file.components().map(|c| c.as_os_str().to_str()).collect::<Option<Vec<_>>>() else {
        return row::unreadable(line, "the file's name is not UTF-8");
    };
    let (subject, context) = match parts[..] {
        [subject, context, _] => (subject, context),
        [subject, name] => (subject, context_of(name)),
        _ => return row::unreadable(line, format!("`{}` is not SUBJECT/CONTEXT/FILE", file.display())),
    };
    let columns = [("subject", subject), ("context", context), ("media", &parts.join("/"))];
    row::from_columns(line, columns.map(|(n, v)| (n.to_owned(), v.to_owned())).into_iter())
}

/// `document-front` of `document-front-2.jpg`.
fn context_of(name: &str) -> &str {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let plain = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    if plain.len() < stem.len() { plain.strip_suffix(['-', '_', ' ']).unwrap_or(stem) } else { stem }
}

/// Paths below `root`, of at most three parts: deeper ones are folders that the row says no to.
fn files_of(root: &Path, subject: &Path) -> Result<Vec<PathBuf>> {
    if !root.join(subject).is_dir() {
        return Ok(vec![subject.to_owned()]);
    }
    let mut files = Vec::new();
    for name in entries(&root.join(subject))? {
        let path = subject.join(&name);
        if root.join(&path).is_dir() {
            files.extend(entries(&root.join(&path))?.into_iter().map(|name| path.join(name)));
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// Names in a folder, sorted as people sort: `2` before `10`.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |e| Error::caused(ErrorKind::Manifest, format!("{} cannot be read", folder.display()), e);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            names.push(PathBuf::from(name));
        }
    }
    // The ending last, so that `face.jpg` comes before `face-2.jpg`.
    names.sort_by_cached_key(|name| {
        let part = |part: Option<&std::ffi::OsStr>| natural(&part.unwrap_or_default().to_string_lossy());
        (part(name.file_stem()), part(name.extension()))
    });
    Ok(names)
}

/// Runs of digits compare by length first, so that they compare as numbers.
fn natural(name: &str) -> Vec<(usize, String)> {
    let mut parts: Vec<(usize, String)> = Vec::new();
    let mut digits = false;
    for c in name.chars() {
        if parts.is_empty() || c.is_ascii_digit() != digits {
            digits = c.is_ascii_digit();
            parts.push((0, String::new()));
        }
        if let Some((length, text)) = parts.last_mut() {
            text.push(c);
            *length = if digits { text.trim_start_matches('0').len() } else { 0 };
        }
    }
    parts
}
