//! A stream that arrives in pieces cut anywhere, encoded as if it had come whole.

use crate::{Append, Kernel};

/// Encodes a stream that arrives in pieces, cut anywhere. The text is the same as that of the whole
/// at once: padding stands only at the end, which is [`finish`](Self::finish).
///
/// ```
/// let mut encoder = sealpress_base64::Encoder::new();
/// let mut text = String::new();
/// encoder.push(b"sea", &mut text);
/// encoder.push(b"lp", &mut text);
/// encoder.push(b"ress", &mut text);
/// encoder.finish(&mut text);
/// assert_eq!(text, sealpress_base64::encode(b"sealpress"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "without `finish` the last bytes are missing"]
pub struct Encoder {
    kernel: Kernel,
    /// The bytes of a group that has begun; at most two.
    begun: [u8; 3],
    count: usize,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// With the fastest kernel.
    pub fn new() -> Self {
        Self::with_kernel(Kernel::best())
    }

    /// With this kernel.
    pub const fn with_kernel(kernel: Kernel) -> Self {
        Self { kernel, begun: [0; 3], count: 0 }
    }

    /// Appends the text of all groups that are now complete.
    pub fn push(&mut self, mut piece: &[u8], out: &mut impl Append) {
        if self.count > 0 {
            let taken = piece.len().min(3 - self.count);
            let (head, rest) = piece.split_at(taken);
            self.begun[self.count..self.count + taken].copy_from_slice(head);
            self.count += taken;
            piece = rest;
            if self.count < 3 {
                return;
            }
            out.push_base64(self.kernel, &self.begun);
        }
        let (whole, rest) = piece.split_at(piece.len() / 3 * 3);
        out.push_base64(self.kernel, whole);
        self.begun[..rest.len()].copy_from_slice(rest);
        self.count = rest.len();
    }

    /// Appends the last group with its padding.
    pub fn finish(self, out: &mut impl Append) {
        out.push_base64(self.kernel, &self.begun[..self.count]);
    }
}
