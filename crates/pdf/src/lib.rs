//! A PDF that conforms leaves as it was issued; any other one comes out with its first non-empty pages, under
//! the vendor's byte limit, with nothing else left inside: no scripts, actions, attachments, metadata, older
//! revisions, encryption. What went is named.
//!
//! ```
//! use sealpress_media::Media;
//! use sealpress_pdf::{Policy, Trimmer};
//!
//! # let file = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
//! # 3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj trailer<</Root 1 0 R>>".as_slice();
//! let media = Media::sniff(file)?;
//! let trimmed = Trimmer::new(Policy::default()).trim(&media)?;
//! assert_eq!(trimmed.report().kept, [1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The way of a file: a reader looks objects up one by one (the strict one for well-formed files, the
//! repairing one for all others), a page walk of ours finds the first pages, the copier follows what they
//! reach and leaves the rest behind, the writer makes a small document of it, the emptiness rule looks
//! at that document. Content is never dropped: a page in doubt stays.
//!
//! What is absent here: sockets, paths, thread pools, state between two files. A page is judged on one
//! guarded thread that is abandoned when its budget is spent. Nothing recurses over input without a
//! bound: direct objects nest at most 64 levels.

#![forbid(unsafe_code)]

mod ascii;
mod attempt;
mod clock;
mod copy;
mod drawing;
mod emptiness;
mod error;
mod failure;
mod form;
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod inflate;
mod inline;
mod inventory;
mod layers;
mod loss;
mod matrix;
mod memory;
mod object;
mod objects;
mod pages;
mod pictures;
mod policy;
mod preview;
mod probe;
mod removed;
mod render;
mod report;
mod resources;
mod role;
mod safety;
mod scan;
mod shrink;
mod source;
mod trim;
mod trimmed;
mod walk;
mod write;

pub use drawing::{Drawing, Drawn};
pub use error::{Error, ErrorKind};
pub use policy::{Damaged, Documents, Policy, Signed};
pub use probe::Probe;
pub use removed::Removed;
pub use report::{Action, Dropped, EmptyPassword, Reader, Reason, Report, Timings, Warning};
pub use trim::Trimmer;
pub use trimmed::Trimmed;
