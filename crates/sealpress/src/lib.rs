//! Media for identity verification APIs: one name for all of the house, no logic of its own.
#![cfg_attr(
    all(feature = "image", feature = "pdf", feature = "isolate", feature = "pipeline"),
    doc = include_str!("../README.md")
)]
#![forbid(unsafe_code)]

pub use sealpress_media::{self as media, Dimensions, Fault, Format, Limits, Media, Refusal, RefusalKind};

#[cfg(feature = "client")]
pub use sealpress_client::veriff::{Context, Credentials};
#[cfg(feature = "client")]
pub use sealpress_client::{self as client, transmit, veriff};
#[cfg(feature = "image")]
pub use sealpress_image::{self as image, Normalizer};
#[cfg(feature = "pdf")]
pub use sealpress_pdf::{self as pdf, Trimmer};
#[cfg(feature = "pipeline")]
pub use sealpress_pipeline::{self as pipeline, Job, Outcome, Pipeline};
#[cfg(all(feature = "isolate", any(feature = "image", feature = "pdf")))]
pub use sealpress_press::Isolated;
#[cfg(any(feature = "image", feature = "pdf"))]
pub use sealpress_press::{self as press, InProcess, Policies, Press, Pressed};
