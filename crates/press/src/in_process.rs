//! The press that decodes where it is called.

use sealpress_media::Media;

use crate::error::Error;
use crate::formats::{Engines, handler};
use crate::plan::Plan;
use crate::policies::Policies;
use crate::press::{Press, Pressed, Worker};

/// Presses in this process. Fast, and as safe as the codecs are: what a hostile file does to its decoder it
/// does to the whole process. Whoever takes files from strangers uses [`Isolated`](crate::Isolated).
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
        Box::new(Engines::new(self.policies.clone()))
    }

    fn estimate(&self, media: &Media) -> Result<u64, Error> {
        Ok(handler(media.format())?.estimate(&self.policies, media)?)
    }

    fn plan(&self, media: &Media) -> Result<Plan, Error> {
        Ok(handler(media.format())?.plan(&self.policies, media)?)
    }
}

impl Worker for Engines {
    fn press(&mut self, media: &Media) -> Result<Pressed, Error> {
        Ok(Engines::press(self, media)?)
    }
}
