//! What becomes of each kind of file, made from what a vendor accepts.

#[cfg(feature = "image")]
use sealpress_image as image;
#[cfg(any(feature = "pdf", feature = "isolate"))]
use sealpress_media::Format;
use sealpress_media::Limits;
#[cfg(feature = "pdf")]
use sealpress_pdf as pdf;
use serde::{Deserialize, Serialize};

/// What becomes of pictures and of documents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Policies {
    /// Pictures.
    #[cfg(feature = "image")]
    pub image: image::Policy,
    /// PDFs; `None` for a vendor that takes none.
    #[cfg(feature = "pdf")]
    pub pdf: Option<pdf::Policy>,
}

impl Policies {
    /// Whatever comes is made into what this vendor accepts.
    #[must_use]
    pub fn within(limits: &Limits) -> Self {
        Self {
            #[cfg(feature = "image")]
            image: image::Policy::within(limits),
            #[cfg(feature = "pdf")]
            pdf: limits.accepts(Format::Pdf).then(|| pdf::Policy::within(limits)),
        }
    }

    /// Whether files of this format may come out.
    #[cfg(feature = "isolate")]
    pub(crate) fn may_send(&self, format: Format) -> bool {
        match format {
            #[cfg(feature = "pdf")]
            Format::Pdf => self.pdf.is_some(),
            #[cfg(feature = "image")]
            picture if picture.is_image() => self.image.accepts.contains(&picture),
            _ => false,
        }
    }
}

/// Pictures and PDFs, each under its crate's own defaults: no vendor's.
impl Default for Policies {
    fn default() -> Self {
        Self {
            #[cfg(feature = "image")]
            image: image::Policy::default(),
            #[cfg(feature = "pdf")]
            pdf: Some(pdf::Policy::default()),
        }
    }
}

impl From<&Limits> for Policies {
    fn from(limits: &Limits) -> Self {
        Self::within(limits)
    }
}
