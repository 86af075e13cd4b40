//! The lock beside a journal: one process writes, and whether a journal was begun is remembered.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// Takes the lock; whether a journal was begun beside it before.
pub(super) fn take(path: &Path) -> Result<(File, bool)> {
    let io = |e| Error::caused(ErrorKind::Io, format!("{} cannot be locked", path.display()), e);
    let mut file = crate::private::open(path).map_err(io)?;
    let mut text = String::new();
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let _ = file.read_to_string(&mut text);
            let holder = text.lines().next().unwrap_or_default().trim();
            let by = if holder.is_empty() { String::new() } else { format!(" (process {holder})") };
            let message = format!("another process{by} is working on this journal: {}", path.display());
            return Err(Error::new(ErrorKind::Locked, message));
        }
        Err(TryLockError::Error(e)) => return Err(io(e)),
    }
    let _ = file.read_to_string(&mut text);
    let begun = text.lines().any(|line| line == BEGUN);
    // The number is for the message above only; the lock itself ends with the process.
    write_lock(&file, begun);
    Ok((file, begun))
}

/// Whether a process works on the journal beside this lock.
pub(super) fn is_held(path: &Path) -> bool {
    // Shared, so that two who look do not take each other for a worker.
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The line of the lock that says that the journal has its tables.
const BEGUN: &str = "begun";

pub(super) fn mark_begun(lock: &File) {
    write_lock(lock, true);
}

fn write_lock(mut file: &File, begun: bool) {
    use std::io::{Seek as _, SeekFrom};
    let text = format!("{}\n{}", std::process::id(), if begun { BEGUN } else { "" });
    let _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(text.as_bytes()));
    let _ = file.set_len(text.len() as u64);
}
