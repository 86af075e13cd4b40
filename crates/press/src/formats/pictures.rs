//! Pictures: JPEG, PNG, WebP and HEIC.

use sealpress_image::{self as image, Normalizer};
use sealpress_media::{Format, Media, Note, Refusal};

use super::{Engine, Handler};
use crate::plan::{Plan, Probe};
use crate::policies::Policies;
use crate::press::Pressed;

pub(crate) struct Pictures;

impl Handler for Pictures {
    fn reads(&self, format: Format) -> bool {
        image::reads(format)
    }

    fn estimate(&self, policies: &Policies, media: &Media) -> Result<u64, Refusal> {
        let probe = image::Probe::read(media)?;
        Ok(Normalizer::new(policies.image.clone()).estimate(&probe))
    }

    fn plan(&self, policies: &Policies, media: &Media) -> Result<Plan, Refusal> {
        let probe = image::Probe::read(media)?;
        let normalizer = Normalizer::new(policies.image.clone());
        let note = |action: &image::Action| Note::new(action.name(), action.to_string());
        let actions = normalizer.plan(&probe).iter().map(note).collect();
        let memory = normalizer.estimate(&probe);
        let stored = probe.dimensions();
        let probe = Probe::Picture {
            width: stored.width(),
            height: stored.height(),
            orientation: probe.orientation(),
            upright: probe.upright_dimensions(),
            frames: probe.frames(),
            alpha: probe.has_alpha(),
            bit_depth: probe.bit_depth(),
            colour: probe.colour().to_owned(),
            icc_profile: probe.icc_profile().map(str::to_owned),
        };
        Ok(Plan { probe, actions, memory })
    }

    fn engine(&self, policies: &Policies) -> Box<dyn Engine> {
        Box::new(Normalizer::new(policies.image.clone()))
    }

    /// libavcodec is a shared library, opened by name. It costs a process 17 ms: only those that meet a HEIC
    /// pay for it.
    #[cfg(feature = "isolate")]
    fn needs_opening(&self, format: Format) -> bool {
        format == Format::Heic
    }

    #[cfg(feature = "isolate")]
    fn open(&self, policies: &mut Policies) {
        policies.image.native_hevc = image::preload_native_hevc();
        #[cfg(feature = "libheif")]
        image::preload_libheif(&mut policies.image);
    }
}

impl Engine for Normalizer {
    fn press(&mut self, media: &Media) -> Result<Pressed, Refusal> {
        let done = self.normalize(media)?;
        let summary = done.report().summary();
        Ok(Pressed::new(done.into_media(), summary))
    }
}
