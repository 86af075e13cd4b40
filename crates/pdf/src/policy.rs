//! What to keep of a document, and what that may cost.

use std::time::Duration;

use sealpress_media::Limits;
use serde::{Deserialize, Serialize};

/// What to keep and what it may cost. What a vendor accepts comes by [`Policy::within`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Policy {
    /// Pages to keep, at least 1.
    pub max_pages: u32,
    /// Bytes of the output.
    pub max_bytes: u64,
    /// What becomes of documents that conform already.
    pub documents: Documents,
    /// What becomes of signatures where a document cannot leave as it is.
    pub signed: Signed,
    /// What becomes of files that break off.
    pub damaged: Damaged,
    /// Whether pages without a visible mark are left out. A document of empty pages keeps its first.
    pub drop_empty: bool,
    /// Whether the document information (title, author …) and the XMP packet of the document stay.
    pub keep_metadata: bool,
    /// Bytes of the input, judged before anything is read.
    pub max_input_bytes: u64,
    /// Objects that the kept pages may reach. The largest real page of the research corpus reaches
    /// fewer than 30,000.
    pub max_objects: u32,
    /// Bytes that one stream may inflate to wherever this crate or its readers inflate it.
    pub max_inflated_bytes: u64,
    /// Pages looked at for emptiness; beyond them pages are kept unseen.
    pub max_judged_pages: u32,
    /// CPU time to look at one page. This and the three times below are together less than the 9 s of CPU
    /// time after which a worker process is ended: what takes too long ends as a typed error, or keeps pages
    /// unseen. When it is spent the page is kept.
    #[serde(with = "sealpress_media::duration")]
    pub page_budget: Duration,
    /// CPU time to look at all pages of a file. When it is spent the remaining pages are kept unseen.
    #[serde(with = "sealpress_media::duration")]
    pub judge_budget: Duration,
    /// CPU time to make images smaller, where the pages are over the byte limit. When it is spent no more
    /// images are.
    #[serde(with = "sealpress_media::duration")]
    pub shrink_budget: Duration,
    /// CPU time for all readers together to make sense of a file.
    #[serde(with = "sealpress_media::duration")]
    pub read_budget: Duration,
}

/// What becomes of documents that conform: few enough pages, none of them empty, within the byte limit,
/// not encrypted, with nothing active in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Documents {
    /// They leave byte for byte as they were issued: verifiers look at dates, producers, revisions and
    /// signatures.
    #[default]
    AsIssued,
    /// Every document is rewritten with nothing but its pages.
    PagesOnly,
}

/// What becomes of signatures where a document cannot leave as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Signed {
    /// The document is trimmed, the signature is lost, and a warning says so.
    #[default]
    Warn,
    /// The document is sent whole, as issued, where only its pages are too many or empty; where it is too
    /// large, broken, encrypted or has something active in it, it is refused.
    Keep,
    /// Whatever would lose a signature is refused.
    Refuse,
}

/// What becomes of files that break off before their end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Damaged {
    /// They are refused where something that the pages need is missing.
    #[default]
    Refuse,
    /// What there is of them is kept, and each page that lost something is named.
    Accept,
}

/// Parses the name that JSON has for it.
macro_rules! named {
    ($kind:ty, $what:literal, $($name:literal => $value:expr),+) => {
        impl std::str::FromStr for $kind {
            type Err = String;

            fn from_str(name: &str) -> Result<Self, String> {
                match name {
                    $($name => Ok($value),)+
                    _ => Err(format!(concat!($what, ": {}"), name)),
                }
            }
        }
    };
}

named!(Documents, "neither as-issued nor pages-only", "as-issued" => Self::AsIssued, "pages-only" => Self::PagesOnly);
named!(Signed, "none of warn, keep and refuse", "warn" => Self::Warn, "keep" => Self::Keep, "refuse" => Self::Refuse);
named!(Damaged, "neither refuse nor accept", "refuse" => Self::Refuse, "accept" => Self::Accept);

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_pages: 5,
            max_bytes: 20_000_000,
            documents: Documents::default(),
            signed: Signed::default(),
            damaged: Damaged::default(),
            drop_empty: true,
            keep_metadata: false,
            max_input_bytes: 1 << 30,
            max_objects: 500_000,
            max_inflated_bytes: 256 << 20,
            max_judged_pages: 100,
            page_budget: Duration::from_millis(1_000),
            judge_budget: Duration::from_secs(2),
            shrink_budget: Duration::from_secs(3),
            read_budget: Duration::from_millis(2_500),
        }
    }
}

impl Policy {
    /// Whatever comes is made into what a vendor accepts.
    #[must_use]
    pub fn within(limits: &Limits) -> Self {
        Self::default().with_max_pages(limits.pdf_pages).with_max_bytes(limits.pdf_bytes)
    }

    /// The same, with this number of pages (at least 1).
    #[must_use]
    pub fn with_max_pages(mut self, pages: u32) -> Self {
        self.max_pages = pages.max(1);
        self
    }

    /// The same, with this byte limit for the output.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The same, with this for documents that conform.
    #[must_use]
    pub fn with_documents(mut self, documents: Documents) -> Self {
        self.documents = documents;
        self
    }

    /// The same, with this for signatures.
    #[must_use]
    pub fn with_signed(mut self, signed: Signed) -> Self {
        self.signed = signed;
        self
    }

    /// The same, with this for files that break off.
    #[must_use]
    pub fn with_damaged(mut self, damaged: Damaged) -> Self {
        self.damaged = damaged;
        self
    }

    /// The same, keeping empty pages.
    #[must_use]
    pub fn keeping_empty_pages(mut self) -> Self {
        self.drop_empty = false;
        self
    }

    /// The same, keeping the document information and XMP of what is rewritten.
    #[must_use]
    pub fn keeping_metadata(mut self) -> Self {
        self.keep_metadata = true;
        self
    }

    /// The same, with this time to look at one page.
    #[must_use]
    pub fn with_page_budget(mut self, budget: Duration) -> Self {
        self.page_budget = budget;
        self
    }
}
