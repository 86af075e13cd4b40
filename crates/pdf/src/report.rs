//! What a trim says of what it found and did.

use std::fmt;
use std::time::Duration;

use sealpress_media::{Format, Note, Summary};
use serde::Serialize;

use crate::removed::Removed;

/// What was found in a file and what was done to it. Pages are numbered from 1.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Source pages looked at; the file may have more.
    pub pages: u32,
    /// Pages of the whole source: counted, or, where nobody had to come to its end, as many as it claims.
    pub total_pages: u32,
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
    Strict,
    /// The forgiving one for broken and encrypted files.
    Repairing,
    /// The last one.
    Fallback,
}

/// Something that was done to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "name")]
#[non_exhaustive]
pub enum Action {
    /// The file conforms: it leaves byte for byte.
    PassedThrough,
    /// Encryption was undone: the file opens without a password.
    Decrypted {
        /// Whose password was empty.
        empty: EmptyPassword,
    },
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
    /// Something beside the pages was left out.
    Removed {
        /// What.
        what: Removed,
        /// How many.
        count: u32,
    },
    /// The kept pages of a TIFF were written as a PDF.
    WrittenAsPdf {
        /// How many.
        pages: u32,
    },
    /// The kept pages were drawn as pictures.
    PagesDrawn {
        /// How many.
        pages: u32,
        /// Pixels of an inch of paper, where the box had room for them.
        dots_per_inch: u16,
    },
    /// Images were re-encoded to fit the byte limit.
    ImagesReencoded {
        /// How many.
        images: u32,
    },
}

/// Whose password opened an encrypted file without being asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EmptyPassword {
    /// The user's, who may read.
    User,
    /// The owner's, who may change everything.
    Owner,
    /// One of the two.
    Either,
}

/// Something worth knowing about the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "name")]
#[non_exhaustive]
pub enum Warning {
    /// Every page looked at is empty; the first one was kept.
    AllPagesEmpty,
    /// Nobody could tell whether this page is empty; it was kept.
    PageInDoubt {
        /// Its number, from 1.
        page: u32,
    },
    /// The content of this page could not be decoded; it was kept.
    PageUndecodable {
        /// Its number, from 1.
        page: u32,
    },
    /// Pages were kept without being looked at: the time or number of pages to look at was spent.
    PagesNotJudged,
    /// A page refers to an object that nobody can read.
    ObjectLost {
        /// The first page that misses it, from 1; `None` where it is the form or a layer that does.
        page: Option<u32>,
        /// The number of the object, unless it has none.
        object: Option<u32>,
    },
    /// A page refers to an object, or is one, in which something makes no sense: what a reader passes over there
    /// may be missing.
    ObjectDamaged {
        /// The first page that needs it, from 1; `None` where it is the form, a layer or the catalog.
        page: Option<u32>,
        /// The number of the object, unless it has none.
        object: Option<u32>,
    },
    /// The picture of this page lacks something that could not be drawn: text in a font that is not in the file, an
    /// image that does not decode, an annotation without an appearance.
    PageDrawnInPart {
        /// Its number, from 1.
        page: u32,
    },
    /// The file has a page of this number that nobody can read; an empty one stands in for it.
    PageLost {
        /// Its number, from 1.
        page: u32,
    },
    /// The page tree cannot be read; the pages stand in the order in which they were found.
    PageTreeLost,
    /// The file breaks off; what there is of it was kept.
    Truncated,
    /// The document was signed; the output is not.
    SignatureLost {
        /// How many signatures.
        signatures: u32,
        /// The names of the signature fields, as far as they have any.
        fields: Vec<String>,
    },
    /// A signed document was kept whole although the vendor reads fewer pages.
    SignedKeptWhole {
        /// How many pages it has.
        pages: u32,
    },
    /// The file is a portfolio: its documents are attachments, which stay behind.
    Portfolio {
        /// How many files there are in it.
        files: u32,
    },
    /// The form is XFA, which no vendor draws; what stays are its placeholder pages.
    XfaForm,
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
            Self::Strict => "strict",
            Self::Repairing => "repairing",
            Self::Fallback => "fallback",
        }
    }
}

impl Action {
    /// The name used in JSON output.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PassedThrough => "passed-through",
            Self::Decrypted { .. } => "decrypted",
            Self::Repaired => "repaired",
            Self::PagesTrimmed => "pages-trimmed",
            Self::EmptyPagesDropped { .. } => "empty-pages-dropped",
            Self::Rewritten => "rewritten",
            Self::Removed { what, .. } => what.words().0,
            Self::PagesDrawn { .. } => "pages-drawn",
            Self::WrittenAsPdf { .. } => "written-as-pdf",
            Self::ImagesReencoded { .. } => "images-reencoded",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassedThrough => f.write_str("conforms: left byte for byte as issued"),
            Self::Decrypted { empty: EmptyPassword::User } => f.write_str("decrypted: the user's password was empty"),
            Self::Decrypted { empty: EmptyPassword::Owner } => f.write_str("decrypted: the owner's password was empty"),
            Self::Decrypted { empty: EmptyPassword::Either } => f.write_str("decrypted: it opens without a password"),
            Self::Repaired => f.write_str("repaired a broken structure"),
            Self::PagesTrimmed => f.write_str("left out the pages beyond those allowed"),
            Self::EmptyPagesDropped { pages } => write!(f, "left out {pages} empty page(s)"),
            Self::Rewritten => f.write_str("rewritten with nothing but what the pages need"),
            Self::Removed { what, count: 1 } => write!(f, "removed 1 {}", what.words().1),
            Self::Removed { what, count } => write!(f, "removed {count} {}", what.words().2),
            Self::WrittenAsPdf { pages } => write!(f, "wrote {pages} page(s) of a TIFF as a PDF"),
            Self::PagesDrawn { pages, dots_per_inch } => {
                write!(f, "drew {pages} page(s) as pictures, at {dots_per_inch} dots per inch where the box has room")
            }
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
            Self::ObjectLost { .. } => "object-lost",
            Self::ObjectDamaged { .. } => "object-damaged",
            Self::PageDrawnInPart { .. } => "page-drawn-in-part",
            Self::PageLost { .. } => "page-lost",
            Self::PageTreeLost => "page-tree-lost",
            Self::Truncated => "truncated",
            Self::SignatureLost { .. } => "signature-lost",
            Self::SignedKeptWhole { .. } => "signed-kept-whole",
            Self::Portfolio { .. } => "portfolio",
            Self::XfaForm => "xfa-form",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllPagesEmpty => f.write_str("every page is empty; the first one was kept"),
            Self::PageInDoubt { page } => write!(f, "page {page} may be empty; kept"),
            Self::PageUndecodable { page } => write!(f, "page {page} could not be decoded; kept"),
            Self::PagesNotJudged => f.write_str("some pages were kept without being looked at"),
            Self::ObjectLost { page, object } => {
                match page {
                    Some(page) => write!(f, "page {page} lost something: ")?,
                    None => f.write_str("the form or a layer lost something: ")?,
                }
                match object {
                    Some(number) => write!(f, "object {number} cannot be read"),
                    None => f.write_str("a part of it cannot be read"),
                }
            }
            Self::ObjectDamaged { page, object } => {
                match page {
                    Some(page) => write!(f, "page {page} may look otherwise: ")?,
                    None => f.write_str("the form or a layer may look otherwise: ")?,
                }
                match object {
                    Some(number) => write!(f, "object {number} is damaged"),
                    None => f.write_str("a part of it is damaged"),
                }
            }
            Self::PageDrawnInPart { page } => {
                write!(f, "the picture of page {page} lacks something: a font, an image or an annotation")
            }
            Self::PageLost { page } => write!(f, "page {page} cannot be read; an empty one stands in for it"),
            Self::PageTreeLost => f.write_str("the order of the pages cannot be read; they stand as they were found"),
            Self::Truncated => f.write_str("the file breaks off; what there is of it was kept"),
            Self::SignatureLost { signatures, fields } => {
                write!(f, "the document was signed ({signatures}); the output is not")?;
                if !fields.is_empty() {
                    write!(f, ": field {}", fields.join(", "))?;
                }
                Ok(())
            }
            Self::SignedKeptWhole { pages } => {
                write!(f, "signed: kept whole with its {pages} pages, of which the vendor reads the first")
            }
            Self::Portfolio { files } => {
                write!(f, "a portfolio: its {files} document(s) are attachments and stay behind")
            }
            Self::XfaForm => f.write_str("the form is XFA: what it asks and what was filled in stays behind"),
        }
    }
}

/// Where the time of one trim went.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Timings {
    /// Opening the file and finding its pages.
    #[serde(rename = "read_us", serialize_with = "sealpress_media::duration::micros")]
    pub read: Duration,
    /// Copying and writing.
    #[serde(rename = "write_us", serialize_with = "sealpress_media::duration::micros")]
    pub write: Duration,
    /// Looking for empty pages.
    #[serde(rename = "judge_us", serialize_with = "sealpress_media::duration::micros")]
    pub judge: Duration,
    /// Making images smaller.
    #[serde(rename = "reencode_us", serialize_with = "sealpress_media::duration::micros")]
    pub reencode: Duration,
}

impl Report {
    /// Nothing found and nothing done yet.
    pub(crate) const fn new() -> Self {
        Self {
            pages: 0,
            total_pages: 0,
            kept: Vec::new(),
            dropped: Vec::new(),
            original_bytes: 0,
            bytes: 0,
            reader: Reader::Strict,
            judged: 0,
            drawn: 0,
            images_reencoded: 0,
            actions: Vec::new(),
            warnings: Vec::new(),
            timings: Timings {
                read: Duration::ZERO,
                write: Duration::ZERO,
                judge: Duration::ZERO,
                reencode: Duration::ZERO,
            },
        }
    }

    /// The same as far as pictures and documents have it in common.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::unchanged(Format::Pdf);
        summary.source_pages = Some(self.total_pages);
        summary.pages = Some(self.kept.clone());
        summary.actions = self.actions.iter().map(|action| Note::new(action.name(), action.to_string())).collect();
        summary.warnings = self.warnings.iter().map(|warning| Note::new(warning.name(), warning.to_string())).collect();
        summary
    }
}
