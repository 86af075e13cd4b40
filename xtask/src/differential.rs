//! The differential campaign on pictures: builds what it compares and hands over to `differential.py`, which lies
//! beside this folder because its judges, Pillow and pillow-heif, speak Python.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::bail;
use xshell::{Shell, cmd};

use crate::setup::{self, Need};

pub(crate) fn run(sh: &Shell, rest: Vec<OsString>) -> anyhow::Result<()> {
    let root = crate::root();
    let mut corpus: Vec<PathBuf> = Vec::new();
    let mut shuffles = String::from("2");
    let mut flags = lexopt::Parser::from_args(rest);
    while let Some(arg) = flags.next()? {
        match arg {
            lexopt::Arg::Long("corpus") => corpus.push(flags.value()?.into()),
            lexopt::Arg::Long("shuffles") => shuffles = flags.value()?.to_string_lossy().into_owned(),
            other => return Err(other.unexpected().into()),
        }
    }
    if corpus.is_empty() {
        // What we made is always there, what others made where it is.
        let known = ["testdata", "../shared/corpus", "../shared/cases/picture"].map(|folder| root.join(folder));
        corpus.extend(known.into_iter().filter(|folder| folder.is_dir()));
    }
    if let Some(missing) = corpus.iter().find(|folder| !folder.is_dir()) {
        bail!("{} is no folder", missing.display());
    }
    setup::install(sh, &[Need::Build, Need::Test])?;
    cmd!(sh, "cargo build --quiet --release --bin sealpress").run()?;
    cmd!(sh, "cargo build --quiet --release --package sealpress-image --example normalize").run()?;
    let release = root.join("target/release");
    let (sealpress, normalize) = (release.join("sealpress"), release.join("examples/normalize"));
    let (python, script) = (root.join("target/venv/bin/python"), root.join("xtask/differential.py"));
    let keep = root.join("target/differential");
    let folders = corpus.iter().flat_map(|folder| [OsString::from("--corpus"), folder.into()]);
    crate::passed_through(cmd!(
        sh,
        "{python} {script} {sealpress} {normalize} {folders...} --shuffles {shuffles} --keep {keep}"
    ))
}
