//! `sealpress webhooks serve`: takes a vendor's webhooks, verifies them, keeps each once, and answers 200 only
//! when it is safe.

mod keep;
mod receive;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use sealpress_client::veriff::Webhook;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::access;
use crate::listen::Listen;
use crate::outcome::{self, Failure};
use crate::{print, show};
use keep::Keeper;
use receive::Receiver;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(Args),
}

/// Take webhooks until SIGTERM or SIGINT
///
/// A webhook is answered with 200 once its signature was found right and it is on disk, or the command
/// has ended well; a repetition of one that was kept is answered with 200 and dropped. Anything else is
/// refused, and the vendor sends it again, hourly for seven days.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Set SEALPRESS_SECRET, or SEALPRESS_SECRET_FILE to a file with a secret on each line: any of them\n\
    is accepted, as during a rotation.\n\n\
    A line of the file is {\"id\",\"kind\",\"received_ms\",\"body\"}; the body is the vendor's, as it came.\n\n\
    Examples:\n  \
    sealpress webhooks serve --listen 127.0.0.1:8787 --out webhooks.jsonl\n  \
    sealpress webhooks serve --listen :8787 --out webhooks.jsonl --exec ./handle-one"
)]
pub(crate) struct Args {
    /// Address and port; `:PORT` is any address of this machine, port 0 a free one
    #[arg(long, default_value = "127.0.0.1:8787", value_name = "ADDR")]
    listen: Listen,
    /// The only path that is taken; others are 404
    #[arg(long, default_value = "/", value_name = "PATH")]
    path: String,
    /// File that each webhook is appended to, as one line of JSON; also knows which were kept before
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Program that each webhook is given on its standard input; exit code 0 means that it was dealt with
    #[arg(long, value_name = "PROGRAM")]
    exec: Option<PathBuf>,
    /// Seconds that the program may take
    #[arg(long, default_value_t = 8, value_name = "SECONDS")]
    exec_timeout: u64,
    /// The first line is one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Command) -> ExitCode {
    let Command::Serve(args) = command;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|e| Failure::config(format!("no runtime: {e}")));
    match runtime.and_then(|runtime| runtime.block_on(serve(args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => show::end(Err(failure), args.json),
    }
}

async fn serve(args: &Args) -> Result<(), Failure> {
    let no_signals = |e: std::io::Error| Failure::config(format!("signals cannot be caught: {e}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let secrets = access::secrets("SEALPRESS_SECRET")?;
    let webhook = Webhook::new(&secrets)?;
    let keeper =
        Keeper::open(&args.out).map_err(|e| Failure::config(format!("{} cannot be used: {e}", args.out.display())))?;
    let known = keeper.known();
    let exec = args.exec.clone().map(|program| (program, Duration::from_secs(args.exec_timeout.max(1))));
    let receiver = Receiver::new(webhook, keeper, exec);
    let listener = args.listen.bind().await?;
    let address: SocketAddr = listener.local_addr().map_err(|e| Failure::config(e.to_string()))?;
    let url = format!("http://{address}{}", args.path);
    if args.json {
        print::json(&json!({ "url": url, "kept": known }));
    } else {
        print::line(&format!("taking webhooks at {url}, {known} kept before"));
    }
    let stop = async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    };
    // Those under way are seen to their end: what was kept is answered.
    axum::serve(listener, receive::router(receiver, &args.path))
        .with_graceful_shutdown(stop)
        .await
        .map_err(|e| outcome::Failure::config(format!("the server ended: {e}")))
}
