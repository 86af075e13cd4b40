//! The press that files go through, chosen once for every command.

use std::sync::Arc;

use sealpress_client::{transmit, veriff};
use sealpress_media::{Format, Preflight};
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

/// As it is said in settings.
impl std::str::FromStr for PagesAs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as clap::ValueEnum>::from_str(text, false).map_err(|_| format!("`{text}` is neither pdf nor jpeg"))
    }
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

/// What a press is told where somebody behind it knows what the pictures show: to measure, and to leave findings and
/// refusals to them.
pub(crate) const fn measuring(preflight: &Preflight) -> Preflight {
    match preflight {
        Preflight::Off => Preflight::Off,
        _ => Preflight::Report,
    }
}

/// What files have to become for a vendor.
pub(crate) fn policies(vendor: Vendor) -> Policies {
    Policies::within(&match vendor {
        Vendor::Veriff => veriff::limits(),
        Vendor::Transmit => transmit::limits(),
    })
}

/// What makes a report's thumbnails: JPEGs of at most 96 pixels with nothing else in them.
pub(crate) fn thumbnails() -> Arc<dyn Press> {
    let mut policies = Policies::default();
    policies.pdf = None;
    let image = &mut policies.image;
    (image.max_width, image.max_height, image.max_bytes) = (96, 96, 12_000);
    (image.accepts, image.pass_through, image.preflight) = (vec![Format::Jpeg], false, Preflight::Off);
    press(policies)
}

/// Commands for files at hand, without a vendor and its secrets: for a single small file, most of the time would go
/// into loading this program a second time.
const EARLY: [&str; 3] = ["best", "inspect", "prepare"];

/// Starts the first worker of these commands while there is nothing in memory that it must not see. To be called
/// before anything else.
pub(crate) fn start_early() {
    let is_early = std::env::args_os().nth(1).is_some_and(|command| EARLY.iter().any(|early| command == *early));
    if is_early && sealpress_press::isolates() {
        sealpress_press::fork_first_worker();
    }
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
            crate::print::note(&format!(
                "sealpress: files are decoded in this process, without isolation ({}=off)",
                sealpress_press::ISOLATION
            ));
        }
        Isolation::Process => {
            crate::print::note(
                "sealpress: files are decoded in processes of their own; this platform cannot lock them down",
            );
        }
        _ => {}
    }
    press
}
