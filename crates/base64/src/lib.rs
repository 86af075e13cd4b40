#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[expect(unsafe_code, reason = "vector loads and stores, and the dispatch to what the CPU can do; nothing else")]
mod arch;
mod data_uri;
mod encoder;
mod fused;
mod in_place;
mod kernel;
#[cfg(feature = "std")]
mod writer;

pub use arch::Append;
pub use data_uri::{DataUri, Decoded, Error, ErrorKind};
pub use encoder::Encoder;
pub use fused::Fused;
pub use in_place::{InPlace, Reading, decode_in_place};
pub use kernel::Kernel;
#[cfg(feature = "std")]
pub use writer::Writer;

use alloc::string::String;
use core::mem::MaybeUninit;

/// Characters that `len` bytes become, padding included, or `None` where that is more than a
/// `usize` can count.
#[must_use]
#[inline]
pub const fn encoded_len(len: usize) -> Option<usize> {
    len.div_ceil(3).checked_mul(4)
}

/// Encodes into a new string.
///
/// # Panics
/// As `Vec` does, where the text is longer than `isize::MAX`.
#[must_use]
pub fn encode(src: &[u8]) -> String {
    let mut out = String::new();
    encode_append(src, &mut out);
    out
}

/// Encodes to the end of a `String` or `Vec<u8>`, which grows by the exact length at most once.
///
/// # Panics
/// As `Vec` does, where the text is longer than `isize::MAX`.
pub fn encode_append(src: &[u8], out: &mut impl Append) {
    out.push_base64(Kernel::best(), src);
}

/// Encodes into the front of memory that need not be initialised, and returns what was written.
/// `None`, and nothing written, where `dst` is shorter than [`encoded_len`].
#[inline]
pub fn encode_into<'d>(src: &[u8], dst: &'d mut [MaybeUninit<u8>]) -> Option<&'d mut [u8]> {
    Kernel::best().encode_into(src, dst)
}

/// [`encode_into`] for memory that is initialised.
#[inline]
pub fn encode_to_slice<'d>(src: &[u8], dst: &'d mut [u8]) -> Option<&'d mut [u8]> {
    Kernel::best().encode_to_slice(src, dst)
}
