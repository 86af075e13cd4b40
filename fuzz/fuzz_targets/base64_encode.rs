//! Any bytes, through every kernel of the machine, against the scalar one.

#![no_main]
#[path = "../../crates/base64/tests/common/fuzzing.rs"]
mod fuzzing;
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::encode_bytes(data));
