//! `sealpress best`: which frames of a burst to send.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealpress_media::{Fault, Judged, Preflight};
use sealpress_press::{Press, Ranked, rank};
use serde::Serialize;

use crate::names::Called;
use crate::outcome::{self, Failure};
use crate::print::{self, Align, Table};
use crate::vendor::Vendor;
use crate::{file, judged, press, show};

/// Rank the frames of one scene, and say which to send
///
/// By blur, noise and contrast, which cost a document its small print. Frames of different scenes cannot be
/// compared, and of glare, over-exposure, framing or closed eyes the rank says nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    sealpress best front-*.jpg --keep 2\n  \
    sealpress best --json burst/* | jq -r 'select(.keep).input'")]
pub(crate) struct Args {
    /// Frames of one scene
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How many to keep
    #[arg(long, value_name = "N", default_value_t = 1)]
    keep: usize,
    /// What they show, where glare is judged by it: face, document-front …
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    /// Whose rules to follow
    #[arg(long, value_enum, default_value_t)]
    provider: Vendor,
    /// One JSON object per file, the best first
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Line {
    input: String,
    ok: bool,
    rank: usize,
    keep: bool,
    #[serde(flatten)]
    judged: Option<Judged>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let mut policies = press::policies(args.provider);
    policies.image.preflight = Preflight::Advise;
    let press = press::press(policies);
    if let Err(e) = press.check() {
        return show::end(Err(e.into()), args.json);
    }
    let subject = judged::subject(args.context.as_deref());
    let columns: &[_] = &[(4, Align::Right), (4, Align::Left), (44, Align::Left), (7, Align::Right)];
    let table = (!args.json).then(|| Table::new(columns, &["rank", "keep", "file", "score", "found"]));
    let called = Called::among(&args.files);
    let mut failed = 0;
    for (i, (path, outcome)) in ranked(&args.files, &*press).into_iter().enumerate() {
        failed += usize::from(outcome.is_err());
        let (judged, error) = match outcome {
            Ok(judged) => (judged.map(|judged| judged.seen_as(subject)), None),
            Err(error) => (None, Some(error)),
        };
        let ok = error.is_none();
        let input = path.to_string_lossy().into_owned();
        let line = Line { input, ok, rank: i + 1, keep: ok && i < args.keep, judged, error };
        match &table {
            None => print::json(&line),
            Some(table) => row(table, &called.of(path), &line),
        }
    }
    if table.is_some() {
        judged::tell_limits();
    }
    outcome::exit(failed)
}

/// The files, the best first, with what was said of each; those that cannot be read last.
fn ranked<'a>(files: &'a [PathBuf], press: &dyn Press) -> Vec<(&'a Path, Result<Option<Judged>, Failure>)> {
    let (mut paths, mut media, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for path in files {
        match file::media(path) {
            Ok(seen) if seen.format().is_image() => {
                paths.push(path.as_path());
                media.push(seen);
            }
            Ok(_) => unread.push((path.as_path(), Err(Failure::new("unsupported-format", Fault::Input, "no picture")))),
            Err(failure) => unread.push((path.as_path(), Err(failure))),
        }
    }
    let outcome = |ranked: Ranked| match ranked.outcome {
        Ok(pressed) => Ok(pressed.summary.judged.map(|judged| *judged)),
        Err(error) => Err(error.into()),
    };
    let judged = rank(press, &media).into_iter().map(|ranked| (paths[ranked.frame], outcome(ranked)));
    judged.chain(unread).collect()
}

fn row(table: &Table, name: &str, line: &Line) {
    let score = line.judged.as_ref().and_then(|judged| judged.quality.score);
    let score = score.map_or_else(|| "-".to_owned(), |score| format!("{score:.2}"));
    let codes = line.judged.iter().flat_map(|judged| judged.findings.iter().flatten());
    let found = match &line.error {
        Some(error) => format!("FAILED {}: {error}", error.kind),
        None => codes.map(|finding| finding.code.words()).collect::<Vec<_>>().join(", "),
    };
    table.row(&[&line.rank.to_string(), if line.keep { "*" } else { "" }, name, &score, &found]);
}
