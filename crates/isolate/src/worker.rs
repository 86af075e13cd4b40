//! The host's side: one process, reused job after job, replaced after any failure.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sealpress_image as image;
use sealpress_media::{Fault, Format, Media, Summary};
use sealpress_pdf as pdf;

use crate::frame;
use crate::serve::ARGUMENT;
use crate::wire::{Hello, Outcome, Refusal, Request};

/// What one worker may use.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Private memory of the worker process in bytes; 768 MiB unless told.
    pub memory: u64,
    /// Wall-clock time of one job, after which the process is killed; 9 s unless told, so that no
    /// file holds anybody up for 10.
    pub deadline: Duration,
    /// Largest file taken, in bytes; 512 MiB unless told.
    pub most_input: usize,
    /// Largest file accepted back, in bytes; 32 MiB unless told.
    pub most_output: usize,
    /// Jobs after which a worker is replaced even if all went well; 500 unless told.
    pub jobs: u32,
    /// Whether the worker may use libavcodec for HEIC where it is installed; true unless told.
    /// It is C code on hostile input, and this process is where that is in order.
    pub native_hevc: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 768 << 20,
            deadline: Duration::from_secs(9),
            most_input: 512 << 20,
            most_output: 32 << 20,
            jobs: 500,
            native_hevc: true,
        }
    }
}

/// A press in a process of its own. The process is started with the first job and replaced after
/// [`Limits::jobs`] jobs, after any error and whenever it stops answering.
///
/// The program that makes one must call [`worker_main_if_asked`](crate::worker_main_if_asked)
/// first thing in its `main`, since the worker is the same program started again.
#[derive(Debug)]
pub struct Worker {
    image: image::Policy,
    pdf: pdf::Policy,
    limits: Limits,
    program: PathBuf,
    process: Option<Process>,
}

/// What a worker made of a file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pressed {
    /// Upright and within the policy, or trimmed.
    pub media: Media,
    /// What was done.
    pub summary: Box<Summary>,
}

/// Why a worker gave nothing back.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The press refused the file, with its own kind.
    Refused(Refusal),
    /// The process died over the file: crash, abort, out of memory, killed.
    Crashed,
    /// The file took longer than [`Limits::deadline`].
    Timeout,
    /// The file is larger than [`Limits::most_input`].
    TooLarge,
    /// No process could be started, or it answered nonsense.
    Broken(io::Error),
}

impl Worker {
    /// A worker under these policies. Starts nothing yet.
    #[must_use]
    pub fn new(image: image::Policy, pdf: pdf::Policy, limits: Limits) -> Self {
        Self { image, pdf, limits, program: this_program(), process: None }
    }

    /// The same, running another program as the worker: one that calls
    /// [`worker_main_if_asked`](crate::worker_main_if_asked).
    #[must_use]
    pub fn with_program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Presses one file.
    ///
    /// # Errors
    /// See [`Error`]. After any of them the next job gets a new process.
    pub fn press(&mut self, file: &Bytes) -> Result<Pressed, Error> {
        if file.len() > self.limits.most_input {
            return Err(Error::TooLarge);
        }
        // Opening libavcodec costs a process 17 ms and a sandboxed one can no longer do it: only
        // workers that have met a HEIC pay for it.
        let is_heic = Media::sniff(file.clone()).is_ok_and(|media| media.format() == Format::Heic);
        let native_hevc = self.limits.native_hevc && is_heic;
        let mut process = match self.process.take() {
            Some(process) if process.jobs < self.limits.jobs && process.native_hevc >= native_hevc => process,
            _ => self.start(native_hevc).map_err(Error::Broken)?,
        };
        let pressed = process.press(file, &self.limits)?;
        self.process = Some(process);
        Ok(pressed)
    }

    fn start(&self, native_hevc: bool) -> io::Result<Process> {
        let (ours, theirs) = UnixStream::pair()?;
        let child = Command::new(&self.program)
            .arg(ARGUMENT)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut process = Process { child, socket: ours, jobs: 0, native_hevc };
        let hello = Hello {
            image: self.image.clone().with_native_hevc(native_hevc),
            pdf: self.pdf.clone(),
            memory: self.limits.memory,
            most_input: self.limits.most_input,
        };
        process.socket.set_write_timeout(Some(self.limits.deadline))?;
        frame::write(&mut process.socket, &hello, &[])?;
        Ok(process)
    }
}

/// The program that runs now, even if its file was replaced meanwhile.
fn this_program() -> PathBuf {
    let linux = PathBuf::from("/proc/self/exe");
    if linux.exists() { linux } else { std::env::current_exe().unwrap_or(linux) }
}

#[derive(Debug)]
struct Process {
    child: Child,
    socket: UnixStream,
    jobs: u32,
    native_hevc: bool,
}

impl Process {
    fn press(&mut self, file: &Bytes, limits: &Limits) -> Result<Pressed, Error> {
        self.jobs += 1;
        let mut timed = Timed { socket: &self.socket, until: Instant::now() + limits.deadline };
        let (outcome, body): (Outcome, Bytes) = frame::write(&mut timed, &Request::Press, file)
            .and_then(|()| frame::read(&mut timed, limits.most_output))
            .map_err(|error| match error.kind() {
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Error::Timeout,
                io::ErrorKind::InvalidData => Error::Broken(error),
                _ => Error::Crashed,
            })?;
        match outcome {
            // The answer is as untrusted as the file: its format is looked at, not believed.
            Outcome::Pressed(summary) => match Media::sniff(body) {
                Ok(media) if media.format() == summary.output_format => Ok(Pressed { media, summary }),
                _ => Err(Error::Broken(io::Error::new(io::ErrorKind::InvalidData, "the answer is not what it says"))),
            },
            Outcome::Refused(refusal) => Err(Error::Refused(refusal)),
        }
    }
}

/// Ends the process at once: it holds nothing that is not ours.
impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A socket whose reads and writes all end by one moment.
struct Timed<'a> {
    socket: &'a UnixStream,
    until: Instant,
}

impl Timed<'_> {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl io::Read for Timed<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.left()?))?;
        (&mut &*self.socket).read(buf)
    }
}

impl io::Write for Timed<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        (&mut &*self.socket).write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Error {
    /// The kebab-case name of the kind, as in JSON output.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.known_kind(),
            Self::Crashed => "crashed",
            Self::Timeout => "timeout",
            Self::TooLarge => "too-large",
            Self::Broken(_) => "internal",
        }
    }

    /// Whose turn it is. A file over which a decoder dies or does not end is the input's fault: it
    /// would do so again.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Refused(refusal) => refusal.fault,
            Self::Crashed => Fault::Input,
            Self::Timeout | Self::TooLarge => Fault::Limit,
            Self::Broken(_) => Fault::Internal,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(refusal) => f.write_str(&refusal.message),
            Self::Crashed => f.write_str("the decoder died over this file"),
            Self::Timeout => f.write_str("the file took longer than its time limit"),
            Self::TooLarge => f.write_str("the file is larger than the limit"),
            Self::Broken(error) => write!(f, "the press worker is broken: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Broken(error) => Some(error),
            _ => None,
        }
    }
}
