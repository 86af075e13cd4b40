//! The encoder's kernels. All compute the same integers as the plain code beside their dispatch, in
//! `encode::kernels` and `encode::tokens`, which judges them in the tests.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
