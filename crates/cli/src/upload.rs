//! `sealpress upload`: files prepared, sent into a session, and confirmed.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use sealpress_client::{Context, MediaId, SessionId};
use sealpress_media::Format;
use sealpress_pipeline::{Confirmed, ErrorKind, Job, Options, Outcome, Pipeline};
use serde::Serialize;
use serde_json::json;

use crate::access::Access;
use crate::lines::NoteLine;
use crate::outcome::{self, Failure};
use crate::press;
use crate::print::{self, Align, Table};
use crate::show;
use crate::vendor::Vendor;

/// Prepare files and send them into a Veriff session
///
/// What the session has already, byte for byte, is not sent again. An upload whose answer is lost is
/// looked up in the session's media before it is sent again. The
/// session is submitted only if every file was confirmed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Set SEALPRESS_BASE_URL, SEALPRESS_API_KEY and SEALPRESS_SECRET (or SEALPRESS_SECRET_FILE).\n\n\
    Examples:\n  \
    sealpress upload --session ID --context document-front front1.heic front2.heic\n  \
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
    #[command(flatten)]
    documents: press::DocumentArgs,
    /// One JSON object per file, in the order of the files, and one for the submission
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: Access,
}

#[derive(Debug, Serialize)]
struct Line {
    input: String,
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
    let queue = options.queue();
    let pipeline = Pipeline::shared(files.access.provider(vendor)?, press::press(files.documents.policies(vendor)))
        .options(options)
        .build()?;

    let interrupted = drain_when_interrupted(pipeline.clone());
    let jobs = files.files.iter().map(|path| {
        let job = Job::file(&files.session, context.clone(), path);
        if files.force { job } else { job.look_first() }
    });
    let mut outcomes = stream::iter(jobs).map(|job| pipeline.process(job)).buffered(queue);
    let columns: &[_] = &[(32, Align::Left), (8, Align::Right), (36, Align::Left)];
    let table = (!files.json).then(|| Table::new(columns, &["file", "ms", "media id", "done"]));
    let (mut failed, mut refused) = (0, false);
    for path in &files.files {
        let Some(outcome) = outcomes.next().await else { break };
        failed += usize::from(outcome.result.is_err());
        refused |=
            outcome.result.as_ref().is_err_and(|e| matches!(e.kind(), ErrorKind::Unauthorized | ErrorKind::NoPress));
        let line = line(path, files, outcome);
        match &table {
            None => print::json(&line),
            Some(table) => row(table, path, &line),
        }
    }
    drop(outcomes);
    if submit {
        failed += usize::from(!close(&pipeline, files, failed).await);
    }
    if interrupted.load(Ordering::Relaxed) {
        print::note("interrupted: what is not confirmed above was not sent");
        return Ok(ExitCode::from(130));
    }
    // Wrong credentials are the configuration's fault, not the files'.
    Ok(if refused { ExitCode::from(outcome::USAGE) } else { outcome::exit(failed) })
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

fn line(path: &Path, files: &Files, outcome: Outcome) -> Line {
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
        },
        Err(e) => End::Failed { in_doubt: e.is_in_doubt(), error: e.into() },
    };
    Line {
        input: path.to_string_lossy().into_owned(),
        ok,
        session: files.session.clone(),
        context: files.context.clone(),
        end,
        attempts: outcome.attempts,
        ms: print::ms(outcome.timings.press + outcome.timings.sign + outcome.timings.send),
    }
}

fn row(table: &Table, path: &Path, line: &Line) {
    let name = path.file_name().map_or_else(|| line.input.clone(), |n| n.to_string_lossy().into_owned());
    let ms = format!("{:.0}", line.ms);
    match &line.end {
        End::Sent { media_id, actions, .. } => table.row(&[&name, &ms, media_id.as_str(), &NoteLine::names(actions)]),
        End::Failed { error, .. } => table.row(&[&name, &ms, "-", &format!("FAILED {}: {error}", error.kind)]),
    }
}

/// Whether the session is submitted now.
async fn close(pipeline: &Pipeline, files: &Files, failed: usize) -> bool {
    let session = &files.session;
    let (value, text) = if failed > 0 {
        let why = format!("not submitted: {failed} files are not confirmed");
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
