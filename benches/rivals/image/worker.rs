//! Our side of the rivals' run: normalizes the file named by each line of standard input and
//! answers with one line of JSON, on one thread, with one normalizer kept warm.
//!
//! Line: `FILE<TAB>OUT` (OUT may be empty). Answer: `{"cpu_ms", "bytes", "rss_kb", "error"}`.

use std::io::{BufRead, Write};

use sealpress_image::{Normalizer, Policy};
use sealpress_media::Media;

fn main() -> std::io::Result<()> {
    // Both sides run C here; `--rust-hevc` is what a machine without libavcodec gets.
    let mut policy = Policy::default().with_native_hevc();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--rust-hevc" => policy.native_hevc = false,
            "--re-encode" => policy = policy.without_pass_through(),
            json => policy = serde_json::from_str(json).map_err(std::io::Error::other)?,
        }
    }
    let mut normalizer = Normalizer::new(policy);
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (file, save) = line.split_once('\t').unwrap_or((&line, ""));
        let bytes = std::fs::read(file)?;
        let begun = cpu_ms();
        let result = Media::sniff(bytes)
            .map_err(|e| e.to_string())
            .and_then(|media| normalizer.normalize(&media).map_err(|e| e.to_string()));
        let cpu = cpu_ms() - begun;
        let (len, error) = match &result {
            Ok(done) => (done.media().len(), String::new()),
            Err(error) => (0, error.clone()),
        };
        if let (Ok(done), false) = (&result, save.is_empty()) {
            std::fs::write(save, done.media().bytes())?;
        }
        let answer = serde_json::json!({ "cpu_ms": cpu, "bytes": len, "rss_kb": peak_rss()?, "error": error });
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

/// CPU time of this process in milliseconds, to the nanosecond.
fn cpu_ms() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Peak resident memory in KiB.
fn peak_rss() -> std::io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or_default();
    Ok(line.trim().trim_end_matches(" kB").trim().parse().unwrap_or_default())
}
