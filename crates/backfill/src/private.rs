//! Files that are nobody else's business: journals, results and media carry people's names. Folders
//! that are made here are their owner's alone, and so are files.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a folder, and those above it, for its owner alone. One that is there stays as it is, unless
/// it was made here before.
pub(crate) fn folder(path: &Path) -> io::Result<()> {
    let ours = path.extension().is_some_and(|ending| ending == "sealpress");
    if path.is_dir() {
        return if ours { restrict(path, 0o700) } else { Ok(()) };
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a file for its owner alone, or empties the one that is there.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    options().truncate(true).open(path)
}

/// Opens a file for writing, made for its owner alone where there is none.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    options().read(true).truncate(false).open(path)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Takes everybody else's rights away.
pub(crate) fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let now = std::fs::metadata(path)?.permissions().mode();
        if now & 0o077 != 0 {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        }
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}

/// Whether a file may be put here: over nothing, or over a plain file. A link, a pipe or a device is
/// somebody's arrangement and stays.
///
/// # Errors
/// `AlreadyExists` for anything else.
pub fn replaceable(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(about) if about.is_file() => Ok(()),
        Ok(about) => {
            let what = if about.is_symlink() {
                "a link"
            } else if about.is_dir() {
                "a folder"
            } else {
                "a pipe or a device"
            };
            Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{what} is there, and is not replaced")))
        }
        Err(_) => Ok(()),
    }
}
