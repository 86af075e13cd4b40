//! Any bytes, hashed and encoded in one pass, against both done apart.

#![no_main]
#[path = "../../crates/base64/tests/common/fuzzing.rs"]
mod fuzzing;
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::hash_and_encode(data));
