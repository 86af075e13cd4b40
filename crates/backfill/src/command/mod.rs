//! `sealpress backfill …`: the command line in front of everything here.

mod batch;
mod endpoint;
mod figures;
mod plan;
mod progress;
#[cfg(feature = "otel")]
mod telemetry;
#[cfg(not(feature = "otel"))]
#[path = "no_telemetry.rs"]
mod telemetry;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use sealpress_client::Provider;
use sealpress_pipeline::Press;
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, SettingsArgs};
use crate::error::{Error, ErrorKind, Result};
use crate::exit::Exit;
use crate::manifest::{Manifest, hex};
use crate::report;
use crate::results;
use crate::run::{Finished, Runner, Stop, Stopped, exit_of};
use crate::source::Sources;
use crate::store::state::{ItemState, SessionState};
use crate::units::{show_bytes, show_duration};
use batch::Batch;
use figures::Watched;
use telemetry::Telemetry;

/// `sealpress backfill …`
#[derive(Debug, clap::Args)]
pub struct BackfillArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what a run would do: counts, bytes, first problems. Sends nothing
    #[command(after_help = "Example:\n  sealpress backfill plan manifest.csv --json")]
    Plan {
        /// CSV with a header, JSON lines, or a folder SUBJECT/CONTEXT/FILE
        manifest: PathBuf,
        /// Machine-readable
        #[arg(long)]
        json: bool,
    },
    /// Send everything that is not confirmed yet; resumes by default
    #[command(
        after_help = "Examples:\n  sealpress backfill run manifest.csv\n  sealpress backfill run manifest.csv --memory 2GiB --rps 20 --max-errors 5% --deadline 8h"
    )]
    Run(Manifested),
    /// Where it stands; works while it runs
    #[command(after_help = "Example:\n  sealpress backfill status manifest.csv --json")]
    Status {
        /// The manifest
        manifest: PathBuf,
        /// Machine-readable
        #[arg(long)]
        json: bool,
    },
    /// Set failed items back to work and run
    #[command(
        after_help = "Examples:\n  sealpress backfill retry-failed manifest.csv\n  sealpress backfill retry-failed manifest.csv --quarantined --no-run"
    )]
    RetryFailed {
        #[command(flatten)]
        manifest: Manifested,
        /// Take along items of which nobody knows whether they arrived; they are looked up first
        #[arg(long)]
        quarantined: bool,
        /// Only set them back
        #[arg(long)]
        no_run: bool,
    },
    /// Write the HTML report
    #[command(after_help = "Example:\n  sealpress backfill report manifest.csv --out report.html")]
    Report {
        /// The manifest
        manifest: PathBuf,
        /// Where to [default: report.html in the state folder]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Write results.jsonl and failed.csv
    #[command(after_help = "Example:\n  sealpress backfill export manifest.csv --out results")]
    Export {
        /// The manifest
        manifest: PathBuf,
        /// Where to [default: the state folder]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
struct Manifested {
    /// CSV with a header, JSON lines, or a folder SUBJECT/CONTEXT/FILE
    manifest: PathBuf,
    /// Go on with the journal's items although the manifest was changed since
    #[arg(long)]
    accept_changed_manifest: bool,
    /// Go on although the rules for preparing media were changed since
    #[arg(long)]
    accept_changed_policy: bool,
    /// Print the end as one JSON object
    #[arg(long)]
    json: bool,
}

/// `sealpress config …`
#[derive(Debug, clap::Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every setting and its value; secrets are not shown
    #[command(after_help = "Example:\n  sealpress config show --origin")]
    Show {
        /// Say where each value came from
        #[arg(long)]
        origin: bool,
    },
}

/// Makes a client of the vendor out of an address and credentials.
pub type MakeProvider = Box<dyn Fn(&Access) -> Result<Arc<dyn Provider>, String> + Send + Sync>;

/// The doors that the binary opens for a run.
pub struct Wiring {
    /// Prepares media, in this process or in locked-down ones.
    pub press: Arc<dyn Press>,
    /// The rules that it follows, as text: a journal that was begun under other rules is refused.
    pub policy: String,
    /// Makes the provider out of base URL, key and secret.
    pub provider: MakeProvider,
}

/// How to reach the provider.
#[derive(Clone)]
#[non_exhaustive]
pub struct Access {
    /// Its API.
    pub base_url: String,
    /// The integration's key.
    pub api_key: String,
    /// The shared secret.
    pub secret: String,
    /// Connections at a time.
    pub connections: usize,
}

/// Prints nothing that opens a door.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// Runs `sealpress backfill …` to its end, on a runtime of its own.
#[must_use]
pub fn execute(args: BackfillArgs, wiring: Wiring) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return failed(&Error::caused(ErrorKind::Io, "the runtime did not start", e)),
    };
    let sends = matches!(args.command, Command::Run(_) | Command::RetryFailed { .. });
    let telemetry = if sends { Telemetry::start(runtime.handle()) } else { Telemetry::none() };
    let ended = runtime.block_on(dispatch(args, wiring, &telemetry));
    telemetry.end();
    // What is still on the wire is in the journal as `sending`; the next run looks it up.
    runtime.shutdown_timeout(Duration::from_millis(500));
    ended.unwrap_or_else(|e| failed(&e))
}

/// Runs `sealpress config …`.
#[must_use]
pub fn show_config(args: &ConfigArgs) -> Exit {
    let ConfigCommand::Show { origin } = args.command;
    match Config::load(&args.settings) {
        Ok(config) => {
            print!("{}", config.show(origin));
            Exit::Done
        }
        Err(e) => failed(&e),
    }
}

fn failed(error: &Error) -> Exit {
    eprintln!("sealpress: {error}");
    error.exit()
}

async fn dispatch(args: BackfillArgs, wiring: Wiring, telemetry: &Telemetry) -> Result<Exit> {
    let config = Config::load(&args.settings)?;
    match args.command {
        Command::Plan { manifest, json } => plan::plan(&config, &Manifest::open(manifest)?, json).await,
        Command::Run(manifest) => run(&config, &manifest, wiring, telemetry).await,
        Command::Status { manifest, json } => status(&config, &Manifest::open(manifest)?, json).await,
        Command::RetryFailed { manifest, quarantined, no_run } => {
            let batch = open(&config, &manifest, &wiring.policy).await?;
            let n = batch.store.retry(quarantined).await?;
            eprintln!("{n} items set back to work");
            if no_run {
                return Ok(Exit::Done);
            }
            drop(batch);
            run(&config, &manifest, wiring, telemetry).await
        }
        Command::Report { manifest, out } => {
            let (manifest, state) = located(&config, manifest)?;
            let store = batch::observe(&config, &state).await?;
            let out = out.unwrap_or_else(|| state.join(report::FILE));
            report::write(&*store, &manifest, &out).await?;
            println!("{}", out.display());
            Ok(Exit::Done)
        }
        Command::Export { manifest, out } => {
            let (manifest, state) = located(&config, manifest)?;
            let store = batch::observe(&config, &state).await?;
            let out = out.unwrap_or(state);
            std::fs::create_dir_all(&out)
                .map_err(|e| Error::caused(ErrorKind::Io, format!("{} cannot be made", out.display()), e))?;
            results::write(&*store, manifest.columns(), &out).await?;
            println!("{}\n{}", out.join(results::RESULTS).display(), out.join(results::FAILED).display());
            Ok(Exit::Done)
        }
    }
}

fn located(config: &Config, manifest: PathBuf) -> Result<(Manifest, PathBuf)> {
    let manifest = Manifest::open(manifest)?;
    let state = state_of(config, &manifest);
    Ok((manifest, state))
}

fn state_of(config: &Config, manifest: &Manifest) -> PathBuf {
    config.text("state").map_or_else(|| manifest.default_state(), PathBuf::from)
}

async fn open(config: &Config, args: &Manifested, policy: &str) -> Result<Batch> {
    let manifest = Manifest::open(&args.manifest)?;
    let state = state_of(config, &manifest);
    let rules = batch::Rules {
        policy: hex(&Sha256::digest(policy)),
        accept_manifest: args.accept_changed_manifest,
        accept_policy: args.accept_changed_policy,
    };
    Batch::open(config, manifest, state, &rules).await
}

async fn run(config: &Config, args: &Manifested, wiring: Wiring, telemetry: &Telemetry) -> Result<Exit> {
    let options = config.run_options()?;
    let access = Access {
        base_url: config.required("base_url")?.to_owned(),
        api_key: config.required("api_key")?.to_owned(),
        secret: config.required("secret")?.to_owned(),
        connections: options.pipeline.connections.get(),
    };
    let provider = (wiring.provider)(&access).map_err(|e| Error::new(ErrorKind::Config, e))?;
    let batch = open(config, args, &wiring.policy).await?;
    let sources = Sources::new(batch.manifest.base(), &config.roots(), config.sources()?)?;
    let runner = Runner::new(Arc::clone(&batch.store), provider, wiring.press, sources, options)?;
    obey_signals(runner.stop())?;
    let before = batch.store.summary().await?;
    let watched = Watched::new(Arc::clone(&runner), before.clone());
    telemetry.watch(&watched);
    let endpoint = match config.text("metrics") {
        Some(address) => Some(endpoint::serve(address, watched).await?),
        None => None,
    };
    let shown = progress::show(Arc::clone(&runner), &before);
    let finished = runner.run().await;
    shown.end();
    if let Some(endpoint) = endpoint {
        endpoint.abort();
    }
    let finished = finished?;
    let changed = finished.summary != before || runner.tally.ended() > 0;
    leave(&batch, &finished, changed).await?;
    tell(&batch, &finished, args.json);
    Ok(finished.exit)
}

/// Results and report, unless nothing changed since they were written.
async fn leave(batch: &Batch, finished: &Finished, changed: bool) -> Result<()> {
    const WRITTEN: &str = "results";
    let stamp = serde_json::to_string(&finished.summary).unwrap_or_default();
    let there = [results::RESULTS, results::FAILED, report::FILE].iter().all(|name| batch.state.join(name).exists());
    if !changed && there && batch.store.fact(WRITTEN).await?.as_deref() == Some(&stamp) {
        return Ok(());
    }
    results::write(&*batch.store, batch.manifest.columns(), &batch.state).await?;
    report::write(&*batch.store, &batch.manifest, &batch.state.join(report::FILE)).await?;
    batch.store.note(WRITTEN, stamp).await
}

fn tell(batch: &Batch, finished: &Finished, json: bool) {
    let summary = &finished.summary;
    if json {
        let value = serde_json::json!({
            "exit": finished.exit.code(),
            "stopped": finished.stopped,
            "seconds": finished.took.as_secs_f64(),
            "items": counts(summary),
            "sessions": session_counts(summary),
            "results": batch.state.join(results::RESULTS),
            "failed": batch.state.join(results::FAILED),
            "report": batch.state.join(report::FILE),
        });
        println!("{value}");
        return;
    }
    if let Some(why) = &finished.stopped {
        println!("{why}");
    }
    print_summary(summary, &batch.state);
    println!("took       {}", show_duration(finished.took));
}

async fn status(config: &Config, manifest: &Manifest, json: bool) -> Result<Exit> {
    let state = state_of(config, manifest);
    let store = batch::observe(config, &state).await?;
    let summary = store.summary().await?;
    let imported = store.fact(crate::store::IMPORTED).await?.is_some();
    let finished = summary.ended() == summary.total() && imported;
    if json {
        let value = serde_json::json!({
            "finished": finished,
            "items": counts(&summary),
            "sessions": session_counts(&summary),
            "bytes_in": summary.bytes_in,
            "bytes_out": summary.bytes_out,
            "attempts": summary.attempts,
            "ambiguous": summary.ambiguous,
            "twins": summary.twins,
        });
        println!("{value}");
    } else {
        if !imported {
            println!("the manifest is being read");
        }
        print_summary(&summary, &state);
    }
    // A status that could be told is a success; how the run stands is in its words.
    Ok(if finished { exit_of(&summary) } else { Exit::Done })
}

fn counts(summary: &crate::store::Summary) -> serde_json::Value {
    let mut map: serde_json::Map<_, _> =
        ItemState::ALL.iter().map(|s| (s.as_str().to_owned(), summary.of(*s).into())).collect();
    map.insert("total".to_owned(), summary.total().into());
    map.into()
}

fn session_counts(summary: &crate::store::Summary) -> serde_json::Value {
    let map: serde_json::Map<_, _> =
        SessionState::ALL.iter().map(|s| (s.as_str().to_owned(), summary.sessions_of(*s).into())).collect();
    map.into()
}

fn print_summary(summary: &crate::store::Summary, state: &Path) {
    let sessions: u64 = summary.sessions.iter().sum();
    println!(
        "items      {} of {} confirmed, {} failed, {} in quarantine, {} to do",
        summary.of(ItemState::Confirmed),
        summary.total(),
        summary.of(ItemState::Failed),
        summary.of(ItemState::Quarantined),
        summary.total() - summary.ended(),
    );
    println!("sessions   {} of {sessions} submitted", summary.sessions_of(SessionState::Submitted));
    if summary.sessions_of(SessionState::Failed) + summary.sessions_of(SessionState::Quarantined) > 0 {
        println!(
            "           {} failed, {} in doubt",
            summary.sessions_of(SessionState::Failed),
            summary.sessions_of(SessionState::Quarantined)
        );
    }
    println!("bytes      {} read, {} sent", show_bytes(summary.bytes_in), show_bytes(summary.bytes_out));
    if summary.twins + summary.ambiguous > 0 {
        println!("           {} duplicates not sent, {} uploads looked up", summary.twins, summary.ambiguous);
    }
    println!("state      {}", state.display());
}

/// The first signal asks the run to stop, the second ends the process.
fn obey_signals(stop: Stop) -> Result<()> {
    let failed = |e| Error::caused(ErrorKind::Io, "signals cannot be received", e);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => Exit::Terminated,
                _ = interrupt.recv() => Exit::Interrupted,
            }
        };
        stop.pull(Stopped::Signal(next().await));
        eprintln!("stopping: what is on the wire may come to its end; a second signal ends it now");
        let second = next().await;
        std::process::exit(i32::from(second.code()));
    });
    Ok(())
}
