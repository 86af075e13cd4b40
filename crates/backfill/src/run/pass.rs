//! What became of one pass over one item.

use sealpress_pipeline::Error as Refusal;

/// What became of one pass over one item.
pub(super) enum Pass {
    Ended,
    /// The provider has this piece of it, and the next one follows.
    NextPiece,
    /// Worth another pass; the error is its last word if there is none.
    Again(Refusal),
    /// The run stops or the lease is lost: leave everything as the journal has it.
    Left,
}
