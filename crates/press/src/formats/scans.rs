//! Scans: TIFF. One page is a picture like any other; several are a document, a PDF, unless pages leave as pictures.

use sealpress_media::{Format, Media, Note, Refusal};
use sealpress_pdf::{self as pdf, Trimmer};

use super::drawn::Drawer;
use super::{Engine, Handler, documents};
use crate::plan::{Plan, Probe};
use crate::policies::Policies;
use crate::press::Pressed;

pub(crate) struct Scans;

/// What becomes of a scan.
enum Way {
    Pictures,
    Document(pdf::Policy),
}

impl Way {
    /// Of a scan of so many pages.
    fn of(policies: &Policies, pages: Option<u32>) -> Result<Self, Refusal> {
        if policies.drawing.is_some() || pages == Some(1) {
            return Ok(Self::Pictures);
        }
        documents::policy(policies).cloned().map(Self::Document)
    }
}

impl Handler for Scans {
    fn reads(&self, format: Format) -> bool {
        format == Format::Tiff
    }

    fn estimate(&self, policies: &Policies, media: &Media) -> Result<u64, Refusal> {
        let policy = match Way::of(policies, pdf::Probe::read(media)?.pages)? {
            Way::Document(policy) => policy,
            Way::Pictures => policies.pdf.clone().unwrap_or_default(),
        };
        Ok(Trimmer::new(policy).estimate(media))
    }

    fn plan(&self, policies: &Policies, media: &Media) -> Result<Plan, Refusal> {
        let probe = pdf::Probe::read(media)?;
        let pages = probe.pages;
        let probe = Probe::Document { pages, version: None, encrypted: false, needs_password: false };
        let mut plan = Plan::new(probe, 0);
        let mut note = |name: &str, text: String| plan.actions.push(Note::new(name, text));
        match Way::of(policies, pages) {
            Err(refusal) => {
                note("refused", refusal.message().to_owned());
                return Ok(plan);
            }
            Ok(Way::Pictures) if pages == Some(1) => {
                note("pages-drawn", "the only page leaves as a picture, upright and within the box".to_owned());
            }
            Ok(Way::Pictures) => note("pages-drawn", "the pages leave as pictures, one file each".to_owned()),
            Ok(Way::Document(policy)) => {
                let most = policy.max_pages;
                note("written-as-pdf", format!("a PDF of the first {most} pages that are not empty"));
            }
        }
        plan.memory = self.estimate(policies, media)?;
        Ok(plan)
    }

    fn engine(&self, policies: &Policies) -> Box<dyn Engine> {
        let pdf = policies.pdf.clone().unwrap_or_default();
        Box::new(Scanned { policies: policies.clone(), drawer: Drawer::new(&pdf, policies) })
    }

    #[cfg(feature = "isolate")]
    fn needs_opening(&self, _: Format) -> bool {
        false
    }

    #[cfg(feature = "isolate")]
    fn open(&self, _: &mut Policies) {}
}

struct Scanned {
    policies: Policies,
    drawer: Drawer,
}

impl Engine for Scanned {
    fn press(&mut self, media: &Media) -> Result<Pressed, Refusal> {
        let pages = pdf::Probe::read(media)?.pages;
        let mut pressed = match Way::of(&self.policies, pages)? {
            Way::Pictures => self.drawer.press(media)?,
            Way::Document(policy) => Trimmer::new(policy).press(media)?,
        };
        pressed.summary.format = Format::Tiff;
        Ok(pressed)
    }
}
