//! Fingerprints of manifests.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};

/// SHA-256 of a file, in hex, a MiB at a time.
pub(super) fn file(path: &Path) -> Result<String> {
    let unreadable = |e| Error::caused(ErrorKind::Manifest, format!("{} cannot be read", path.display()), e);
    let mut file = File::open(path).map_err(unreadable)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// The same over the first bytes of a file; `None` where they end in the middle of a line.
pub(super) fn beginning(path: &Path, bytes: u64) -> Result<Option<String>> {
    let unreadable = |e| Error::caused(ErrorKind::Manifest, format!("{} cannot be read", path.display()), e);
    let mut file = File::open(path).map_err(unreadable)?;
    let (mut hash, mut left, mut last) = (Sha256::new(), bytes, 0);
    let mut buffer = vec![0; 1 << 20];
    while left > 0 {
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        match file.read(&mut buffer[..room]).map_err(unreadable)? {
            0 => return Ok(None),
            n => {
                hash.update(&buffer[..n]);
                last = buffer[n - 1];
                left -= n as u64;
            }
        }
    }
    let mut next = [0];
    let n = file.read(&mut next).map_err(unreadable)?;
    let ends = matches!(last, b'\n' | b'\r') || (n == 1 && matches!(next[0], b'\n' | b'\r'));
    Ok(ends.then(|| hex(&hash.finalize())))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
