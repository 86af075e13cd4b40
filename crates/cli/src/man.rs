//! `sealpress man`: a manual page for each command, for whoever packs the program.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Command;

use crate::outcome::Failure;
use crate::show;

/// Write manual pages, one for each command
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder for the pages
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args, program: Command) -> ExitCode {
    let written = std::fs::create_dir_all(&args.out).and_then(|()| clap_mangen::generate_to(program, &args.out));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => show::end(Err(Failure::io("manual pages", &e)), false),
    }
}
