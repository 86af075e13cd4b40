//! `sealpress prepare`: files made fit for a vendor, into a folder.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use sealpress_media::{Fault, Format, Judged, Preflight};
use sealpress_pipeline::{Options, Prepared, Preparer};
use serde::Serialize;

use crate::file;
use crate::judged;
use crate::lines::{FileLine, NoteLine};
use crate::names::{self, Called, Names};
use crate::outcome::{self, Failure};
use crate::press;
use crate::print::{self, Align, Table};
use crate::show;
use crate::vendor::Vendor;

/// Make files fit for a vendor: upright, in the box, under the limits, nothing else inside
///
/// Pictures are turned upright, scaled down where they are too large (never up), stripped of
/// metadata and sent as they are where they conform already. PDFs that conform leave as they were
/// issued; all others keep their first five non-empty pages and nothing else. With --pages-as jpeg
/// each kept page leaves as a picture of its own (NAME.jpg, NAME--2.jpg …), for vendors that take no
/// PDFs. What a file is called never matters, only what it is.
///
/// Outputs are named after their inputs, with a number where two would collide, and written whole
/// or not at all. A file of the same name in DIR is replaced, but never one of the inputs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    sealpress prepare passport.heic bill.pdf --out ready\n  \
    sealpress prepare bill.pdf --provider transmit --pages-as jpeg --out ready\n  \
    sealpress prepare photos/* --out ready --jobs 4 --json > results.jsonl")]
pub(crate) struct Args {
    /// Files to prepare
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Folder for the outputs; made if it is not there
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Whose rules to follow
    #[arg(long, value_enum, default_value_t)]
    provider: Vendor,
    /// Files at a time [default: one per CPU]
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Megabytes for files and pictures in work together
    #[arg(long, value_name = "MB", default_value_t = 512, value_parser = clap::value_parser!(u64).range(16..=1 << 20))]
    memory: u64,
    #[command(flatten)]
    documents: press::DocumentArgs,
    /// As what the pages of PDFs leave: jpeg makes a picture of each kept page, at 200 dots per inch
    #[arg(long, value_enum, default_value_t)]
    pages_as: press::PagesAs,
    /// Blurred, dark and empty pictures: off, report (numbers in --json), advise (findings as well), or refuse what
    /// nobody could read (refuse:blank,blurred_heavily)
    #[arg(long, value_name = "off|report|advise|refuse", default_value = "report")]
    preflight: Preflight,
    /// What the files show, where glare is judged by it: face, document-front …
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    /// One JSON object per file, in the order of the files
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Done {
    format: Format,
    output: String,
    /// The further pages of a document whose pages leave as pictures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    further_outputs: Vec<String>,
    output_format: Format,
    /// Bytes of all outputs together, under the name that they had at first, too.
    bytes: u64,
    bytes_out: u64,
    bytes_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<Vec<u32>>,
    actions: Vec<NoteLine>,
    warnings: Vec<NoteLine>,
    #[serde(flatten)]
    judged: Option<Judged>,
    ms: f64,
}

pub(crate) fn run(args: Args) -> ExitCode {
    let json = args.json;
    work(args).map_or_else(|failure| show::end(Err(failure), json), outcome::exit)
}

fn work(args: Args) -> Result<usize, Failure> {
    if args.out.as_os_str() == "-" {
        let message = "--out is a folder, since each file has outputs of its own; standard output is none of it. \
                       Name a folder (one that is really called `-` is `./-`)";
        return Err(Failure::config(message));
    }
    std::fs::create_dir_all(&args.out)
        .map_err(|e| Failure::config(format!("the output folder {} cannot be used: {e}", args.out.display())))?;
    let mut options = Options::default();
    // A thread that gets no file costs its start.
    let files = NonZeroUsize::new(args.files.len()).unwrap_or(NonZeroUsize::MIN);
    options.workers = args.jobs.unwrap_or(options.workers).min(files);
    options.memory = args.memory << 20;
    options.max_input = file::MAX_INPUT;
    let mut policies = args.pages_as.apply(args.documents, args.documents.policies(args.provider));
    policies.image.preflight = press::measuring(&args.preflight);
    options.preflight = Some(args.preflight);
    let most = policies.pdf.as_ref().map_or(1, |policy| policy.max_pages);
    // Findings and refusals are made where it is known what the pictures show.
    let subject = judged::subject(args.context.as_deref());
    let preparer = Preparer::shared(press::press(policies), &options)?.shows(subject);
    let most = if args.pages_as == press::PagesAs::Pdf { 1 } else { most };
    let mut names = Names::new(&args.out, &args.files).with_outputs(most);
    let called = Called::among(&args.files);
    let jobs: Vec<(PathBuf, OsString)> =
        args.files.into_iter().map(|path| (names.stem(&path), path)).map(|(s, p)| (p, s)).collect();

    let (out, json) = (args.out, args.json);
    // Each file is written before it waits for its turn to be reported: only reports wait.
    let lines = stream::iter(jobs).map(|(path, stem)| one(&preparer, path, stem, &out)).buffered(options.queue());
    outcome::runtime()?.block_on(report(lines, &called, json))
}

async fn one(preparer: &Preparer, path: PathBuf, stem: OsString, out: &Path) -> FileLine<Done> {
    let result = match preparer.file(&path).await {
        Ok(prepared) => save(prepared, stem, out).await,
        Err(e) => Err(e.into()),
    };
    FileLine::new(&path, result)
}

async fn save(prepared: Prepared, stem: OsString, out: &Path) -> Result<Done, Failure> {
    let writing_since = Instant::now();
    let targets: Vec<PathBuf> = std::iter::once(&prepared.media)
        .chain(&prepared.further)
        .zip(1..)
        .map(|(media, number)| {
            let mut name = names::numbered(&stem, number);
            name.push(".");
            name.push(media.format().extension());
            out.join(name)
        })
        .collect();
    let mut outputs =
        targets.iter().map(|target| target.to_string_lossy().into_owned()).collect::<Vec<_>>().into_iter();
    let output = outputs.next().unwrap_or_default();
    let writing = tokio::task::spawn_blocking(move || {
        let media = std::iter::once(&prepared.media).chain(&prepared.further);
        targets.iter().zip(media).try_for_each(|(target, media)| file::write(target, media.bytes()))?;
        std::io::Result::Ok(prepared)
    });
    let unwritable = |e: &dyn std::fmt::Display| Failure::new("unwritable", Fault::Caller, format!("{output}: {e}"));
    let prepared = writing.await.map_err(|e| unwritable(&e))?.map_err(|e| unwritable(&e))?;
    let report = &prepared.summary;
    let bytes = prepared.media.len() + prepared.further.iter().map(|media| media.len()).sum::<usize>();
    Ok(Done {
        format: report.format,
        output_format: report.output_format,
        further_outputs: outputs.collect(),
        bytes: bytes as u64,
        bytes_out: bytes as u64,
        bytes_in: prepared.input_bytes,
        width: report.dimensions.map(|d| d.width()),
        height: report.dimensions.map(|d| d.height()),
        pages: report.pages.clone(),
        actions: NoteLine::all(&report.actions),
        warnings: NoteLine::all(&report.warnings),
        judged: report.judged.as_deref().cloned(),
        // The work, not the wait for a turn.
        ms: print::ms(prepared.press + writing_since.elapsed()),
        output,
    })
}

async fn report(
    lines: impl stream::Stream<Item = FileLine<Done>>,
    called: &Called,
    json: bool,
) -> Result<usize, Failure> {
    use Align::{Left, Right};
    let columns: &[_] = &[(20, Left), (9, Left), (8, Right), (8, Right), (9, Left)];
    let table = (!json).then(|| Table::new(columns, &["file", "what", "before", "after", "size", "done"]));
    let (mut failed, mut done, mut before, mut after) = (0, 0u64, 0, 0);
    let mut looked = false;
    let mut lines = std::pin::pin!(lines);
    while let Some(line) = lines.next().await {
        match line.result() {
            Ok(d) => {
                (done, before, after) = (done + 1, before + d.bytes_in, after + d.bytes_out);
                looked |= d.judged.as_ref().is_some_and(|judged| judged.findings.is_some());
            }
            Err(_) => failed += 1,
        }
        match &table {
            None => print::json(&line),
            Some(table) => row(table, &called.of(Path::new(&line.input)), &line),
        }
    }
    if table.is_some() {
        if looked {
            judged::tell_limits();
        }
        let (before, after) = (print::bytes(before), print::bytes(after));
        print::line(&format!("{done} prepared, {failed} failed, {before} → {after}"));
    }
    Ok(failed)
}

fn row(table: &Table, name: &str, line: &FileLine<Done>) {
    match line.result() {
        Err(error) => table.row(&[name, "-", "", "", "", &format!("FAILED {}: {error}", error.kind)]),
        Ok(d) => {
            let what = if d.format == d.output_format {
                d.format.to_string()
            } else {
                format!("{}→{}", d.format, d.output_format)
            };
            let size = match (&d.pages, d.width, d.height) {
                (Some(pages), ..) => format!("{} p.", pages.len()),
                (None, Some(w), Some(h)) => format!("{w}×{h}"),
                _ => String::new(),
            };
            let mut did = NoteLine::names(&d.actions);
            if !d.warnings.is_empty() {
                did = format!("{did} (!) {}", NoteLine::names(&d.warnings));
            }
            table.row(&[name, &what, &print::bytes(d.bytes_in), &print::bytes(d.bytes_out), &size, &did]);
            d.judged.iter().for_each(judged::tell_findings);
        }
    }
}
