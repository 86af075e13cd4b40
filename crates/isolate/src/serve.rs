//! The worker's side: read a job, press it, answer; until the host closes the socket.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use sealpress_image::Normalizer;
use sealpress_media::{Fault, Media};
use sealpress_pdf::Trimmer;

use crate::frame;
use crate::wire::{Hello, Outcome, Refusal, Request};

/// The first argument that turns a program into a worker.
pub(crate) const ARGUMENT: &str = "sealpress-press-worker";

/// Turns this process into a press worker, for good, when it was started as one. Call it first
/// thing in `main`, before threads and files are opened.
///
/// Returns at once in every other process.
pub fn worker_main_if_asked() {
    if std::env::args_os().nth(1).is_some_and(|a| a == ARGUMENT) {
        // The host sees the end of the socket either way; the code is for a person with strace.
        std::process::exit(i32::from(serve().is_err()));
    }
}

fn serve() -> io::Result<()> {
    let mut host = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (hello, _): (Hello, Bytes) = frame::read(&mut host, 0)?;
    if hello.image.native_hevc {
        // Shared libraries must be opened while there still is a file system.
        sealpress_image::preload_native_hevc();
    }
    #[cfg(target_os = "linux")]
    crate::sandbox::enter(hello.memory)?;
    let mut press = Press { normalizer: Normalizer::new(hello.image), trimmer: Trimmer::new(hello.pdf) };
    loop {
        let (Request::Press, bytes) = match frame::read(&mut host, hello.most_input) {
            Ok(job) => job,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        let (outcome, body) = catch_unwind(AssertUnwindSafe(|| press.press(bytes)))
            .unwrap_or_else(|_| (Outcome::Refused(Refusal::panicked()), Bytes::new()));
        frame::write(&mut host, &outcome, &body)?;
    }
}

struct Press {
    normalizer: Normalizer,
    trimmer: Trimmer,
}

impl Press {
    fn press(&mut self, bytes: Bytes) -> (Outcome, Bytes) {
        match self.try_press(bytes) {
            Ok((outcome, media)) => (outcome, media.into_bytes()),
            Err(refusal) => (Outcome::Refused(refusal), Bytes::new()),
        }
    }

    fn try_press(&mut self, bytes: Bytes) -> Result<(Outcome, Media), Refusal> {
        let media = Media::sniff(bytes).map_err(|e| Refusal::new(e.kind().as_str(), e.fault(), &e))?;
        if media.format().is_image() {
            let done = self.normalizer.normalize(&media).map_err(|e| Refusal::new(e.kind().as_str(), e.fault(), &e))?;
            Ok((Outcome::Pressed(Box::new(done.report().summary())), done.into_media()))
        } else {
            let done = self.trimmer.trim(&media).map_err(|e| Refusal::new(e.kind().as_str(), e.fault(), &e))?;
            Ok((Outcome::Pressed(Box::new(done.report().summary())), done.into_media()))
        }
    }
}

impl Refusal {
    fn new(kind: &str, fault: Fault, error: &dyn std::error::Error) -> Self {
        Self { kind: kind.to_owned(), fault, message: error.to_string() }
    }

    fn panicked() -> Self {
        Self { kind: "internal".to_owned(), fault: Fault::Internal, message: "the press panicked".to_owned() }
    }
}
