//! Normalizes the files whose paths come on standard input, in their order, by one normalizer for each worker, and
//! says what became of each in a line of JSON. `cargo xtask differential` compares this with the isolated press.

use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sealpress_image::{Normalizer, Policy};
use sealpress_media::Media;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(out), Some(workers)) = (args.next(), args.next()) else {
        return Err("usage: normalize OUT_FOLDER WORKERS [decode] < PATHS".into());
    };
    // With this word, nothing passes through.
    let passes = args.next().as_deref() != Some("decode");
    let paths: Vec<String> = std::io::stdin().lock().lines().collect::<Result<_, _>>()?;
    let (next, workers) = (AtomicUsize::new(0), workers.parse::<usize>()?);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut policy = Policy::default().with_time_budget(Duration::from_secs(60));
                policy.pass_through = passes;
                let mut normalizer = Normalizer::new(policy);
                while let Some((i, path)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, paths.get(i)?)))
                {
                    let line = one(&mut normalizer, path, &Path::new(&out).join(i.to_string()));
                    // Whoever does not listen any more needs no answer.
                    let _ = writeln!(std::io::stdout(), "{line}");
                }
            });
        }
    });
    Ok(())
}

fn one(normalizer: &mut Normalizer, path: &str, out: &Path) -> serde_json::Value {
    let refused = |kind: &str, message: String| serde_json::json!({"file": path, "ok": false, "error": {"kind": kind, "message": message}});
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) => return refused("unreadable", e.to_string()),
    };
    let media = match Media::sniff(bytes) {
        Ok(media) => media,
        Err(e) => return refused(e.kind().as_str(), e.to_string()),
    };
    match normalizer.normalize(&media) {
        Err(e) => refused(e.kind().as_str(), e.to_string()),
        Ok(done) => {
            if let Err(e) = std::fs::write(out, done.media().bytes()) {
                return refused("unwritable", e.to_string());
            }
            let report = done.report();
            serde_json::json!({
                "file": path, "ok": true, "output": out, "actions": report.actions, "warnings": report.warnings,
            })
        }
    }
}
