//! Any bytes, as a webhook's body.

#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sealpress_client::fuzzing::webhook(data));
