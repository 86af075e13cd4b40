//! The pass that hashes while it encodes, against `sha2` and `base64` at every phase.

#![cfg(target_arch = "x86_64")]

mod common;

use base64::Engine as _;
use sealpress_base64::Fused;
use sha2::block_api::compress256;

const START: [u32; 8] =
    [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

fn fused() -> Option<Fused> {
    let fused = Fused::new();
    if fused.is_none() {
        common::not_on_this_cpu("AVX-512 VBMI or SHA");
    }
    fused
}

fn oracle(text: &[u8]) -> [u32; 8] {
    let mut state = START;
    compress256(&mut state, text.as_chunks().0);
    state
}

#[test]
fn the_compression_is_that_of_sha2() {
    let Some(fused) = fused() else { return };
    let noise = common::noise(64 * 40);
    for blocks in 0..=40 {
        let mut state = START;
        fused.compress(&mut state, noise[..blocks * 64].as_chunks().0);
        assert_eq!(state, oracle(&noise[..blocks * 64]), "{blocks} blocks");
    }
}

/// All lengths around the first ten blocks, from every character of the first two blocks.
#[test]
fn every_length_from_every_character() {
    let Some(fused) = fused() else { return };
    let noise = common::noise(500);
    for len in 0..=noise.len() {
        let bytes = &noise[..len];
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        for start in 0..130 {
            let whole = (len / 3 * 4).saturating_sub(start) / 64 * 64;
            let taken = text.as_bytes().get(start..start + whole).unwrap_or_default();

            let mut state = START;
            assert_eq!(fused.hash(&mut state, bytes, start), whole, "{len} from {start}");
            assert_eq!(state, oracle(taken), "{len} from {start}");

            for room in [0, 63, 64, 200, whole, whole + 100] {
                let (mut state, mut out) = (START, vec![7; room]);
                let stored = fused.hash_and_store(&mut state, bytes, start, &mut out);
                assert_eq!(stored, whole.min(room / 64 * 64), "{len} from {start} into {room}");
                assert_eq!(out[..stored], taken[..stored], "{len} from {start} into {room}");
                assert!(out[stored..].iter().all(|&b| b == 7), "{len} from {start} into {room}");
                assert_eq!(state, oracle(&taken[..stored]), "{len} from {start} into {room}");
            }
        }
        let mut state = START;
        assert_eq!(fused.hash(&mut state, bytes, usize::MAX), 0);
        assert_eq!(state, START);
    }
}

/// The source ends where memory ends, and so does the text.
#[test]
#[cfg(unix)]
fn nothing_is_read_or_written_beyond_the_ends() {
    let Some(fused) = fused() else { return };
    let noise = common::noise(4096);
    let mut source = common::guarded::Guarded::new(4096);
    let mut target = common::guarded::Guarded::new(8192);
    for len in (0..=4096).step_by(7).chain(4000..=4096) {
        let (source, target) = (source.bytes(), target.bytes());
        let from = source.len() - len;
        source[from..].copy_from_slice(&noise[..len]);
        let text = base64::engine::general_purpose::STANDARD.encode(&noise[..len]);
        for start in 0..64 {
            let whole = (len / 3 * 4).saturating_sub(start) / 64 * 64;
            let taken = text.as_bytes().get(start..start + whole).unwrap_or_default();
            let to = target.len() - whole;
            let mut state = START;
            assert_eq!(fused.hash_and_store(&mut state, &source[from..], start, &mut target[to..]), whole);
            assert_eq!(&target[to..], taken);
            let mut again = START;
            assert_eq!(fused.hash(&mut again, &source[from..], start), whole);
            assert_eq!(state, again);
        }
    }
}
