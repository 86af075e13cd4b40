//! Real files, files made here box by box, damaged files, and one decoder against another.

mod damaged;
mod made;
pub(crate) mod maker;
mod real;

use std::path::{Path, PathBuf};

use super::*;

/// Room for every phone's picture.
const LIMITS: Limits = Limits { max_pixels: 80_000_000, max_memory: 1 << 30, max_scans: 500 };

/// The folder of real media beside the checkout; tests say so where it is missing.
pub(super) fn corpus() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if dir.is_dir() {
        return Some(dir);
    }
    sealpress_testkit::skip("no corpus of real media beside the checkout");
    None
}

/// Every sample of every plane, for comparing.
fn samples(planes: &Planes) -> Vec<&[u8]> {
    let all = [Some(&planes.y), planes.alpha.as_ref()].into_iter().flatten().chain(planes.chroma.iter().flatten());
    all.map(|p| &p.data[..]).collect()
}
