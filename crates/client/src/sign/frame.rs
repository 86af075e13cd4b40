use bytes::Bytes;

use super::key::{Key, Signature};

/// Raw bytes per piece: a multiple of 3, so that pieces encode without padding between them, and
/// small enough that piece and text stay in the first-level cache while they are hashed.
pub(super) const PIECE: usize = 3072;

/// How the file stands between prefix and suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// Standard base64 with padding: needs no escaping in JSON.
    Base64,
    /// As it is: multipart bodies.
    Raw,
}

/// The three parts of a body: what stands before the file, the file, what stands after it.
#[derive(Clone)]
pub struct Frame {
    pub(super) prefix: Bytes,
    pub(super) media: Bytes,
    pub(super) suffix: Bytes,
    pub(super) encoding: Encoding,
}

impl Frame {
    /// The parts in the order in which they are sent.
    #[must_use]
    pub fn new(prefix: impl Into<Bytes>, media: Bytes, encoding: Encoding, suffix: impl Into<Bytes>) -> Self {
        Self { prefix: prefix.into(), media, suffix: suffix.into(), encoding }
    }

    /// Bytes on the wire, or `None` where they cannot be counted.
    pub(super) fn encoded_len(&self) -> Option<u64> {
        let media = self.media.len() as u64;
        let media = match self.encoding {
            Encoding::Base64 => media.div_ceil(3).checked_mul(4)?,
            Encoding::Raw => media,
        };
        media.checked_add(self.prefix.len() as u64)?.checked_add(self.suffix.len() as u64)
    }

    /// HMAC over `before` and the body, without keeping the body.
    pub(super) fn sign(&self, key: &Key, before: &[u8]) -> Signature {
        let mut mac = key.start();
        mac.update(before);
        mac.update(&self.prefix);
        match self.encoding {
            Encoding::Raw => mac.update(&self.media),
            Encoding::Base64 => {
                let mut scratch = [0; PIECE / 3 * 4];
                for piece in self.media.chunks(PIECE) {
                    mac.update(encode(piece, &mut scratch));
                }
            }
        }
        mac.update(&self.suffix);
        mac.finish()
    }
}

/// Encodes into the front of `out`, which has room for `raw`, and returns what was written.
pub(super) fn encode<'a>(raw: &[u8], out: &'a mut [u8]) -> &'a [u8] {
    base64_simd::STANDARD.encode(raw, base64_simd::Out::from_slice(out))
}
