//! What text can be appended to: the end of a string or vector, as room that a kernel fills without its
//! being zeroed first.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Kernel;

/// What text can be appended to: `String` and `Vec<u8>`.
pub trait Append: Sealed {
    /// Appends the base64 of `src`.
    #[doc(hidden)]
    fn push_base64(&mut self, kernel: Kernel, src: &[u8]);

    /// Appends text as it is.
    #[doc(hidden)]
    fn push_text(&mut self, text: &str);
}

/// Keeps [`Append`] ours.
pub trait Sealed {}
impl Sealed for Vec<u8> {}
impl Sealed for String {}

impl Append for Vec<u8> {
    fn push_base64(&mut self, kernel: Kernel, src: &[u8]) {
        // Lengths of slices end at isize::MAX, whose encoded length a usize can count.
        let Some(grown) = crate::encoded_len(src.len()) else { unreachable!("slices are shorter than that") };
        self.reserve(grown);
        let written = kernel.encode_into(src, self.spare_capacity_mut()).map_or(0, |text| text.len());
        let len = self.len() + written;
        // SAFETY: the kernel initialised `written` bytes of the spare capacity, which begins at
        // the old length.
        unsafe { self.set_len(len) }
    }

    fn push_text(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }
}

impl Append for String {
    fn push_base64(&mut self, kernel: Kernel, src: &[u8]) {
        // SAFETY: base64 is ASCII, so what was UTF-8 before stays UTF-8, and `push_base64` leaves what
        // was there alone, also when it panics for want of memory.
        let bytes = unsafe { self.as_mut_vec() };
        bytes.push_base64(kernel, src);
    }

    fn push_text(&mut self, text: &str) {
        self.push_str(text);
    }
}
