//! The press that files go through, chosen once for every command.

use std::sync::Arc;

use sealpress_isolate as isolate;
use sealpress_media::Media;
use sealpress_pipeline::{Error, InProcess, Policies, Press, Pressed, Worker};

use crate::vendor::Vendor;

/// What files have to become for a vendor.
pub(crate) fn policies(vendor: Vendor) -> Policies {
    match vendor {
        Vendor::Veriff => Policies::veriff(),
        Vendor::Transmit => Policies::transmit(),
    }
}

/// The press of every command that prepares files: in worker processes, since files come from
/// strangers. `SEALPRESS_ISOLATION=off` presses in this process, for debuggers and profilers.
pub(crate) fn press(policies: Policies) -> Arc<dyn Press> {
    if std::env::var_os("SEALPRESS_ISOLATION").is_some_and(|v| v == "off") {
        return Arc::new(InProcess::new(policies));
    }
    Arc::new(Isolated { policies })
}

struct Isolated {
    policies: Policies,
}

impl Press for Isolated {
    fn worker(&self) -> Box<dyn Worker> {
        let Policies { image, pdf, .. } = self.policies.clone();
        let process = isolate::Worker::new(image, pdf.unwrap_or_default(), isolate::Limits::default());
        Box::new(Apart { policies: self.policies.clone(), process })
    }

    fn estimate(&self, media: &Media) -> Result<u64, Error> {
        self.policies.estimate(media)
    }
}

/// One thread's worker process.
struct Apart {
    policies: Policies,
    process: isolate::Worker,
}

impl Worker for Apart {
    fn press(&mut self, media: &Media) -> Result<Pressed, Error> {
        self.policies.admit(media)?;
        let pressed =
            self.process.press(media.bytes()).map_err(|e| Error::press(e.kind(), e.fault(), e.to_string()))?;
        Ok(Pressed { media: pressed.media, report: *pressed.summary })
    }
}
