//! `sealpress emulator`: both APIs on this machine until a signal.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use sealpress_emulator::Emulator;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::outcome::{self, Failure};
use crate::{print, show};

/// Run a local stand-in for both vendors, to test against
///
/// Prints its URL and test credentials, then answers until SIGTERM or SIGINT. Its page shows
/// sessions, media and decisions as they happen.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    sealpress emulator --port 8089 --data received\n  \
    sealpress emulator --script faults.toml --json")]
pub(crate) struct Args {
    /// Port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Address to listen at
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "IP")]
    bind: IpAddr,
    /// Folder for what is received; in memory unless given
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// TOML file with options and scripted faults
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Send webhooks there
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// The first line is one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    match outcome::runtime().and_then(|runtime| runtime.block_on(serve(args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => show::end(Err(failure), false),
    }
}

async fn serve(args: &Args) -> Result<(), Failure> {
    // Asked for before the line is printed: whoever reads it may send the signal at once.
    let no_signals = |e: std::io::Error| Failure::config(format!("signals cannot be caught: {e}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;

    let broken = |e: sealpress_emulator::Error| Failure::config(e.to_string());
    let mut builder = Emulator::builder().address(SocketAddr::new(args.bind, args.port));
    if let Some(folder) = &args.data {
        builder = builder.data(folder);
    }
    if let Some(url) = &args.webhook {
        builder = builder.webhook(url);
    }
    if let Some(path) = &args.script {
        let script = std::fs::read_to_string(path)
            .map_err(|e| Failure::config(format!("{} cannot be read: {e}", path.display())))?;
        builder = builder.script(&script).map_err(broken)?;
    }
    let emulator = builder.start().await.map_err(broken)?;
    let transmit = emulator.transmit();
    if args.json {
        print::json(&json!({
            "url": emulator.url(), "api_key": emulator.api_key(), "secret": emulator.secret(),
            "transmit": {
                "client_id": transmit.client_id, "client_secret": transmit.client_secret,
                "url": transmit.url, "token_url": transmit.token_url, "resource": transmit.resource,
            },
        }));
    } else {
        print::line(&format!("# The page of this emulator: {}/", emulator.url()));
        for (name, value) in [
            ("SEALPRESS_BASE_URL", emulator.url()),
            ("SEALPRESS_API_KEY", emulator.api_key()),
            ("SEALPRESS_SECRET", emulator.secret()),
            ("SEALPRESS_TRANSMIT_BASE_URL", &transmit.url),
            ("SEALPRESS_TRANSMIT_CLIENT_ID", &transmit.client_id),
            ("SEALPRESS_TRANSMIT_CLIENT_SECRET", &transmit.client_secret),
            ("SEALPRESS_TRANSMIT_TOKEN_URL", &transmit.token_url),
            ("SEALPRESS_TRANSMIT_RESOURCE", &transmit.resource),
        ] {
            print::line(&format!("export {name}={value}"));
        }
    }
    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    emulator.shutdown().await;
    Ok(())
}
