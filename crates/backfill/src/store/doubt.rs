//! What attempts looked like whose outcome was unclear. An item's own row says it of the last attempt alone, and by then the
//! item may have another file, or stand in another session or context: what an attempt in doubt left at the provider
//! still looks as it did.

use sealpress_client::Context;
use sealpress_pipeline::Doubt;

use super::format_of;

/// Attempts of one item that looked alike, in the session where they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// Whose they were.
    pub item: i64,
    /// Which of its pieces, from 0.
    pub piece: u32,
    /// The context in which it was sent.
    pub context: Context,
    /// What was sent; `None` where that was not written down: what they left may look like anything.
    pub sent: Option<Doubt>,
    /// How many there were.
    pub times: u32,
}

impl Remembered {
    /// Whether they are of this piece of an item that stands where it stood.
    pub(crate) fn is_of(&self, item: i64, piece: u32, context: &Context) -> bool {
        (self.item, self.piece) == (item, piece) && self.context == *context
    }

    /// By the columns of a journal.
    pub(super) fn stored(
        (item, piece): (i64, i64),
        context: &str,
        (bytes_out, mime): (Option<i64>, Option<&str>),
        sha256: Option<[u8; 32]>,
        times: i64,
    ) -> Self {
        let size = bytes_out.and_then(|bytes| u64::try_from(bytes).ok());
        Self {
            item,
            piece: u32::try_from(piece).unwrap_or(u32::MAX),
            context: Context::from(context),
            sent: size.zip(format_of(mime)).map(|(size, format)| Doubt { size, format, sha256 }),
            times: u32::try_from(times).unwrap_or(u32::MAX),
        }
    }
}
