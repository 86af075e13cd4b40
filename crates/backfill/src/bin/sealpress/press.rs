use std::sync::Arc;

use sealpress_pipeline::{InProcess, Policies, Press};

use crate::cli::Vendor;

/// What files have to become for a vendor.
pub(crate) fn policies(vendor: Vendor) -> Policies {
    match vendor {
        Vendor::Veriff => Policies::veriff(),
        Vendor::Transmit => Policies::transmit(),
    }
}

/// The press of every command that prepares files.
pub(crate) fn press(policies: Policies) -> Arc<dyn Press> {
    Arc::new(InProcess::new(policies))
}
