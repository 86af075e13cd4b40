//! Encoders for specimens: every sampling, depth and wrapper that phones and scanners write.

mod exif;
mod icc;
mod jpeg;
mod png;
mod webp;

pub use exif::Exif;
pub use icc::IccProfile;
pub use jpeg::{Jpeg, Sampling};
pub use png::{Png, PngKind};
pub use webp::WebP;
