//! Any bytes, as a vendor's answer.

#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sealpress_client::fuzzing::answer(data));
