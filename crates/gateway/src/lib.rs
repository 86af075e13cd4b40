#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod body;
mod door;
mod envelope;
mod flights;
mod form;
mod gateway;
mod metrics;
mod options;
mod problem;
mod relay;
mod service;
mod timed;
mod tls;
pub mod transmit;
mod upload;
pub mod veriff;

pub use door::{Call, Caller, Door};
pub use envelope::Envelope;
pub use gateway::{Builder, Gateway};
pub use metrics::Record;
pub use options::Options;
pub use problem::{Problem, ProblemKind};
pub use sealpress_base64::Reading;
pub use tls::Tls;
