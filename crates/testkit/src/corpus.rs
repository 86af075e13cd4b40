//! The index of real media that nobody here made. It lies beside the workspace, is read-only and
//! is never copied; where it is absent, tests say so and return.

use std::path::{Path, PathBuf};

/// Where the corpus is looked for: `SEALPRESS_CORPUS` if set, else `../shared/corpus` beside the
/// root of the workspace.
pub fn corpus_root() -> PathBuf {
    std::env::var_os("SEALPRESS_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from)
}

/// The corpus, or `None` after printing one `SKIPPED: …` line when it is not here.
///
/// # Panics
/// When the corpus is here but its index cannot be understood: a test must not pass because of
/// a misread list.
pub fn corpus() -> Option<Corpus> {
    let root = corpus_root();
    let Ok(index) = std::fs::read_to_string(root.join("INDEX.tsv")) else {
        crate::skip(format_args!(
            "the corpus is not here ({} has no INDEX.tsv; SEALPRESS_CORPUS names another folder)",
            root.display()
        ));
        return None;
    };
    let pdf_trim = std::fs::read_to_string(root.join("pdf-trim/INDEX.tsv")).unwrap_or_default();
    match Corpus::parse(&root, &index, &pdf_trim) {
        Ok(corpus) => Some(corpus),
        Err(message) => panic!("the corpus index cannot be understood: {message}"),
    }
}

/// Real media with what is known about each.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Corpus {
    /// The folder that all paths are relative to.
    pub root: PathBuf,
    /// `INDEX.tsv`, in its order.
    pub entries: Vec<Entry>,
    /// `pdf-trim/INDEX.tsv`, in its order; empty where that folder is absent.
    pub pdf_trim: Vec<PdfEntry>,
}

/// One file of the corpus.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Where it lies on this machine.
    pub file: PathBuf,
    /// Path relative to the corpus, with `/`.
    pub path: String,
    /// Size in bytes as the index says.
    pub size: u64,
    /// SHA-256 in lower-case hex as the index says.
    pub sha256: String,
    /// What the content is: `jpeg`, `png`, `webp`, `heif`, `avif`, `pdf`, `gif`, `bmff`,
    /// `empty`, `other`.
    pub kind: String,
    /// Width in pixels as stored, before any orientation, where known.
    pub width: Option<u32>,
    /// Height in pixels as stored, before any orientation, where known.
    pub height: Option<u32>,
    /// The EXIF orientation value in the file (0 and 9 occur), where there is one.
    pub exif_orientation: Option<u32>,
    /// What makes the file interesting.
    pub traits: String,
    /// What a good tool does with it.
    pub expected: Expected,
    /// Licence of the file.
    pub licence: String,
    /// Whether the file breaks its format.
    pub is_invalid: bool,
    /// Why it is in the corpus.
    pub why: String,
}

impl Entry {
    /// The content.
    ///
    /// # Panics
    /// When the file cannot be read: the index promised it.
    pub fn bytes(&self) -> Vec<u8> {
        read(&self.file)
    }

    /// First folder of the path: `documents`, `heic`, `hostile`, `orientation`, `pdf`,
    /// `phone-jpeg`, `png`, `webp`.
    pub fn group(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// Whether the words of `traits` contain `word`, ignoring case.
    pub fn has_trait(&self, word: &str) -> bool {
        self.traits.to_ascii_lowercase().contains(&word.to_ascii_lowercase())
    }
}

/// What a good tool does with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// A valid output.
    Ok,
    /// A typed error of this kind.
    Err(String),
    /// A valid output, or a typed error of this kind.
    OkOr(String),
    /// Either a valid output or any typed error; never a panic, an abort or a hang.
    Any,
}

impl Expected {
    /// Reads the `expected` column.
    ///
    /// # Errors
    /// The text itself when it is none of the known forms.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut is_ok = false;
        let mut error = None;
        for part in text.split(" or ") {
            // `err:unsupported-format(avif)` and `ok (sniff content)`: the bracket is a remark.
            let word = part.split('(').next().unwrap_or_default().trim();
            match word.strip_prefix("err:") {
                Some(kind) => error = Some(kind.to_owned()),
                None if word.starts_with("ok") => is_ok = true,
                None if word == "either" || word == "any-safe" => return Ok(Self::Any),
                None => return Err(format!("unknown expectation `{text}`")),
            }
        }
        match (is_ok, error) {
            (true, None) => Ok(Self::Ok),
            (false, Some(kind)) => Ok(Self::Err(kind)),
            (true, Some(kind)) => Ok(Self::OkOr(kind)),
            (false, None) => Err(format!("unknown expectation `{text}`")),
        }
    }

    /// Whether an outcome fits: `None` is a valid output, `Some(kind)` a typed error. Kinds are
    /// compared exactly.
    pub fn allows(&self, error_kind: Option<&str>) -> bool {
        match (self, error_kind) {
            (Self::Any, _) | (Self::Ok | Self::OkOr(_), None) => true,
            (Self::Err(wanted) | Self::OkOr(wanted), Some(kind)) => wanted == kind,
            (Self::Ok, Some(_)) | (Self::Err(_), None) => false,
        }
    }

    /// Whether some typed error fits, of whatever kind: the looser question, for files that
    /// one reader calls truncated and another corrupt.
    pub fn allows_error(&self) -> bool {
        !matches!(self, Self::Ok)
    }

    /// Whether a valid output fits.
    pub fn allows_output(&self) -> bool {
        !matches!(self, Self::Err(_))
    }
}

/// One PDF with the pages that trimming to five non-empty pages must keep.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PdfEntry {
    /// Where it lies on this machine.
    pub file: PathBuf,
    /// File name in `pdf-trim`.
    pub name: String,
    /// Size in bytes as the index says.
    pub size: u64,
    /// Licence of the file.
    pub licence: String,
    /// What makes the file interesting.
    pub traits: String,
    /// Pages that the file has (or claims), where known.
    pub pages: Option<u32>,
    /// What must be kept.
    pub expected: Kept,
    /// The remark in the index, such as `all empty: page 1 is kept`.
    pub remark: String,
}

impl PdfEntry {
    /// The content.
    ///
    /// # Panics
    /// When the file cannot be read: the index promised it.
    pub fn bytes(&self) -> Vec<u8> {
        read(&self.file)
    }
}

/// What trimming must give.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// These pages, 1-based.
    Pages(Vec<u32>),
    /// A typed error: no usable pages.
    NoPages,
    /// A typed error: needs a password.
    Encrypted,
}

impl Corpus {
    /// Reads both lists; columns are found by their names in the first line.
    ///
    /// # Errors
    /// What could not be understood, with the line.
    pub fn parse(root: &Path, index: &str, pdf_trim: &str) -> Result<Self, String> {
        let entries = rows(index).map(|row| entry(root, &row?)).collect::<Result<_, _>>()?;
        let pdf_trim = rows(pdf_trim).map(|row| pdf_entry(&root.join("pdf-trim"), &row?)).collect::<Result<_, _>>()?;
        Ok(Self { root: root.to_path_buf(), entries, pdf_trim })
    }

    /// The entries of one folder.
    pub fn group<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.group() == name)
    }

    /// The entry with this path, or whose file name contains it.
    pub fn find(&self, path: &str) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| entry.path == path)
            .or_else(|| self.entries.iter().find(|entry| entry.path.contains(path)))
    }
}

/// One line with the names of its columns.
struct Row<'a> {
    header: Vec<&'a str>,
    line: &'a str,
}

impl<'a> Row<'a> {
    fn get(&self, column: &str) -> Result<&'a str, String> {
        let at = self.header.iter().position(|name| *name == column);
        at.and_then(|at| self.line.split('\t').nth(at))
            .map(str::trim)
            .ok_or_else(|| format!("no column `{column}` in `{}`", self.line))
    }

    fn number<N: std::str::FromStr>(&self, column: &str) -> Result<Option<N>, String> {
        match self.get(column)? {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| format!("`{column}` in `{}`", self.line)),
        }
    }
}

fn rows(text: &str) -> impl Iterator<Item = Result<Row<'_>, String>> {
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    lines.map(move |line| {
        if line.split('\t').count() > header.len() {
            return Err(format!("more fields than columns in `{line}`"));
        }
        Ok(Row { header: header.clone(), line })
    })
}

fn entry(root: &Path, row: &Row<'_>) -> Result<Entry, String> {
    let path = row.get("path")?;
    Ok(Entry {
        file: root.join(path),
        path: path.to_owned(),
        size: row.number("bytes")?.unwrap_or_default(),
        sha256: row.get("sha256")?.to_owned(),
        kind: row.get("kind")?.to_owned(),
        // A height of 4,293,328,897 occurs in a hostile file and still fits.
        width: row.number("width")?,
        height: row.number("height")?,
        exif_orientation: row.number("exif_orientation")?,
        traits: row.get("trait")?.to_owned(),
        expected: Expected::parse(row.get("expected")?)?,
        licence: row.get("licence")?.to_owned(),
        is_invalid: row.get("is_invalid")? == "1",
        why: row.get("why").unwrap_or_default().to_owned(),
    })
}

/// A fuzzed file whose one page nobody can read, pdfium as little as we. The list, which was made with a tool that
/// opens it, wants a page; the rule is that a document of which no page can be read is an error, never a blank page.
/// Every test has this from here.
const NO_PAGE_CAN_BE_READ: &str = "pikepdf__tests__resources__fuzz__378014596.pdf";

fn pdf_entry(root: &Path, row: &Row<'_>) -> Result<PdfEntry, String> {
    let name = row.get("file")?;
    let expected = row.get("expected_kept")?;
    let (kept, remark) = match expected.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        _ if name == NO_PAGE_CAN_BE_READ => (Kept::NoPages, "its page cannot be read"),
        Some((list, remark)) => {
            let pages = list.split(',').map(|page| page.trim().parse::<u32>());
            let pages = pages.collect::<Result<_, _>>().map_err(|e| format!("{expected}: {e}"))?;
            (Kept::Pages(pages), remark)
        }
        None if expected.contains("password") => (Kept::Encrypted, expected),
        None if expected.contains("no usable pages") => (Kept::NoPages, expected),
        None => return Err(format!("unknown expectation `{expected}`")),
    };
    Ok(PdfEntry {
        file: root.join(name),
        name: name.to_owned(),
        size: row.number("bytes")?.unwrap_or_default(),
        licence: row.get("licence")?.to_owned(),
        traits: row.get("trait")?.to_owned(),
        pages: row.number("pages")?,
        expected: kept,
        remark: remark.trim().trim_matches(['(', ')']).to_owned(),
    })
}

fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::{Corpus, Expected, Kept, corpus};
    use std::path::Path;

    #[test]
    fn expectations_are_understood() {
        for (text, expected) in [
            ("ok", Expected::Ok),
            ("err:corrupt", Expected::Err("corrupt".into())),
            ("either", Expected::Any),
            ("any-safe", Expected::Any),
            ("ok or err:too-large", Expected::OkOr("too-large".into())),
            ("err:unsupported-format(avif) or ok by policy", Expected::OkOr("unsupported-format".into())),
            ("ok (sniff content) or err:wrong-extension", Expected::OkOr("wrong-extension".into())),
        ] {
            assert_eq!(Expected::parse(text), Ok(expected));
        }
        assert!(Expected::parse("maybe").is_err());
    }

    #[test]
    fn outcomes_are_judged() {
        assert!(Expected::Ok.allows(None) && !Expected::Ok.allows(Some("corrupt")));
        let corrupt = Expected::Err("corrupt".into());
        assert!(corrupt.allows(Some("corrupt")) && !corrupt.allows(Some("truncated")));
        assert!(!corrupt.allows(None) && !corrupt.allows_output());
        assert!(Expected::OkOr("limit".into()).allows(None));
        assert!(Expected::Any.allows(Some("whatever")));
    }

    #[test]
    fn rows_are_typed_by_the_names_of_their_columns() {
        let trim = "file\tbytes\tlicence\ttrait\tpages\texpected_kept\n\
                    a.pdf\t12\tMIT\tblank\t3\t[1, 3]  (middle is empty)\n\
                    b.pdf\t13\tMIT\tlocked\t\tclean error: needs a password\n";
        let corpus = Corpus::parse(Path::new("/nowhere"), "path\n", trim).unwrap();
        assert_eq!(corpus.pdf_trim[0].expected, Kept::Pages(vec![1, 3]));
        assert_eq!(corpus.pdf_trim[0].remark, "middle is empty");
        assert_eq!(corpus.pdf_trim[1].expected, Kept::Encrypted);
        assert_eq!(corpus.pdf_trim[1].pages, None);
        assert!(Corpus::parse(Path::new("/"), "path\tbytes\nx\ty\tz\n", "").is_err());
    }

    #[test]
    fn the_real_index_agrees_with_its_files() {
        let Some(corpus) = corpus() else { return };
        assert!(corpus.entries.len() >= 100, "{}", corpus.entries.len());
        assert!(corpus.pdf_trim.len() >= 30, "{}", corpus.pdf_trim.len());
        for entry in &corpus.entries {
            assert_eq!(entry.file.metadata().unwrap().len(), entry.size, "{}", entry.path);
        }
        for entry in &corpus.pdf_trim {
            assert_eq!(entry.file.metadata().unwrap().len(), entry.size, "{}", entry.name);
        }
    }
}
