//! What the fuzz targets call; `tests/fuzzing.rs` replays their seeds under plain `cargo test`. Any
//! outcome is fine that is not a panic, a wrong text or a touch beyond the ends.

#![allow(dead_code, reason = "each fuzz target is a program of its own and opens one door")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealpress_base64::{DataUri, Encoder, Fused, Kernel, encode};
use sha2::block_api::compress256;

/// Bytes that nobody may have overwritten.
const UNTOUCHED: u8 = 0x2a;

/// Every kernel, at an alignment and cut into pieces as the first two bytes say.
pub(crate) fn encode_bytes(data: &[u8]) {
    let [at, cut, bytes @ ..] = data else { return };
    let (at, cut) = (usize::from(at % 64), usize::from(*cut) + 1);
    let expected = STANDARD.encode(bytes);
    // An allocation of its own, so that a sanitizer sees a read beyond the end.
    let source: Box<[u8]> = bytes.into();
    for kernel in Kernel::all() {
        let mut room = vec![UNTOUCHED; at + expected.len()];
        let out = kernel.encode_to_slice(&source, &mut room[at..]).expect("there is room");
        assert_eq!(out, expected.as_bytes(), "{kernel:?}");
        assert!(room[..at].iter().all(|&b| b == UNTOUCHED), "{kernel:?} wrote before the text");
        if let Some(short) = expected.len().checked_sub(1) {
            let mut room = vec![UNTOUCHED; short];
            assert!(kernel.encode_to_slice(&source, &mut room).is_none(), "{kernel:?}");
            assert!(room.iter().all(|&b| b == UNTOUCHED), "{kernel:?} wrote where the text does not fit");
        }
        let mut encoder = Encoder::with_kernel(kernel);
        let mut text = String::new();
        source.chunks(cut).for_each(|piece| encoder.push(piece, &mut text));
        encoder.finish(&mut text);
        assert_eq!(text, expected, "{kernel:?} in pieces of {cut}");
    }
}

/// The pass that hashes while it encodes: the first byte is the character at which it starts, the
/// second the room for the text.
pub(crate) fn hash_and_encode(data: &[u8]) {
    let ([start, room, bytes @ ..], Some(fused)) = (data, Fused::new()) else { return };
    let (start, room) = (usize::from(*start), 8 * usize::from(*room));
    let source: Box<[u8]> = bytes.into();
    let text = STANDARD.encode(bytes);
    let whole = (bytes.len() / 3 * 4).saturating_sub(start) / 64 * 64;
    let hashed = |count: usize| {
        let mut state = [0; 8];
        compress256(&mut state, text.as_bytes().get(start..start + count).unwrap_or_default().as_chunks().0);
        state
    };

    let mut state = [0; 8];
    assert_eq!(fused.hash(&mut state, &source, start), whole);
    assert_eq!(state, hashed(whole));

    let (mut state, mut out) = ([0; 8], vec![UNTOUCHED; room]);
    let stored = fused.hash_and_store(&mut state, &source, start, &mut out);
    assert_eq!(stored, whole.min(room / 64 * 64));
    assert_eq!(state, hashed(stored));
    assert_eq!(out[..stored], text.as_bytes().get(start..start + stored).unwrap_or_default()[..]);
    assert!(out[stored..].iter().all(|&b| b == UNTOUCHED));
}

/// What is decoded is within the limit, is what the crate `base64` decodes, and there is no second
/// text for it.
pub(crate) fn read_data_uri(data: &[u8]) {
    const LIMIT: usize = 4096;
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(decoded) = DataUri::decode(text, LIMIT) else { return };
    let (head, payload) = text.split_once(";base64,").expect("it stands in every data URI of ours");
    assert!(!decoded.bytes.is_empty() && decoded.bytes.len() <= LIMIT);
    assert_eq!(STANDARD.decode(payload).as_deref(), Ok(&decoded.bytes[..]));
    assert_eq!(encode(&decoded.bytes), payload);
    if head != "data:image/jpg" {
        let again = DataUri::new(decoded.mime).expect("it was one").encode(&decoded.bytes);
        assert_eq!(again, text);
    }
}
