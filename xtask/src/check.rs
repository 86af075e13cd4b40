//! Tests and the gate that main must pass.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, bail};
use lexopt::ValueExt;
use xshell::{Shell, cmd};

use crate::licences;
use crate::setup::{self, Need};

/// What the program can be built with and is not by default. Always asked for together with the whole
/// workspace: for one package alone cargo would choose other features of what all share, and compile
/// most of it once more.
const OTEL: &str = "sealpress-cli/otel";

/// What property tests start from where nobody says otherwise: the gate asks everybody the same questions, so that it
/// fails for what was changed and not by chance. `cargo test` by itself asks new ones every time, and so does
/// `cargo xtask ci --long`.
const QUESTIONS: (&str, &str) = ("PROPTEST_RNG_SEED", "20261129");

/// `cargo test` of the workspace or of one package, with the counts of every binary added up at the end
/// and every skip repeated, so that nobody takes a skip for a pass. Where `CI` is set a skip is a failure, unless it is
/// the CPU that lacks something: no set-up installs that.
pub(crate) fn test(sh: &Shell, rest: Vec<OsString>) -> anyhow::Result<()> {
    let (mut cpus, mut package) = (false, None);
    let mut flags = lexopt::Parser::from_args(rest);
    while let Some(arg) = flags.next()? {
        match arg {
            lexopt::Arg::Long("cpus") => cpus = true,
            lexopt::Arg::Value(name) if package.is_none() => package = Some(package_name(&name.string()?)?),
            other => return Err(other.unexpected().into()),
        }
    }
    setup::install(sh, &[Need::Build, Need::Test])?;
    let start = Instant::now();
    let mut tally = Tally::default();
    let passed = match &package {
        None => {
            tally.run(&[
                "test",
                "--workspace",
                "--features",
                OTEL,
                "--lib",
                "--bins",
                "--tests",
                "--examples",
                "--no-fail-fast",
            ])? & tally.run(&["test", "--workspace", "--features", OTEL, "--doc", "--no-fail-fast"])?
        }
        Some(name) => tally.run(&["test", "--package", name, "--no-fail-fast"])?,
    };
    tally.tell(start);
    if !passed {
        bail!("tests failed");
    }
    if !tally.skips.is_empty() && in_ci() {
        bail!("a skip counts as a failure where CI is set");
    }
    if cpus {
        emulated_cpus(sh)?;
    }
    Ok(())
}

/// `pdf` and `sealpress-pdf` are the same package; `xtask` and `sealpress` are themselves.
fn package_name(name: &str) -> anyhow::Result<String> {
    let folder = name.strip_prefix("sealpress-").unwrap_or(name);
    match folder {
        "sealpress" | "xtask" => Ok(folder.to_owned()),
        "benches" => Ok("sealpress-benches".to_owned()),
        _ if crate::root().join("crates").join(folder).join("Cargo.toml").is_file() => {
            Ok(format!("sealpress-{folder}"))
        }
        _ => bail!("there is no crates/{folder}"),
    }
}

/// Everything that main must always pass: what `.ci/run` runs.
pub(crate) fn ci(sh: &Shell, rest: &[OsString]) -> anyhow::Result<()> {
    let is_long = match rest {
        [] => false,
        [arg] if arg == "--long" => true,
        [arg, ..] => bail!("unexpected argument {}", arg.to_string_lossy()),
    };
    setup::install(sh, &[Need::Build, Need::Test])?;
    let stage = |name: &str, run: &mut dyn FnMut() -> anyhow::Result<()>| {
        let start = Instant::now();
        run().with_context(|| name.to_owned())?;
        println!("ci: {name} passed in {:.0?}", start.elapsed());
        anyhow::Ok(())
    };
    stage("format", &mut || Ok(cmd!(sh, "cargo fmt --all -- --check").run()?))?;
    stage("licences, bans, sources", &mut || licences::check(sh))?;
    stage("lints", &mut || Ok(cmd!(sh, "cargo clippy --workspace --all-targets --quiet -- -D warnings").run()?))?;
    stage("lints of what is optional", &mut || {
        Ok(cmd!(sh, "cargo clippy --package sealpress-cli --features otel --all-targets --quiet -- -D warnings")
            .run()?)
    })?;
    stage("docs", &mut || {
        let _docs = sh.push_env("RUSTDOCFLAGS", "-D warnings");
        Ok(cmd!(sh, "cargo doc --workspace --no-deps --quiet").run()?)
    })?;
    stage("the second HEIF reader", &mut || libheif(sh))?;
    stage("features, each alone", &mut || features(sh))?;
    stage("base64 without std", &mut || without_std(sh))?;
    stage("tests", &mut || test(sh, Vec::new()))?;
    if is_long {
        stage("properties, asked anew", &mut || {
            Ok(cmd!(sh, "cargo test --quiet --workspace --features {OTEL} --lib --tests").run()?)
        })?;
        let simulate = ["run", "--quiet", "--package", "sealpress-simulator", "--example", "simulate", "--"];
        // The first few hundred of each are told by the tests.
        for what in [&["--seeds", "10000", "--from", "1000"][..], &["--backfill", "--seeds", "10000", "--from", "1000"]]
        {
            stage("histories", &mut || Ok(cmd!(sh, "cargo {simulate...} {what...}").run()?))?;
        }
    }
    Ok(())
}

/// Packages whose features somebody takes one by one, and what has to compile of each.
const FEATURES: &[(&str, &[&str])] = &[
    (
        "sealpress",
        &[
            "",
            "image",
            "heif",
            "image,isolate",
            "pdf",
            "pdf-fallback",
            "pdf,isolate",
            "image,pdf,client",
            "client",
            "pipeline",
        ],
    ),
    ("sealpress-base64", &["", "std"]),
    ("sealpress-image", &[""]),
    ("sealpress-pdf", &[""]),
    ("sealpress-press", &["", "image", "heif", "pdf", "pdf-fallback", "isolate"]),
];

/// `cargo xtask check-features`: each feature compiles without the others.
pub(crate) fn features(sh: &Shell) -> anyhow::Result<()> {
    for (package, sets) in FEATURES {
        for features in *sets {
            cmd!(sh, "cargo check --quiet --package {package} --no-default-features --features {features}")
                .run()
                .with_context(|| format!("{package} with features `{features}` alone"))?;
        }
    }
    Ok(())
}

/// The feature `libheif`, which no default has: its lints, and its tests against the machine's libheif.
fn libheif(sh: &Shell) -> anyhow::Result<()> {
    let what = ["--quiet", "--package", "sealpress-press", "--features", "libheif", "--test", "libheif"];
    cmd!(sh, "cargo clippy {what...} -- -D warnings").run()?;
    cmd!(sh, "cargo test {what...}").run()?;
    let unit = ["--quiet", "--package", "sealpress-image", "--features", "libheif", "--lib", "heif::foreign"];
    Ok(cmd!(sh, "cargo test {unit...}").run()?)
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
            // Not a test that was skipped: what other targets this machine can compile for is a property of
            // it, and where their libraries cannot be had the build for this one has to do.
            println!(
                "note: base64 without std is not compiled for {target}, which is not installed (rustup target add {target})"
            );
        }
    }
    Ok(())
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skips: Vec<String>,
    /// What this CPU cannot run.
    not_here: Vec<String>,
}

impl Tally {
    fn tell(&self, start: Instant) {
        for line in self.not_here.iter().chain(&self.skips) {
            println!("{line}");
        }
        println!("took {:.0?} without set-up", start.elapsed());
        if !self.not_here.is_empty() {
            println!("{} not tried in full on this CPU", self.not_here.len());
        }
        println!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skips.len());
    }

    /// Runs cargo, shows all it prints and counts. False when it failed.
    fn run(&mut self, args: &[&str]) -> anyhow::Result<bool> {
        let mut child = std::process::Command::new("cargo")
            .args(args)
            .env(QUESTIONS.0, std::env::var_os(QUESTIONS.0).unwrap_or_else(|| QUESTIONS.1.into()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start cargo")?;
        let stderr = child.stderr.take().context("no stderr")?;
        let stdout = child.stdout.take().context("no stdout")?;
        // Skips are written to stderr, because libtest keeps what passing tests print.
        let listener = std::thread::spawn(move || {
            let mut told = Vec::new();
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = writeln!(std::io::stderr(), "{line}");
                told.extend(Some(line).filter(|line| skip(line).is_some() || not_here(line).is_some()));
            }
            told
        });
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            println!("{line}");
            // A skip on the wrong stream is a skip all the same.
            self.note(&line);
            if let Some(counts) = line.strip_prefix("test result:") {
                self.passed += count(counts, "passed");
                self.failed += count(counts, "failed");
            }
        }
        listener.join().unwrap_or_default().iter().for_each(|line| self.note(line));
        Ok(child.wait()?.success())
    }

    fn note(&mut self, line: &str) {
        self.skips.extend(skip(line).map(str::to_owned));
        self.not_here.extend(not_here(line).map(str::to_owned));
    }
}

/// What was skipped and why, where a line says so in any spelling.
fn skip(line: &str) -> Option<&str> {
    ["SKIPPED:", "skipped: ", "Skipped: "].iter().find_map(|mark| line.find(mark)).map(|at| &line[at..])
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

/// What this CPU cannot run, where a line says so.
fn not_here(line: &str) -> Option<&str> {
    line.find("NOT ON THIS CPU:").map(|at| &line[at..])
}

#[cfg(test)]
mod tests {
    use super::{Tally, count, package_name, skip};

    #[test]
    fn counts_are_read_from_the_harness_line() {
        let line = " ok. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!((count(line, "passed"), count(line, "failed"), count(line, "nothing")), (12, 3, 0));
    }

    #[test]
    fn skips_are_seen_in_every_spelling() {
        assert_eq!(skip("test x: SKIPPED: a::b: no corpus"), Some("SKIPPED: a::b: no corpus"));
        assert_eq!(skip("skipped: no libavcodec"), Some("skipped: no libavcodec"));
        assert_eq!(skip("12 passed, 0 failed, 0 skipped"), None);
    }

    #[test]
    fn what_no_setup_can_install_is_no_skip_and_is_told() {
        let mut tally = Tally::default();
        tally.note("test x: NOT ON THIS CPU: every_length: it lacks AVX-512 VBMI or SHA");
        tally.note("SKIPPED: a::b: no corpus");
        assert_eq!(tally.not_here, ["NOT ON THIS CPU: every_length: it lacks AVX-512 VBMI or SHA"]);
        assert_eq!(tally.skips, ["SKIPPED: a::b: no corpus"]);
    }

    #[test]
    fn packages_have_two_names() {
        assert_eq!(package_name("pdf").unwrap(), "sealpress-pdf");
        assert_eq!(package_name("sealpress-pdf").unwrap(), "sealpress-pdf");
        assert_eq!(package_name("xtask").unwrap(), "xtask");
        assert!(package_name("nothing").is_err());
    }
}
