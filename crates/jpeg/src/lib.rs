#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

#[expect(unsafe_code, reason = "vector instructions behind proof that the CPU has them; see the module's head")]
mod arch;
mod cpu;
mod decode;
mod encode;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod plane;
mod standard;

pub use decode::{BLOCK_BYTES, Decoder, Limits, Piece, Verdict};
pub use encode::{EncodeOptions, Encoder, HuffmanTables, Mismatch, Picture, QuantTables, Sampling, Transformed};
pub use error::Error;
pub use plane::{Buffers, Fresh, Plane, Scale};
