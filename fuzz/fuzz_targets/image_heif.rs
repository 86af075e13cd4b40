//! Any bytes, as a HEIF container.

#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sealpress_image::fuzzing::heif(data));
