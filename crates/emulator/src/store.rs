//! The bytes of the media: on disk under a data directory, or in memory, under a cap either way.
//!
//! A data directory outlives the emulator: `credentials.json`, an append-only `events.jsonl` (one changed
//! session or one new medium per line) and `media/<session>/<order>-<context>-<id>.<ext>`.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};
use crate::ledger::{FaceRecord, MediaRecord, SessionRecord};
use crate::sniff;

/// Where bytes go.
#[derive(Debug)]
pub(crate) enum Store {
    Disk { root: PathBuf, events: Mutex<File>, cap: u64, kept: Mutex<Kept<PathBuf>> },
    Memory { cap: u64, kept: Mutex<Kept<Bytes>> },
}

/// What is kept, oldest first, and how much of it there is.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    of: HashMap<String, (u64, T)>,
    order: VecDeque<String>,
    total: u64,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { of: HashMap::new(), order: VecDeque::new(), total: 0 }
    }
}

impl<T> Kept<T> {
    /// Takes note of a medium, and says which must go so that all are within the cap.
    fn add(&mut self, id: &str, len: u64, what: T, cap: u64) -> Vec<T> {
        let mut gone = Vec::new();
        while self.total + len > cap {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some((len, what)) = self.of.remove(&oldest) {
                self.total -= len;
                gone.push(what);
            }
        }
        self.total += len;
        self.order.push_back(id.to_owned());
        self.of.insert(id.to_owned(), (len, what));
        gone
    }

    fn remove(&mut self, id: &str) -> Option<T> {
        let (len, what) = self.of.remove(id)?;
        self.total -= len;
        self.order.retain(|kept| kept != id);
        Some(what)
    }
}

/// One line of `events.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    /// The session as it is now, its media lists left empty.
    Session(SessionRecord),
    /// One more medium.
    Media(MediaRecord),
    /// One more imported face.
    Face(FaceRecord),
}

impl Store {
    /// Bytes in memory, the oldest dropped when `cap` is passed; 0 keeps none.
    pub(crate) fn memory(cap: u64) -> Self {
        Self::Memory { cap, kept: Mutex::default() }
    }

    /// Bytes and records under `root`, which is made when missing; also what an earlier run left there.
    pub(crate) fn disk(root: &Path, cap: u64) -> Result<(Self, Vec<Event>), Error> {
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
        let mut kept = Kept::default();
        for event in &found {
            if let Event::Media(media) = event
                && let path = path_of(root, media)
                && path.exists()
            {
                kept.add(&media.id, media.size, path, cap).iter().for_each(erase);
            }
        }
        Ok((Self::Disk { root: root.to_owned(), events: Mutex::new(events), cap, kept: Mutex::new(kept) }, found))
    }

    /// Keeps the bytes of a new medium.
    pub(crate) fn put(&self, media: &MediaRecord, bytes: &Bytes) -> Result<(), Error> {
        match self {
            Self::Disk { root, cap, kept, .. } => {
                if bytes.len() as u64 <= *cap {
                    let path = path_of(root, media);
                    let fail = |e| Error::io(ErrorKind::Storage, "a medium could not be written", e);
                    if let Some(folder) = path.parent() {
                        fs::create_dir_all(folder).map_err(fail)?;
                    }
                    fs::write(&path, bytes).map_err(fail)?;
                    lock(kept).add(&media.id, media.size, path, *cap).iter().for_each(erase);
                }
                self.note(&Event::Media(media.clone()));
            }
            Self::Memory { cap, kept } => {
                if bytes.len() as u64 <= *cap {
                    // The body buffer of the request is larger and lives on in a slice of it: keep a copy.
                    lock(kept).add(&media.id, bytes.len() as u64, Bytes::copy_from_slice(bytes), *cap);
                }
            }
        }
        Ok(())
    }

    /// The bytes of a medium, unless they were dropped.
    pub(crate) fn get(&self, media: &MediaRecord) -> Option<Bytes> {
        match self {
            Self::Disk { root, .. } => fs::read(path_of(root, media)).ok().map(Bytes::from),
            Self::Memory { kept, .. } => lock(kept).of.get(&media.id).map(|(_, bytes)| bytes.clone()),
        }
    }

    /// Erases a medium.
    pub(crate) fn remove(&self, media: &MediaRecord) {
        match self {
            Self::Disk { kept, .. } => {
                lock(kept).remove(&media.id).iter().for_each(erase);
            }
            Self::Memory { kept, .. } => {
                lock(kept).remove(&media.id);
            }
        }
    }

    /// Erases everything.
    pub(crate) fn clear(&self) -> Result<(), Error> {
        match self {
            Self::Disk { root, events, kept, .. } => {
                let fail = |e| Error::io(ErrorKind::Storage, "the data directory could not be emptied", e);
                *lock(kept) = Kept::default();
                fs::remove_dir_all(root.join("media")).map_err(fail)?;
                fs::create_dir_all(root.join("media")).map_err(fail)?;
                // Opened for appending: what follows begins at the start again.
                lock(events).set_len(0).map_err(fail)?;
            }
            Self::Memory { kept, .. } => *lock(kept) = Kept::default(),
        }
        Ok(())
    }

    /// Writes down a face.
    pub(crate) fn note_face(&self, face: &FaceRecord) {
        self.note(&Event::Face(face.clone()));
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
            let mut file = lock(events);
            // One write per line, so that a kill tears at most the last one.
            if let Err(e) = file.write_all(&line) {
                eprintln!("emulator: the event file could not be written: {e}");
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn erase(path: &PathBuf) {
    // It may be gone already: somebody tidied up.
    let _ = fs::remove_file(path);
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
