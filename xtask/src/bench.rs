//! Benches: criterion for our own stages, `--rivals` for whole programs side by side.

use std::ffi::OsString;

use anyhow::{Context, bail};
use lexopt::ValueExt;
use xshell::{Shell, cmd};

use crate::setup::{self, Need};

const NAMES: [&str; 6] = ["image", "jpeg", "base64", "sign", "pdf", "pipeline"];
/// Whole runs of the binary; `pipeline` is the race among programs.
const RUNS: [(&str, &str); 6] = [
    ("pipeline", "race"),
    ("journal", "journal"),
    ("memory", "memory"),
    ("machines", "machines"),
    ("attempts", "attempts"),
    ("gateway", "gateway"),
];

pub(crate) fn run(sh: &Shell, rest: Vec<OsString>) -> anyhow::Result<()> {
    let mut name = None;
    let mut rivals = false;
    let mut more: Vec<OsString> = Vec::new();
    let mut flags = lexopt::Parser::from_args(rest);
    while let Some(arg) = flags.next()? {
        match arg {
            lexopt::Arg::Long("rivals") => rivals = true,
            // What the runs of the pipeline take: `--count 99`.
            // What preflight takes: `--cost`, `--most 40`.
            lexopt::Arg::Long(flag) if name.as_deref() == Some("preflight") => {
                let flag = OsString::from(format!("--{flag}"));
                more.push(flag);
                more.extend(flags.optional_value());
            }
            lexopt::Arg::Long(flag) if RUNS.iter().any(|(run, _)| name.as_deref() == Some(*run)) => {
                let flag = OsString::from(format!("--{flag}"));
                more.push(flag);
                more.extend(flags.optional_value());
            }
            lexopt::Arg::Value(value) if name.is_none() => name = Some(value.string()?),
            lexopt::Arg::Value(value) => more.push(value),
            other => return Err(other.unexpected().into()),
        }
    }
    if let Some((_, script)) = RUNS.iter().find(|(run, _)| name.as_deref() == Some(*run)) {
        return run_of(sh, script, rivals, &more);
    }
    if name.as_deref() == Some("preflight") {
        return preflight(sh, &more);
    }
    let Some(name) = name.filter(|n| NAMES.contains(&n.as_str())) else {
        bail!("bench wants one of: {}, preflight, journal, memory, machines, attempts, gateway", NAMES.join(", "));
    };
    if !rivals {
        setup::install(sh, &[Need::Build])?;
        // A rival in C++, which nobody else has to compile.
        let features: &[&str] = if name == "base64" { &["--features", "simdutf"] } else { &[] };
        return Ok(cmd!(sh, "cargo bench --package sealpress-benches {features...} --bench {name} -- {more...}").run()?);
    }
    setup::install(sh, &[Need::Build, Need::Bench])?;
    // Each rivals' folder installs what it compares with under target/ and prints its own table.
    let script = crate::root().join(format!("benches/rivals/{name}/run.sh"));
    if !script.is_file() {
        bail!("{name} has no rivals outside its own bench; run: cargo xtask bench {name}");
    }
    cmd!(sh, "bash {script} {more...}").run().with_context(|| format!("rivals of {name}"))
}

/// A bench that starts the release binary many times, written in Python; its figures stay under
/// target/bench-pipeline/results.
fn run_of(sh: &Shell, script: &str, rivals: bool, more: &[OsString]) -> anyhow::Result<()> {
    let mut needs = vec![Need::Build];
    // PostgreSQL, Python's venv for the rivals, npm.
    if script == "machines" || rivals {
        needs.push(Need::Test);
    }
    if rivals {
        needs.push(Need::Bench);
    }
    setup::install(sh, &needs)?;
    let start = crate::root().join("benches/pipeline/run.sh");
    let rivals = rivals.then_some("--rivals");
    cmd!(sh, "bash {start} {script} {rivals...} {more...}").run().with_context(|| format!("bench {script}"))
}

/// What preflight finds of good pictures and of spoilt ones, by `xtask/preflight`: specimens that are made here, the
/// open corpus where it is, photographs out of Debian's packages, and whatever `--good DIR` names. Other flags are the
/// script's.
fn preflight(sh: &Shell, more: &[OsString]) -> anyhow::Result<()> {
    setup::install(sh, &[Need::Build, Need::Test, Need::Read])?;
    let root = crate::root();
    cmd!(sh, "cargo build --quiet --release --package sealpress-image --example quality").run()?;
    let quality = root.join("target/release/examples/quality");
    let made = root.join("target/preflight/specimens");
    if !made.is_dir() {
        sh.create_dir(&made)?;
        cmd!(sh, "{quality} make {made} 12").run()?;
    }
    let photographs = root.join("target/preflight/photographs");
    if !photographs.is_dir() {
        unpack_photographs(sh, &photographs);
    }
    let (python, script) = (root.join("target/venv/bin/python"), root.join("xtask/preflight"));
    // The page's plot is that of all of it.
    let plot = root.join(if more.is_empty() { "benches/results/preflight.svg" } else { "target/preflight/curves.svg" });
    let folders = ["photos", "documents", "heic", "orientation", "phone-jpeg"];
    let known = folders.map(|folder| root.join("../shared/corpus").join(folder));
    let good = known.into_iter().chain([photographs]).filter(|folder| folder.is_dir());
    let good = good.flat_map(|folder| [OsString::from("--good"), folder.into()]);
    let _quiet = (sh.push_env("PYTHONDONTWRITEBYTECODE", "1"), sh.push_env("OMP_NUM_THREADS", "1"));
    cmd!(sh, "{python} -W ignore {script} {quality} --specimens {made} --plot {plot} {good...} {more...}")
        .run()
        .context("preflight")
}

/// Debian's packages that hold photographs; which of them are good is in `xtask/preflight/pictures.py`.
const PHOTOGRAPHS: [&str; 4] = ["lomiri-wallpapers-16.04", "mate-backgrounds", "opencv-doc", "python3-skimage"];

/// Takes the pictures out of packages, which are not installed. Without them there are fewer pictures, and the script says
/// which.
fn unpack_photographs(sh: &Shell, to: &std::path::Path) {
    let unpack = || -> anyhow::Result<()> {
        let folder = sh.create_temp_dir()?;
        let _there = sh.push_dir(folder.path());
        cmd!(sh, "apt-get download --quiet {PHOTOGRAPHS...}").run()?;
        let (packages, part) = (sh.read_dir(".")?, to.with_extension("part"));
        sh.create_dir(&part)?;
        for package in packages {
            let script = "dpkg-deb --fsys-tarfile \"$1\" | tar x -C \"$2\" --wildcards '*.[jp][pn]g'";
            cmd!(sh, "bash -o pipefail -c {script} bash {package} {part}").run()?;
        }
        std::fs::rename(part, to)?;
        Ok(())
    };
    if let Err(e) = unpack() {
        eprintln!("bench: Debian's packages of photographs are not to be had: {e:#}");
    }
}
