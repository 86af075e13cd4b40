//! The CPU clock of a worker, read from outside: deadlines are judged by it, so that a busy machine convicts no file.

use std::time::Duration;

use super::child::Child;

/// CPU time that a process has used so far, all of its threads together; `None` where it cannot be told.
#[cfg(target_os = "linux")]
pub(crate) fn cpu_time(child: &Child) -> Option<Duration> {
    let pid = nix::unistd::Pid::from_raw(child.pid().as_raw_nonzero().get());
    let clock = nix::time::ClockId::pid_cpu_clock_id(pid).ok()?;
    Some(Duration::from(clock.now().ok()?))
}

/// Elsewhere there is no clock of another process without `unsafe`.
#[cfg(not(target_os = "linux"))]
pub(crate) fn cpu_time(_: &Child) -> Option<Duration> {
    None
}
