//! Memory, told from the header alone.

use crate::convert::Target;
use crate::jpeg::decode;
use crate::orient;
use crate::plan;
use crate::png;
use crate::policy::Policy;
use crate::probe::{Detail, Probe};
use crate::source::{chroma_target, plane_bytes};
use crate::webp;

/// Handles, tables, rows, and the resizer's cache of weights: what does not grow with the picture.
const FIXED: u64 = 7 << 20;

/// Most bytes held at a time. Decoded planes, scaled planes and turned planes may be alive together,
/// and so may the encoder's buffer and the result.
pub(crate) fn estimate(policy: &Policy, probe: &Probe) -> u64 {
    let target = policy.fit(probe.upright_dimensions());
    let wanted = if orient::transposes(probe.orientation()) { target.transposed() } else { target };
    let stored = probe.dimensions();
    let full = plane_bytes(target, Target::Full);
    let decoded = match &probe.detail {
        Detail::Jpeg(scan) => {
            let shrink = plan::shrink(policy, probe);
            let n = u64::from(shrink.denominator());
            let pixels = (u64::from(stored.width()) + n).div_ceil(n) * (u64::from(stored.height()) + n).div_ceil(n);
            // A header does not tell whether a baseline file comes in several scans, nor whether its
            // sampling takes the packed path with four samples a pixel beside the planes.
            let unusual = scan.frame.factors.len() == 4 || !decode::is_planar(scan);
            decode::memory(scan, shrink) + if unusual { pixels * 7 } else { 0 }
        }
        Detail::Png(chunks) => png::memory(chunks) + plane_bytes(stored, Target::Full),
        // Alpha laid on the background needs nothing more; the planes are the decoder's.
        Detail::Heif { memory } => *memory,
        Detail::WebP(container) => {
            webp::memory(container)
                + if container.lossless { plane_bytes(stored, chroma_target(stored, wanted)) } else { 0 }
        }
    };
    // Scaled and turned planes, rows of RGB, the encoder's bound of three bytes a pixel, the result.
    FIXED + decoded + 2 * full + full + 2048 + output(policy, full)
}

/// The result is no larger than the policy's limit, nor than what an encoder can make of its pixels.
fn output(policy: &Policy, full: u64) -> u64 {
    policy.byte_limit().min(full + full / 8 + 65_536)
}
