//! `sealpress gateway`: the vendor's API in front of the vendor, until a signal.

mod accounts;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use sealpress_backfill::{parse_bytes, show_bytes, show_count};
use sealpress_client as client;
use sealpress_gateway::transmit::TransmitDoor;
use sealpress_gateway::veriff::{Accounts, VeriffDoor};
use sealpress_gateway::{Door, Gateway, Options, Reading, Record, Tls};
use sealpress_media::{Preflight, duration};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::access::Access;
use crate::listen::Listen;
use crate::outcome::Failure;
use crate::vendor::Vendor;
use crate::{press, print, show};
use accounts::Source;

/// How often files with secrets are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Take uploads of any size and format in a vendor's own API, and hand them on prepared
///
/// Set the base URL of a client to this address and change nothing else: photos come out upright, in the box and under
/// the limits, PDFs with their first five pages, signed anew with the secret that the client used. Everything else
/// passes through byte for byte.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Set SEALPRESS_BASE_URL, SEALPRESS_API_KEY and SEALPRESS_SECRET (or …_FILE, a secret on each line during a\n\
    rotation), or --accounts for several. Files are read again on SIGHUP and when they change.\n\
    SIGTERM lets requests under way end; a second one ends at once.\n\n\
    Also answers: POST /prepare (the file and its report, nothing sent), POST /sign (the body, signed),\n\
    GET /healthz, /readyz, /metrics.\n\n\
    Examples:\n  \
    sealpress gateway --listen 127.0.0.1:8080\n  \
    sealpress gateway --listen :8443 --tls-cert chain.pem --tls-key key.pem --accounts accounts.toml\n\n\
    accounts.toml:\n  \
    [[account]]\n  \
    base_url = \"https://stationapi.veriff.com\"\n  \
    api_key = \"…\"\n  \
    secret_file = \"/run/secrets/one\""
)]
pub(crate) struct Args {
    /// Address and port; `:PORT` is any address of this machine, port 0 a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    listen: Listen,
    /// Whose API
    #[arg(long, value_enum, default_value_t)]
    vendor: Vendor,
    #[command(flatten)]
    access: Access,
    /// TOML file of accounts, told apart by their API keys
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    /// Certificate chain (PEM): takes TLS instead of plain HTTP
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Bytes in flight
    #[arg(long, default_value = "512MiB", value_name = "SIZE", value_parser = parse_bytes)]
    memory: u64,
    /// Largest body of an upload
    #[arg(long, default_value = "64MiB", value_name = "SIZE", value_parser = parse_bytes)]
    max_body: u64,
    #[command(flatten)]
    documents: press::DocumentArgs,
    /// Blurred, dark and empty pictures: off, report (numbers from /prepare), advise (findings in headers as well), or
    /// refuse what nobody could read (refuse:blank,blurred_heavily)
    #[arg(long, value_name = "off|report|advise|refuse", default_value = "report")]
    preflight: Preflight,
    /// Threads that prepare files; as many as there are CPUs unless given
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    /// Connections at a time
    #[arg(long, default_value_t = 1024, value_name = "N")]
    max_connections: usize,
    /// How long an upload waits for room before it is answered 429
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = duration::parse)]
    wait: Duration,
    /// How long requests under way may go on after SIGTERM
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = duration::parse)]
    drain: Duration,
    /// Take canonical base64 only: no line breaks, no missing padding
    #[arg(long)]
    strict: bool,
    /// Do not print requests to standard error
    #[arg(long)]
    quiet: bool,
    /// The first line is one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    // They wait; what computes has threads of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|e| Failure::config(format!("no runtime: {e}")));
    match runtime.and_then(|runtime| runtime.block_on(serve(args))) {
        Ok(code) => code,
        Err(failure) => show::end(Err(failure), args.json),
    }
}

/// A vendor's door, and where its secrets come from where it has any.
struct Opened {
    door: Arc<dyn Door>,
    renewed: Option<(Arc<VeriffDoor>, Source)>,
}

fn open(args: &Args) -> Result<Opened, Failure> {
    let mut options: client::Options = args.access.options();
    options.max_idle = 64;
    match args.vendor {
        Vendor::Veriff => {
            let source = Source::new(&args.access, args.accounts.clone());
            let accounts = Accounts::new(&source.read()?, &options)?;
            let door = Arc::new(VeriffDoor::new(accounts));
            Ok(Opened { door: door.clone(), renewed: Some((door, source)) })
        }
        Vendor::Transmit => {
            let base_url = args.access.base_url("SEALPRESS_TRANSMIT_BASE_URL")?;
            Ok(Opened { door: Arc::new(TransmitDoor::new(&base_url, &options)?), renewed: None })
        }
    }
}

async fn serve(args: &Args) -> Result<ExitCode, Failure> {
    let no_signals = |e: std::io::Error| Failure::config(format!("signals cannot be caught: {e}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let hangup = signal(SignalKind::hangup()).map_err(no_signals)?;

    let Opened { door, renewed } = open(args)?;
    let mut policies = args.documents.policies(args.vendor);
    policies.image.preflight = press::measuring(&args.preflight);
    let mut builder = Gateway::builder(door, press::press(policies)).options(options(args));
    if let (Some(cert), Some(key)) = (&args.tls_cert, &args.tls_key) {
        builder = builder.tls(Tls::from_pem(cert, key).map_err(|e| Failure::config(e.to_string()))?);
    }
    if !args.quiet {
        let said = print::notes();
        // A terminal that cannot keep up loses lines; requests do not wait for it.
        builder = builder.on_request(move |record: &Record| drop(said.try_send(record.to_string())));
    }
    let listener = args.listen.bind().await?;
    let gateway = builder.start(listener)?;
    tell(args, gateway.address(), &gateway.url());
    let renewing = renewed.map(|(door, source)| tokio::spawn(renew(door, source, hangup)));

    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    let left = tokio::select! {
        left = gateway.shutdown() => left,
        _ = terminate.recv() => 1,
        _ = interrupt.recv() => 1,
    };
    renewing.inspect(|task| task.abort());
    match left {
        0 => Ok(ExitCode::SUCCESS),
        left => {
            print::note(&format!("sealpress: cut off {}", show_count(left as u64, "connections")));
            Ok(ExitCode::from(crate::outcome::SOME_FAILED))
        }
    }
}

fn options(args: &Args) -> Options {
    let mut options = Options::default();
    (options.memory, options.max_body) = (args.memory.max(16 << 20), args.max_body);
    options.max_connections = args.max_connections.max(1);
    (options.wait, options.drain) = (args.wait, args.drain);
    options.workers = args.workers.unwrap_or(options.workers);
    options.reading = if args.strict { Reading::Strict } else { Reading::Lenient };
    options.preflight = args.preflight.clone();
    options
}

fn tell(args: &Args, address: SocketAddr, url: &str) {
    if args.json {
        return print::json(&json!({ "url": url }));
    }
    print::line(&format!("the vendor's API at {url}, {} in flight at most", show_bytes(args.memory)));
    if !address.ip().is_loopback() && args.tls_cert.is_none() {
        print::note("sealpress: plain HTTP at an address that others can reach: media travel in the open up to here");
    }
}

/// Reads the accounts again when a file of theirs changed, or on SIGHUP. What cannot be read changes nothing.
async fn renew(door: Arc<VeriffDoor>, source: Source, mut hangup: tokio::signal::unix::Signal) {
    let mut before = source.stamp();
    loop {
        let asked = tokio::select! { _ = hangup.recv() => true, () = tokio::time::sleep(LOOK) => false };
        let now = source.stamp();
        if !asked && now == before {
            continue;
        }
        before = now;
        let accounts = source.read().and_then(|accounts| Ok(door.accounts().renewed(&accounts)?));
        match accounts {
            Ok(accounts) => {
                door.replace(accounts);
                print::note("sealpress: accounts were read again");
            }
            Err(failure) => print::note(&format!("sealpress: accounts stay as they were: {failure}")),
        }
    }
}
