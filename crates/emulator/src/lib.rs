//! A local stand-in for two identity-media APIs; the README is the documentation.

#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod clock;
mod control;
mod crypto;
mod dispatch;
mod effects;
mod emulator;
mod error;
mod explain;
mod faces;
mod faults;
mod form;
#[doc(hidden)]
pub mod fuzzing;
mod ledger;
mod log;
mod options;
mod outbox;
mod reports;
mod request;
mod respace;
mod routes;
mod server;
mod shared;
mod sniff;
mod state;
mod store;
mod tokens;
mod transmit;
mod vary;
mod veriff;
mod view;
mod webhook;
mod wire;

pub use emulator::{Builder, Emulator, TransmitCredentials};
pub use error::{Error, ErrorKind};
pub use explain::Explanation;
pub use faults::{Effect, FaultRule, Forgery, How, Length, Phase};
pub use ledger::{
    AttemptRecord, DecisionRecord, FaceAuthRecord, FaceRecord, Ledger, MediaRecord, SessionRecord, Status, Vendor,
    Verdict,
};
pub use log::RequestRecord;
pub use options::{ErrorBody, MediaMode, MediaType, Options, SignatureHeaders, TransmitErrors};
