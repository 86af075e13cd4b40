//! `pdf-worker`: what the rivals run against, as a program of its own.
//!
//! `pdf-worker trim IN OUT [--judge]` keeps the first five pages, with `--judge` the first five that are
//! not empty. `pdf-worker make plain|packed|scan PAGES OUT` makes a file to trim.

mod make;

use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;

use bytes::Bytes;
use make::Kind;
use sealpress_media::Media;
use sealpress_pdf::{Policy, Trimmer};

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["trim", input, output] => trim(input, output, false),
        ["trim", input, output, "--judge"] => trim(input, output, true),
        ["make", kind, pages, output] => make(kind, pages, output),
        _ => Err("usage: pdf-worker trim IN OUT [--judge] | make plain|packed|scan PAGES OUT".into()),
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
    let trimmed = Trimmer::new(Policy::default().with_drop_empty(judge)).trim(&media)?;
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

/// The file as the page cache has it: what is not looked at is not read.
#[expect(unsafe_code, reason = "mapping a file is only as safe as nobody else changing it")]
fn map(file: &File) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: the bench made this file and changes it only before and after this program runs.
    unsafe { memmap2::Mmap::map(file) }
}
