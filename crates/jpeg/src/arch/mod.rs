//! The fenced rooms: one file for each instruction set, and nothing else in this crate is `unsafe`.
//! Every function to be called from outside takes the proof of [`crate::cpu`] that the CPU has what
//! it is compiled for, and computes the same integers as plain code, which judges it in the tests.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod encode;
