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
    /// Whether pages leave as pictures, one file each, drawn like this and then made fit as pictures are.
    #[cfg(all(feature = "image", feature = "pdf"))]
    pub drawing: Option<pdf::Drawing>,
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
            #[cfg(all(feature = "image", feature = "pdf"))]
            drawing: None,
        }
    }

    /// The same, with pages as pictures within the box of pictures, one file each: for vendors that take no
    /// documents, whose pages are then the first five that are not empty.
    #[cfg(all(feature = "image", feature = "pdf"))]
    #[must_use]
    pub fn with_pages_as_pictures(mut self) -> Self {
        let side = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX);
        let roomy = pdf::Drawing::default();
        let (width, height) = (side(self.image.max_width), side(self.image.max_height));
        self.drawing = Some(roomy.with_box(width.min(roomy.max_width), height.min(roomy.max_height)));
        self.pdf.get_or_insert_default();
        self
    }

    /// Whether pages leave as pictures.
    #[cfg(all(feature = "pdf", feature = "isolate"))]
    fn draws_pages(&self) -> bool {
        #[cfg(feature = "image")]
        return self.drawing.is_some();
        #[cfg(not(feature = "image"))]
        false
    }

    /// Whether files of this format may come out.
    #[cfg(feature = "isolate")]
    pub(crate) fn may_send(&self, format: Format) -> bool {
        match format {
            #[cfg(feature = "pdf")]
            Format::Pdf => self.pdf.is_some() && !self.draws_pages(),
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
            #[cfg(all(feature = "image", feature = "pdf"))]
            drawing: None,
        }
    }
}

impl From<&Limits> for Policies {
    fn from(limits: &Limits) -> Self {
        Self::within(limits)
    }
}
