//! The gateway over sockets: real files, the emulator as the vendor, callers of several languages, and whatever goes
//! wrong between them.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod bounds;
mod callers;
mod common;
mod faults;
mod forms;
mod languages;
mod transmit;
mod upload;
