//! Any bytes, as a PNG.

#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sealpress_image::fuzzing::png(data));
