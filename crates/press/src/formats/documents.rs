//! Documents: PDF.

use sealpress_media::{Fault, Format, Media, Note, Refusal, RefusalKind};
use sealpress_pdf::{self as pdf, Trimmer};

#[cfg(feature = "image")]
use super::drawn;
use super::{Engine, Handler};
use crate::plan::{Plan, Probe};
use crate::policies::Policies;
use crate::press::Pressed;

pub(crate) struct Documents;

impl Handler for Documents {
    fn reads(&self, format: Format) -> bool {
        format == Format::Pdf
    }

    fn estimate(&self, policies: &Policies, media: &Media) -> Result<u64, Refusal> {
        let trimmer = Trimmer::new(policy(policies)?.clone());
        #[cfg(feature = "image")]
        if let Some(drawing) = &policies.drawing {
            return Ok(trimmer.estimate_drawing(media, drawing));
        }
        Ok(trimmer.estimate(media))
    }

    fn plan(&self, policies: &Policies, media: &Media) -> Result<Plan, Refusal> {
        let pdf::Probe { pages, version, encrypted, needs_password, .. } = pdf::Probe::read(media)?;
        let mut plan = Plan::new(Probe::Document { pages, version, encrypted, needs_password }, 0);
        let mut note = |name: &str, text: String| plan.actions.push(Note::new(name, text));
        match policy(policies) {
            Err(refusal) => note("refused", refusal.message().to_owned()),
            Ok(_) if needs_password => note("refused", "a password is needed to read it".to_owned()),
            Ok(policy) => {
                let most = policy.max_pages;
                if encrypted {
                    note("decrypted", "encrypted without a password".to_owned());
                }
                match pages {
                    Some(pages) if pages > most => {
                        note("pages-dropped", format!("{pages} pages: the first {most} that are not empty are kept"));
                    }
                    _ => note("pages-kept", "empty pages are left out, all others are kept".to_owned()),
                }
                #[cfg(feature = "image")]
                if let Some(drawing) = &policies.drawing {
                    note("pages-drawn", "the pages leave as pictures, one file each".to_owned());
                    plan.memory = Trimmer::new(policy.clone()).estimate_drawing(media, drawing);
                    return Ok(plan);
                }
                if policy.documents == pdf::Documents::AsIssued && !encrypted {
                    note("passed-through", "left byte for byte where it conforms; otherwise rewritten".to_owned());
                } else {
                    note("rewritten", "scripts, attachments, metadata and older revisions are left behind".to_owned());
                }
                plan.memory = Trimmer::new(policy.clone()).estimate(media);
            }
        }
        Ok(plan)
    }

    fn engine(&self, policies: &Policies) -> Box<dyn Engine> {
        match policy(policies) {
            #[cfg(feature = "image")]
            Ok(policy) if policies.drawing.is_some() => Box::new(drawn::Drawer::new(policy, policies)),
            Ok(policy) => Box::new(Trimmer::new(policy.clone())),
            Err(refusal) => Box::new(Refusing(refusal)),
        }
    }

    #[cfg(feature = "isolate")]
    fn needs_opening(&self, _: Format) -> bool {
        false
    }

    #[cfg(feature = "isolate")]
    fn open(&self, _: &mut Policies) {}
}

pub(super) fn policy(policies: &Policies) -> Result<&pdf::Policy, Refusal> {
    policies.pdf.as_ref().ok_or_else(|| {
        let why = "this vendor takes pictures only, not documents, unless their pages are drawn as pictures";
        Refusal::new(RefusalKind::UnsupportedFormat, Fault::Input, why)
    })
}

impl Engine for Trimmer {
    fn press(&mut self, media: &Media) -> Result<Pressed, Refusal> {
        let done = self.trim(media)?;
        let summary = done.report().summary();
        Ok(Pressed::new(done.into_media(), summary))
    }
}

/// Stands where a vendor takes no documents.
struct Refusing(Refusal);

impl Engine for Refusing {
    fn press(&mut self, _: &Media) -> Result<Pressed, Refusal> {
        Err(self.0.clone())
    }
}
