//! Any bytes, read as a TIFF.

#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sealpress_pdf::fuzzing::scan(data));
