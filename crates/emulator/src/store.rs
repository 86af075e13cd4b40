//! The bytes of the media: on disk under a data directory, or in memory under a cap.
//!
//! A data directory outlives the emulator: `credentials.json`, an append-only `events.jsonl` (one changed
//! session or one new medium per line) and `media/<session>/<order>-<context>-<id>.<ext>`.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};
use crate::ledger::{MediaRecord, SessionRecord};
use crate::sniff;

/// Where bytes go.
#[derive(Debug)]
pub(crate) enum Store {
    Disk { root: PathBuf, events: Mutex<File> },
    Memory { cap: u64, kept: Mutex<Kept> },
}

#[derive(Debug, Default)]
pub(crate) struct Kept {
    bytes: HashMap<String, Bytes>,
    order: VecDeque<String>,
    total: u64,
}

/// One line of `events.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    /// The session as it is now, its media lists left empty.
    Session(SessionRecord),
    /// One more medium.
    Media(MediaRecord),
}

impl Store {
    /// Bytes in memory, the oldest dropped when `cap` is passed; 0 keeps none.
    pub(crate) fn memory(cap: u64) -> Self {
        Self::Memory { cap, kept: Mutex::default() }
    }

    /// Bytes and records under `root`, which is made when missing; also what an earlier run left there.
    pub(crate) fn disk(root: &Path) -> Result<(Self, Vec<Event>), Error> {
        let fail = |e| Error::io(ErrorKind::Storage, "the data directory cannot be used", e);
        fs::create_dir_all(root.join("media")).map_err(fail)?;
        let path = root.join("events.jsonl");
        let mut found = Vec::new();
        let mut torn = false;
        if let Ok(file) = File::open(&path) {
            let mut reader = BufReader::new(file);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).map_err(fail)? > 0 {
                torn = line.last() != Some(&b'\n');
                // A torn last line is what a kill leaves behind.
                if let Ok(event) = serde_json::from_slice(&line) {
                    found.push(event);
                }
                line.clear();
            }
        }
        let mut events = OpenOptions::new().create(true).append(true).open(path).map_err(fail)?;
        if torn {
            events.write_all(b"\n").map_err(fail)?;
        }
        Ok((Self::Disk { root: root.to_owned(), events: Mutex::new(events) }, found))
    }

    /// Keeps the bytes of a new medium.
    pub(crate) fn put(&self, media: &MediaRecord, bytes: &Bytes) -> Result<(), Error> {
        match self {
            Self::Disk { root, .. } => {
                let path = path_of(root, media);
                let fail = |e| Error::io(ErrorKind::Storage, "a medium could not be written", e);
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder).map_err(fail)?;
                }
                fs::write(path, bytes).map_err(fail)?;
                self.note(&Event::Media(media.clone()));
            }
            Self::Memory { cap, kept } => {
                let len = bytes.len() as u64;
                if len > *cap {
                    return Ok(());
                }
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                while kept.total + len > *cap {
                    let Some(oldest) = kept.order.pop_front() else { break };
                    if let Some(gone) = kept.bytes.remove(&oldest) {
                        kept.total -= gone.len() as u64;
                    }
                }
                kept.total += len;
                kept.order.push_back(media.id.clone());
                // The body buffer of the request is larger and lives on in a slice of it: keep a copy.
                kept.bytes.insert(media.id.clone(), Bytes::copy_from_slice(bytes));
            }
        }
        Ok(())
    }

    /// The bytes of a medium, unless they were dropped.
    pub(crate) fn get(&self, media: &MediaRecord) -> Option<Bytes> {
        match self {
            Self::Disk { root, .. } => fs::read(path_of(root, media)).ok().map(Bytes::from),
            Self::Memory { kept, .. } => {
                kept.lock().unwrap_or_else(PoisonError::into_inner).bytes.get(&media.id).cloned()
            }
        }
    }

    /// Erases a medium.
    pub(crate) fn remove(&self, media: &MediaRecord) {
        match self {
            Self::Disk { root, .. } => {
                let _ = fs::remove_file(path_of(root, media));
            }
            Self::Memory { kept, .. } => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(gone) = kept.bytes.remove(&media.id) {
                    kept.total -= gone.len() as u64;
                    kept.order.retain(|id| *id != media.id);
                }
            }
        }
    }

    /// Writes down how a session stands.
    pub(crate) fn note_session(&self, session: &SessionRecord) {
        if matches!(self, Self::Disk { .. }) {
            let mut bare = session.clone();
            bare.attempts.iter_mut().for_each(|a| a.media.clear());
            self.note(&Event::Session(bare));
        }
    }

    fn note(&self, event: &Event) {
        if let Self::Disk { events, .. } = self
            && let Ok(mut line) = serde_json::to_vec(event)
        {
            line.push(b'\n');
            let mut file = events.lock().unwrap_or_else(PoisonError::into_inner);
            // One write per line, so that a kill tears at most the last one.
            if let Err(e) = file.write_all(&line) {
                eprintln!("emulator: the event file could not be written: {e}");
            }
        }
    }
}

/// Only characters that are harmless in a file name, and few of them.
fn safe(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_').take(64).collect()
}

fn path_of(root: &Path, media: &MediaRecord) -> PathBuf {
    let name = format!(
        "{:06}-{}-{}.{}",
        media.order,
        safe(&media.context),
        safe(&media.id),
        sniff::extension(&media.mimetype)
    );
    root.join("media").join(safe(&media.session)).join(name)
}
