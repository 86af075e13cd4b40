//! Replays the seeds of the fuzz targets.

#[path = "common/fuzzing.rs"]
mod fuzzing;

use std::path::Path;

fn replay(target: &str, door: fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut replayed = 0;
    for file in std::fs::read_dir(seeds).expect("the seeds are in the repository") {
        let seed = std::fs::read(file.expect("a file").path()).expect("seeds can be read");
        // The seed, and every shorter one: cuts fall everywhere.
        (0..=seed.len()).for_each(|len| door(&seed[..len]));
        replayed += 1;
    }
    assert!(replayed >= 4, "{target} has only {replayed} seeds");
}

#[test]
fn seeds_of_base64_encode() {
    replay("base64_encode", fuzzing::encode_bytes);
}

#[test]
fn seeds_of_base64_fused() {
    replay("base64_fused", fuzzing::hash_and_encode);
}

#[test]
fn seeds_of_data_uri() {
    replay("data_uri", fuzzing::read_data_uri);
}
