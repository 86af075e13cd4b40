//! Where the judges written in Python live.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::skip;

/// The tests' Python, if it has these modules (separated by commas): the one that
/// `SEALPRESS_PYTHON` names, or the one that `cargo xtask setup` makes. Without it the skip is
/// printed.
pub fn python(modules: &str) -> Option<PathBuf> {
    let named = std::env::var_os("SEALPRESS_PYTHON").filter(|path| !path.is_empty()).map(PathBuf::from);
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/bin/python");
    let has = |python: &PathBuf| {
        let import = format!("import {modules}");
        Command::new(python).args(["-c", &import]).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    };
    let found = named.into_iter().chain([made]).find(has);
    if found.is_none() {
        skip(format!("no Python with {modules} (cargo xtask setup makes one)"));
    }
    found
}
