//! Transmit Security's document verification ("Mosaic"). OAuth client credentials instead of
//! signatures, raw base64 instead of data URIs, and an opinion on every picture.
//!
//! Adding images (POST …/images) stands in the older of the two documents only; whether a new
//! tenant is offered it has to be asked of the vendor.

mod auth;
mod client;
mod endpoints;
mod errors;
mod face_auth;
mod provider;
mod result;
mod wire;

pub use auth::Credentials;
pub use client::{Builder, Client};
pub use face_auth::{FaceAuthRequest, FaceAuthResult, FaceAuthSession, UseCase};
pub use result::{Check, CompleteResult, DeprecatedResult, Recommendation, ResultStatus, VerificationResult};
pub use wire::{
    AddedImage, CaptureMargins, Consent, Detail, Feedback, ImageEncoding, ImageId, ImageInfo, ImageOptions, ImageType,
    MockBehavior, Session, SessionRequest,
};

pub use crate::context::Context;
pub use crate::error::{ApiError, Error, ErrorKind, Failure};
pub use crate::id::SessionId;
pub use crate::sign::SignedBody;
pub use crate::upload::{Receipt, Upload};
pub use sealpress_media::Limits;

use sealpress_media::Format;

/// What Transmit Security takes: JPEG from 640×480 to 3840×2160 pixels, width and height by the
/// letter (a portrait picture is at most 2,160 high). No byte limit is published: 10,000,000 is a
/// choice of this crate.
#[must_use]
pub fn limits() -> Limits {
    let mut limits = Limits::none();
    limits.formats = vec![Format::Jpeg];
    limits.image_bytes = 10_000_000;
    (limits.max_width, limits.max_height) = (3840, 2160);
    (limits.min_width, limits.min_height) = (640, 480);
    limits
}
