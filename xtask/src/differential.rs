//! The differential campaign on pictures: builds what it compares and hands over to `differential.py`, which lies
//! beside this folder because its judges, Pillow and pillow-heif, speak Python. With `--damage N` it is `damage.py`
//! instead: sound files of every coding, each damaged N times in every way.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::bail;
use xshell::{Shell, cmd};

use crate::setup::{self, Need};

pub(crate) fn run(sh: &Shell, rest: Vec<OsString>) -> anyhow::Result<()> {
    let root = crate::root();
    let mut corpus: Vec<PathBuf> = Vec::new();
    let mut shuffles = String::from("2");
    let mut damage = None;
    let mut flags = lexopt::Parser::from_args(rest);
    while let Some(arg) = flags.next()? {
        match arg {
            lexopt::Arg::Long("corpus") => corpus.push(flags.value()?.into()),
            lexopt::Arg::Long("shuffles") => shuffles = flags.value()?.to_string_lossy().into_owned(),
            lexopt::Arg::Long("damage") => damage = Some(flags.value()?),
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
    let release = root.join("target/release");
    let (sealpress, normalize) = (release.join("sealpress"), release.join("examples/normalize"));
    let python = root.join("target/venv/bin/python");
    let folders = corpus.iter().flat_map(|folder| [OsString::from("--corpus"), folder.into()]);
    if let Some(each) = damage {
        cmd!(sh, "cargo build --quiet --release --package sealpress-image --example normalize").run()?;
        let (script, keep) = (root.join("xtask/damage.py"), root.join("target/damage"));
        return crate::passed_through(cmd!(
            sh,
            "{python} {script} {normalize} {folders...} --each {each} --keep {keep}"
        ));
    }
    let both =
        ["--package", "sealpress-cli", "--bin", "sealpress", "--package", "sealpress-image", "--example", "normalize"];
    cmd!(sh, "cargo build --quiet --release {both...}").run()?;
    let (script, keep) = (root.join("xtask/differential.py"), root.join("target/differential"));
    crate::passed_through(cmd!(
        sh,
        "{python} {script} {sealpress} --normalize {normalize} {folders...} --shuffles {shuffles} --keep {keep}"
    ))
}
