//! Documents whose pages leave as pictures: drawn, then made fit as any other picture is.

use sealpress_image::Normalizer;
use sealpress_media::{Fault, Media, Note, Refusal, RefusalKind};
use sealpress_pdf::{self as pdf, Drawing, Trimmer};

use super::Engine;
use crate::policies::Policies;
use crate::press::Pressed;

pub(crate) struct Drawer {
    trimmer: Trimmer,
    drawing: Drawing,
    normalizer: Normalizer,
}

impl Drawer {
    pub(crate) fn new(policy: &pdf::Policy, policies: &Policies) -> Self {
        Self {
            trimmer: Trimmer::new(policy.clone()),
            drawing: policies.drawing.unwrap_or_default(),
            normalizer: Normalizer::new(policies.image.clone()),
        }
    }
}

impl Engine for Drawer {
    fn press(&mut self, media: &Media) -> Result<Pressed, Refusal> {
        let drawn = self.trimmer.draw(media, &self.drawing)?;
        let mut summary = drawn.report().summary();
        let mut pages = Vec::with_capacity(drawn.pages().len());
        for (page, number) in drawn.pages().iter().zip(&drawn.report().kept) {
            let done = self.normalizer.normalize(page).map_err(|e| {
                let refusal = Refusal::from(e);
                Refusal::new(refusal.kind(), refusal.fault(), format!("page {number}: {}", refusal.message()))
            })?;
            let picture = done.report().summary();
            if pages.is_empty() {
                summary.dimensions = picture.dimensions;
                summary.output_format = picture.output_format;
            }
            // That a picture of ours conforms says nothing of the file.
            let said = picture.actions.into_iter().filter(|note| note.name != "passed-through");
            for note in said {
                if !summary.actions.contains(&note) {
                    summary.actions.push(note);
                }
            }
            let of_page = |note: Note| Note::new(note.name, format!("page {number}: {}", note.text));
            summary.warnings.extend(picture.warnings.into_iter().map(of_page));
            pages.push(done.into_media());
        }
        let mut pages = pages.into_iter();
        let none = || Refusal::new(RefusalKind::Internal, Fault::Internal, "no page was drawn");
        let first = pages.next().ok_or_else(none)?;
        Ok(Pressed::new(first, summary).with_further(pages.collect()))
    }
}
