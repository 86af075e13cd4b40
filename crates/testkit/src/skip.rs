//! Skips that can be seen.

use std::fmt::Display;
use std::io::Write;

/// Prints `SKIPPED: <test>: <reason>` to the process's own standard error. The test harness
/// hides what `eprintln!` prints in a passing test; a raw write it cannot hide, and a skip that
/// nobody sees counts as a pass.
pub fn skip(reason: impl Display) {
    let thread = std::thread::current();
    let line = format!("SKIPPED: {}: {reason}\n", thread.name().unwrap_or("a test"));
    // A closed standard error is no reason to fail a test.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
