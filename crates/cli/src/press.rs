//! The press that files go through, chosen once for every command.

use std::sync::Arc;

use sealpress_client::{transmit, veriff};
use sealpress_press::{Isolation, Policies, Press};

use crate::vendor::Vendor;

/// What files have to become for a vendor.
pub(crate) fn policies(vendor: Vendor) -> Policies {
    Policies::within(&match vendor {
        Vendor::Veriff => veriff::limits(),
        Vendor::Transmit => transmit::limits(),
    })
}

/// What stands between a file and this machine, in the words of `config show`.
pub(crate) fn isolation() -> &'static str {
    match sealpress_press::from_env(Policies::default()).isolation() {
        Isolation::Locked => "locked-down processes",
        Isolation::Process => "processes without a lock",
        _ => "none: this process",
    }
}

/// Worker processes, since files come from strangers. Where it is less than that, it says so.
pub(crate) fn press(policies: Policies) -> Arc<dyn Press> {
    let press = sealpress_press::from_env(policies);
    match press.isolation() {
        Isolation::None => {
            eprintln!(
                "sealpress: files are decoded in this process, without isolation ({}=off)",
                sealpress_press::ISOLATION
            );
        }
        Isolation::Process => {
            eprintln!("sealpress: files are decoded in processes of their own; this platform cannot lock them down");
        }
        _ => {}
    }
    press
}
