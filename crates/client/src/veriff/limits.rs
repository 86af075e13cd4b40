//! What Veriff accepts: its numbers, once.

use sealpress_media::{Format, Limits};

/// What Veriff takes, out of its upload page: pictures up to 24 MB of base64 ("approx 17 MB"),
/// PDFs up to 20 MB of which 5 pages are looked at, longer side up to 1,920 pixels. PDF has to be
/// enabled by Veriff for an integration.
#[must_use]
pub fn limits() -> Limits {
    let mut limits = Limits::none();
    limits.formats = vec![Format::Jpeg, Format::Png, Format::WebP, Format::Heic, Format::Pdf];
    (limits.image_bytes, limits.image_base64) = (17_000_000, Some(24_000_000));
    (limits.pdf_bytes, limits.pdf_pages) = (20_000_000, 5);
    (limits.max_width, limits.max_height) = (1920, 1920);
    limits
}
