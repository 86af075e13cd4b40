//! Memory, told from the header alone.

use crate::convert::Target;
use crate::convert::chroma_target;
use crate::decode::plane_bytes;
use crate::jpeg::decode;
use crate::orient;
use crate::plan;
use crate::png;
use crate::policy::Policy;
use crate::probe::{Detail, Probe};
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
            let pixels = u64::from(shrink.of(stored.width()) + 1) * u64::from(shrink.of(stored.height()) + 1);
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
    let gray = matches!(&probe.detail, Detail::Jpeg(scan) if scan.frame.factors.len() == 1);
    let planes = if gray { full / 3 } else { full };
    // 4:2:0 has half as many samples as three planes of full size.
    let samples = if gray { full / 3 } else { full / 2 };
    // Scaled and turned planes, rows of RGB, what the encoder holds, the file in its buffer and alone.
    FIXED
        + crate::quality::memory(u64::from(target.width()) * u64::from(target.height()))
        + decoded
        + 2 * planes
        + 2048
        + encoder(samples)
        + 2 * output(policy, samples)
}

/// At most a token of four bytes for each sample, and coefficients of two where the first file is too
/// large.
fn encoder(samples: u64) -> u64 {
    samples * (4 + 2) + (1 << 20)
}

/// The result is no larger than the policy's limit, nor than what an encoder can make of its samples.
fn output(policy: &Policy, samples: u64) -> u64 {
    policy.byte_limit().min(samples * 9 / 4 + 65_536)
}
