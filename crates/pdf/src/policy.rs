//! What to keep of a document, and what that may cost.

use std::time::Duration;

use sealpress_media::Limits;
use serde::{Deserialize, Serialize};

/// What to keep and what it may cost. What a vendor accepts comes by [`Policy::within`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Policy {
    /// Pages to keep, at least 1. Pages whose content no decoder could read are kept beside them, at
    /// most as many again.
    pub max_pages: u32,
    /// Bytes of the output.
    pub max_bytes: u64,
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
    /// CPU time to look at one page. When it is spent the page is kept.
    #[serde(with = "millis")]
    pub page_budget: Duration,
    /// CPU time to look at all pages of a file. When it is spent the remaining pages are kept unseen.
    #[serde(with = "millis")]
    pub judge_budget: Duration,
    /// CPU time to make images smaller, where the pages are over the byte limit. When it is spent no more
    /// images are.
    #[serde(with = "millis")]
    pub shrink_budget: Duration,
    /// CPU time for all readers together to make sense of a file.
    #[serde(with = "millis")]
    pub read_budget: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_pages: 5,
            max_bytes: 20_000_000,
            drop_empty: true,
            keep_metadata: false,
            max_input_bytes: 1 << 30,
            max_objects: 500_000,
            max_inflated_bytes: 256 << 20,
            max_judged_pages: 100,
            page_budget: Duration::from_millis(1_500),
            judge_budget: Duration::from_secs(3),
            shrink_budget: Duration::from_secs(6),
            read_budget: Duration::from_secs(4),
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

    /// The same, dropping empty pages or not.
    #[must_use]
    pub fn with_drop_empty(mut self, drop: bool) -> Self {
        self.drop_empty = drop;
        self
    }

    /// The same, keeping the document's metadata or not.
    #[must_use]
    pub fn with_keep_metadata(mut self, keep: bool) -> Self {
        self.keep_metadata = keep;
        self
    }

    /// The same, with this time to look at one page.
    #[must_use]
    pub fn with_page_budget(mut self, budget: Duration) -> Self {
        self.page_budget = budget;
        self
    }
}

/// Durations as whole milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
