//! A file on its way in: bounded, and judged by its signature at the end where there is one.

use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::error::Error;
use crate::lenient::normal_mimetype;
use crate::sign::RunningVerifier;
use crate::transport::Incoming;

/// A file that is being fetched: chunks as they arrive, up to a cap. Where the answer is signed the
/// verdict comes with its end, so trust nothing of it before [`chunk`](Self::chunk) has said `None`.
pub struct Download {
    mimetype: Option<String>,
    incoming: Incoming,
    verifier: Option<RunningVerifier>,
}

impl Download {
    pub(crate) fn new(headers: HeaderMap, incoming: Incoming, verifier: Option<RunningVerifier>) -> Self {
        let mimetype = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(normal_mimetype);
        Self { mimetype, incoming, verifier }
    }

    /// What the vendor says this is. Vendors contradict themselves here: sniff the content.
    #[must_use]
    pub fn mimetype(&self) -> Option<&str> {
        self.mimetype.as_deref()
    }

    /// The length that the vendor promised, which may be a lie.
    #[must_use]
    pub fn promised_len(&self) -> Option<u64> {
        self.incoming.promised()
    }

    /// Lowers or raises the cap for what is still to come, in bytes.
    #[must_use]
    pub fn with_cap(mut self, bytes: u64) -> Self {
        self.incoming.set_cap(bytes);
        self
    }

    /// The next bytes, or `None` at the end.
    ///
    /// # Errors
    /// `TooLarge` beyond the cap, `Timeout` where nothing comes for the stall timeout,
    /// `ResponseSignature` at the end of an answer whose signature is wrong.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let chunk = self.incoming.chunk().await?;
        match (&chunk, &mut self.verifier) {
            (Some(chunk), Some(verifier)) => verifier.update(chunk),
            (None, verifier) => verifier.take().map_or(Ok(()), RunningVerifier::finish)?,
            (Some(_), None) => {}
        }
        Ok(chunk)
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    pub async fn bytes(mut self) -> Result<Bytes, Error> {
        let mut all = bytes::BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Download({:?}, {:?} bytes promised)", self.mimetype, self.promised_len())
    }
}
