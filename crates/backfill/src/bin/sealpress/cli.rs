use clap::{Parser, Subcommand};

use crate::inspect;

/// Prepares pictures and PDFs for identity verification vendors.
#[derive(Debug, Parser)]
#[command(name = "sealpress", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Inspect(inspect::Args),
}
