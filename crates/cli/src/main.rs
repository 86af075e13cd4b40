//! The `sealpress` program: reads the command and hands it to the file of its name.

#![forbid(unsafe_code)]

mod access;
mod backfill;
mod best;
mod cli;
mod emulator;
mod faces;
mod file;
mod gateway;
mod inspect;
mod judged;
mod lines;
mod listen;
mod man;
mod names;
mod outcome;
mod prepare;
mod press;
mod print;
mod session;
mod show;
mod transmit;
mod upload;
mod vendor;
mod webhooks;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    press::start_early();
    print::exit(match Cli::parse().command {
        Command::Inspect(args) => inspect::run(&args),
        Command::Prepare(args) => prepare::run(args),
        Command::Best(args) => best::run(&args),
        Command::Upload(args) => upload::run(&args),
        Command::Session(command) => session::run(command),
        Command::Media(command) => session::media(command),
        Command::Transmit(command) => transmit::run(command),
        Command::Backfill(args) => backfill::run(args),
        Command::Config(args) => backfill::config(&args),
        Command::Faces(command) => faces::run(&command),
        Command::Webhooks(command) => webhooks::run(&command),
        Command::Gateway(args) => gateway::run(&args),
        Command::Emulator(args) => emulator::run(&args),
        Command::Man(args) => man::run(&args, Cli::command()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "sealpress", &mut script);
            print::bytes_out(&[&script]);
            ExitCode::SUCCESS
        }
    })
}
