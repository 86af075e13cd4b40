//! Any bytes, opened as a PDF by each reader.

#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sealpress_pdf::fuzzing::open(data));
