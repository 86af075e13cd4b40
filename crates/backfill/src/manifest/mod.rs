//! What is to be sent: a CSV file with a header, a file of JSON lines with the same keys, or a
//! folder `SUBJECT/CONTEXT/FILE`. Rows are read one by one; millions of them need no memory. A bad
//! row is a failed item with its line number and never the end of the run.

mod csv_rows;
mod folder;
mod hash;
mod jsonl;
mod row;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

pub(crate) use hash::hex;
pub(crate) use row::{Row, Who, is_uuid};

use crate::error::{Error, ErrorKind, Result};

/// What some editors put at the start of a file.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The columns that mean something; every other one is carried through to the results.
pub(crate) const COLUMNS: [&str; 9] =
    ["session", "subject", "first_name", "last_name", "vendor_data", "context", "media", "timestamp", "burst"];

/// A manifest whose header made sense.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    path: PathBuf,
    kind: Kind,
    columns: Vec<String>,
    delimiter: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Csv,
    Jsonl,
    Folder,
}

/// The rows of a manifest, in order.
pub(crate) type Rows = Box<dyn Iterator<Item = Result<Row>> + Send>;

impl Manifest {
    /// Looks at the file or folder and its header.
    ///
    /// # Errors
    /// `Manifest` where it cannot be read, or where a column is missing that every row needs.
    pub(crate) fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let unreadable = |e| Error::caused(ErrorKind::Manifest, format!("{} cannot be read", path.display()), e);
        if std::fs::metadata(&path).map_err(unreadable)?.is_dir() {
            let columns = ["subject", "context", "media"].map(str::to_owned).to_vec();
            return Ok(Self { path, kind: Kind::Folder, columns, delimiter: b',' });
        }
        let file = File::open(&path).map_err(unreadable)?;
        if is_utf16(&path).map_err(unreadable)? {
            let message = format!("{} is UTF-16; save it as UTF-8", path.display());
            return Err(Error::new(ErrorKind::Manifest, message));
        }
        if jsonl::looks_like(&path, &file).map_err(unreadable)? {
            jsonl::check(&path)?;
            let columns = COLUMNS.map(str::to_owned).to_vec();
            return Ok(Self { path, kind: Kind::Jsonl, columns, delimiter: b',' });
        }
        let (columns, delimiter) = csv_rows::header(&path)?;
        Ok(Self { path, kind: Kind::Csv, columns, delimiter })
    }

    /// The rows from the first on.
    ///
    /// # Errors
    /// `Manifest` where it cannot be read any more.
    pub(crate) fn rows(&self) -> Result<Rows> {
        Ok(match self.kind {
            Kind::Csv => Box::new(csv_rows::rows(&self.path, &self.columns, self.delimiter)?),
            Kind::Jsonl => Box::new(jsonl::rows(&self.path)?),
            Kind::Folder => Box::new(folder::rows(&self.path)?),
        })
    }

    /// SHA-256 over the file, or over names and sizes of a folder's files, in hex.
    ///
    /// # Errors
    /// `Manifest` where it cannot be read to its end.
    pub(crate) fn fingerprint(&self) -> Result<String> {
        match self.kind {
            Kind::Folder => folder::fingerprint(&self.path),
            _ => hash::file(&self.path),
        }
    }

    /// Whether it is a folder.
    pub(crate) fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }

    /// Bytes of the file; 0 of a folder.
    pub(crate) fn bytes(&self) -> u64 {
        if self.is_folder() { 0 } else { std::fs::metadata(&self.path).map_or(0, |about| about.len()) }
    }

    /// Whether the file's first bytes have this fingerprint, and end with a line's end or the file's
    /// own: what stands behind them are further rows.
    ///
    /// # Errors
    /// `Manifest` where it cannot be read.
    pub(crate) fn begins_with(&self, bytes: u64, fingerprint: &str) -> Result<bool> {
        Ok(self.bytes() > bytes && hash::beginning(&self.path, bytes)?.is_some_and(|hash| hash == fingerprint))
    }

    /// What of a folder is no media and is left out; nothing of other manifests is.
    ///
    /// # Errors
    /// `Manifest` where it cannot be read.
    pub(crate) fn left_out(&self) -> Result<Vec<PathBuf>> {
        match self.kind {
            Kind::Folder => folder::left_out(&self.path),
            _ => Ok(Vec::new()),
        }
    }

    /// The columns of `failed.csv`: those of the manifest, in its order.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The file or folder itself.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where relative paths start: beside the file, or in the folder.
    #[must_use]
    pub(crate) fn base(&self) -> PathBuf {
        match self.kind {
            Kind::Folder => self.path.clone(),
            _ => self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned(),
        }
    }

    /// Where the journal and the results lie unless told otherwise: beside the manifest.
    #[must_use]
    pub(crate) fn default_state(&self) -> PathBuf {
        let plain = self.path.components().as_path();
        let mut name = plain.file_name().unwrap_or_else(|| "manifest".as_ref()).to_owned();
        name.push(".sealpress");
        plain.with_file_name(name)
    }
}

/// By its mark, or by the zeros that its letters have: every second byte. A single one is a slip.
fn is_utf16(path: &Path) -> std::io::Result<bool> {
    let mut first = Vec::new();
    File::open(path)?.take(64).read_to_end(&mut first)?;
    let zeros = first.iter().filter(|byte| **byte == 0).count();
    Ok(first.starts_with(b"\xFF\xFE") || first.starts_with(b"\xFE\xFF") || zeros * 3 > first.len())
}

/// Names of columns are compared without case and spaces around them.
fn column(name: &str) -> String {
    let name = name.trim();
    let lower = name.to_ascii_lowercase();
    if COLUMNS.contains(&lower.as_str()) { lower } else { name.to_owned() }
}

#[cfg(test)]
mod tests;
