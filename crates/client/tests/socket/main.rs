//! Every endpoint over a real socket, against the emulator and against raw servers that answer what
//! no well-behaved one would.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on is a failed test")]

mod bytes;
mod canary;
mod common;
mod conformance;
mod examples;
mod faces;
mod faults;
mod http2;
mod limits;
mod oddities;
mod readme;
mod third_vendor;
mod tolerance;
mod transmit;
mod veriff;
mod waiting;
