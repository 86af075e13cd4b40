//! Veriff. Every endpoint of its public API; the message that is signed differs by endpoint and is
//! right for each.

mod auth;
mod client;
mod decision;
mod endpoints;
mod errors;
mod faces;
mod faces_shape;
mod foreseen;
mod importer;
mod limits;
mod poll;
mod provider;
mod records;
mod requests;
mod webhook;
mod wire;

pub use auth::{Credentials, SignaturePolicy, looks_like_uuid};
pub use client::{Builder, Client};
pub use decision::{Address, Decision, DocumentData, Insight, ParsedAddress, PersonData, RiskLabel, RiskScore};
pub use faces::{Face, FaceSource, FacesAnswer, SignedFaces};
pub use faces_shape::FacesShape;
pub use importer::FaceImporter;
pub use limits::limits;
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
