//! The commands and what each is for, as clap reads them.

use clap::{Parser, Subcommand};

use crate::{backfill, best, emulator, faces, gateway, inspect, man, prepare, session, transmit, upload, webhooks};

/// Prepares pictures and PDFs for identity verification vendors, and sends them.
#[derive(Debug, Parser)]
#[command(
    name = "sealpress",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 all done, 1 internal error, 2 usage or configuration, 3 some inputs failed.\n\
                  One bad file never stops the others."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Inspect(inspect::Args),
    Prepare(prepare::Args),
    Best(best::Args),
    Upload(upload::Args),
    /// Open, submit, look at and delete Veriff sessions
    #[command(subcommand, after_help = session::HELP)]
    Session(session::Command),
    /// Fetch media from Veriff
    #[command(subcommand)]
    Media(session::MediaCommand),
    /// Transmit Security: sessions, images, results
    #[command(subcommand, after_help = transmit::HELP)]
    Transmit(transmit::Command),
    /// Send what a manifest names: millions of files over days, killed and resumed at will
    #[command(
        after_help = "Exit codes: 0 all done, 1 internal error, 2 usage or configuration, 3 finished with failed items,\n\
                            4 stopped by --max-errors, 5 stopped by --deadline, 6 items left in quarantine, 130 and 143 signals."
    )]
    Backfill(backfill::BackfillArgs),
    /// Settings of a backfill and where they come from
    Config(backfill::ConfigArgs),
    /// Bring faces into Veriff's collection
    #[command(subcommand)]
    Faces(faces::Command),
    /// Take the webhooks of a vendor
    #[command(subcommand)]
    Webhooks(webhooks::Command),
    Gateway(gateway::Args),
    Emulator(emulator::Args),
    #[command(hide = true)]
    Man(man::Args),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  sealpress completions bash > /etc/bash_completion.d/sealpress")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}
