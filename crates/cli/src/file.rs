//! Files in and out: bounded reading, and writing whole or not at all.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sealpress_media::{Fault, Media};
use sealpress_pipeline as pipeline;

use crate::outcome::Failure;

/// The largest file that is read.
pub(crate) const MAX_INPUT: u64 = 256 << 20;

/// Reads a file and looks at its content.
pub(crate) fn media(path: &Path) -> Result<Media, Failure> {
    let failed = |e: std::io::Error| Failure::from(pipeline::Error::unreadable(e));
    // Asked before the file is opened: opening a pipe would wait for a writer.
    let about = std::fs::metadata(path).map_err(failed)?;
    if !about.is_file() {
        return Err(Failure::new("unreadable", Fault::Caller, "cannot be read: not a regular file"));
    }
    if about.len() > MAX_INPUT {
        return Err(Failure::new(
            "too-large",
            Fault::Limit,
            format!("{} bytes, at most {MAX_INPUT} are read", about.len()),
        ));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|f| f.take(MAX_INPUT).read_to_end(&mut bytes)).map_err(failed)?;
    Media::sniff(bytes).map_err(|e| Failure::new(e.kind().as_str(), e.fault(), e.to_string()))
}

/// Writes a file that is there whole or not at all, for anybody who looks and whatever happens; its
/// owner's alone. Only a plain file is ever replaced: a link, a pipe or a device is somebody's
/// arrangement.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    use std::sync::atomic::{AtomicU64, Ordering};
    static SERIAL: AtomicU64 = AtomicU64::new(0);

    sealpress_backfill::replaceable(path)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let temporary = folder.join(format!(".sealpress-{}-{serial}.tmp", std::process::id()));
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    let written =
        file.write_all(bytes).and_then(|()| file.sync_data()).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}
