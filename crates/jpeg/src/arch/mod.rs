//! The fenced rooms: one file for each instruction set, and nothing else in this crate is `unsafe`.
//! Every function to be called from outside takes the proof of [`crate::cpu`] that the CPU has what
//! it is compiled for, and computes the same integers as plain code, which judges it in the tests.
//! Which of them runs is a `match` on [`Cpu`], here.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod encode;

use crate::cpu::{Cpu, Work};
use crate::decode::idct;
use crate::decode::tables::Steps;
use crate::decode::transform::Four;
use crate::plane::Scale;

impl Cpu {
    /// Runs `work`, compiled for what this CPU has as far as it is inlined.
    #[inline(always)]
    pub(crate) fn run<W: Work>(self, work: W) -> W::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(proof) => avx2::run(proof, work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(proof) => avx512::run(proof, work),
            Self::Scalar => work.run(),
        }
    }

    /// Transforms four blocks to samples side by side, the first of which is that of `out`.
    #[inline(always)]
    pub(crate) fn transform(self, scale: Scale, four: &Four<'_>, steps: &Steps, out: &mut [u8], stride: usize) {
        match self {
            Self::Scalar => idct::transform(scale, four, steps, out, stride),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(proof) => avx2::transform(proof, scale, four, steps, out, stride),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(proof) => avx512::transform(proof, scale, four, steps, out, stride),
        }
    }
}
