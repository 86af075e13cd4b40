//! What a trim gives.

use sealpress_media::Media;

use crate::report::Report;

/// A trimmed PDF and what was done to get it.
#[derive(Clone, Debug)]
pub struct Trimmed {
    media: Media,
    report: Report,
}

impl Trimmed {
    pub(crate) const fn new(media: Media, report: Report) -> Self {
        Self { media, report }
    }

    pub(crate) fn into_parts(self) -> (Media, Report) {
        (self.media, self.report)
    }

    /// The new file.
    #[must_use]
    pub const fn media(&self) -> &Media {
        &self.media
    }

    /// The new file, given away.
    #[must_use]
    pub fn into_media(self) -> Media {
        self.media
    }

    /// What was found and done.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }
}
