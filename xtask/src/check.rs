//! Tests and the gate that main must pass.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, bail};
use xshell::{Shell, cmd};

use crate::setup::{self, Need};

/// What the binary can be built with and is not by default. Always asked for together with the whole
/// workspace: for one package alone cargo would choose other features of what all share, and compile
/// most of it once more.
const OTEL: &str = "sealpress-cli/otel";

/// `cargo test --workspace`, with the counts of every binary added up at the end and every skip
/// repeated, so that nobody takes a skip for a pass.
pub(crate) fn test(sh: &Shell, rest: Vec<OsString>) -> anyhow::Result<()> {
    let mut cpus = false;
    let mut flags = lexopt::Parser::from_args(rest);
    while let Some(arg) = flags.next()? {
        match arg {
            lexopt::Arg::Long("cpus") => cpus = true,
            other => return Err(other.unexpected().into()),
        }
    }
    setup::install(sh, &[Need::Build, Need::Test])?;
    let start = Instant::now();
    let mut tally = Tally::default();
    let passed = tally.run(&["test", "--workspace", "--lib", "--bins", "--tests", "--examples", "--no-fail-fast"])?
        & tally.run(&["test", "--workspace", "--doc", "--no-fail-fast"])?
        & tally.run(&["test", "--workspace", "--features", OTEL, "--test", "cli", "--", "telemetry::"])?;
    for skip in &tally.skips {
        println!("{skip}");
    }
    println!("took {:.0?} without set-up", start.elapsed());
    println!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.skips.len());
    if !passed {
        bail!("tests failed");
    }
    if cpus {
        emulated_cpus(sh)?;
    }
    Ok(())
}

/// Everything that main must always pass.
pub(crate) fn ci(sh: &Shell, rest: &[OsString]) -> anyhow::Result<()> {
    if let Some(arg) = rest.first() {
        bail!("unexpected argument {}", arg.to_string_lossy());
    }
    setup::install(sh, &[Need::Build, Need::Test])?;
    cmd!(sh, "cargo fmt --all -- --check").run()?;
    cmd!(sh, "cargo clippy --workspace --all-targets --quiet -- -D warnings").run()?;
    cmd!(sh, "cargo clippy --workspace --features {OTEL} --all-targets --quiet -- -D warnings").run()?;
    let _docs = sh.push_env("RUSTDOCFLAGS", "-D warnings");
    cmd!(sh, "cargo doc --workspace --no-deps --quiet").run()?;
    drop(_docs);
    if cmd!(sh, "cargo deny --version").quiet().ignore_stdout().ignore_stderr().run().is_ok() {
        cmd!(sh, "cargo deny check licenses bans sources").run()?;
    } else {
        println!("SKIPPED: cargo deny is not installed (cargo install cargo-deny)");
    }
    without_std(sh)?;
    test(sh, Vec::new())
}

/// Compiles base64 without the standard library, for this machine and for those whose targets are
/// installed. The example brings a panic handler of its own, so that it does not compile where
/// anything below it brings std's.
fn without_std(sh: &Shell) -> anyhow::Result<()> {
    let build = ["build", "--quiet", "--package", "sealpress-base64", "--no-default-features", "--example", "no_std"];
    cmd!(sh, "cargo {build...}").run()?;
    for target in ["aarch64-unknown-linux-musl", "aarch64-unknown-none", "thumbv7em-none-eabi"] {
        let folder = cmd!(sh, "rustc --print target-libdir --target {target}").quiet().read()?;
        if sh.path_exists(folder) {
            cmd!(sh, "cargo {build...} --target {target}").run()?;
        } else {
            println!("SKIPPED: base64 without std for {target}: not installed (rustup target add {target})");
        }
    }
    Ok(())
}

#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skips: Vec<String>,
}

impl Tally {
    /// Runs cargo, shows all it prints and counts. False when it failed.
    fn run(&mut self, args: &[&str]) -> anyhow::Result<bool> {
        let mut child = std::process::Command::new("cargo")
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start cargo")?;
        let stderr = child.stderr.take().context("no stderr")?;
        let stdout = child.stdout.take().context("no stdout")?;
        // Skips are written to stderr, because libtest keeps what passing tests print.
        let listener = std::thread::spawn(move || {
            let mut skips = Vec::new();
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = writeln!(std::io::stderr(), "{line}");
                if let Some(at) = line.find("SKIPPED:") {
                    skips.push(line[at..].to_owned());
                }
            }
            skips
        });
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            println!("{line}");
            if let Some(counts) = line.strip_prefix("test result:") {
                self.passed += count(counts, "passed");
                self.failed += count(counts, "failed");
            }
        }
        self.skips.extend(listener.join().unwrap_or_default());
        Ok(child.wait()?.success())
    }
}

/// The number before `word` in `ok. 12 passed; 0 failed; …`.
fn count(line: &str, word: &str) -> u64 {
    let words: Vec<&str> = line.split([' ', ';', '.']).filter(|w| !w.is_empty()).collect();
    words.windows(2).find(|w| w[1] == word).and_then(|w| w[0].parse().ok()).unwrap_or(0)
}

/// The base64 kernels on CPUs that this machine does not have, through qemu's user mode.
fn emulated_cpus(sh: &Shell) -> anyhow::Result<()> {
    let script = crate::root().join("crates/base64/tests/cpus.sh");
    cmd!(sh, "bash {script}").run().context("kernels on emulated CPUs")
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn counts_are_read_from_the_harness_line() {
        let line = " ok. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!((count(line, "passed"), count(line, "failed"), count(line, "nothing")), (12, 3, 0));
    }
}
