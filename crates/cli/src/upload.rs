//! `sealpress upload`: files prepared, sent into a session, and confirmed.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use sealpress_backfill::show_count;
use sealpress_client::{Context, MediaId, SessionId};
use sealpress_media::{Format, Judged, Preflight};
use sealpress_pipeline::{Confirmed, Error, Frame, Job, Options, Outcome, Pipeline};
use sealpress_press::Grade;
use serde::Serialize;
use serde_json::json;

use crate::access::Access;
use crate::judged;
use crate::lines::NoteLine;
use crate::names::Called;
use crate::outcome::{self, Failure};
use crate::press;
use crate::print::{self, Align, Table};
use crate::show;
use crate::vendor::Vendor;

/// Prepare files and send them into a Veriff session
///
/// What the session has already, byte for byte, is not sent again. An upload whose answer is lost is
/// looked up in the session's media before it is sent again. The
/// session is submitted only if every file was confirmed. With --pages-as jpeg a document becomes several
/// uploads of the same context, one a page, in the order of its pages.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Set SEALPRESS_BASE_URL, SEALPRESS_API_KEY and SEALPRESS_SECRET (or SEALPRESS_SECRET_FILE).\n\n\
    Examples:\n  \
    sealpress upload --session ID --context document-front front1.heic front2.heic\n  \
    sealpress upload --session ID --context document-front burst-*.jpg --best 2\n  \
    sealpress upload --session ID --context address-front bill.pdf --pages-as jpeg\n  \
    sealpress upload --session ID --context face selfie.jpg --submit --json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
    /// Submit the session when every file is confirmed
    #[arg(long)]
    submit: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Files {
    /// Id of the session
    #[arg(long, value_name = "ID")]
    session: SessionId,
    /// What the files show: document-front, document-back, face, document-and-face, address-front …
    #[arg(long, value_name = "CONTEXT")]
    context: String,
    /// Files to send
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Files at a time [default: one per CPU]
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Seconds after which a lost upload is looked up
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    settle: u64,
    /// Send files that the session has already, too; otherwise they are looked for first
    #[arg(long)]
    force: bool,
    /// The files are frames of one scene: send the best N of them (1 to 20) and leave the others out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=20))]
    best: Option<u8>,
    /// Blurred, dark and empty pictures: off, report (numbers in --json), advise (findings as well), or refuse what
    /// nobody could read (refuse:blank,blurred_heavily)
    #[arg(long, value_name = "off|report|advise|refuse", default_value = "report")]
    preflight: Preflight,
    #[command(flatten)]
    documents: press::DocumentArgs,
    /// As what the pages of a document leave
    #[arg(long, value_enum, default_value_t)]
    pages_as: press::PagesAs,
    /// One JSON object per upload, in the order of the files, and one for the submission
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: Access,
}

#[derive(Debug, Serialize)]
struct Line {
    input: String,
    /// Which page of the document it is, where pages leave one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    ok: bool,
    session: SessionId,
    context: String,
    #[serde(flatten)]
    end: End,
    attempts: u32,
    ms: f64,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum End {
    Sent {
        media_id: MediaId,
        confirmed: Confirmed,
        format: Format,
        output_format: Format,
        /// Bytes of what was sent, under the name that it had at first, too.
        bytes: u64,
        bytes_out: u64,
        bytes_in: u64,
        actions: Vec<NoteLine>,
        warnings: Vec<NoteLine>,
        #[serde(flatten)]
        judged: Option<Judged>,
    },
    /// Frames that are not among the best: nothing of them was sent.
    LeftOut {
        left_out: &'static str,
        score: Option<f64>,
    },
    Failed {
        error: Failure,
        in_doubt: bool,
    },
}

pub(crate) fn run(args: &Args) -> ExitCode {
    send(&args.files, Vendor::Veriff, args.submit)
}

pub(crate) fn send(files: &Files, vendor: Vendor, submit: bool) -> ExitCode {
    let sent = outcome::runtime().and_then(|runtime| runtime.block_on(work(files, vendor, submit)));
    match sent {
        Ok(exit) => exit,
        Err(failure) => show::end(Err(failure), files.json),
    }
}

async fn work(files: &Files, vendor: Vendor, submit: bool) -> Result<ExitCode, Failure> {
    let context: Context = Context::from(files.context.as_str());
    let mut options = Options::default();
    options.workers = files.jobs.unwrap_or(options.workers);
    options.doubt.settle = Duration::from_secs(files.settle);
    options.doubt.audit = false;
    // Frames are ranked by what is measured of them.
    let preflight = match &files.preflight {
        Preflight::Off if files.best.is_some() => Preflight::Report,
        said => said.clone(),
    };
    let mut policies = files.pages_as.apply(files.documents, files.documents.policies(vendor));
    policies.image.preflight = press::measuring(&preflight);
    options.preflight = Some(preflight);
    let queue = options.queue();
    let pipeline = Pipeline::shared(files.access.provider(vendor)?, press::press(policies)).options(options).build()?;

    let interrupted = drain_when_interrupted(pipeline.clone());
    let frames: Vec<Frame<Error>> = match files.best {
        Some(most) => {
            let preparer = pipeline.preparer().shows(context.subject());
            preparer.best(files.files.len(), most.into(), |place| preparer.file(&files.files[place])).await
        }
        None => files.files.iter().map(|_| Frame::Best(None)).collect(),
    };
    let sent = files.files.iter().zip(frames).map(|(path, frame)| upload(&pipeline, path, frame, files, &context));
    let mut lines = std::pin::pin!(stream::iter(sent).buffered(queue));
    let columns: &[_] = &[(22, Align::Left), (6, Align::Right), (36, Align::Left)];
    let table = (!files.json).then(|| Table::new(columns, &["file", "ms", "media id", "done"]));
    let called = Called::among(&files.files);
    let (mut failed, mut is_settings) = (0, false);
    for path in &files.files {
        for line in lines.next().await.unwrap_or_default() {
            if let End::Failed { error, .. } = &line.end {
                failed += 1;
                is_settings |= error.is_settings();
            }
            match &table {
                None => print::json(&line),
                Some(table) => row(table, &called.of(path), &line),
            }
        }
    }
    if submit {
        failed += usize::from(!close(&pipeline, files, failed).await);
    }
    if interrupted.load(Ordering::Relaxed) {
        print::note("interrupted: what is not confirmed above was not sent");
        return Ok(ExitCode::from(130));
    }
    // Wrong credentials are the configuration's fault, not the files'.
    Ok(if is_settings { ExitCode::from(outcome::USAGE) } else { outcome::exit(failed) })
}

/// Sends what becomes of a file: one upload, or one for each page, in their order. Nothing remembers how far they
/// came: whoever starts again after a kill finds the pages that were recorded in the session, byte for byte.
async fn upload(pipeline: &Pipeline, path: &Path, frame: Frame<Error>, files: &Files, context: &Context) -> Vec<Line> {
    let looking = |job: Job| if files.force { job } else { job.look_first() };
    let failed = |error: Error| vec![unsent(path, files, End::Failed { in_doubt: false, error: error.into() })];
    let preparer = pipeline.preparer().shows(context.subject());
    let prepared = match frame {
        Frame::Rest(summary) => {
            let score = Grade::of(&summary).score();
            return vec![unsent(path, files, End::LeftOut { left_out: "not among the best", score })];
        }
        Frame::Refused(error) => return failed(error),
        Frame::Best(Some(prepared)) => Ok(*prepared),
        Frame::Best(None) if files.pages_as == press::PagesAs::Pdf => {
            let job = Job::file(&files.session, context.clone(), path);
            return vec![line(path, None, files, pipeline.process(looking(job)).await)];
        }
        Frame::Best(None) => preparer.file(path).await,
    };
    let pieces = match prepared {
        Ok(prepared) => preparer.pieces(prepared).await,
        Err(error) => Err(error),
    };
    let pieces = match pieces {
        Ok(pieces) => pieces,
        Err(error) => return failed(error),
    };
    let (several, mut lines) = (pieces.len() > 1, Vec::with_capacity(pieces.len()));
    for (index, piece) in pieces.into_iter().enumerate() {
        let pages = piece.summary.pages.as_ref().filter(|_| several);
        let page = pages.and_then(|pages| pages.get(index).copied());
        let job = Job::prepared(&files.session, context.clone(), piece);
        lines.push(line(path, page, files, pipeline.process(looking(job)).await));
    }
    lines
}

/// The first Ctrl-C lets what is on the wire come to its end, and nothing more begin; the second ends
/// the program.
fn drain_when_interrupted(pipeline: Pipeline) -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&interrupted);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        told.store(true, Ordering::Relaxed);
        print::note("stopping: what is on the wire may come to its end; a second signal ends it now");
        pipeline.stop("interrupted");
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    });
    interrupted
}

fn line(path: &Path, page: Option<u32>, files: &Files, outcome: Outcome) -> Line {
    let ok = outcome.result.is_ok();
    let report = outcome.summary;
    let end = match outcome.result {
        Ok(receipt) => End::Sent {
            media_id: receipt.media_id,
            confirmed: receipt.how,
            format: report.as_ref().map_or(receipt.format, |r| r.format),
            output_format: receipt.format,
            bytes: receipt.size,
            bytes_out: receipt.size,
            bytes_in: outcome.input_bytes,
            actions: report.as_ref().map(|r| NoteLine::all(&r.actions)).unwrap_or_default(),
            warnings: report.as_ref().map(|r| NoteLine::all(&r.warnings)).unwrap_or_default(),
            judged: report.and_then(|r| r.judged).map(|judged| *judged),
        },
        Err(e) => End::Failed { in_doubt: e.is_in_doubt(), error: e.into() },
    };
    Line {
        input: path.to_string_lossy().into_owned(),
        page,
        ok,
        session: files.session.clone(),
        context: files.context.clone(),
        end,
        attempts: outcome.attempts,
        ms: print::ms(outcome.timings.press + outcome.timings.sign + outcome.timings.send),
    }
}

/// Of a file that never came to the wire.
fn unsent(path: &Path, files: &Files, end: End) -> Line {
    Line {
        input: path.to_string_lossy().into_owned(),
        page: None,
        ok: matches!(end, End::LeftOut { .. }),
        session: files.session.clone(),
        context: files.context.clone(),
        end,
        attempts: 0,
        ms: 0.0,
    }
}

fn row(table: &Table, name: &str, line: &Line) {
    let name = line.page.map_or_else(|| name.to_owned(), |page| format!("{name} page {page}"));
    let ms = format!("{:.0}", line.ms);
    match &line.end {
        End::Sent { media_id, actions, judged, confirmed, .. } => {
            let done = NoteLine::names(actions);
            let done = match confirmed {
                Confirmed::Listed if line.attempts == 0 => format!("there already; {done}"),
                _ => done,
            };
            table.row(&[&name, &ms, media_id.as_str(), done.trim_end_matches("; ")]);
            judged.iter().for_each(judged::tell_findings);
        }
        End::LeftOut { left_out, .. } => table.row(&[&name, &ms, "-", left_out]),
        End::Failed { error, .. } => table.row(&[&name, &ms, "-", &format!("FAILED {}: {error}", error.kind)]),
    }
}

/// Whether the session is submitted now.
async fn close(pipeline: &Pipeline, files: &Files, failed: usize) -> bool {
    let session = &files.session;
    let (value, text) = if failed > 0 {
        let why = format!("not submitted: {} not confirmed", show_count(failed as u64, "files"));
        (json!({"session": session, "submitted": false, "reason": why}), why)
    } else {
        match pipeline.submit(session).await {
            Ok(done) => {
                (json!({"session": session, "submitted": true, "already": done.already}), "submitted".to_owned())
            }
            Err(e) => {
                let failure = Failure::from(e);
                let text = format!("not submitted: {failure}");
                (json!({"session": session, "submitted": false, "error": failure}), text)
            }
        }
    };
    let submitted = value["submitted"] == true;
    if files.json {
        print::json(&value)
    } else {
        print::line(&format!("session {session} {text}"))
    }
    submitted
}
