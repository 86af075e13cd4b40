#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

mod colour;
mod convert;
mod cpu;
mod decode;
mod deep;
mod encode;
mod ending;
mod error;
mod estimate;
mod exif;
mod flatten;
#[doc(hidden)]
pub mod fuzzing;
mod hdr;
#[cfg_attr(not(feature = "heif"), expect(dead_code, reason = "what only decoders of HEVC ask"))]
mod heif;
mod jpeg;
mod limits;
mod normalizer;
mod orient;
mod plan;
mod planes;
mod png;
mod policy;
mod pool;
mod probe;
mod quality;
mod render;
mod report;
mod resize;
mod webp;

pub use error::{Error, ErrorKind};
pub use normalizer::{Normalized, Normalizer};
pub use policy::{Damaged, Metadata, Policy, Profiles, Undersized};
pub use probe::Probe;
pub use report::{Action, Report, Timings, Warning};
pub use resize::Filter;

/// Whether this build reads files of this format: all pictures, HEIC with the feature `heif`.
#[must_use]
pub const fn reads(format: sealpress_media::Format) -> bool {
    use sealpress_media::Format;
    matches!(format, Format::Jpeg | Format::Png | Format::WebP)
        || matches!(format, Format::Heic) && cfg!(feature = "heif")
}

/// Opens the machine's libheif now and lets pictures under this policy be read by it where our own reader refuses
/// them. It is asked in a process that has locked itself down and in no other, whatever the policy says.
#[cfg(feature = "libheif")]
pub fn preload_libheif(policy: &mut Policy) {
    heif::foreign::preload();
    policy.libheif = true;
}

/// Opens the machine's libavcodec now, if there is one, so that a process may close its doors
/// before the first HEIC comes. Answers whether it is there.
pub fn preload_native_hevc() -> bool {
    heif::native_available()
}
