use sealpress_image::{self as image, Normalizer};
use sealpress_media::{Fault, Format, Media};
use sealpress_pdf::{self as pdf, Trimmer};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::press::{Press, Pressed, Worker};

/// What becomes of pictures and of documents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Policies {
    /// Pictures.
    pub image: image::Policy,
    /// PDFs; `None` for a vendor that takes none.
    pub pdf: Option<pdf::Policy>,
}

impl Default for Policies {
    fn default() -> Self {
        Self::veriff()
    }
}

impl Policies {
    /// What Veriff takes.
    #[must_use]
    pub fn veriff() -> Self {
        Self { image: image::Policy::veriff(), pdf: Some(pdf::Policy::default()) }
    }

    /// What Transmit Security takes: JPEG only.
    #[must_use]
    pub fn transmit() -> Self {
        let mut image = image::Policy::transmit();
        image.max_bytes = image.max_bytes.min(sealpress_client::transmit::limits().image_bytes);
        Self { image, pdf: None }
    }

    /// The refusal of a document by a vendor that takes none.
    ///
    /// # Errors
    /// `unsupported-format`, the input's fault, for a PDF where no PDF policy is set.
    pub fn admit(&self, media: &Media) -> Result<(), Error> {
        if media.format() == Format::Pdf && self.pdf.is_none() {
            return Err(Error::press("unsupported-format", Fault::Input, "this vendor takes pictures only, not PDFs"));
        }
        Ok(())
    }

    /// Bytes that pressing needs beside the file itself, judged on the header.
    ///
    /// # Errors
    /// What the header already rules out.
    pub fn estimate(&self, media: &Media) -> Result<u64, Error> {
        self.admit(media)?;
        match &self.pdf {
            Some(policy) if media.format() == Format::Pdf => Ok(Trimmer::new(policy.clone()).estimate(media)),
            _ => {
                let probe = image::Probe::read(media).map_err(of_image)?;
                Ok(Normalizer::new(self.image.clone()).estimate(&probe))
            }
        }
    }
}

/// Presses in this process. Fast, and as safe as the codecs are: what a hostile file does to its
/// decoder it does to the whole process. Services that take files from strangers plug in a press
/// with a worker process of its own.
#[derive(Clone, Debug, Default)]
pub struct InProcess {
    policies: Policies,
}

impl InProcess {
    /// A press under these policies.
    #[must_use]
    pub const fn new(policies: Policies) -> Self {
        Self { policies }
    }
}

impl Press for InProcess {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(Local {
            normalizer: Normalizer::new(self.policies.image.clone()),
            trimmer: Trimmer::new(self.policies.pdf.clone().unwrap_or_default()),
            policies: self.policies.clone(),
        })
    }

    fn estimate(&self, media: &Media) -> Result<u64, Error> {
        self.policies.estimate(media)
    }
}

struct Local {
    normalizer: Normalizer,
    trimmer: Trimmer,
    policies: Policies,
}

impl Worker for Local {
    fn press(&mut self, media: &Media) -> Result<Pressed, Error> {
        self.policies.admit(media)?;
        if media.format() == Format::Pdf {
            let trimmed = self.trimmer.trim(media).map_err(of_pdf)?;
            let report = trimmed.report().summary();
            return Ok(Pressed { media: trimmed.into_media(), report });
        }
        let normalized = self.normalizer.normalize(media).map_err(of_image)?;
        let report = normalized.report().summary();
        Ok(Pressed { media: normalized.into_media(), report })
    }
}

fn of_image(e: image::Error) -> Error {
    Error::press(e.kind().as_str(), e.fault(), e.to_string()).with_source(e)
}

fn of_pdf(e: pdf::Error) -> Error {
    Error::press(e.kind().as_str(), e.fault(), e.to_string()).with_source(e)
}
