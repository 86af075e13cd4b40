//! What no pipeline can do without: each file of a manifest is normalized and hashed, on one thread, with one
//! warm normalizer. `floor MANIFEST` prints `{"items", "normalize_ms", "hash_ms", "bytes_out"}`, CPU time of the
//! two steps alone: reading the files is not in it.

use std::path::Path;

use sealpress_image::{Normalizer, Policy};
use sealpress_media::Media;
use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let manifest = std::env::args().nth(1).ok_or("floor MANIFEST")?;
    let folder = Path::new(&manifest).parent().unwrap_or(Path::new("."));
    let mut normalizer = Normalizer::new(Policy::default());
    let (mut items, mut normalize_ms, mut hash_ms, mut bytes_out) = (0_u32, 0.0, 0.0, 0);
    for line in std::fs::read_to_string(&manifest)?.lines().skip(1) {
        let name = line.rsplit(',').next().unwrap_or_default();
        let media = Media::sniff(std::fs::read(folder.join(name))?)?;
        let begun = cpu_ms()?;
        let hash = Sha256::digest(media.bytes());
        let hashed = cpu_ms()?;
        let done = normalizer.normalize(&media)?;
        normalize_ms += cpu_ms()? - hashed;
        hash_ms += hashed - begun;
        bytes_out += done.media().len();
        items += 1;
        std::hint::black_box(hash);
    }
    let answer = serde_json::json!({
        "items": items, "normalize_ms": normalize_ms, "hash_ms": hash_ms, "bytes_out": bytes_out,
    });
    println!("{answer}");
    Ok(())
}

/// CPU time of this process in milliseconds, to the nanosecond as the scheduler counts it.
fn cpu_ms() -> std::io::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanos: f64 = stat.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or_default();
    Ok(nanos / 1e6)
}
