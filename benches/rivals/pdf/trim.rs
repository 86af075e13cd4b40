//! `pdf-worker`: what the rivals run against, as a program of its own.
//!
//! `pdf-worker trim IN OUT [--judge]` keeps the first five pages, with `--judge` the first five that are
//! not empty. `pdf-worker make plain|packed|scan PAGES OUT` makes a file to trim. `pdf-worker inside A B`
//! trims two files in turns, in this process, without looking at pages. `pdf-worker look FILE…` says what
//! looking for empty pages costs. Answers are JSON.

mod make;

use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytes::Bytes;
use make::Kind;
use sealpress_media::Media;
use sealpress_pdf::{Policy, Trimmer};

/// Trims of each of two files in turns.
const ROUNDS: usize = 301;

/// Trims of a file whose pages are looked at.
const LOOKS: usize = 7;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["trim", input, output] => trim(input, output, false),
        ["trim", input, output, "--judge"] => trim(input, output, true),
        ["make", kind, pages, output] => make(kind, pages, output),
        ["inside", few, many] => inside(few, many),
        ["look", ref files @ ..] => look(files),
        _ => {
            Err("usage: pdf-worker trim IN OUT [--judge] | make plain|packed|scan PAGES OUT | inside A B | look FILE…"
                .into())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("pdf-worker: {e}");
            ExitCode::FAILURE
        }
    }
}

fn trim(input: &str, output: &str, judge: bool) -> Result<(), Failure> {
    let media = Media::sniff(Bytes::from_owner(map(&File::open(input)?)?))?;
    let trimmed =
        Trimmer::new(if judge { Policy::default() } else { Policy::default().keeping_empty_pages() }).trim(&media)?;
    std::fs::write(output, trimmed.media().bytes())?;
    eprintln!("{}", serde_json::to_string(trimmed.report())?);
    Ok(())
}

fn make(kind: &str, pages: &str, output: &str) -> Result<(), Failure> {
    let kind = match kind {
        "plain" => Kind::Plain,
        "packed" => Kind::Packed,
        "scan" => Kind::Scan,
        _ => return Err("no such kind".into()),
    };
    let mut out = BufWriter::new(File::create(output)?);
    make::make(kind, pages.parse()?, &mut out)?;
    Ok(out.into_inner()?.sync_all()?)
}

/// Medians of two files in turns, in milliseconds.
fn inside(few: &str, many: &str) -> Result<(), Failure> {
    let mut trimmer = Trimmer::new(Policy::default().keeping_empty_pages());
    let files =
        [few, many].map(|path| std::fs::read(path).map_err(Failure::from).and_then(|file| Ok(Media::sniff(file)?)));
    let mut taken = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (media, taken) in files.iter().zip(&mut taken) {
            let media = media.as_ref().map_err(ToString::to_string)?;
            let start = Instant::now();
            trimmer.trim(media)?;
            taken.push(start.elapsed());
        }
    }
    let [few, many] = taken.map(|taken| median(taken).as_secs_f64() * 1000.0);
    println!("{}", serde_json::json!({ "few": few, "many": many }));
    Ok(())
}

/// For every file that can be trimmed: pages looked at, pages drawn, milliseconds a page.
fn look(files: &[&str]) -> Result<(), Failure> {
    let mut trimmer = Trimmer::new(Policy::default());
    for path in files {
        let Ok(media) = Media::sniff(std::fs::read(path)?) else { continue };
        let mut taken = Vec::new();
        let (mut judged, mut drawn) = (0, 0);
        for _ in 0..LOOKS {
            let Ok(trimmed) = trimmer.trim(&media) else { break };
            taken.push(trimmed.report().timings.judge);
            (judged, drawn) = (trimmed.report().judged, trimmed.report().drawn);
        }
        if judged > 0 {
            let each = median(taken).as_secs_f64() * 1000.0 / f64::from(judged);
            println!("{}", serde_json::json!({ "file": path, "judged": judged, "drawn": drawn, "ms": each }));
        }
    }
    Ok(())
}

fn median(mut taken: Vec<Duration>) -> Duration {
    taken.sort();
    taken.get(taken.len() / 2).copied().unwrap_or_default()
}

/// The file as the page cache has it: what is not looked at is not read.
#[expect(unsafe_code, reason = "mapping a file is only as safe as nobody else changing it")]
fn map(file: &File) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: the bench made this file and changes it only before and after this program runs.
    unsafe { memmap2::Mmap::map(file) }
}
