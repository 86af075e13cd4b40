//! Any bytes, as a JPEG of the crate for well-formed ones.

#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sealpress_jpeg::fuzzing::decode(data));
