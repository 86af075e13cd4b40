//! A local stand-in for two identity-media APIs, to test clients against: Veriff's and Transmit Security's.
//!
//! Neither vendor offers a public sandbox for uploads. This one checks signatures, sessions and media in
//! the documented order, keeps a ledger of what it really received, and misbehaves on request.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), sealpress_emulator::Error> {
//! use sealpress_emulator::{Effect, Emulator, FaultRule};
//!
//! let emulator = Emulator::start().await?;
//! // Point the client under test at it …
//! let (_url, _key, _secret) = (emulator.url(), emulator.api_key(), emulator.secret());
//! // … let its first upload fail with a lost answer …
//! emulator.add_fault(FaultRule::new(Effect::status(502).with_body("html").recorded()).on("upload").times(1))?;
//! // … and compare what it believes with what happened.
//! assert_eq!(emulator.ledger().duplicates().count(), 0);
//! emulator.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! It shares no code with the rest of the workspace: it judges with other people's HMAC and base64.

#![forbid(unsafe_code)]

mod clock;
mod control;
mod crypto;
mod effects;
mod emulator;
mod error;
mod faults;
mod fuzz;
mod ledger;
mod log;
mod options;
mod routes;
mod server;
mod shared;
mod sniff;
mod state;
mod store;
mod transmit;
mod veriff;
mod webhook;
mod wire;
mod world;

pub use emulator::{Builder, Emulator, TransmitCredentials};
pub use error::{Error, ErrorKind};
pub use faults::{Effect, FaultRule, Forgery, How, Length, Phase};
pub use ledger::{AttemptRecord, DecisionRecord, Ledger, MediaRecord, SessionRecord, Status, Vendor, Verdict};
pub use options::{ErrorBody, MediaMode, MediaType, Options, SignatureHeaders, TransmitErrors};
