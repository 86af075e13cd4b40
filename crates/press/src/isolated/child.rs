//! A child process by its number, however it was started. The standard library has such a handle only for what its
//! own `Command` has started.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpid};

#[derive(Debug)]
pub(crate) struct Child {
    pid: Pid,
    /// Once it is known; the number may then be another process's.
    status: Option<ExitStatus>,
}

impl Child {
    /// The handle of a child that nobody else waits for.
    pub(crate) const fn new(pid: Pid) -> Self {
        Self { pid, status: None }
    }

    pub(crate) const fn pid(&self) -> Pid {
        self.pid
    }

    /// How it ended, if it did.
    pub(crate) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.waited(WaitOptions::NOHANG)
    }

    /// Ends it with all of its group, unless it has ended, and waits until it has.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        if self.try_wait()?.is_none() {
            // Fails only where it has ended meanwhile.
            let _ = kill_process_group(self.pid, Signal::KILL);
            let _ = rustix::process::kill_process(self.pid, Signal::KILL);
            self.waited(WaitOptions::empty())?;
        }
        Ok(())
    }

    fn waited(&mut self, how: WaitOptions) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            let ended = rustix::io::retry_on_intr(|| waitpid(Some(self.pid), how))?;
            self.status = ended.map(|(_, status)| ExitStatus::from_raw(status.as_raw()));
        }
        Ok(self.status)
    }
}
