//! Typed clients of identity vendors: [`veriff`] and [`transmit`], both whole, and one [`Provider`]
//! trait for whoever sends many files and does not care to whom.
//!
//! Two invariants make it easy to reason about: *signing never waits, sending never builds a body*.
//! [`sign`](sign::sign) computes over the media and makes a [`SignedBody`]; `send` moves its bytes
//! and reads an answer. Nothing here knows pixels, pages or thread pools, and one file
//! (`transport.rs`) names the HTTP stack.

#![forbid(unsafe_code)]

mod answer;
mod base_url;
pub mod conformance;
mod context;
mod download;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod id;
mod lenient;
mod open_enum;
mod progress;
mod provider;
mod retry;
pub mod sign;
mod telemetry;
pub mod transmit;
pub mod transport;
mod upload;
pub mod veriff;

/// The header and status types of this crate's interface.
pub use http;

pub use context::Context;
pub use download::Download;
pub use error::{ApiError, Error, ErrorKind, Failure};
pub use id::{AttemptId, MediaId, SessionId};
pub use lenient::Json;
pub use provider::{BoxFuture, Created, Decided, Listed, NewSession, Provider, SessionState, Url, Verdict};
pub use retry::{Backoff, Cause, Jitter, RetryPolicy};
pub use sealpress_media::Limits;
pub use sign::SignedBody;
pub use transport::Options;
pub use upload::{Receipt, Upload};

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
