//! Presses in a locked-down worker process.
//!
//! Decoders of hostile input are the hot spot of the whole house, and some of them are C. A
//! [`Worker`] runs them in another process: the same program started again, which gives up files,
//! network and all system calls but a few before it reads the first byte, has a bounded memory and
//! a deadline, and is replaced after any error. Whatever a file does to its decoder — crash, abort,
//! endless loop, memory — costs that file alone.
//!
//! The hand-over is one write and one read of the file over a socket pair; the answer is treated as
//! being as hostile as the file.
//!
//! Knows nothing of the network.

#![forbid(unsafe_code)]

mod frame;
#[cfg(target_os = "linux")]
mod sandbox;
mod serve;
mod wire;
mod worker;

pub use serve::worker_main_if_asked;
pub use wire::Refusal;
pub use worker::{Error, Limits, Pressed, Worker};

/// Gives up everything a worker gives up, in this process and for good: for the tests that probe
/// what is left.
///
/// # Errors
/// When the kernel refuses one of the locks.
#[cfg(target_os = "linux")]
#[doc(hidden)]
pub fn enter_sandbox(memory: u64) -> std::io::Result<()> {
    sandbox::enter(memory)
}
