//! One file on its way to a vendor, and the receipt for it.

use std::fmt;

use sealpress_media::Media;
use serde::Serialize;

use crate::context::Context;
use crate::id::{MediaId, SessionId};

/// One file on its way into a session.
#[derive(Clone)]
#[non_exhaustive]
pub struct Upload {
    /// The session it belongs to.
    pub session: SessionId,
    /// What it shows.
    pub context: Context,
    /// The file, prepared.
    pub media: Media,
    /// Capture time, ISO 8601 in UTC. Best left out: Veriff refuses times older than an hour
    /// (code 1201), and a camera's clock is rarely right.
    pub timestamp: Option<String>,
}

impl Upload {
    /// A file without a timestamp.
    #[must_use]
    pub const fn new(session: SessionId, context: Context, media: Media) -> Self {
        Self { session, context, media, timestamp: None }
    }

    /// The same with a capture time, ISO 8601 in UTC.
    #[must_use]
    pub fn with_timestamp(mut self, timestamp: impl Into<String>) -> Self {
        self.timestamp = Some(timestamp.into());
        self
    }
}

/// Prints the media's format and length, never its content.
impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upload({}, {}, {:?})", self.session, self.context, self.media)
    }
}

/// The vendor has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The session it went into.
    pub session: SessionId,
    /// What it shows.
    pub context: Context,
    /// The vendor's id of the media. Transmit Security's answer names none: there it is the
    /// `image_id` that was sent along.
    pub media_id: MediaId,
    /// The vendor's idea of the size in bytes, where it says so.
    pub size: Option<u64>,
    /// The vendor's idea of the type, as a media type (`image/jpeg`), where it says so.
    pub mimetype: Option<String>,
    /// Whether the vendor now has all it wants for the session and starts by itself.
    pub complete: bool,
}

impl Receipt {
    /// A receipt that says no more than the id.
    #[must_use]
    pub const fn new(session: SessionId, context: Context, media_id: MediaId) -> Self {
        Self { session, context, media_id, size: None, mimetype: None, complete: false }
    }
}
