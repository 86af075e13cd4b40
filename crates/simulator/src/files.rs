//! Files that say what they are, where they lie, and how they are pressed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sealpress_media::{Fault, Format, Media, Refusal, RefusalKind, Summary};
use sealpress_pipeline::{Error, ErrorKind, Executor, Fetch, Task};
use sealpress_press::{self as press, Plan, Press, Pressed, Probe, Worker};

use crate::world::Machine;

/// One version of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// Its number: equal numbers, equal bytes.
    pub(crate) number: u64,
    /// Bytes of what is sent of it.
    pub(crate) size: u32,
    /// What pressing it holds.
    pub(crate) memory: u64,
    /// Whether it can be pressed at all.
    pub(crate) is_broken: bool,
}

const MAGIC: [u8; 4] = [0xFF, 0xD8, 0xFF, 0xE0];
const HEAD: usize = 25;

impl Content {
    /// The file as it comes.
    pub(crate) fn bytes(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(HEAD);
        bytes.extend(MAGIC);
        bytes.extend(self.number.to_be_bytes());
        bytes.extend(self.size.to_be_bytes());
        bytes.extend(self.memory.to_be_bytes());
        bytes.push(u8::from(self.is_broken));
        bytes.into()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.get(MAGIC.len()..HEAD)?.split_at(8);
        let (size, rest) = rest.split_at(4);
        let (memory, broken) = rest.split_at(8);
        Some(Self {
            number: u64::from_be_bytes(number.try_into().ok()?),
            size: u32::from_be_bytes(size.try_into().ok()?),
            memory: u64::from_be_bytes(memory.try_into().ok()?),
            is_broken: broken != [0],
        })
    }

    /// The file as it is sent.
    fn pressed(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(self.size as usize);
        bytes.extend(MAGIC);
        bytes.extend(self.number.to_be_bytes());
        bytes.resize((self.size as usize).max(bytes.len()), 0);
        bytes.into()
    }
}

/// A file of the plan, where it lies: it may change, and at times it cannot be had.
pub(crate) struct File {
    pub(crate) machine: Machine,
    pub(crate) item: u64,
    /// Its versions, and since when it is each of them; `None` while there is none.
    pub(crate) versions: Vec<(Duration, Option<Content>)>,
}

impl Fetch for File {
    fn size_hint(&self) -> Option<u64> {
        Some(HEAD as u64)
    }

    fn fetch(self: Box<Self>, _: u64) -> BoxFuture<'static, Result<Bytes, Error>> {
        Box::pin(async move {
            self.machine.step().await;
            self.machine.works(Duration::from_millis(500)).await;
            let mut inner = self.machine.world.lock();
            let odds = inner.mix.source_fails;
            if inner.happens(odds) {
                inner.truth.excuse(self.item, ErrorKind::Read.as_str());
                inner.note(self.machine.number(), format_args!("file of item {} cannot be read", self.item));
                return Err(Error::new(ErrorKind::Read, "cannot be read"));
            }
            let now = inner.elapsed();
            let current = self.versions.iter().rev().find(|(since, _)| *since <= now).or(self.versions.first());
            match current {
                Some((_, Some(content))) => Ok(content.bytes()),
                _ => {
                    inner.truth.excuse(self.item, ErrorKind::Read.as_str());
                    inner.note(self.machine.number(), format_args!("file of item {} is not there", self.item));
                    Err(Error::new(ErrorKind::Read, "is not there"))
                }
            }
        })
    }
}

/// Presses files of the plan.
#[derive(Clone)]
pub(crate) struct SimulatedPress(pub(crate) Machine);

impl Press for SimulatedPress {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(self.clone())
    }

    fn estimate(&self, media: &Media) -> Result<u64, press::Error> {
        Ok(Content::read(media.bytes()).map_or(0, |content| content.memory))
    }

    fn plan(&self, media: &Media) -> Result<Plan, press::Error> {
        Ok(Plan::new(Probe::Unread {}, self.estimate(media)?))
    }
}

impl Worker for SimulatedPress {
    fn press(&mut self, media: &Media) -> Result<Pressed, press::Error> {
        let corrupt = || Refusal::new(RefusalKind::Corrupt, Fault::Input, "cannot be read");
        let content = Content::read(media.bytes()).ok_or_else(corrupt)?;
        let (world, machine) = (&self.0.world, self.0.number());
        world.judge(|inner| inner.truth.presses(machine, content.memory));
        if content.is_broken {
            world.lock().truth.excuse_content(content.number, RefusalKind::Corrupt.as_str());
            return Err(corrupt().into());
        }
        let media = Media::sniff(content.pressed()).map_err(|e| press::Error::from(Refusal::from(e)))?;
        Ok(Pressed::new(media, Summary::unchanged(Format::Jpeg)))
    }
}

/// Computes on the one thread there is, after a moment of simulated time; now and then a task is lost, as with a panic.
pub(crate) struct OneThread(pub(crate) Machine);

impl Executor for OneThread {
    fn execute(&self, task: Task) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.0.step().await;
            self.0.works(Duration::from_millis(500)).await;
            let is_lost = {
                let mut inner = self.0.world.lock();
                let odds = inner.mix.press_dies;
                inner.happens(odds)
            };
            if is_lost {
                let mut inner = self.0.world.lock();
                inner.note(self.0.number(), format_args!("a task of the press is lost"));
                inner.truth.excuse_all(ErrorKind::Internal.as_str());
                return;
            }
            task();
        })
    }
}

/// The same, for whoever shares it.
pub(crate) fn press_of(machine: &Machine) -> Arc<dyn Press> {
    Arc::new(SimulatedPress(machine.clone()))
}
