//! What a header says, and what would be done about it.

use sealpress_media::{Dimensions, Note};
use serde::{Deserialize, Serialize};

/// What one look at a header tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// What the file says it is.
    pub probe: Probe,
    /// What would be done, as far as the header tells.
    pub actions: Vec<Note>,
    /// Most bytes of memory that doing it would hold beside the file, its output included.
    pub memory: u64,
}

impl Plan {
    /// Nothing would be done.
    #[must_use]
    pub const fn new(probe: Probe, memory: u64) -> Self {
        Self { probe, actions: Vec::new(), memory }
    }
}

/// What a header says. The rest of the file may still be broken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Probe {
    /// A picture.
    #[non_exhaustive]
    Picture {
        /// Pixels of a row, as stored.
        width: u32,
        /// Rows, as stored.
        height: u32,
        /// Which way is up, 1 to 8 as in EXIF.
        orientation: u8,
        /// Size as a person sees it.
        upright: Dimensions,
        /// Frames of an animation or sequence, 1 for a still picture.
        frames: u32,
        /// Whether pixels can be transparent.
        alpha: bool,
        /// Bits of a sample, as stored.
        bit_depth: u8,
        /// Colour components and their sampling, in words.
        colour: String,
        /// Name of the colour profile, where there is one that can be read.
        icc_profile: Option<String>,
    },
    /// A document of pages.
    #[non_exhaustive]
    Document {
        /// Pages; unknown where a password is needed.
        pages: Option<u32>,
        /// Version in the header, such as `1.7`.
        version: Option<String>,
        /// Whether it is encrypted, with or without a password.
        encrypted: bool,
        /// Whether a password is needed to read it.
        needs_password: bool,
    },
    /// Nobody looked.
    Unread {},
}
