//! `sealpress inspect`: what a file is, what would be done to it, and why.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealpress_backfill::show_count;
use sealpress_media::{Fault, Format, Judged, Media, Preflight, Subject};
use sealpress_pdf::{self as pdf, Trimmer};
use sealpress_press::{Press, Probe};
use serde::Serialize;

use crate::lines::{FileLine, NoteLine};
use crate::names::Names;
use crate::outcome::{self, Failure};
use crate::vendor::Vendor;
use crate::{file, judged, press, print, show};

/// Say what files are, by their content, and what would be done to them and why
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    sealpress inspect scan.pdf photo.jpg\n  \
    sealpress inspect --json photos/* | jq 'select(.orientation > 1)'\n  \
    sealpress inspect --quality photo.jpg\n  \
    sealpress inspect --preview previews contract.pdf")]
pub(crate) struct Args {
    /// Files to look at
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Whose rules to plan by
    #[arg(long, value_enum, default_value_t)]
    provider: Vendor,
    /// Also draw the first five pages of each PDF as PNG files into DIR
    #[arg(long, value_name = "DIR")]
    preview: Option<PathBuf>,
    /// Also decode pictures and say how good they are: blur, noise, exposure, glare
    #[arg(long)]
    quality: bool,
    /// What the pictures show, where glare is judged by it: face, document-front …
    #[arg(long, value_name = "CONTEXT", requires = "quality")]
    context: Option<String>,
    /// One JSON object per file
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Seen {
    format: Format,
    /// Bytes of the file, under the name that it had at first, too.
    bytes: u64,
    bytes_in: u64,
    #[serde(flatten)]
    detail: Probe,
    plan: Vec<NoteLine>,
    #[serde(flatten)]
    judged: Option<Judged>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    previews: Vec<String>,
}

/// Pages that are drawn.
const PREVIEWED: u32 = 5;
/// Longer side of a preview in pixels.
const PREVIEW_SIDE: u16 = 800;

pub(crate) fn run(args: &Args) -> ExitCode {
    if let Some(folder) = &args.preview
        && let Err(e) = std::fs::create_dir_all(folder)
    {
        let failure = Failure::config(format!("the folder {} cannot be used: {e}", folder.display()));
        return show::end(Err(failure), args.json);
    }
    let mut policies = press::policies(args.provider);
    policies.image.preflight = if args.quality { Preflight::Advise } else { Preflight::Off };
    let press = press::press(policies);
    let subject = judged::subject(args.context.as_deref());
    let subject = args.quality.then_some(subject);
    if let Err(e) = press.check() {
        return show::end(Err(e.into()), args.json);
    }
    let mut names = args.preview.as_deref().map(|folder| Names::new(folder, &args.files));
    let mut failed = 0;
    for path in &args.files {
        let target = args.preview.as_ref().zip(names.as_mut()).map(|(folder, names)| folder.join(names.stem(path)));
        // A reader that panics over a file costs that file's line.
        let seen = catch_unwind(AssertUnwindSafe(|| look(path, &*press, target.as_deref(), subject)));
        let seen = seen.unwrap_or_else(|_| Err(Failure::new("internal", Fault::Internal, "the reader panicked")));
        failed += usize::from(seen.is_err());
        let line = FileLine::new(path, seen);
        if args.json { print::json(&line) } else { show(&line) }
    }
    outcome::exit(failed)
}

fn look(path: &Path, press: &dyn Press, preview: Option<&Path>, subject: Option<Subject>) -> Result<Seen, Failure> {
    let media = file::media(path)?;
    let plan = press.plan(&media)?;
    let mut previews = Vec::new();
    if let (Some(stem), Probe::Document { pages: Some(pages), needs_password: false, .. }) = (preview, &plan.probe) {
        for page in 1..=(*pages).min(PREVIEWED) {
            previews.push(draw(&media, page, stem)?);
        }
    }
    let (format, bytes) = (media.format(), media.len() as u64);
    let judged = match subject.filter(|_| format.is_image()) {
        Some(subject) => press.press(&media)?.summary.judged.map(|judged| judged.seen_as(subject)),
        None => None,
    };
    Ok(Seen {
        format,
        bytes,
        bytes_in: bytes,
        detail: plan.probe,
        plan: NoteLine::all(&plan.actions),
        judged,
        previews,
    })
}

fn draw(media: &Media, page: u32, stem: &Path) -> Result<String, Failure> {
    let png = Trimmer::new(pdf::Policy::default()).preview(media, page, PREVIEW_SIDE).map_err(of_pdf)?;
    let mut name = stem.as_os_str().to_owned();
    name.push(format!("-page{page}.png"));
    let target = PathBuf::from(name);
    file::write(&target, &png)
        .map_err(|e| Failure::new("unwritable", Fault::Caller, format!("{}: {e}", target.display())))?;
    Ok(target.to_string_lossy().into_owned())
}

fn of_pdf(e: pdf::Error) -> Failure {
    Failure::new(e.kind().as_str(), e.fault(), e.to_string())
}

fn show(line: &FileLine<Seen>) {
    let seen = match line.result() {
        Err(error) => return print::line(&format!("{}\n  {}: {error}", line.input, error.kind)),
        Ok(seen) => seen,
    };
    print::line(&format!("{}\n  {}, {}", line.input, seen.format, print::bytes(seen.bytes)));
    match &seen.detail {
        Probe::Picture {
            width, height, orientation, upright, frames, alpha, bit_depth, colour, icc_profile, ..
        } => {
            let mut text = format!("  {width}×{height}");
            if *orientation > 1 {
                text += &format!(", orientation {orientation} (upright {upright})");
            }
            text += &format!(", {colour}, {bit_depth} bit");
            text += if *alpha { ", alpha" } else { "" };
            if *frames > 1 {
                text += &format!(", {frames} frames");
            }
            if let Some(name) = icc_profile {
                text += &format!(", profile {name}");
            }
            print::line(&text);
        }
        Probe::Document { pages, version, encrypted, needs_password, .. } => {
            let mut text =
                pages.map_or_else(|| "  pages unknown".to_owned(), |n| format!("  {}", show_count(n.into(), "pages")));
            if let Some(version) = version {
                text += &format!(", PDF {version}");
            }
            text += match (encrypted, needs_password) {
                (_, true) => ", needs a password",
                (true, false) => ", encrypted without a password",
                _ => "",
            };
            print::line(&text);
        }
        _ => {}
    }
    for note in &seen.plan {
        print::below("→ ", &note.to_string());
    }
    if let Some(judged) = &seen.judged {
        judged::tell(judged);
    }
    for preview in &seen.previews {
        print::line(&format!("  preview {preview}"));
    }
}
