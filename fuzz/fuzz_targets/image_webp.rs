//! Any bytes, as a WebP.

#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sealpress_image::fuzzing::webp(data));
