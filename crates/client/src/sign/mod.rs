//! From an upload to the bytes on the wire. `sign` hashes the whole body once without keeping it
//! (the signature stands in a header, ahead of the body); sending encodes it a second time, piece
//! by piece. In memory lies the raw file and a few KiB, never the body. [`sign_whole`] keeps the body
//! in a pooled buffer instead, for whoever needs it in one piece.

mod body;
mod frame;
mod hash;
mod key;
mod pool;
mod verify;

pub use body::EncodedBody;
use frame::Whole;
pub use frame::{Encoding, Frame};
pub(crate) use key::hex;
pub use key::{Key, Running, Signature};
pub use pool::BodyPool;
pub(crate) use verify::RunningVerifier;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use sealpress_media::{Fault, Format};

use crate::context::Context;
use crate::error::Error;
use crate::id::SessionId;
use crate::upload::Upload;

/// A body that is ready to be sent any number of times. Only [`sign`] makes one, so whoever holds
/// it knows that signature, length and bytes belong together. Cloning is cheap.
#[derive(Clone)]
pub struct SignedBody {
    inner: Arc<Inner>,
}

struct Inner {
    session: SessionId,
    context: Context,
    format: Format,
    media_len: u64,
    frame: Frame,
    whole: Option<Bytes>,
    length: u64,
    signature: Option<Signature>,
    stamp: Option<String>,
}

/// How a body is signed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Scheme<'a> {
    /// Not at all; the credentials travel in a header of their own.
    Unsigned,
    /// HMAC-SHA256 over `before` and then exactly the bytes of the body. Veriff hashes the body
    /// alone; other vendors put a time, a method and a path in front.
    Hmac {
        /// The keyed state, made once per credential.
        key: &'a Key,
        /// Hashed ahead of the body, not sent with it.
        before: &'a [u8],
    },
}

/// Makes the body of an upload. Computes and never waits: belongs on a compute thread.
/// `stamp` is whatever a vendor's `send` needs to know of the moment of signing.
///
/// # Errors
/// `Media` with [`Fault::Limit`] where the body's length does not fit into 64 bits.
pub fn sign(upload: &Upload, frame: Frame, scheme: Scheme<'_>, stamp: Option<String>) -> Result<SignedBody, Error> {
    let length = length(&frame)?;
    let signature = match scheme {
        Scheme::Unsigned => None,
        Scheme::Hmac { key, before } => Some(frame.sign(key, before)),
    };
    Ok(SignedBody::new(upload, frame, length, None, signature, stamp))
}

/// [`sign`], and keeps the body in a buffer of `pool`: one pass over the file, and as much memory
/// again as the body is long, until the last clone of the body is gone.
///
/// # Errors
/// `Media` with [`Fault::Limit`] where the body's length does not fit into memory.
pub fn sign_whole(
    upload: &Upload,
    frame: Frame,
    scheme: Scheme<'_>,
    stamp: Option<String>,
    pool: &BodyPool,
) -> Result<SignedBody, Error> {
    let length = length(&frame)?;
    let (key, before) = match scheme {
        Scheme::Unsigned => (None, &[][..]),
        Scheme::Hmac { key, before } => (Some(key), before),
    };
    let in_memory = usize::try_from(length).map_err(|_| too_long())?;
    let Whole { signature, body } = frame.sign_whole(key, before, in_memory, pool);
    Ok(SignedBody::new(upload, frame, length, Some(body), signature, stamp))
}

/// Through the pool where there is one, in two passes where there is none.
pub(crate) fn sign_by(
    pool: Option<&BodyPool>,
    upload: &Upload,
    frame: Frame,
    scheme: Scheme<'_>,
    stamp: Option<String>,
) -> Result<SignedBody, Error> {
    match pool {
        Some(pool) => sign_whole(upload, frame, scheme, stamp, pool),
        None => sign(upload, frame, scheme, stamp),
    }
}

fn length(frame: &Frame) -> Result<u64, Error> {
    frame.encoded_len().ok_or_else(too_long)
}

fn too_long() -> Error {
    Error::media("sign", Fault::Limit, "the body is too long to be counted")
}

impl SignedBody {
    fn new(
        upload: &Upload,
        frame: Frame,
        length: u64,
        whole: Option<Bytes>,
        signature: Option<Signature>,
        stamp: Option<String>,
    ) -> Self {
        let (session, context) = (upload.session.clone(), upload.context.clone());
        let (format, media_len) = (upload.media.format(), upload.media.len() as u64);
        Self { inner: Arc::new(Inner { session, context, format, media_len, frame, whole, length, signature, stamp }) }
    }

    /// The session it is for.
    #[must_use]
    pub fn session(&self) -> &SessionId {
        &self.inner.session
    }

    /// What the file shows.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.inner.context
    }

    /// What the file is.
    #[must_use]
    pub fn format(&self) -> Format {
        self.inner.format
    }

    /// Bytes of the file itself: what a vendor's list shows as its size.
    #[must_use]
    pub fn media_len(&self) -> u64 {
        self.inner.media_len
    }

    /// Bytes of the body: the Content-Length.
    #[must_use]
    pub fn content_length(&self) -> u64 {
        self.inner.length
    }

    /// The signature over the body, where the vendor wants one.
    #[must_use]
    pub fn signature(&self) -> Option<&Signature> {
        self.inner.signature.as_ref()
    }

    /// What the vendor's `sign` noted for its `send`.
    #[must_use]
    pub fn stamp(&self) -> Option<&str> {
        self.inner.stamp.as_deref()
    }

    /// The bytes, made while they are read; a fresh one for every attempt.
    #[must_use]
    pub fn body(&self) -> EncodedBody {
        EncodedBody::new(self.inner.frame.clone(), self.inner.whole.clone(), self.inner.length)
    }
}

/// So that `send` takes it by value and by reference.
impl AsRef<Self> for SignedBody {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// Prints lengths, never content or signature.
impl fmt::Debug for SignedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { session, context, format, media_len, length, .. } = &*self.inner;
        write!(f, "SignedBody({session}, {context}, {format} of {media_len} bytes in {length})")
    }
}
