//! Any bytes, sent to the emulator.

#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sealpress_emulator::fuzzing::http(data));
