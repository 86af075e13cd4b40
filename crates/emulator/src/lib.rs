#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod clock;
mod control;
mod crypto;
mod effects;
mod emulator;
mod error;
mod faults;
mod form;
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
