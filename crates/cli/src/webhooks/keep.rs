//! Webhooks on disk: one line each, durable before anybody hears that it was kept, and each once.
//!
//! Lines that wait for the disk share its flush, so that a burst costs few of them. A torn last line, which
//! a crash leaves behind, was never answered for: it is closed and comes again.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};

/// Lines that may wait for the disk; more wait for their turn.
const QUEUE: usize = 1024;

/// The file, its writer's thread, and the ids that it holds.
#[derive(Clone)]
pub(super) struct Keeper {
    known: Arc<Mutex<HashSet<String>>>,
    lines: mpsc::Sender<(Vec<u8>, oneshot::Sender<bool>)>,
}

/// What became of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is on disk now.
    Now,
    /// It was before.
    Before,
    /// The disk did not take it.
    Not,
}

impl Keeper {
    /// Opens the file, owner's eyes only, and reads which webhooks it holds.
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        // Two servers over one file would each keep what the other has.
        file.try_lock().map_err(|_| std::io::Error::other("another process has it open"))?;
        let (known, torn) = ids(&file)?;
        if torn {
            file.write_all(b"\n")?;
        }
        file.sync_all()?;
        if let Some(folder) = path.parent() {
            // The name, too, has to outlive a crash.
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            File::open(folder)?.sync_all()?;
        }
        let (lines, waiting) = mpsc::channel(QUEUE);
        std::thread::Builder::new().name("webhooks".into()).spawn(move || write(file, waiting))?;
        Ok(Self { known: Arc::new(Mutex::new(known)), lines })
    }

    /// How many webhooks the file holds.
    pub(super) fn known(&self) -> usize {
        self.ids().len()
    }

    /// Whether the file holds it.
    pub(super) fn holds(&self, id: &str) -> bool {
        self.ids().contains(id)
    }

    /// Appends a line under this id, unless there is one; comes back when it is durable.
    pub(super) async fn keep(&self, id: &str, mut line: Vec<u8>) -> Kept {
        if self.holds(id) {
            return Kept::Before;
        }
        line.push(b'\n');
        let (told, durable) = oneshot::channel();
        if self.lines.send((line, told)).await.is_err() || durable.await != Ok(true) {
            return Kept::Not;
        }
        self.ids().insert(id.to_owned());
        Kept::Now
    }

    fn ids(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ids of all whole lines, and whether the last one lacks its end.
fn ids(file: &File) -> std::io::Result<(HashSet<String>, bool)> {
    #[derive(Deserialize)]
    struct Line {
        id: String,
    }
    let (mut known, mut torn) = (HashSet::new(), false);
    let (mut reader, mut line) = (BufReader::new(file), Vec::new());
    while reader.read_until(b'\n', &mut line)? > 0 {
        torn = line.last() != Some(&b'\n');
        // One that lacks its end alone is whole, and stands in the file.
        if let Ok(Line { id }) = serde_json::from_slice(&line) {
            known.insert(id);
        }
        line.clear();
    }
    Ok((known, torn))
}

/// Writes and flushes whatever waits, together; then says so.
fn write(mut file: File, mut waiting: mpsc::Receiver<(Vec<u8>, oneshot::Sender<bool>)>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < QUEUE
            && let Ok(next) = waiting.try_recv()
        {
            batch.push(next);
        }
        let lines: Vec<u8> = batch.iter().flat_map(|(line, _)| line).copied().collect();
        let before = file.metadata().map(|about| about.len());
        let durable = before.as_ref().is_ok() && file.write_all(&lines).and_then(|()| file.sync_data()).is_ok();
        if !durable {
            crate::print::note("sealpress: webhooks cannot be written");
            // What is half there would tear the next line.
            if let Ok(length) = before {
                let _ = file.set_len(length);
            }
        }
        // Whoever asked may be gone.
        for (_, told) in batch {
            let _ = told.send(durable);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str) -> Vec<u8> {
        format!(r#"{{"id":"{id}","body":{{}}}}"#).into_bytes()
    }

    #[tokio::test]
    async fn each_is_kept_once_also_by_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("webhooks.jsonl");
        let keeper = Keeper::open(&path).unwrap();
        assert!(Keeper::open(&path).is_err(), "two servers over one file");
        assert_eq!(keeper.keep("a", line("a")).await, Kept::Now);
        assert_eq!(keeper.keep("a", line("a")).await, Kept::Before);
        let many = (0..50).map(|n| {
            let keeper = keeper.clone();
            tokio::spawn(async move { keeper.keep(&n.to_string(), line(&n.to_string())).await })
        });
        for kept in many.collect::<Vec<_>>() {
            assert_eq!(kept.await.unwrap(), Kept::Now);
        }
        drop(keeper);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 51);
        let next = reopened(&path);
        assert_eq!((next.known(), next.keep("7", line("7")).await), (51, Kept::Before));
    }

    #[tokio::test]
    async fn a_torn_line_was_not_kept_and_does_not_tear_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("webhooks.jsonl");
        std::fs::write(&path, [&line("a")[..], b"\n", &line("b")[..10]].concat()).unwrap();
        let keeper = reopened(&path);
        assert_eq!((keeper.known(), keeper.holds("b")), (1, false));
        assert_eq!(keeper.keep("b", line("b")).await, Kept::Now);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().last().unwrap().as_bytes(), line("b"));
        drop(keeper);
        // What lacks its end alone is there, and is not kept twice.
        std::fs::write(&path, [&line("a")[..], b"\n", &line("b")].concat()).unwrap();
        let keeper = reopened(&path);
        assert_eq!((keeper.keep("b", line("b")).await, keeper.keep("c", line("c")).await), (Kept::Before, Kept::Now));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
    }

    #[test]
    fn others_on_the_machine_cannot_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("webhooks.jsonl");
        let _keeper = Keeper::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    /// The writer's thread lets the file go a moment after its keeper.
    fn reopened(path: &Path) -> Keeper {
        for _ in 0..500 {
            if let Ok(keeper) = Keeper::open(path) {
                return keeper;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("the file is never let go")
    }
}
