//! Everything that is `unsafe`: vector loads and stores, the step from "the CPU was asked" to "the
//! instruction may run", and memory that becomes initialised by being written.
//!
//! A kernel is a function `encode(src, dst)` that, given a `dst` of exactly `encoded_len(src)`
//! bytes, writes every byte of it. Loads and stores go through references to arrays of the vector's
//! size, so that their bounds are checked by the slices they are cut from.

mod append;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
mod scalar;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86_64;

pub use append::Append;

use core::mem::MaybeUninit;

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
use neon::Neon;
#[cfg(target_arch = "x86_64")]
use x86_64::{Avx2, Avx512, Ssse3};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// An instruction set together with the proof that the CPU has it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Isa {
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Ssse3(Ssse3),
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    Neon(Neon),
    Portable,
    Scalar,
}

impl Isa {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512-vbmi",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Ssse3(_) => "ssse3",
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Self::Neon(_) => "neon",
            Self::Portable => "portable",
            Self::Scalar => "scalar",
        }
    }
}

/// What this CPU can run, fastest first.
pub(crate) fn all() -> impl Iterator<Item = Isa> {
    let ours = [
        #[cfg(target_arch = "x86_64")]
        Avx512::new().map(Isa::Avx512),
        #[cfg(target_arch = "x86_64")]
        Avx2::new().map(Isa::Avx2),
        #[cfg(target_arch = "x86_64")]
        Ssse3::new().map(Isa::Ssse3),
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        Some(Isa::Neon(Neon::new())),
        Some(Isa::Portable),
        Some(Isa::Scalar),
    ];
    ours.into_iter().flatten()
}

/// The first of [`all`].
#[inline]
pub(crate) fn best() -> Isa {
    #[cfg(target_arch = "x86_64")]
    return x86_64::best();
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    return Isa::Neon(Neon::new());
    #[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))))]
    Isa::Portable
}

/// Encodes into the front of `dst`; `None` where it is too short.
#[inline]
pub(crate) fn encode<'d>(isa: Isa, src: &[u8], dst: &'d mut [MaybeUninit<u8>]) -> Option<&'d mut [u8]> {
    let dst = dst.get_mut(..crate::encoded_len(src.len())?)?;
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(cpu) => cpu.encode(src, dst),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(cpu) => cpu.encode(src, dst),
        #[cfg(target_arch = "x86_64")]
        Isa::Ssse3(cpu) => cpu.encode(src, dst),
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        Isa::Neon(cpu) => cpu.encode(src, dst),
        Isa::Portable => {
            let _ = base64_simd::STANDARD.encode(src, base64_simd::Out::from_uninit_slice(dst));
        }
        Isa::Scalar => scalar::encode(src, dst),
    }
    // SAFETY: `dst` has exactly the encoded length of `src`, and every kernel writes all of that.
    Some(unsafe { dst.assume_init_mut() })
}

/// Initialised memory as a place to write to.
#[inline]
pub(crate) const fn as_uninit(bytes: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    let bytes: *mut [u8] = bytes;
    // SAFETY: the same memory, exclusively borrowed for as long, in a type of the same layout; the
    // callers in this crate write nothing but initialised bytes.
    unsafe { &mut *(bytes as *mut [MaybeUninit<u8>]) }
}
