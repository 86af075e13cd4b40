//! Kernels by name, for benches and tests that compare them; who holds one has the CPU for it.

use core::fmt;
use core::mem::MaybeUninit;

use crate::arch::{self, Isa};

/// A way to encode. Whoever holds one has a CPU for it: there is no other way to get one than to
/// ask whether the CPU can.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kernel(Isa);

impl Kernel {
    /// The fastest for this CPU; chosen once.
    #[must_use]
    #[inline]
    pub fn best() -> Self {
        Self(arch::best())
    }

    /// Every kernel that this CPU can run, fastest first. The last two, `portable` and `scalar`,
    /// run everywhere.
    pub fn all() -> impl Iterator<Item = Self> {
        arch::all().map(Self)
    }

    /// The kernel of this name, where the CPU can run it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|kernel| kernel.name() == name)
    }

    /// `avx512-vbmi`, `avx2`, `ssse3`, `neon`, `portable` (the crate `base64-simd`) or `scalar`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0.name()
    }

    /// See [`encode_into`](crate::encode_into).
    #[inline]
    pub fn encode_into<'d>(self, src: &[u8], dst: &'d mut [MaybeUninit<u8>]) -> Option<&'d mut [u8]> {
        arch::encode(self.0, src, dst)
    }

    /// See [`encode_to_slice`](crate::encode_to_slice).
    #[inline]
    pub fn encode_to_slice<'d>(self, src: &[u8], dst: &'d mut [u8]) -> Option<&'d mut [u8]> {
        arch::encode(self.0, src, arch::as_uninit(dst))
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kernel({})", self.name())
    }
}
