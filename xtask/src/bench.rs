//! Benches: criterion for our own stages, `--rivals` for whole programs side by side.

use std::ffi::OsString;

use anyhow::{Context, bail};
use lexopt::ValueExt;
use xshell::{Shell, cmd};

use crate::setup::{self, Need};

const NAMES: [&str; 5] = ["image", "base64", "sign", "pdf", "pipeline"];

pub(crate) fn run(sh: &Shell, rest: Vec<OsString>) -> anyhow::Result<()> {
    let mut name = None;
    let mut rivals = false;
    let mut more: Vec<OsString> = Vec::new();
    let mut flags = lexopt::Parser::from_args(rest);
    while let Some(arg) = flags.next()? {
        match arg {
            lexopt::Arg::Long("rivals") => rivals = true,
            lexopt::Arg::Value(value) if name.is_none() => name = Some(value.string()?),
            lexopt::Arg::Value(value) => more.push(value),
            other => return Err(other.unexpected().into()),
        }
    }
    let Some(name) = name.filter(|n| NAMES.contains(&n.as_str())) else {
        bail!("bench wants one of: {}", NAMES.join(", "));
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
