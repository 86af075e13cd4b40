//! Any bytes, trimmed as a PDF.

#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sealpress_pdf::fuzzing::trim(data));
