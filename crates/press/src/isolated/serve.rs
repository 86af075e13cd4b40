//! The worker's side: lock the process down, say so, then read a file, press it, answer, until the host closes
//! the socket.

use std::io;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use sealpress_media::{Fault, Format, Media, Refusal, RefusalKind};

use super::frame;
use super::wire::{Answer, Hello, Ready, Request};
use crate::formats::{self, Engines, handler};
use crate::policies::Policies;

/// Serves the host at the other end of this socket.
pub(crate) fn serve(mut host: UnixStream, closed: io::Result<()>) -> io::Result<()> {
    let (mut hello, _): (Hello, Bytes) = frame::read(&mut host, 0)?;
    if hello.open {
        formats::open(&mut hello.policies);
    }
    match closed.map_err(|e| format!("inherited descriptors cannot be closed: {e}")).and_then(|()| lock(hello.memory)) {
        Ok(memory) => frame::write(&mut host, &Ready::Locked { memory }, &[])?,
        Err(why) => return frame::write(&mut host, &Ready::Failed { why }, &[]),
    }
    let mut engines = Engines::new(hello.policies.clone());
    loop {
        let (request, bytes): (Request, Bytes) = match frame::read(&mut host, hello.most_input) {
            Ok(job) => job,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        let answered = catch_unwind(AssertUnwindSafe(|| answer(&mut engines, &hello.policies, request, bytes)));
        let (answer, body) = answered
            .unwrap_or_else(|_| {
                // Whatever state a panic left behind, nobody sees it again.
                engines = Engines::new(hello.policies.clone());
                Err(Refusal::new(RefusalKind::Internal, Fault::Internal, "the press panicked"))
            })
            .unwrap_or_else(|refusal| (Answer::Refused(refusal), Bytes::new()));
        frame::write(&mut host, &answer, &body)?;
    }
}

#[cfg(target_os = "linux")]
fn lock(memory: u64) -> Result<u64, String> {
    super::lock::enter(memory)
}

#[cfg(not(target_os = "linux"))]
fn lock(memory: u64) -> Result<u64, String> {
    Ok(memory)
}

fn answer(
    engines: &mut Engines,
    policies: &Policies,
    request: Request,
    bytes: Bytes,
) -> Result<(Answer, Bytes), Refusal> {
    let media = |format: Format| {
        Media::known(format, bytes.clone())
            .ok_or_else(|| Refusal::new(RefusalKind::Empty, Fault::Input, "the file is empty"))
    };
    match request {
        Request::Press(format) => {
            let media = media(format)?;
            #[cfg(feature = "escapes")]
            super::escapes::attempt(&media)?;
            let done = engines.press(&media)?;
            let is_same = done.media.bytes().as_ptr() == bytes.as_ptr() && done.media.len() == bytes.len();
            if is_same && done.further.is_empty() && done.media.format() == format {
                return Ok((Answer::Unchanged { summary: Box::new(done.summary) }, Bytes::new()));
            }
            let further = done.further.iter().map(|media| media.len() as u64).collect();
            let answer = Answer::Pressed { summary: Box::new(done.summary), further };
            if done.further.is_empty() {
                return Ok((answer, done.media.into_bytes()));
            }
            let mut body = done.media.bytes().to_vec();
            done.further.iter().for_each(|media| body.extend_from_slice(media.bytes()));
            Ok((answer, body.into()))
        }
        Request::Plan(format) => {
            let plan = handler(format)?.plan(policies, &media(format)?)?;
            Ok((Answer::Planned(Box::new(plan)), Bytes::new()))
        }
    }
}
