//! What Transmit Security accepts: its numbers, once.

use sealpress_media::{Format, Limits};

/// What Transmit Security takes: JPEG from 640×480 to 3840×2160 pixels, width and height by the
/// letter (a portrait picture is at most 2,160 high). No byte limit is published: 10,000,000 is a
/// choice of this crate.
#[must_use]
pub fn limits() -> Limits {
    let mut limits = Limits::none();
    limits.formats = vec![Format::Jpeg];
    limits.image_bytes = 10_000_000;
    (limits.max_width, limits.max_height) = (3840, 2160);
    (limits.min_width, limits.min_height) = (640, 480);
    limits
}
