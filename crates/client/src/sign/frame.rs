//! What stands before the file, the file, and what stands after it: the one description of a body that
//! signing and sending share.

use bytes::Bytes;

use super::key::{Key, Signature};
use super::pool::BodyPool;

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
            Encoding::Base64 => mac.update_base64(&self.media, None),
        }
        mac.update(&self.suffix);
        mac.finish()
    }

    /// The same, and keeps the body in a buffer of the pool, in the same pass over the file.
    pub(super) fn sign_whole(&self, key: Option<&Key>, before: &[u8], length: usize, pool: &BodyPool) -> Whole {
        let mut loan = pool.lend(length);
        let (prefix, rest) = loan.bytes().split_at_mut(self.prefix.len());
        let (media, suffix) = rest.split_at_mut(rest.len() - self.suffix.len());
        prefix.copy_from_slice(&self.prefix);
        suffix.copy_from_slice(&self.suffix);
        let mut mac = key.map(Key::start);
        if let Some(mac) = &mut mac {
            mac.update(before);
            mac.update(prefix);
        }
        match (self.encoding, &mut mac) {
            (Encoding::Base64, Some(mac)) => mac.update_base64(&self.media, Some(media)),
            (Encoding::Base64, None) => {
                let _ = sealpress_base64::encode_to_slice(&self.media, media);
            }
            (Encoding::Raw, mac) => {
                media.copy_from_slice(&self.media);
                mac.iter_mut().for_each(|mac| mac.update(&self.media));
            }
        }
        let signature = mac.map(|mut mac| {
            mac.update(suffix);
            mac.finish()
        });
        Whole { signature, body: loan.into_bytes() }
    }
}

/// A body in one piece.
pub(super) struct Whole {
    pub(super) signature: Option<Signature>,
    pub(super) body: Bytes,
}
