//! Any bytes, as a JPEG.

#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sealpress_image::fuzzing::jpeg(data));
