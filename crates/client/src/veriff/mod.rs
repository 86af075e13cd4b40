//! Veriff. Every endpoint of its public API; the message that is signed differs by endpoint and is
//! right for each.

mod auth;
mod client;
mod decision;
mod endpoints;
mod errors;
mod faces;
mod poll;
mod provider;
mod records;
mod requests;
mod webhook;
mod wire;

pub use auth::{Credentials, SignaturePolicy};
pub use client::{Builder, Client};
pub use decision::{Address, Decision, DocumentData, Insight, ParsedAddress, PersonData, RiskLabel, RiskScore};
pub use faces::{Face, FaceSource, FacesAnswer, FacesShape, SignedFaces};
pub use poll::PollOptions;
pub use records::{Person, SanctionMatch, Watchlist};
pub use requests::{
    AddressRequest, CollectedData, Consent, DocumentRequest, DocumentType, PersonRequest, SessionRequest,
};
pub use webhook::{Event, SessionEvent, Webhook};
pub use wire::{Attempt, MediaEntry, MediaList, Session, Status, UserDefined};

pub use crate::context::Context;
pub use crate::download::Download;
pub use crate::error::{ApiError, Error, ErrorKind, Failure};
pub use crate::id::{AttemptId, MediaId, SessionId};
pub use crate::provider::NewSession;
pub use crate::sign::SignedBody;
pub use crate::upload::{Receipt, Upload};
pub use sealpress_media::Limits;

use sealpress_media::Format;

/// What Veriff takes, out of its upload page: pictures up to 24 MB of base64 ("approx 17 MB"),
/// PDFs up to 20 MB of which 5 pages are looked at, longer side up to 1,920 pixels. PDF has to be
/// enabled by Veriff for an integration.
#[must_use]
pub fn limits() -> Limits {
    let mut limits = Limits::none();
    limits.formats = Format::ALL.to_vec();
    (limits.image_bytes, limits.image_base64) = (17_000_000, Some(24_000_000));
    (limits.pdf_bytes, limits.pdf_pages) = (20_000_000, 5);
    (limits.max_width, limits.max_height) = (1920, 1920);
    limits
}
