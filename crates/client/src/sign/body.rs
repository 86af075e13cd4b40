//! The bytes of a signed body, encoded while the HTTP stack reads them, so that a body is never in memory
//! as a whole.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, SizeHint};

use super::frame::{Encoding, Frame};

/// Raw bytes per frame handed to the HTTP stack: a multiple of 3, so that frames encode without
/// padding between them. The stack queues up to 16 frames before it writes, so 8 KiB of text make
/// 128 KiB in flight at most.
const STEP: usize = 6144;

/// The bytes of a [`SignedBody`](super::SignedBody), encoded while they are read. Its size is
/// exact, so that HTTP stacks send a Content-Length.
pub struct EncodedBody {
    frame: Frame,
    /// The whole body, where it was kept.
    whole: Option<Bytes>,
    at: At,
    left: u64,
}

enum At {
    Prefix,
    Media(usize),
    Suffix,
    End,
}

impl EncodedBody {
    pub(super) const fn new(frame: Frame, whole: Option<Bytes>, length: u64) -> Self {
        Self { frame, whole, at: At::Prefix, left: length }
    }

    /// The next bytes in order, never empty; for stacks that do not read `http_body`.
    pub fn next_part(&mut self) -> Option<Bytes> {
        loop {
            let part = match self.at {
                At::Prefix if self.whole.is_some() => {
                    self.at = At::End;
                    self.whole.take()?
                }
                At::Prefix => {
                    self.at = At::Media(0);
                    self.frame.prefix.clone()
                }
                At::Media(from) if from < self.frame.media.len() => {
                    let to = self.frame.media.len().min(from + STEP);
                    self.at = At::Media(to);
                    self.media(from, to)
                }
                At::Media(_) => {
                    self.at = At::Suffix;
                    continue;
                }
                At::Suffix => {
                    self.at = At::End;
                    self.frame.suffix.clone()
                }
                At::End => return None,
            };
            // An empty frame would be read as "nothing yet" by some stacks.
            if !part.is_empty() {
                self.left -= part.len() as u64;
                return Some(part);
            }
        }
    }

    fn media(&self, from: usize, to: usize) -> Bytes {
        match self.frame.encoding {
            Encoding::Raw => self.frame.media.slice(from..to),
            Encoding::Base64 => {
                let raw = &self.frame.media[from..to];
                let mut text = Vec::new();
                sealpress_base64::encode_append(raw, &mut text);
                text.into()
            }
        }
    }
}

impl Body for EncodedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next_part().map(|part| Ok(http_body::Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{BodyPool, Scheme, sign, sign_whole};
    use super::*;
    use crate::sign::Key;
    use crate::{Context, SessionId, Upload};

    fn upload(tail: &[u8]) -> Upload {
        let mut bytes = b"%PDF-".to_vec();
        bytes.extend(tail);
        let media = sealpress_media::Media::sniff(bytes).unwrap();
        Upload::new(SessionId::new("s").unwrap(), Context::Face, media)
    }

    proptest! {
        /// What is sent is what was hashed, and as long as was promised.
        #[test]
        fn bytes_length_and_signature_agree(
            before: Vec<u8>, prefix: Vec<u8>, suffix: Vec<u8>, base64: bool,
            tail in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..64),
                (0usize..20_000).prop_map(|n| vec![0xA5; n]),
            ],
        ) {
            let upload = upload(&tail);
            let raw = upload.media.bytes().clone();
            let encoding = if base64 { Encoding::Base64 } else { Encoding::Raw };
            let key = Key::from_bytes(b"secret");
            let frame = Frame::new(prefix.clone(), raw.clone(), encoding, suffix.clone());
            let scheme = Scheme::Hmac { key: &key, before: &before };
            let middle = if base64 { base64_simd::STANDARD.encode_to_string(&raw).into_bytes() } else { raw.to_vec() };
            let whole = [prefix, middle, suffix].concat();
            let pool = BodyPool::new(1);
            for signed in [
                sign(&upload, frame.clone(), scheme, None).unwrap(),
                sign_whole(&upload, frame.clone(), scheme, None, &pool).unwrap(),
                // From a buffer that held another body.
                sign_whole(&upload, frame.clone(), scheme, None, &pool).unwrap(),
            ] {
                // Every attempt sends the same.
                for _ in 0..2 {
                    let mut body = signed.body();
                    prop_assert_eq!(body.size_hint().exact(), Some(whole.len() as u64));
                    let sent: Vec<u8> = std::iter::from_fn(|| body.next_part()).flatten().collect();
                    prop_assert!(body.is_end_stream());
                    prop_assert_eq!(signed.content_length(), whole.len() as u64);
                    prop_assert!(key.verify(&[before.clone(), sent.clone()].concat(), &signed.signature().unwrap().hex()));
                    prop_assert_eq!(&sent, &whole);
                }
            }
            let unsigned = sign_whole(&upload, frame, Scheme::Unsigned, None, &pool).unwrap();
            prop_assert!(unsigned.signature().is_none());
            let mut body = unsigned.body();
            prop_assert_eq!(body.next_part().unwrap_or_default(), whole);
        }
    }
}
