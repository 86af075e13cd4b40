use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealpress_media::{Fault, Media};
use serde_json::json;

use crate::outcome::{self, Failure};

/// Says what each file is by its content.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files to look at.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON object per file.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let mut failed = 0;
    for path in &args.files {
        let seen = look(path);
        failed += usize::from(seen.is_err());
        let line = match (&seen, args.json) {
            (Ok(m), true) => {
                json!({"input": path.to_string_lossy(), "ok": true, "format": m.format(), "bytes": m.len()}).to_string()
            }
            (Err(e), true) => json!({"input": path.to_string_lossy(), "ok": false, "error": e}).to_string(),
            (Ok(m), false) => format!("{}: {}, {} bytes", path.display(), m.format(), m.len()),
            (Err(e), false) => format!("{}: {}", path.display(), e.message),
        };
        println!("{line}");
    }
    outcome::exit(failed)
}

fn look(path: &Path) -> Result<Media, Failure> {
    let bytes = std::fs::read(path).map_err(|e| Failure {
        kind: "unreadable",
        fault: Fault::Caller,
        message: format!("cannot be read: {e}"),
    })?;
    Media::sniff(bytes).map_err(|e| Failure { kind: e.kind().as_str(), fault: e.fault(), message: e.to_string() })
}
