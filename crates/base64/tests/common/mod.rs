//! What the tests of several files share.

#![allow(dead_code, reason = "each test file is a program of its own and uses a part")]

#[cfg(unix)]
#[expect(unsafe_code, reason = "maps memory with unmapped pages around it")]
pub(crate) mod guarded;

use std::io::Write;

/// Says what is not tried because this CPU has not what it takes: on the process's own standard error, which the
/// harness does not hide, for what nobody sees would count as a pass.
pub(crate) fn not_on_this_cpu(lacks: &str) {
    let thread = std::thread::current();
    let line = format!("NOT ON THIS CPU: {}: it lacks {lacks}\n", thread.name().unwrap_or("a test"));
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Bytes without a pattern, the same in every run (SplitMix64).
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x5ea1_94e5_5000_0001_u64;
    let mut word = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    std::iter::repeat_with(|| word().to_le_bytes()).flatten().take(len).collect()
}

/// Whether the emulated CPUs of `cpus.sh` ask for fewer cases; they are much slower.
pub(crate) fn quick() -> bool {
    std::env::var_os("SEALPRESS_QUICK").is_some()
}
