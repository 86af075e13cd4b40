//! Which files go into which session, as what.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Files of one session.
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) files: Vec<File>,
}

/// One file and what it shows.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    /// What tables call it.
    pub(crate) name: String,
    /// In the vendor's words.
    pub(crate) context: String,
}

/// The specimens of `testdata/`, in the sessions of its manifest.
pub(crate) fn specimens() -> Result<Vec<Group>, Box<dyn Error>> {
    let manifest = sealpress_testkit::media_manifest();
    let group = |name: &&str| Group {
        name: (*name).to_owned(),
        files: manifest
            .session(name)
            .map(|spec| File { path: spec.file(), name: spec.path.clone(), context: spec.context.clone() })
            .collect(),
    };
    Ok(manifest.sessions().iter().map(group).collect())
}

/// Your own files: one session for each folder below `root` that holds any.
pub(crate) fn of_folder(root: &Path) -> Result<Vec<Group>, Box<dyn Error>> {
    let mut groups: BTreeMap<PathBuf, Vec<File>> = BTreeMap::new();
    let mut waiting = vec![root.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if kind.is_file() {
                let path = entry.path();
                let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                let context = context_of(&shown).to_owned();
                groups.entry(folder.clone()).or_default().push(File { path, name: shown, context });
            }
        }
    }
    if groups.is_empty() {
        return Err(format!("no files in {}", root.display()).into());
    }
    let group = |(number, (_, mut files)): (usize, (PathBuf, Vec<File>))| {
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Group { name: (number + 1).to_string(), files }
    };
    Ok(groups.into_iter().enumerate().map(group).collect())
}

/// A guess by the file's name, good enough for a demo: everything else is a document's front.
fn context_of(name: &str) -> &'static str {
    let name = name.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if says(&["selfie", "face", "portrait"]) {
        "face"
    } else if says(&["back", "rear", "verso"]) {
        "document-back"
    } else if says(&["bill", "statement", "address", "invoice"]) {
        "address-front"
    } else {
        "document-front"
    }
}
