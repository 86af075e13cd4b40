//! `cargo xtask`: one door to set-up, tests, demo, benches and campaigns.
//!
//! Depends on none of our crates, so that it builds in seconds on a bare machine and can install
//! what they need. Heavy work is left to release builds that it starts.

#![forbid(unsafe_code)]

mod bench;
mod check;
mod differential;
mod fuzz;
mod licences;
mod package;
mod setup;
#[cfg(test)]
mod tidy;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use xshell::{Shell, cmd};

use crate::setup::Need;

const HELP: &str = "\
cargo xtask COMMAND

  setup [--all]            install what builds and tests need (--all: also what rivals' benches need)
  demo [--input DIR]       every format through the whole way, against the local emulator
  test [PACKAGE] [--cpus]  all tests, or those of one package; --cpus: base64 kernels on emulated CPUs as well
  ci [--long]              format, licences, lints, docs, features, tests: what main must always pass;
                           --long: 10,000 simulated histories of each kind as well
  licences                 what all of it is built from, held against deny.toml
  check-features           every feature of the facade and of the press compiles without the others
  bench NAME [--rivals]    image, base64, sign, pdf or pipeline; --rivals: next to other people's tools
  bench preflight [--cost | --focus] [--sheets DIR] [--most N]   what preflight finds of good and of spoilt pictures
  bench journal | memory | machines | attempts   what a backfill costs beside its CPU time
  bench gateway            CPU time and memory of a gateway over what pressing costs alone
  package [--program FILE] [--twice]  .deb, tarball and bill of materials, installed into a throw-away root and run;
                           --twice: built once more elsewhere, and compared to the byte
  backfill ARGS…           release build of `sealpress backfill ARGS…`
  chaos [--campaigns N]    kill-and-resume campaigns, seeded
  simulate [--backfill] [--seeds N | --seed N [--trace] [--until STEP] [--shrink]]
                           histories of the pipeline, or of the backfill, judged against the truth
  differential [--corpus DIR]… [--shuffles N]   every picture alone, in batches, isolated, turned; other hands judge
  differential --damage N [--corpus DIR]…   files of every coding, damaged N times in every way: what goes out unseen
  mutants [--count N] [--seed N]  damaged PDFs against pdfium, 20,000 unless told
  mutation [NAME…] [--list]  slips that are built in on purpose, and whether a test sees them
  fuzz [--seconds N] [T…]  every fuzz target (or T…) for N seconds each, 60 unless told
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            // A program that was started and failed passes its own exit code on.
            match error.downcast_ref::<Exit>() {
                Some(Exit(code)) => ExitCode::from(*code),
                None => ExitCode::FAILURE,
            }
        }
    }
}

/// The exit code of a program that we started for the caller.
#[derive(Debug)]
struct Exit(u8);

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the program ended with exit code {}", self.0)
    }
}

impl std::error::Error for Exit {}

fn run() -> anyhow::Result<()> {
    let sh = Shell::new()?;
    let mut args = std::env::args_os().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<OsString> = args.collect();
    if rest.is_empty() || command != "backfill" {
        sh.change_dir(root());
    }
    match command.to_str() {
        Some("setup") => setup_command(&sh, rest),
        Some("demo") => demo(&sh, &rest),
        Some("test") => check::test(&sh, rest),
        Some("ci") => check::ci(&sh, &rest),
        Some("licences") => licences::check(&sh),
        Some("check-features") => check::features(&sh),
        Some("bench") => bench::run(&sh, rest),
        Some("package") => package::run(&sh, rest),
        Some("backfill") => backfill(&sh, &rest),
        Some("chaos") => chaos(&sh, &rest),
        Some("simulate") => simulate(&sh, &rest),
        Some("differential") => differential::run(&sh, rest),
        Some("fuzz") => fuzz::run(&sh, rest),
        Some("mutants") => mutants(&sh, rest),
        Some("mutation") => Ok(cmd!(sh, "python3 xtask/mutation/run.py {rest...}").run()?),
        Some("" | "help" | "--help" | "-h") => {
            print!("{HELP}");
            Ok(())
        }
        _ => {
            eprint!("{HELP}");
            bail!("no such command: {}", command.to_string_lossy())
        }
    }
}

/// The root of the checkout.
fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

fn setup_command(sh: &Shell, rest: Vec<OsString>) -> anyhow::Result<()> {
    let mut needs = vec![Need::Build, Need::Test];
    let mut flags = lexopt::Parser::from_args(rest);
    while let Some(arg) = flags.next()? {
        match arg {
            lexopt::Arg::Long("all") => needs.extend([Need::Bench, Need::Read]),
            other => return Err(other.unexpected().into()),
        }
    }
    setup::install(sh, &needs)
}

fn demo(sh: &Shell, rest: &[OsString]) -> anyhow::Result<()> {
    setup::install(sh, &[Need::Build])?;
    eprintln!("demo: compiling, which takes minutes the first time; cargo tells how far it is");
    // Without the third reader of broken documents: the demo has none, and it takes 42 CPU seconds to compile.
    let of =
        ["--profile", "demo", "--package", "sealpress", "--example", "demo", "--no-default-features", "--features"];
    let features = "heif,isolate,pdf,pipeline";
    passed_through(cmd!(sh, "cargo build {of...} {features}"))?;
    passed_through(cmd!(sh, "cargo run --quiet {of...} {features} -- {rest...}"))
}

/// Runs where the caller stands, since manifests are named relative to that.
fn backfill(sh: &Shell, rest: &[OsString]) -> anyhow::Result<()> {
    setup::install(sh, &[Need::Build])?;
    let manifest = root().join("Cargo.toml");
    passed_through(cmd!(
        sh,
        "cargo run --quiet --release --manifest-path {manifest} --package sealpress-cli --bin sealpress -- backfill {rest...}"
    ))
}

fn chaos(sh: &Shell, rest: &[OsString]) -> anyhow::Result<()> {
    setup::install(sh, &[Need::Build, Need::Test])?;
    passed_through(cmd!(sh, "cargo run --quiet --release --package sealpress-backfill --example chaos -- {rest...}"))
}

/// In the profile of the tests: a history is the same in each, and this one is built already.
fn simulate(sh: &Shell, rest: &[OsString]) -> anyhow::Result<()> {
    setup::install(sh, &[Need::Build])?;
    passed_through(cmd!(sh, "cargo run --quiet --package sealpress-simulator --example simulate -- {rest...}"))
}

/// Damaged PDFs against pdfium: the suite's test with more of them.
fn mutants(sh: &Shell, rest: Vec<OsString>) -> anyhow::Result<()> {
    use lexopt::ValueExt as _;
    let (mut count, mut seed) = (20_000u64, 14u64);
    let mut flags = lexopt::Parser::from_args(rest);
    while let Some(flag) = flags.next()? {
        match flag {
            lexopt::Arg::Long("count") => count = flags.value()?.parse()?,
            lexopt::Arg::Long("seed") => seed = flags.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    setup::install(sh, &[Need::Build, Need::Test])?;
    let (count, seed) = (count.to_string(), seed.to_string());
    let test = cmd!(sh, "cargo test --quiet --release --package sealpress-pdf --test mutants -- --nocapture");
    passed_through(test.env("SEALPRESS_PDF_MUTANTS", count).env("SEALPRESS_PDF_SEED", seed))
}

fn passed_through(command: xshell::Cmd<'_>) -> anyhow::Result<()> {
    let status = command.quiet().ignore_status().output_inherited()?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(Exit(u8::try_from(code).unwrap_or(1)).into()),
        None => bail!("the program was ended by a signal"),
    }
}

/// Runs a command with our own terminal and gives back how it ended.
trait OutputInherited {
    fn output_inherited(self) -> anyhow::Result<std::process::ExitStatus>;
}

impl OutputInherited for xshell::Cmd<'_> {
    fn output_inherited(self) -> anyhow::Result<std::process::ExitStatus> {
        let name = self.to_string();
        std::process::Command::from(self).status().with_context(|| format!("cannot start {name}"))
    }
}
