//! Files of items that leave as several.

use std::collections::HashMap;

use sealpress_client::MediaId;
use sealpress_media::Format;

use super::Item;
use super::state::Via;
use crate::error::{Error, ErrorKind};

/// One of several files that an item leaves as, which the provider has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The provider's id of it.
    pub media_id: MediaId,
    /// How its confirmation came about.
    pub via: Option<Via>,
    /// How many of its attempts had an unclear outcome.
    pub doubts: u32,
    /// Bytes of what was sent.
    pub bytes_out: Option<u64>,
    /// Its format.
    pub format: Option<Format>,
    /// SHA-256 of what was sent, before base64.
    pub sent_sha256: Option<[u8; 32]>,
}

/// Gives each item its pieces, or those of the item that was sent in its place.
pub(crate) fn hand_out<'a>(pieces: Vec<(i64, Piece)>, items: impl Iterator<Item = &'a mut Item>) {
    let mut of: HashMap<i64, Vec<Piece>> = HashMap::new();
    for (item, piece) in pieces {
        of.entry(item).or_default().push(piece);
    }
    for item in items {
        if let Some(pieces) = of.get(&item.duplicate_of.unwrap_or(item.id)) {
            item.before.clone_from(pieces);
        }
    }
}

/// What is said of a piece whose id is none.
pub(crate) fn no_media_id() -> Error {
    Error::new(ErrorKind::Corrupt, "the journal names media by what is no id")
}
