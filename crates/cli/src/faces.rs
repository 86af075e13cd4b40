//! `sealpress faces import`: pictures prepared and brought into Veriff's collection of faces, ten a request.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Subcommand;
use sealpress_client::veriff::{Client, Face, FacesAnswer};
use sealpress_client::{self as client, Backoff, Cause, Jitter};
use sealpress_media::{Fault, Media};
use serde::Serialize;
use serde_json::json;

use crate::access::Access;
use crate::outcome::{self, Failure};
use crate::vendor::Vendor;
use crate::{file, press, print, show};

/// Bytes of one request's pictures, raw: well below what one body may have.
const MOST_RAW: usize = 24_000_000;

/// Sends of one request, all within the five minutes in which Veriff drops repetitions.
const SENDS: u32 = 4;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Import(Args),
}

/// Prepare pictures and import the faces in them
///
/// A face's name is its file's, without the extension. Veriff processes a name once in five minutes, so
/// that a request whose answer was lost is sent again and counts once. At the end of the quota the import
/// stops; what is left is listed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Set SEALPRESS_BASE_URL, SEALPRESS_API_KEY and SEALPRESS_SECRET (or SEALPRESS_SECRET_FILE).\n\n\
    Exit codes: 0 all imported, 2 usage or configuration, 3 some were not.\n\n\
    Examples:\n  \
    sealpress faces import cust-1.jpg cust-2.heic --json\n  \
    sealpress faces import --session ID --session ID"
)]
pub(crate) struct Args {
    /// Pictures, one face each
    #[arg(value_name = "FILE", required_unless_present = "session")]
    files: Vec<PathBuf>,
    /// A session of Veriff's whose face is imported, under the session's id; may be repeated
    #[arg(long, value_name = "ID")]
    session: Vec<String>,
    /// One JSON object per face, and one for the end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: Access,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    name: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

pub(crate) fn run(command: &Command) -> ExitCode {
    let Command::Import(args) = command;
    match outcome::runtime().and_then(|runtime| runtime.block_on(work(args))) {
        Ok(failed) => outcome::exit(failed),
        Err(failure) => show::end(Err(failure), args.json),
    }
}

/// How many were not imported.
async fn work(args: &Args) -> Result<usize, Failure> {
    let client = args.access.veriff()?;
    let names = names(args)?;
    let press = press::press(press::policies(Vendor::Veriff));
    // Without a press no file is to blame.
    press.check()?;
    let mut worker = press.worker();
    let (mut failed, mut quota) = (0, None);
    let mut tell = |name: &str, error: Option<Failure>| {
        failed += usize::from(error.is_some());
        say(args.json, &Line { name, ok: error.is_none(), error });
    };
    let mut waiting: VecDeque<Face> = VecDeque::new();
    for session in &args.session {
        waiting.push_back(Face::session(session.as_str(), client::SessionId::new(session.as_str())?));
    }
    let mut files = args.files.iter().zip(names);
    let mut open = true;
    loop {
        // Prepared as they are needed: a thousand pictures do not lie in memory together.
        while waiting.len() < Face::PER_REQUEST && raw(&waiting) < MOST_RAW {
            let Some((path, name)) = files.next() else { break };
            if !open {
                tell(&name, Some(no_quota()));
                continue;
            }
            let prepared = file::media(path).and_then(|media| Ok(worker.press(&media)?.media));
            match prepared.and_then(picture) {
                Ok(picture) => waiting.push_back(Face::picture(name, picture)),
                Err(failure) => tell(&name, Some(failure)),
            }
        }
        if waiting.is_empty() {
            break;
        }
        if !open {
            waiting.drain(..).for_each(|face| tell(&face.name, Some(no_quota())));
            continue;
        }
        let count = batch(&waiting);
        let faces: Vec<Face> = waiting.iter().take(count).cloned().collect();
        match send(&client, &faces).await {
            Ok(FacesAnswer::Accepted { available_quota }) => {
                quota = available_quota.or(quota);
                waiting.drain(..count).for_each(|face| tell(&face.name, None));
            }
            Ok(FacesAnswer::QuotaExceeded { available_quota }) => {
                quota = Some(available_quota);
                // As many as there is room for, and then no more.
                open = available_quota > 0;
                let fits = usize::try_from(available_quota).unwrap_or(usize::MAX).min(count);
                for face in waiting.drain(fits..count) {
                    tell(&face.name, Some(no_quota()));
                }
            }
            Ok(_) => return Err(Failure::new("decode", Fault::Remote, "an answer that is not known here")),
            Err(error) => {
                let failure = Failure::from(error);
                if failure.is_settings() {
                    return Err(failure);
                }
                waiting.drain(..count).for_each(|face| tell(&face.name, Some(failure.clone())));
            }
        }
    }
    if args.json {
        print::json(&json!({ "ok": failed == 0, "failed": failed, "available_quota": quota }));
    } else {
        let left = quota.map(|left| format!(", {left} left of the quota")).unwrap_or_default();
        print::line(&format!("{failed} not imported{left}"));
    }
    Ok(failed)
}

/// Sends once, and again where that is safe: repetitions of a name are dropped for five minutes.
async fn send(client: &Client, faces: &[Face]) -> Result<FacesAnswer, client::Error> {
    let signed = client.sign_faces(faces)?;
    let (began, backoff, jitter) = (Instant::now(), Backoff::default(), Jitter::default());
    let mut sends = 0;
    loop {
        sends += 1;
        let error = match client.import_faces(&signed).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let wait = match error.failure() {
            client::Failure::NotSent | client::Failure::InDoubt => backoff.pause(Cause::Transient, sends, &jitter),
            client::Failure::Throttled(asked) => {
                asked.unwrap_or_else(|| backoff.pause(Cause::Throttle, sends, &jitter))
            }
            _ => return Err(error),
        };
        // A minute is kept back for the request itself: what arrives later counts anew.
        let safe = began.elapsed() + wait + Duration::from_secs(60) < Face::NAME_EVERY;
        if sends >= SENDS || !safe {
            return Err(error);
        }
        tokio::time::sleep(wait).await;
    }
}

/// The names of the files' faces, each once.
fn names(args: &Args) -> Result<Vec<String>, Failure> {
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let names: Vec<String> = args.files.iter().map(|path| stem(path)).collect();
    let mut seen = std::collections::HashSet::new();
    match names.iter().chain(&args.session).find(|name| !seen.insert(name.as_str())) {
        Some(twice) => Err(Failure::config(format!("two faces would have the name {twice}"))),
        None => Ok(names),
    }
}

/// How many of those that wait go into one request.
fn batch(waiting: &VecDeque<Face>) -> usize {
    let mut bytes = 0;
    let fits = |face: &&Face| {
        bytes += size(face);
        bytes <= MOST_RAW
    };
    waiting.iter().take(Face::PER_REQUEST).take_while(fits).count().max(1)
}

fn raw(waiting: &VecDeque<Face>) -> usize {
    waiting.iter().map(size).sum()
}

fn size(face: &Face) -> usize {
    match &face.source {
        client::veriff::FaceSource::Picture(picture) => picture.len(),
        _ => 0,
    }
}

/// A face is seen in a picture, not in a document.
fn picture(media: Media) -> Result<Media, Failure> {
    if media.format().is_image() {
        return Ok(media);
    }
    Err(Failure::new(
        "unsupported-format",
        Fault::Input,
        format!("a face is seen in a picture, not in {}", media.format()),
    ))
}

fn no_quota() -> Failure {
    Failure::new("quota", Fault::Caller, "not imported: the plan's quota of faces is used up")
}

fn say(as_json: bool, line: &Line<'_>) {
    if as_json {
        return print::json(line);
    }
    match &line.error {
        None => print::line(&format!("imported  {}", line.name)),
        Some(failure) => print::line(&format!("failed    {}: {failure}", line.name)),
    }
}
