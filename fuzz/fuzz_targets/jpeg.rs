#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sealpress_jpeg::fuzzing::decode(data));
