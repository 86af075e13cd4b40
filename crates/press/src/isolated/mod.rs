//! The press that decodes in worker processes.
//!
//! Decoders of hostile input are the hot spot of the whole house, and some of them are C. Here they run in
//! another process: this program started again, which never comes to its `main`, gives up files, network and
//! all system calls but a few before it reads the first byte, has a bounded memory and a deadline, and is
//! replaced after any error. Whatever a file does to its decoder (crash, abort, endless loop, memory) costs
//! that file alone, and whatever others do to a worker costs no file at all.
//!
//! What is decoded in the host, and why that is safe: nothing. What is read in the host: the first bytes of
//! each file ([`Media::sniff`]), and for [`Press::estimate`] the header of pictures, the directories of TIFFs and the
//! cross-reference table of PDFs, by safe Rust that judges what it allocates.

mod child;
mod clock;
mod early;
#[cfg(feature = "escapes")]
mod escapes;
mod frame;
pub mod fuzzing;
mod host;
mod judge;
#[cfg(target_os = "linux")]
mod lock;
mod process;
mod serve;
mod spawn;
mod start;
mod wire;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sealpress_media::Media;

use crate::error::Error;
use crate::formats::handler;
use crate::plan::Plan;
use crate::policies::Policies;
use crate::press::{Isolation, Press, Worker};
pub use early::fork_first_worker;
use process::Process;

/// What one worker process may use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerLimits {
    /// Private memory of the process in bytes; 768 MiB unless told, or the hard limit that this program was
    /// started under, where that is lower.
    pub memory: u64,
    /// CPU time of one job, after which the process is killed and the file refused as `timeout`; 9 s unless
    /// told, so that no file holds anybody up for 10.
    pub deadline: Duration,
    /// Time by the clock on the wall after which a job is given up whatever its CPU time: `timeout` too, but
    /// the machine's fault, not the file's. Ten deadlines unless told.
    pub patience: Duration,
    /// Largest file taken, in bytes; 512 MiB unless told.
    pub most_input: usize,
    /// Largest file accepted back, in bytes; 32 MiB unless told.
    pub most_output: usize,
    /// Jobs after which a process is replaced even if all went well; 500 unless told.
    pub jobs: u32,
    /// Whether HEIC may be decoded by the machine's libavcodec, where there is one. On unless told: it is C
    /// code on hostile input, and a locked-down process is where that is in order.
    pub native_hevc: bool,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        Self {
            memory: 768 << 20,
            deadline: Duration::from_secs(9),
            patience: Duration::from_secs(90),
            most_input: 512 << 20,
            most_output: 32 << 20,
            jobs: 500,
            native_hevc: true,
        }
    }
}

/// Presses in locked-down worker processes, which are this program started again. Nothing has to be called in
/// `main`: a worker takes its leave before it. Works in any program that links this crate, in tests and
/// under any async runtime alike. Cheap to clone; clones share their idle processes.
///
/// ```
/// use sealpress_media::Media;
/// use sealpress_press::{Isolated, Policies, Press};
///
/// # let specimens = sealpress_testkit::media_manifest();
/// # let bytes = specimens.media.iter().find(|m| m.path.ends_with("orientation-6.jpg")).unwrap().bytes();
/// let press = Isolated::new(Policies::default());
/// let pressed = press.press(&Media::sniff(bytes)?)?;
/// for note in &pressed.summary.actions {
///     println!("{}", note.text);
/// }
/// # assert!(pressed.summary.actions.iter().any(|note| note.name == "oriented"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Isolated {
    shared: Arc<Shared>,
}

/// What all workers of one press share.
#[derive(Debug)]
struct Shared {
    policies: Policies,
    limits: WorkerLimits,
    /// Another program to run as the worker.
    program: Option<PathBuf>,
    /// Processes that wait for work.
    idle: Mutex<Vec<Process>>,
}

/// Idle processes that are kept; what comes back beyond them ends.
const MOST_IDLE: usize = 64;

impl Isolated {
    /// A press under these policies. Starts nothing yet.
    #[must_use]
    pub fn new(policies: Policies) -> Self {
        Self::with(policies, WorkerLimits::default(), None)
    }

    fn with(policies: Policies, limits: WorkerLimits, program: Option<PathBuf>) -> Self {
        Self { shared: Arc::new(Shared { policies, limits, program, idle: Mutex::default() }) }
    }

    /// The same with other limits of a worker.
    #[must_use]
    pub fn with_limits(self, limits: WorkerLimits) -> Self {
        Self::with(self.shared.policies.clone(), limits, self.shared.program.clone())
    }

    /// The same with another program as the worker: any that links this crate. For hosts into which this
    /// crate is loaded as a shared library, since such a program started again would be the host alone.
    #[must_use]
    pub fn with_program(self, program: impl Into<PathBuf>) -> Self {
        Self::with(self.shared.policies.clone(), self.shared.limits.clone(), Some(program.into()))
    }
}

impl Press for Isolated {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(host::Host::new(Arc::clone(&self.shared)))
    }

    fn estimate(&self, media: &Media) -> Result<u64, Error> {
        Ok(handler(media.format())?.estimate(&self.shared.policies, media)?)
    }

    /// Told by a worker: it may take more than a header to tell.
    fn plan(&self, media: &Media) -> Result<Plan, Error> {
        host::Host::new(Arc::clone(&self.shared)).plan(media)
    }

    /// Starts a worker, which then waits for the first file.
    fn check(&self) -> Result<(), Error> {
        let process = self.shared.take(false)?;
        self.shared.give(process);
        Ok(())
    }

    fn isolation(&self) -> Isolation {
        if cfg!(target_os = "linux") { Isolation::Locked } else { Isolation::Process }
    }
}

impl Shared {
    /// A process that is alive and ready, with its native decoders opened if they are wanted: one that waits,
    /// or a new one.
    fn take(&self, opened: bool) -> Result<Process, Error> {
        loop {
            let waiting = {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                let fit = idle.iter().position(|process| process.is_open() >= opened);
                fit.map(|at| idle.swap_remove(at))
            };
            let Some(mut process) = waiting else { return self.start(opened) };
            // Somebody may have ended it while it waited.
            if process.is_alive() {
                return Ok(process);
            }
        }
    }

    fn start(&self, opened: bool) -> Result<Process, Error> {
        Process::start(&self.policies, &self.limits, self.program.as_deref(), opened)
    }

    /// Takes a process back that may be used again.
    fn give(&self, process: Process) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push(process);
        }
    }
}
