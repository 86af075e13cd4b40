//! Any text, read as a data URI.

#![no_main]
#[path = "../../crates/base64/tests/common/fuzzing.rs"]
mod fuzzing;
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::read_data_uri(data));
