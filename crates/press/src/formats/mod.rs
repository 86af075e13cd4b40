//! The table of formats: one object for each family of files, which tells what it reads, what a header says,
//! what would be done, what that holds, and does it. A new family is a file here and a line in [`TABLE`].

#[cfg(feature = "pdf")]
mod documents;
#[cfg(all(feature = "image", feature = "pdf"))]
mod drawn;
#[cfg(feature = "image")]
mod pictures;
#[cfg(all(feature = "image", feature = "pdf"))]
mod scans;

use sealpress_media::{Fault, Format, Media, Refusal, RefusalKind};

use crate::plan::Plan;
use crate::policies::Policies;
use crate::press::Pressed;

/// Every family of files that is read.
static TABLE: &[&dyn Handler] = &[
    #[cfg(feature = "image")]
    &pictures::Pictures,
    #[cfg(feature = "pdf")]
    &documents::Documents,
    #[cfg(all(feature = "image", feature = "pdf"))]
    &scans::Scans,
];

/// One family of files. Each call looks at a header at most once.
pub(crate) trait Handler: Sync {
    /// Formats that it reads.
    fn reads(&self, format: Format) -> bool;

    /// Most bytes that pressing holds beside the file.
    fn estimate(&self, policies: &Policies, media: &Media) -> Result<u64, Refusal>;

    /// What the file is and what would be done.
    fn plan(&self, policies: &Policies, media: &Media) -> Result<Plan, Refusal>;

    /// What presses, with buffers of its own.
    fn engine(&self, policies: &Policies) -> Box<dyn Engine>;

    /// Whether a decoder of this format has to be opened while there is a file system, in a process that is
    /// going to lock itself down.
    #[cfg(feature = "isolate")]
    fn needs_opening(&self, format: Format) -> bool;

    /// Opens it, and lets it be used.
    #[cfg(feature = "isolate")]
    fn open(&self, policies: &mut Policies);
}

/// Presses files of one family under one policy; keeps codecs and buffers from file to file, and nothing of
/// a file.
pub(crate) trait Engine: Send {
    /// The file as it may be sent.
    fn press(&mut self, media: &Media) -> Result<Pressed, Refusal>;
}

/// Who reads this format.
pub(crate) fn handler(format: Format) -> Result<&'static dyn Handler, Refusal> {
    TABLE.iter().copied().find(|handler| handler.reads(format)).ok_or_else(|| unread(format))
}

/// A format that this build has no codec for.
fn unread(format: Format) -> Refusal {
    let feature = match format {
        Format::Pdf => "pdf",
        // Both are needed; whoever lacks one has the other.
        Format::Tiff if cfg!(feature = "image") => "pdf",
        Format::Heic => "heif",
        _ => "image",
    };
    let message = format!("{format}: this program was built without the feature `{feature}`");
    Refusal::new(RefusalKind::UnsupportedFormat, Fault::Caller, message)
}

/// An engine for each family, made with its first file.
pub(crate) struct Engines {
    policies: Policies,
    made: Vec<Option<Box<dyn Engine>>>,
}

impl Engines {
    pub(crate) fn new(policies: Policies) -> Self {
        Self { policies, made: TABLE.iter().map(|_| None).collect() }
    }

    pub(crate) fn press(&mut self, media: &Media) -> Result<Pressed, Refusal> {
        let format = media.format();
        let family = TABLE.iter().zip(&mut self.made).find(|(handler, _)| handler.reads(format));
        let (handler, engine) = family.ok_or_else(|| unread(format))?;
        engine.get_or_insert_with(|| handler.engine(&self.policies)).press(media)
    }
}

/// Opens every decoder that has to be opened before the lock, and lets it be used.
#[cfg(feature = "isolate")]
pub(crate) fn open(policies: &mut Policies) {
    TABLE.iter().for_each(|handler| handler.open(policies));
}
