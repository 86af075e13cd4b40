//! What would be done, told from the header alone.

use sealpress_media::Format;

use crate::jpeg::decode;
use crate::orient;
use crate::png::chunks::Chunks;
use crate::policy::{Metadata, Policy};
use crate::probe::{Detail, Probe};
use crate::report::Action;

/// Coded bits per pixel below which a PNG counts as a screenshot or a drawing. Renderings, scans of
/// text and screenshots have 0.1–3, photos 8–16.
const SCREENSHOT_BITS: u64 = 4;

/// Whether the picture has the flat areas that PNG codes well and JPEG badly: a palette, or few
/// coded bits per pixel.
pub(crate) fn is_screenshot_like(chunks: &Chunks) -> bool {
    let pixels = u64::from(chunks.width) * u64::from(chunks.height);
    chunks.colour_type == 3
        || chunks.bit_depth < 8
        || chunks.coded.saturating_mul(8) <= pixels.saturating_mul(SCREENSHOT_BITS)
}

pub(crate) fn plan(policy: &Policy, probe: &Probe) -> Vec<Action> {
    let upright = probe.upright_dimensions();
    let target = policy.fit(upright);
    let fits = upright == target;
    let turned = probe.orientation() != 1;
    let mut actions = Vec::new();
    if probe.frames() > 1 {
        actions.push(Action::FirstFrame { frames: probe.frames() });
    }
    let codable = match &probe.detail {
        Detail::Jpeg(scan) => decode::is_common(scan),
        // Opaque pixels may pass; the header does not tell.
        _ if probe.has_alpha() => false,
        _ => probe.frames() == 1 || policy.metadata == Metadata::Strip,
    };
    if policy.pass_through && policy.takes(probe.format()) && fits && codable {
        if !turned {
            actions.push(Action::PassedThrough);
            return actions;
        }
        if let Detail::Jpeg(scan) = &probe.detail
            && crate::jpeg::lossless::is_exact(scan, probe.orientation())
        {
            actions.push(Action::Oriented { from: probe.orientation(), lossless: true });
            return actions;
        }
    }
    if probe.has_alpha() {
        actions.push(Action::Flattened);
    }
    if !fits {
        actions.push(Action::Resized { from: upright, to: target });
    }
    if turned {
        actions.push(Action::Oriented { from: probe.orientation(), lossless: false });
    }
    let stays = policy.takes(Format::Png) && matches!(&probe.detail, Detail::Png(chunks) if is_screenshot_like(chunks));
    let shrinks = matches!(probe.detail, Detail::Jpeg(_)) && shrink(policy, probe).means() > 1;
    actions.push(if stays {
        Action::Encoded { format: Format::Png, quality: None, reason: "flat areas and sharp edges stay lossless" }
    } else {
        Action::Encoded {
            format: Format::Jpeg,
            quality: Some(crate::encode::quality(policy, probe.format(), shrinks)),
            reason: "JPEG is what every provider takes",
        }
    });
    actions
}

/// By how much the decoder will shrink a JPEG for this policy.
pub(crate) fn shrink(policy: &Policy, probe: &Probe) -> crate::jpeg::turbo::Shrink {
    let target = policy.fit(probe.upright_dimensions());
    let wanted = if orient::transposes(probe.orientation()) { target.transposed() } else { target };
    match &probe.detail {
        Detail::Jpeg(scan) => decode::shrink(scan, probe.dimensions(), wanted),
        _ => crate::jpeg::turbo::Shrink::One,
    }
}
