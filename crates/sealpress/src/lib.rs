#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use sealpress_client::{self as client, veriff};
pub use sealpress_image as image;
pub use sealpress_media as media;
pub use sealpress_pdf as pdf;
pub use sealpress_pipeline as pipeline;
pub use sealpress_press as press;

pub use sealpress_client::transmit;
pub use sealpress_client::veriff::{Context, Credentials};
pub use sealpress_image::Normalizer;
pub use sealpress_media::{Dimensions, Fault, Format, Media};
pub use sealpress_pdf::Trimmer;
pub use sealpress_pipeline::{Job, Outcome, Pipeline};
pub use sealpress_press::{InProcess, Isolated, Policies, Press, Pressed};
