//! Fuzz targets, one after the other, on the stable toolchain.

use std::ffi::OsString;

use anyhow::{Context, bail};
use lexopt::ValueExt;
use xshell::{Shell, cmd};

use crate::setup::{self, Need};

pub(crate) fn run(sh: &Shell, rest: Vec<OsString>) -> anyhow::Result<()> {
    let mut seconds = 60_u64;
    let mut targets: Vec<String> = Vec::new();
    let mut flags = lexopt::Parser::from_args(rest);
    while let Some(arg) = flags.next()? {
        match arg {
            lexopt::Arg::Long("seconds") => seconds = flags.value()?.parse()?,
            lexopt::Arg::Value(name) => targets.push(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    setup::install(sh, &[Need::Build])?;
    if cmd!(sh, "cargo fuzz --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        eprintln!("fuzz: installing cargo-fuzz");
        cmd!(sh, "cargo install --quiet --locked cargo-fuzz").run()?;
    }
    // libFuzzer's instrumentation is a nightly flag; stable compilers take it when told to.
    let _stable = sh.push_env("RUSTC_BOOTSTRAP", "1");
    let _in = sh.push_dir("fuzz");
    if targets.is_empty() {
        targets = cmd!(sh, "cargo fuzz list").quiet().read()?.lines().map(str::to_owned).collect();
    }
    if targets.is_empty() {
        bail!("no fuzz targets");
    }
    let seconds = seconds.to_string();
    for target in &targets {
        // libFuzzer writes into the first folder: the ignored corpus stands before the committed seeds.
        let corpus = format!("corpus/{target}");
        let seeds = format!("seeds/{target}");
        sh.create_dir(&corpus)?;
        seed(sh, target, &corpus)?;
        let folders: Vec<&String> = [&corpus, &seeds].into_iter().filter(|d| sh.path_exists(d)).collect();
        let folders = folders.as_slice();
        // The trimmer guards its work with threads, and the C library's list of what a thread does at its
        // end looks like a leak to whoever checks in the middle of that end.
        let leaks = if target.starts_with("pdf_") { "-detect_leaks=0" } else { "-detect_leaks=1" };
        cmd!(
            sh,
            "cargo fuzz run {target} {folders...} -- {leaks} -max_total_time={seconds} -timeout=10 -rss_limit_mb=2048 -print_final_stats=1"
        )
        .run()
        .with_context(|| format!("fuzz target {target}"))?;
    }
    println!("{} targets ran clean for {seconds} s each", targets.len());
    Ok(())
}

/// Largest file worth mutating, in bytes.
const SEED_BYTES: u64 = 64 << 10;

/// Gives a picture target something to begin with: the small specimens of its format, and those of
/// the shared corpus where it is there. PDF targets have seeds of their own.
fn seed(sh: &Shell, target: &str, corpus: &str) -> anyhow::Result<()> {
    let Some(format) = target.strip_prefix("image_") else { return Ok(()) };
    let names: &[&str] = match format {
        "jpeg" => &["jpg", "jpeg"],
        "heif" => &["heic", "heif", "avif"],
        "png" => &["png"],
        "webp" => &["webp"],
        _ => return Ok(()),
    };
    let root = crate::root();
    let mut folders = vec![root.join("testdata").join(if format == "heif" { "heic" } else { format })];
    if let Ok(shared) = sh.read_dir(root.join("../shared/corpus")) {
        folders.extend(shared);
    }
    folders.push(root.join("../shared/cases/picture"));
    for file in folders.iter().filter(|f| f.is_dir()).flat_map(|f| sh.read_dir(f).unwrap_or_default()) {
        let ours = file.extension().and_then(|e| e.to_str()).is_some_and(|e| names.contains(&e));
        let small = std::fs::metadata(&file).is_ok_and(|m| m.len() <= SEED_BYTES);
        if let (true, true, Some(name)) = (ours, small, file.file_name()) {
            sh.copy_file(&file, std::path::Path::new(corpus).join(name))?;
        }
    }
    Ok(())
}
