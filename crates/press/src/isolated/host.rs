//! One thread's press over worker processes: takes one that waits, gives it the file, judges the answer.

use std::sync::Arc;

use bytes::Bytes;
use sealpress_media::{Fault, Media, Refusal, RefusalKind};

use super::process::{Lost, Process};
use super::wire::{Answer, Request};
use super::{Shared, judge};
use crate::error::Error;
use crate::formats::handler;
use crate::plan::Plan;
use crate::press::{Pressed, Worker};

pub(crate) struct Host {
    shared: Arc<Shared>,
    process: Option<Process>,
}

/// Tries that a file gets, each in a process that has met no other.
const TRIES: u32 = 2;

impl Host {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, process: None }
    }

    pub(crate) fn plan(&mut self, media: &Media) -> Result<Plan, Error> {
        self.ask(Request::Plan(media.format()), media, |answer, _| match answer {
            Answer::Planned(plan) => Ok(*plan),
            _ => Err("another answer than was asked for"),
        })
    }

    /// `understand` judges an answer that is no refusal: it is as untrusted as the file.
    fn ask<T>(
        &mut self,
        request: Request,
        media: &Media,
        understand: impl Fn(Answer, Bytes) -> Result<T, &'static str>,
    ) -> Result<T, Error> {
        let shared = Arc::clone(&self.shared);
        let limits = &shared.limits;
        if media.len() > limits.most_input {
            let message = format!("{} bytes, files of more than {} are not taken", media.len(), limits.most_input);
            return Err(Refusal::new(RefusalKind::TooLarge, Fault::Limit, message).into());
        }
        // A format that nobody reads needs no process to say so.
        let opened = handler(media.format())?.needs_opening(media.format()) && limits.native_hevc;
        let mut tries = 0;
        loop {
            tries += 1;
            let mut process = self.process(opened, tries > 1)?;
            let lost = match process.ask(request, media, limits) {
                // The process is not used again: what was refused may have been hostile.
                Ok((Answer::Refused(refusal), _)) => return Err(Error::Refused(refusal)),
                Ok((answer, body)) => match understand(answer, body) {
                    Ok(done) => {
                        self.keep(process);
                        return Ok(done);
                    }
                    Err(why) => Lost::Nonsense(std::io::Error::new(std::io::ErrorKind::InvalidData, why)),
                },
                Err(lost) => lost,
            };
            if tries == TRIES || !judge::is_worth_another(&lost) {
                return Err(judge::verdict(&lost, limits, process.memory_missing()));
            }
        }
    }

    /// The process at hand, one that waits, or a new one.
    fn process(&mut self, opened: bool, fresh: bool) -> Result<Process, Error> {
        if fresh {
            return self.shared.start(opened);
        }
        if let Some(mut process) = self.process.take() {
            if process.is_open() >= opened && process.is_alive() {
                return Ok(process);
            }
            // It may do for another format.
            self.retire(process);
        }
        self.shared.take(opened)
    }

    fn keep(&mut self, process: Process) {
        if process.is_fit(&self.shared.limits) {
            self.process = Some(process);
        }
    }

    fn retire(&self, mut process: Process) {
        if process.is_alive() {
            self.shared.give(process);
        }
    }
}

impl Worker for Host {
    fn press(&mut self, media: &Media) -> Result<Pressed, Error> {
        let shared = Arc::clone(&self.shared);
        self.ask(Request::Press(media.format()), media, |answer, body| pressed(&shared, media, answer, body))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            self.retire(process);
        }
    }
}

/// Judges an answer that a press of this file was asked for.
pub(super) fn pressed(shared: &Shared, media: &Media, answer: Answer, body: Bytes) -> Result<Pressed, &'static str> {
    let (summary, further) = match answer {
        Answer::Pressed { summary, further } => (summary, further),
        // Whoever says so might have sent the same bytes back.
        Answer::Unchanged { summary } if body.is_empty() => {
            let is_same = summary.output_format == media.format() && media.len() <= shared.limits.most_output;
            return match is_same && shared.policies.may_send(media.format()) {
                true => Ok(Pressed::new(media.clone(), *summary)),
                false => Err("a file that may not be sent"),
            };
        }
        _ => return Err("another answer than was asked for"),
    };
    // Its format is looked at, not believed.
    let judge = |part: Bytes| match Media::sniff(part) {
        Ok(media) if media.format() != summary.output_format => Err("a file that is not what it says"),
        Ok(media) if !shared.policies.may_send(media.format()) => Err("a file that may not be sent"),
        Ok(media) => Ok(media),
        Err(_) => Err("no file"),
    };
    let mut parts = split(body, &further)?.into_iter().map(judge);
    let first = parts.next().ok_or("no file")??;
    let further = parts.collect::<Result<Vec<_>, _>>()?;
    Ok(Pressed::new(first, *summary).with_further(further))
}

/// The files of an answer, of which all but the first are this long.
fn split(mut body: Bytes, further: &[u64]) -> Result<Vec<Bytes>, &'static str> {
    const STRANGE: &str = "files of other lengths than it says";
    let mut parts = Vec::new();
    for length in further.iter().rev() {
        let length = usize::try_from(*length).map_err(|_| STRANGE)?;
        let start = body.len().checked_sub(length).ok_or(STRANGE)?;
        parts.push(body.split_off(start));
    }
    parts.push(body);
    parts.reverse();
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_split_as_it_says_or_not_at_all() {
        let body = || Bytes::from_static(b"abcdef");
        assert_eq!(split(body(), &[]).unwrap(), ["abcdef"]);
        assert_eq!(split(body(), &[2, 3]).unwrap(), ["a", "bc", "def"]);
        for lengths in [&[7][..], &[3, 4], &[u64::MAX, 2]] {
            assert!(split(body(), lengths).is_err(), "{lengths:?}");
        }
    }
}
