//! The fenced rooms: predictions and smoothing in vectors. Every function to be called from outside takes the proof of
//! [`crate::cpu`] that the CPU has what it is compiled for, and makes the same samples as plain code, which judges it in the
//! tests.

mod lanes;
mod predict;
mod smooth;

pub(super) use predict::{chroma, luma};
pub(super) use smooth::macroblock as smooth;
