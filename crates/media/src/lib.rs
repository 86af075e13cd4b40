#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod dimensions;
pub mod duration;
mod fault;
mod format;
#[doc(hidden)]
pub mod fuzzing;
mod limits;
mod media;
mod quality;
mod refusal;
mod summary;

pub use dimensions::{Dimensions, DimensionsError};
pub use fault::Fault;
pub use format::Format;
pub use limits::Limits;
pub use media::{Error, ErrorKind, Media};
pub use quality::{Finding, FindingCode, Judged, NOT_JUDGED, Preflight, Quality, Refusable, Subject, UnknownPreflight};
pub use refusal::{Refusal, RefusalKind, UnknownRefusalKind};
pub use summary::{Note, Summary};
