//! Any picture to an upright one within the provider's box and byte limits.

#![deny(unsafe_code)]

mod error;
mod heif;
mod limits;
mod planes;

pub use error::{Error, ErrorKind};
