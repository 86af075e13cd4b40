//! The nouns every other crate speaks: what a file is ([`Format`]), the file itself as it was seen
//! ([`Media`]), how large a picture is ([`Dimensions`]), what a vendor accepts ([`Limits`]), how good
//! it is ([`Quality`]), why a file was not taken ([`Refusal`]) and whose turn it is when something fails ([`Fault`]).
//!
//! Nothing here knows a codec, a socket, a thread or a path. A [`Media`] was *seen*, not believed:
//! its first bytes name a format, and nothing else about it is known to be true.

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
