//! The press that files go through, chosen once for every command.

use std::sync::Arc;

use sealpress_client::{transmit, veriff};
use sealpress_pdf as pdf;
use sealpress_press::{Isolation, Policies, Press};

use crate::vendor::Vendor;

/// What becomes of PDFs, whatever the command.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct DocumentArgs {
    /// PDFs that conform leave byte for byte (as-issued), or like all others with nothing but their pages
    #[arg(long, value_name = "as-issued|pages-only", default_value = "as-issued")]
    pub(crate) documents: pdf::Documents,
    /// A signed PDF that must be cut: say that the signature is lost, keep it whole where that can be, or refuse
    #[arg(long, value_name = "warn|keep|refuse", default_value = "warn")]
    pub(crate) signed: pdf::Signed,
    /// A PDF that breaks off before its end
    #[arg(long, value_name = "refuse|accept", default_value = "refuse")]
    pub(crate) damaged_documents: pdf::Damaged,
}

impl DocumentArgs {
    /// What files have to become for a vendor, documents as it is said here.
    pub(crate) fn policies(self, vendor: Vendor) -> Policies {
        let mut policies = policies(vendor);
        self.apply(&mut policies);
        policies
    }

    fn apply(self, policies: &mut Policies) {
        if let Some(policy) = &mut policies.pdf {
            policy.documents = self.documents;
            policy.signed = self.signed;
            policy.damaged = self.damaged_documents;
        }
    }
}

/// As what the pages of a PDF leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PagesAs {
    /// A PDF
    #[default]
    Pdf,
    /// Pictures, one file a page: for vendors that take no PDFs
    Jpeg,
}

impl PagesAs {
    /// The same policies, with pages as it is said here.
    pub(crate) fn apply(self, documents: DocumentArgs, policies: Policies) -> Policies {
        if self == Self::Pdf {
            return policies;
        }
        let mut policies = policies.with_pages_as_pictures();
        documents.apply(&mut policies);
        policies
    }
}

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
