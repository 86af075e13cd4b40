//! Any bytes, from a worker that was taken over.

#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sealpress_press::fuzzing::frames(data));
