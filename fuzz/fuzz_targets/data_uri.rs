#![no_main]
#[path = "../../crates/base64/tests/common/doors.rs"]
mod doors;
libfuzzer_sys::fuzz_target!(|data: &[u8]| doors::read_data_uri(data));
