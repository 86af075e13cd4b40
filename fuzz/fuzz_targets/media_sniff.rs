//! Any bytes, looked at for what they are.

#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sealpress_media::fuzzing::sniff(data));
