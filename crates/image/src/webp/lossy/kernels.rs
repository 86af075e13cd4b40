//! Which code makes samples: vectors where the CPU has them, else the plain code that judges them. All make the same.

#[cfg(target_arch = "x86_64")]
use super::arch;
use super::modes::{Luma, Mode};
use super::predict::{self, Beside};
use super::residue::Residue;
use super::smooth::{self, Outer, Square};
use super::strength::Filter;
use super::strength::Strength;
use crate::cpu::Cpu;

impl Cpu {
    /// Makes the samples of a macroblock's luma from `out` on, and clears what it adds to them.
    #[inline(always)]
    pub(super) fn luma(self, luma: &Luma, beside: &mut Beside, residue: &mut Residue, out: &mut [u8], stride: usize) {
        #[cfg(target_arch = "x86_64")]
        if let Some(proof) = self.avx2().filter(|_| !residue.extreme) {
            return arch::luma(proof, luma, beside, residue, out, stride);
        }
        predict::luma(luma, beside, residue, out, stride);
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
            return arch::chroma(proof, mode, beside, residue, out, stride);
        }
        predict::chroma(mode, beside, residue, out, stride);
    }

    /// Smooths the edges of a macroblock.
    #[inline(always)]
    pub(super) fn smooth(self, filter: Filter, planes: &mut [Square<'_>; 3], strength: Strength, outer: Outer) {
        // The simple filter is one that hardly anybody asks for.
        #[cfg(target_arch = "x86_64")]
        if let Some(proof) = self.avx2().filter(|_| filter == Filter::Normal && strength.edge > 0) {
            return arch::smooth(proof, planes, strength, outer);
        }
        smooth::macroblock(filter, planes, strength, outer);
    }
}
