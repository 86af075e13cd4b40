//! The `sealpress` command.

#![forbid(unsafe_code)]

mod cli;
mod inspect;
mod outcome;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().command {
        cli::Command::Inspect(args) => inspect::run(&args),
    }
}
