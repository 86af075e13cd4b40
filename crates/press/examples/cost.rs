//! What isolation costs in CPU time: whole programs that press the same files in workers and in their own
//! process, in turns, everything of them counted, their workers too.
//!
//! ```sh
//! cargo run --release -p sealpress-press --example cost -- ../shared/corpus/photos 300 9
//! ```

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use sealpress_media::Media;
use sealpress_press::{InProcess, Isolated, Policies, Press};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--run", kind, folder, files] => run(kind, Path::new(folder), files.parse()?),
        [folder, files, rounds] => compare(folder, files.parse()?, rounds.parse()?),
        _ => Err("cost FOLDER FILES ROUNDS".into()),
    }
}

/// Presses so many files, those of the folder over and over.
fn run(kind: &str, folder: &Path, files: usize) -> Outcome {
    let policies = Policies::default();
    let press: Box<dyn Press> =
        if kind == "isolated" { Box::new(Isolated::new(policies)) } else { Box::new(InProcess::new(policies)) };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut worker = press.worker();
    let mut pressed = 0;
    for path in paths.iter().cycle() {
        if pressed == files {
            return Ok(());
        }
        // The decoder of HEIC is another one in workers, where it may be C.
        let Ok(media) = Media::sniff(std::fs::read(path)?) else { continue };
        if media.format() == sealpress_media::Format::Heic {
            continue;
        }
        press.estimate(&media)?;
        worker.press(&media)?;
        pressed += 1;
    }
    Err("no files".into())
}

fn compare(folder: &str, files: usize, rounds: usize) -> Outcome {
    println!("CPU ms of whole programs, medians of {rounds} rounds in turns (least, most)\n");
    for files in [1, files] {
        let [mut here, mut apart] = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            here.push(cpu_ms("in-process", folder, files)?);
            apart.push(cpu_ms("isolated", folder, files)?);
        }
        let mut ratios: Vec<f64> = here.iter().zip(&apart).map(|(here, apart)| apart / here).collect();
        println!("{files} files: in process {}, isolated {}", told(&mut here), told(&mut apart));
        println!("  isolated ÷ in process {}", told(&mut ratios));
    }
    Ok(())
}

/// CPU time of a run and of all processes that it has waited for.
fn cpu_ms(kind: &str, folder: &str, files: usize) -> Result<f64, Box<dyn std::error::Error>> {
    let used = || -> nix::Result<f64> {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        Ok((usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1000.0)
    };
    let before = used()?;
    let ran = Command::new(std::env::current_exe()?).args(["--run", kind, folder, &files.to_string()]).status()?;
    if !ran.success() {
        return Err(format!("the {kind} run ended with {ran}").into());
    }
    Ok(used()? - before)
}

fn told(values: &mut [f64]) -> String {
    values.sort_by(f64::total_cmp);
    let (least, median, most) = (values[0], values[values.len() / 2], values[values.len() - 1]);
    format!("{median:.3} ({least:.3}, {most:.3})")
}
