//! One worker process, seen from its host: started, given files one after another, ended.

use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sealpress_media::Media;

use super::child::Child;
use super::frame;
use super::spawn::spawn;
use super::wire::{Answer, Hello, Ready, Request};
use super::{WorkerLimits, clock};
use crate::error::Error;
use crate::policies::Policies;

/// A worker is ready in milliseconds. A machine so busy that it takes this long has no use for one more.
const START: Duration = Duration::from_secs(30);

/// A job that took more CPU time than this may have left a thread behind that still computes (a page whose
/// time was over): the process is not used again, so that the next file does not pay for it.
const LONG: Duration = Duration::from_secs(1);

/// How long an end that the socket has announced may take to be an exit status.
const LAST_BREATH: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    socket: UnixStream,
    jobs: u32,
    open: bool,
    /// Bytes of private memory that it has less than it was meant to have.
    memory_missing: Option<u64>,
    spent: Duration,
}

/// Why a process gave no answer. It is not to be used again.
#[derive(Debug)]
pub(crate) enum Lost {
    /// It ended: by itself, by the kernel, or by somebody's hand.
    Ended(ExitStatus),
    /// It computed for longer than the deadline.
    Deadline,
    /// The clock on the wall ran out, and its CPU time did not.
    Patience,
    /// It answered what no worker answers.
    Nonsense(io::Error),
}

impl Process {
    /// Starts one, and waits until it has locked itself down.
    pub(crate) fn start(
        policies: &Policies,
        limits: &WorkerLimits,
        program: Option<&Path>,
        open: bool,
    ) -> Result<Self, Error> {
        let unavailable = |reason: &str| {
            let reason = format!("a worker process {reason}");
            move |source: io::Error| Error::Unavailable { reason, source: Some(source) }
        };
        let (child, socket) = spawn(program).map_err(unavailable("cannot be started"))?;
        let mut process = Self { child, socket, jobs: 0, open, memory_missing: None, spent: Duration::ZERO };
        let hello = Hello { policies: policies.clone(), memory: limits.memory, most_input: limits.most_input, open };
        let until = Instant::now() + START;
        let ready = {
            let mut wire = Wire { process: &process, waits: Waits { until, ..Waits::none() } };
            frame::write(&mut wire, &hello, &[]).and_then(|()| frame::read_words(&mut wire, 0))
        };
        match ready {
            Ok((Ready::Locked { memory }, _)) => {
                process.memory_missing = limits.memory.checked_sub(memory).filter(|missing| *missing > 0);
                Ok(process)
            }
            Ok((Ready::Failed { why }, _)) => {
                Err(Error::unavailable(format!("a worker process cannot be locked down: {why}")))
            }
            Err(source) => {
                let ended = process.exit_status(Duration::from_millis(100));
                let how =
                    ended.map_or_else(|| "does not answer".to_owned(), |status| format!("ended at once ({status})"));
                Err(unavailable(&how)(source))
            }
        }
    }

    /// Whether its native decoders were opened before the lock.
    pub(crate) const fn is_open(&self) -> bool {
        self.open
    }

    /// Bytes of memory that the system's hard limit took from it.
    pub(crate) const fn memory_missing(&self) -> Option<u64> {
        self.memory_missing
    }

    /// Whether it may be given another file.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether it may be kept for another file.
    pub(crate) fn is_fit(&self, limits: &WorkerLimits) -> bool {
        self.jobs < limits.jobs && self.spent < LONG
    }

    /// Gives it a file and waits for its answer.
    pub(crate) fn ask(
        &mut self,
        request: Request,
        media: &Media,
        limits: &WorkerLimits,
    ) -> Result<(Answer, Bytes), Lost> {
        self.jobs += 1;
        let before = clock::cpu_time(&self.child);
        let waits = Waits {
            until: Instant::now() + limits.patience,
            cpu: before.map(|before| before + limits.deadline),
            next_look: limits.deadline,
        };
        let mut wire = Wire { process: self, waits };
        let answered = frame::write(&mut wire, &request, media.bytes())
            .and_then(|()| frame::read_words(&mut wire, limits.most_output));
        let after = clock::cpu_time(&self.child);
        self.spent = after.zip(before).map_or(Duration::ZERO, |(after, before)| after.saturating_sub(before));
        answered.map_err(|error| self.lost(error, limits))
    }

    fn lost(&mut self, error: io::Error, limits: &WorkerLimits) -> Lost {
        match error.kind() {
            io::ErrorKind::TimedOut if self.spent >= limits.deadline => Lost::Deadline,
            io::ErrorKind::TimedOut => Lost::Patience,
            io::ErrorKind::InvalidData => Lost::Nonsense(error),
            // The socket is closed: the process ends, or has given up its end of it, which none does.
            _ => self.exit_status(LAST_BREATH).map_or(Lost::Nonsense(error), Lost::Ended),
        }
    }

    fn exit_status(&mut self, within: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + within;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(1)),
                _ => return None,
            }
        }
    }
}

/// Ends the process and whatever it may have started: it holds nothing that is not ours.
impl Drop for Process {
    fn drop(&mut self) {
        // Fails only where somebody else has waited for it.
        let _ = self.child.end();
    }
}

/// Whether a process that ended so was ended by somebody else: the kernel for want of memory, an operator.
/// A worker cannot do it to itself, but for a decoder that was taken over.
pub(crate) fn is_from_outside(status: ExitStatus) -> bool {
    use rustix::process::Signal;
    let hands = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];
    status.signal().is_some_and(|signal| hands.iter().any(|hand| hand.as_raw() == signal))
}

/// Until when an answer is waited for.
#[derive(Clone, Copy)]
struct Waits {
    /// By the clock on the wall.
    until: Instant,
    /// By the CPU clock of the process, where it can be read.
    cpu: Option<Duration>,
    /// A process cannot have used more CPU time than this before it is worth a look: it works on one thread
    /// at a time.
    next_look: Duration,
}

impl Waits {
    fn none() -> Self {
        Self { until: Instant::now(), cpu: None, next_look: Duration::MAX }
    }
}

/// The socket of a process, whose reads and writes end in time.
struct Wire<'a> {
    process: &'a Process,
    waits: Waits,
}

impl Wire<'_> {
    /// Waits in slices; between them it looks at the clocks.
    fn patiently<T>(&mut self, mut once: impl FnMut(&UnixStream, Duration) -> io::Result<T>) -> io::Result<T> {
        loop {
            let left = self.waits.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let slice = left.min(self.waits.next_look).max(Duration::from_millis(5));
            match once(&self.process.socket, slice) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if let (Some(cpu), Some(used)) = (self.waits.cpu, clock::cpu_time(&self.process.child)) {
                        self.waits.next_look = cpu.saturating_sub(used);
                        if self.waits.next_look.is_zero() {
                            return Err(io::ErrorKind::TimedOut.into());
                        }
                    } else if self.waits.cpu.is_some() {
                        // No clock any more: the process has ended, and the socket will say so.
                        self.waits.next_look = Duration::from_millis(50);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

impl io::Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patiently(|socket, slice| {
            socket.set_read_timeout(Some(slice))?;
            (&mut &*socket).read(buffer)
        })
    }
}

impl io::Write for Wire<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.patiently(|socket, slice| {
            socket.set_write_timeout(Some(slice))?;
            (&mut &*socket).write(buffer)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
