//! The fenced rooms: predictions and smoothing in vectors, and which of them runs. Every function to be called from
//! outside takes the proof of [`crate::cpu`] that the CPU has what it is compiled for, and makes the same samples as plain
//! code, which judges it in the tests.

#[cfg(target_arch = "x86_64")]
mod lanes;
#[cfg(target_arch = "x86_64")]
mod predict;
#[cfg(target_arch = "x86_64")]
mod smooth;

use super::header::Filter;
use super::modes::{Luma, Mode};
use super::predict::Beside;
use super::residue::Residue;
use super::smooth::{Outer, Square};
use super::strength::Strength;
use crate::cpu::Cpu;

impl Cpu {
    /// Makes the samples of a macroblock's luma from `out` on, and clears what it adds to them.
    #[inline(always)]
    pub(super) fn luma(self, luma: &Luma, beside: &mut Beside, residue: &mut Residue, out: &mut [u8], stride: usize) {
        #[cfg(target_arch = "x86_64")]
        if let Some(proof) = self.avx2().filter(|_| !residue.extreme) {
            return predict::luma(proof, luma, beside, residue, out, stride);
        }
        super::predict::luma(luma, beside, residue, out, stride);
    }

    /// Makes the samples of a macroblock's chroma from `out` on, and clears what it adds to them.
    #[inline(always)]
    pub(super) fn chroma(
        self,
        mode: Mode,
        beside: &mut [Beside; 2],
        residue: &mut Residue,
        out: [&mut [u8]; 2],
        stride: usize,
    ) {
        #[cfg(target_arch = "x86_64")]
        if let Some(proof) = self.avx2().filter(|_| !residue.extreme) {
            return predict::chroma(proof, mode, beside, residue, out, stride);
        }
        super::predict::chroma(mode, beside, residue, out, stride);
    }

    /// Smooths the edges of a macroblock.
    #[inline(always)]
    pub(super) fn smooth(self, filter: Filter, planes: &mut [Square<'_>; 3], strength: Strength, outer: Outer) {
        // The simple filter is one that hardly anybody asks for.
        #[cfg(target_arch = "x86_64")]
        if let Some(proof) = self.avx2().filter(|_| filter == Filter::Normal && strength.edge > 0) {
            return smooth::macroblock(proof, planes, strength, outer);
        }
        super::smooth::macroblock(filter, planes, strength, outer);
    }
}
