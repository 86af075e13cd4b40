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
mod foreseen;
mod limits;
mod provider;
mod result;
mod wire;

pub use auth::Credentials;
pub use client::{Builder, Client};
pub use face_auth::{FaceAuthRequest, FaceAuthResult, FaceAuthSession, UseCase};
pub use limits::limits;
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
