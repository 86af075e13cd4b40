//! Folders as manifests: `SUBJECT/CONTEXT/FILE`.

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
        let subject = file.iter().next().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        return row::unreadable(line, "the file's name is not UTF-8", [("subject".to_owned(), subject)])
            .keeping(|| file.as_os_str().as_encoded_bytes().to_vec());
    };
    let (subject, context) = match parts[..] {
        [subject, context, _] => (subject, context),
        [subject, name] => (subject, context_of(name)),
        _ => {
            let why = format!("`{}` is not SUBJECT/CONTEXT/FILE", file.display());
            // Of a deeper path the first part is the subject; a file beside the subjects is nobody's.
            let owner = (parts.len() > 1).then(|| ("subject".to_owned(), parts[0].to_owned()));
            return row::unreadable(line, why, owner).keeping(|| parts.join("/").into_bytes());
        }
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
    let mut files = Vec::new();
    walk(root, subject, &mut |path, kept| {
        if kept {
            files.push(path);
        }
    })?;
    Ok(files)
}

/// What is left out of the folder: files that are no media by their names, and links that lead
/// nowhere but back.
pub(super) fn left_out(root: &Path) -> Result<Vec<PathBuf>> {
    let mut left = Vec::new();
    for subject in entries(root)? {
        walk(root, &subject, &mut |path, kept| {
            if !kept {
                left.push(path);
            }
        })?;
    }
    Ok(left)
}

/// Tells every file of a subject, and whether it is kept.
fn walk(root: &Path, subject: &Path, tell: &mut dyn FnMut(PathBuf, bool)) -> Result<()> {
    if !root.join(subject).is_dir() {
        let kept = is_kept(&root.join(subject));
        tell(subject.to_owned(), kept);
        return Ok(());
    }
    if leads_back(root, subject) {
        tell(subject.to_owned(), false);
        return Ok(());
    }
    for name in entries(&root.join(subject))? {
        let path = subject.join(&name);
        if !root.join(&path).is_dir() {
            let kept = is_kept(&root.join(&path));
            tell(path, kept);
        } else if leads_back(root, &path) {
            tell(path, false);
        } else {
            for name in entries(&root.join(&path))? {
                let file = path.join(name);
                let kept = is_kept(&root.join(&file)) && !leads_back(root, &file);
                tell(file, kept);
            }
        }
    }
    Ok(())
}

/// Whether a link leads to one of the folders that it lies in.
fn leads_back(root: &Path, path: &Path) -> bool {
    let link = root.join(path);
    if !std::fs::symlink_metadata(&link).is_ok_and(|about| about.is_symlink()) {
        return false;
    }
    let parent = link.parent().and_then(|p| std::fs::canonicalize(p).ok());
    match (std::fs::canonicalize(&link), parent) {
        (Ok(to), Some(parent)) => parent.starts_with(&to),
        // A link that leads to nothing is a row that says so.
        (Err(e), _) => is_loop(&e),
        _ => false,
    }
}

/// `ELOOP`, for which the standard library has no stable name yet.
fn is_loop(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(if cfg!(target_os = "linux") { 40 } else { 62 })
}

/// Endings of what systems and people put beside media and that is never media itself.
const NO_MEDIA: [&str; 16] = [
    "db",
    "ini",
    "lnk",
    "url",
    "tmp",
    "part",
    "crdownload",
    "txt",
    "log",
    "md",
    "csv",
    "json",
    "xml",
    "html",
    "md5",
    "sha256",
];

fn is_kept(path: &Path) -> bool {
    if std::fs::metadata(path).is_err_and(|e| is_loop(&e)) {
        return false;
    }
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A copy that an office program holds open.
    !NO_MEDIA.contains(&ending.as_str()) && !name.starts_with("~$")
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
