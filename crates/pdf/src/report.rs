use std::fmt;
use std::time::Duration;

use sealpress_media::{Format, Note, Summary};
use serde::Serialize;

/// What was found in a file and what was done to it. Pages are numbered from 1.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Source pages looked at; the file may have more.
    pub pages: u32,
    /// Pages of the source that are in the output, in order.
    pub kept: Vec<u32>,
    /// Pages of the source that were looked at and left out.
    pub dropped: Vec<Dropped>,
    /// Bytes of the input.
    pub original_bytes: u64,
    /// Bytes of the output.
    pub bytes: u64,
    /// Which reader understood the file.
    pub reader: Reader,
    /// Pages looked at by the emptiness rule.
    pub judged: u32,
    /// Those of them that had to be drawn for that.
    pub drawn: u32,
    /// Images re-encoded to fit the byte limit.
    pub images_reencoded: u32,
    /// What was done, in order.
    pub actions: Vec<Action>,
    /// What a person may want to know about the file.
    pub warnings: Vec<Warning>,
    /// Where the time went.
    pub timings: Timings,
}

/// A page left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Dropped {
    /// Its number in the source, from 1.
    pub page: u32,
    /// Why.
    pub reason: Reason,
}

/// Why a page counts as empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// The page has no content and no annotation at all.
    NoContent,
    /// Its content leaves no visible mark.
    NoMarks,
    /// It marks the page, but in white, or nothing that reaches the paper.
    NoInk,
    /// A scan of blank paper.
    BlankScan,
}

/// The readers, in the order they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reader {
    /// The lean one for well-formed files.
    Fast,
    /// The forgiving one for broken and encrypted files.
    Sure,
    /// The last one.
    Third,
}

/// Something that was done to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "name")]
#[non_exhaustive]
pub enum Action {
    /// Encryption with an empty user password was undone.
    Decrypted,
    /// A broken structure was repaired.
    Repaired,
    /// The source has more pages than are kept.
    PagesTrimmed,
    /// Pages without visible marks were left out.
    EmptyPagesDropped {
        /// How many.
        pages: u32,
    },
    /// The file was rewritten with nothing but what its pages need.
    Rewritten,
    /// Images were re-encoded to fit the byte limit.
    ImagesReencoded {
        /// How many.
        images: u32,
    },
}

/// Something worth knowing about the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "name")]
#[non_exhaustive]
pub enum Warning {
    /// Every page looked at is empty; the first one was kept.
    AllPagesEmpty,
    /// Nobody could tell whether this page is empty; it was kept and counted.
    PageInDoubt {
        /// Its number, from 1.
        page: u32,
    },
    /// The content of this page could not be decoded; it was kept and not counted.
    PageUndecodable {
        /// Its number, from 1.
        page: u32,
    },
    /// Pages were kept without being looked at: the time or number of pages to look at was spent.
    PagesNotJudged,
}

impl Reason {
    /// The name used in JSON output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoContent => "no-content",
            Self::NoMarks => "no-marks",
            Self::NoInk => "no-ink",
            Self::BlankScan => "blank-scan",
        }
    }
}

impl Reader {
    /// The name used in JSON output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Sure => "sure",
            Self::Third => "third",
        }
    }
}

impl Action {
    /// The name used in JSON output.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Decrypted => "decrypted",
            Self::Repaired => "repaired",
            Self::PagesTrimmed => "pages-trimmed",
            Self::EmptyPagesDropped { .. } => "empty-pages-dropped",
            Self::Rewritten => "rewritten",
            Self::ImagesReencoded { .. } => "images-reencoded",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decrypted => f.write_str("decrypted: the user password was empty"),
            Self::Repaired => f.write_str("repaired a broken structure"),
            Self::PagesTrimmed => f.write_str("left out the pages beyond those allowed"),
            Self::EmptyPagesDropped { pages } => write!(f, "left out {pages} empty page(s)"),
            Self::Rewritten => f.write_str("rewritten with nothing but what the pages need"),
            Self::ImagesReencoded { images } => write!(f, "re-encoded {images} image(s) to fit the byte limit"),
        }
    }
}

impl Warning {
    /// The name used in JSON output.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AllPagesEmpty => "all-pages-empty",
            Self::PageInDoubt { .. } => "page-in-doubt",
            Self::PageUndecodable { .. } => "page-undecodable",
            Self::PagesNotJudged => "pages-not-judged",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllPagesEmpty => f.write_str("every page is empty; the first one was kept"),
            Self::PageInDoubt { page } => write!(f, "page {page} may be empty; kept"),
            Self::PageUndecodable { page } => write!(f, "page {page} could not be decoded; kept, not counted"),
            Self::PagesNotJudged => f.write_str("some pages were kept without being looked at"),
        }
    }
}

/// Where the time of one trim went.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Timings {
    /// Opening the file and finding its pages.
    #[serde(serialize_with = "micros")]
    pub read: Duration,
    /// Copying and writing.
    #[serde(serialize_with = "micros")]
    pub write: Duration,
    /// Looking for empty pages.
    #[serde(serialize_with = "micros")]
    pub judge: Duration,
    /// Making images smaller.
    #[serde(serialize_with = "micros")]
    pub reencode: Duration,
}

fn micros<S: serde::Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(value.as_micros()).unwrap_or(u64::MAX))
}

impl Report {
    /// The same as far as pictures and documents have it in common.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::unchanged(Format::Pdf);
        summary.source_pages = Some(self.pages);
        summary.pages = Some(self.kept.clone());
        summary.actions = self.actions.iter().map(|action| Note::new(action.name(), action.to_string())).collect();
        summary.warnings = self.warnings.iter().map(|warning| Note::new(warning.name(), warning.to_string())).collect();
        summary
    }
}
