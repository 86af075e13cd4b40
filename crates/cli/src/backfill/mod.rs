//! `sealpress backfill` and `sealpress config`: arguments, signals, and what an operator is told.

mod endpoint;
mod log;
mod output;
mod progress;
mod settings;
#[cfg(feature = "otel")]
mod telemetry;
#[cfg(not(feature = "otel"))]
#[path = "no_telemetry.rs"]
mod telemetry;

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use sealpress_backfill::{Accepted, Access, Backfill, Config, Error, Exit, Retry, Stop, Then, Wanted, Wiring};
use tokio::signal::unix::{SignalKind, signal};

use crate::outcome::Failure;
use crate::press;
use crate::vendor::{Target, Vendor};
use endpoint::Endpoint;
use output::Told;
use settings::SettingsArgs;
use telemetry::Telemetry;

/// `sealpress backfill …`
#[derive(Debug, clap::Args)]
pub(crate) struct BackfillArgs {
    #[command(subcommand)]
    command: Command,
    /// Whose API the media go to; key and secret are then the application's id and secret
    #[arg(long, value_enum, default_value_t, global = true)]
    provider: Vendor,
    /// What is filled there
    #[arg(long, value_enum, default_value_t, global = true)]
    into: Target,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    log: log::LogArgs,
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
        /// Name the sessions that are not submitted, and why
        #[arg(long)]
        open: bool,
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
        /// Take mended rows from here: failed.csv with its rows put right, or rows of the same form
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// Only set them back
        #[arg(long)]
        no_run: bool,
    },
    /// Ask what was decided of submitted sessions, and join it to the results
    #[command(
        after_help = "Examples:\n  sealpress backfill decisions manifest.csv --json\n  sealpress backfill decisions manifest.csv --wait 8h --with-resubmissions"
    )]
    Decisions {
        #[command(flatten)]
        manifest: Manifested,
        /// Ask again for so long, such as 90s or 8h, until every session is decided
        #[arg(long, value_name = "TIME")]
        wait: Option<String>,
        /// Let failed.csv hold the rows of sessions for which better media are wanted, too
        #[arg(long)]
        with_resubmissions: bool,
    },
    /// Write a whole copy of the journal, while it may be in use
    #[command(after_help = "Example:\n  sealpress backfill backup manifest.csv journal-copy.db")]
    Backup {
        /// The manifest
        manifest: PathBuf,
        /// A file that is not there yet
        out: PathBuf,
    },
    /// Erase what a finished job knows of people, and print the receipt
    #[command(after_help = "Example:\n  sealpress backfill erase manifest.csv > receipt.json")]
    Erase {
        /// The manifest
        manifest: PathBuf,
    },
    /// Write the HTML report
    #[command(
        after_help = "Examples:\n  sealpress backfill report manifest.csv --out report.html\n  sealpress backfill report manifest.csv --thumbnails --out confidential.html"
    )]
    Report {
        /// The manifest
        manifest: PathBuf,
        /// Where to [default: report.html in the state folder]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Show the 20 lowest scores, their files read once more: people and documents, in 96 pixels
        #[arg(long)]
        thumbnails: bool,
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
    /// Go on although address or API key are others than the journal's: the same account has new ones
    #[arg(long)]
    accept_changed_account: bool,
    /// Submit sessions although rows cannot be read of which nobody knows whose they are
    #[arg(long)]
    skip_bad_rows: bool,
    /// Make sessions anew that have ended at the provider: all of their files are sent again
    #[arg(long)]
    recreate_expired: bool,
    /// Submit this subject or session without its failed items; may be repeated
    #[arg(long, value_name = "KEY", num_args = 1..)]
    submit_incomplete: Vec<String>,
    /// Give this subject or session up: nothing more is sent to it, and it is not submitted; may be repeated
    #[arg(long, value_name = "KEY", num_args = 1..)]
    drop_session: Vec<String>,
    /// A command for the shell when the run has ended, however it ended; SEALPRESS_EXIT has the code
    #[arg(long, value_name = "COMMAND")]
    on_end: Option<String>,
    /// Print the end as one JSON object
    #[arg(long)]
    json: bool,
}

impl Command {
    /// What a command has of a run that may go on.
    const fn manifested(&self) -> Option<&Manifested> {
        match self {
            Self::Run(of) | Self::RetryFailed { manifest: of, .. } | Self::Decisions { manifest: of, .. } => Some(of),
            _ => None,
        }
    }

    /// Whether its end is one JSON object.
    const fn is_json(&self) -> bool {
        match self {
            Self::Plan { json, .. } | Self::Status { json, .. } => *json,
            Self::Run(args) | Self::RetryFailed { manifest: args, .. } | Self::Decisions { manifest: args, .. } => {
                args.json
            }
            Self::Erase { .. } => true,
            Self::Backup { .. } | Self::Report { .. } | Self::Export { .. } => false,
        }
    }
}

impl Manifested {
    fn accepted(&self) -> Accepted {
        Accepted {
            manifest: self.accept_changed_manifest,
            policy: self.accept_changed_policy,
            account: self.accept_changed_account,
            bad_rows: self.skip_bad_rows,
            recreate: self.recreate_expired,
        }
    }
}

/// `sealpress config …`
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
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

/// Why a command ended before it could say more, and with which exit code.
struct Failed {
    exit: Exit,
    failure: Failure,
}

type Result<T, E = Failed> = std::result::Result<T, E>;

impl Failed {
    fn usage(doing: impl Display, why: impl Display) -> Self {
        Self { exit: Exit::Usage, failure: Failure::config(format!("{doing}: {why}")) }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { exit: error.exit(), failure: Failure::new(error.kind().as_str(), error.fault(), error.to_string()) }
    }
}

/// Runs `sealpress backfill …` to its end, on a runtime of its own.
pub(crate) fn run(args: BackfillArgs) -> ExitCode {
    let json = args.command.is_json();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return failed(Failed::usage("the runtime did not start", e), json).into(),
    };
    let sends = matches!(args.command, Command::Run(_) | Command::RetryFailed { .. });
    let layer = match args.log.layer() {
        Ok(layer) => layer,
        Err(why) => return failed(Failed { exit: Exit::Usage, failure: Failure::config(why) }, json).into(),
    };
    let hook = args.command.manifested().and_then(|of| Some((of.on_end.clone()?, state_of(&args, of))));
    let telemetry = if sends {
        Telemetry::start(runtime.handle(), vec![layer])
    } else {
        log::install(vec![layer]);
        Telemetry::none()
    };
    let ended = runtime.block_on(dispatch(args, &telemetry));
    telemetry.end();
    // What is still on the wire is in the journal as `sending`; the next run looks it up.
    runtime.shutdown_timeout(Duration::from_millis(500));
    let exit = ended.unwrap_or_else(|e| failed(e, json));
    if let Some((command, state)) = hook {
        call(&command, exit, state);
    }
    exit.into()
}

/// Where results lie, as far as settings and manifest can be read.
fn state_of(args: &BackfillArgs, of: &Manifested) -> Option<PathBuf> {
    let config = args.settings.load_for(args.into).ok()?;
    Some(Backfill::open(config, of.manifest.clone()).ok()?.state().to_owned())
}

/// Calls what is to be called at the end; how that ends is said and changes nothing.
fn call(command: &str, exit: Exit, state: Option<PathBuf>) {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", command]).env("SEALPRESS_EXIT", exit.code().to_string()).stdin(std::process::Stdio::null());
    if let Some(state) = state {
        shell.env("SEALPRESS_STATE", state);
    }
    match shell.status() {
        Ok(status) if status.success() => {}
        Ok(status) => crate::print::note(&format!("sealpress: --on-end: {status}")),
        Err(e) => crate::print::note(&format!("sealpress: --on-end: {e}")),
    }
}

/// Runs `sealpress config …`.
pub(crate) fn config(args: &ConfigArgs) -> ExitCode {
    let ConfigCommand::Show { origin } = args.command;
    let exit = match args.settings.load() {
        // A word that no run would take is said here already.
        Ok(config) => match documents(&config) {
            Ok(_) => {
                output::settings(&config, origin);
                Exit::Done
            }
            Err(e) => failed(e, false),
        },
        Err(e) => failed(e.into(), false),
    };
    exit.into()
}

/// Says why, in the one form that every command has for it.
fn failed(failed: Failed, as_json: bool) -> Exit {
    crate::show::end(Err(failed.failure), as_json);
    failed.exit
}

async fn dispatch(args: BackfillArgs, telemetry: &Telemetry) -> Result<Exit> {
    let to = (args.provider, args.into);
    let config = args.settings.load_for(args.into)?;
    let metrics = config.text("metrics").map(str::to_owned);
    documents(&config)?;
    let open = |manifest: PathBuf| Backfill::open(config.clone(), manifest);
    match args.command {
        Command::Plan { manifest, json } => {
            let plan = open(manifest)?.plan(&wiring(to, &config)?.press).await?;
            output::plan(&plan, json);
            Ok(if plan.bad > 0 { Exit::Failed } else { Exit::Done })
        }
        Command::Run(args) => {
            let (endpoint, mut told) = (Endpoint::bind(metrics).await?, Told::default());
            send(&open(args.manifest.clone())?, wiring(to, &config)?, &args, endpoint, &mut told, telemetry).await
        }
        Command::Status { manifest, open: named, json } => {
            let backfill = open(manifest)?;
            let status = backfill.status().await?;
            output::status(&backfill, &status, named, json);
            // A status that could be told is a success; how the run stands is in its words.
            Ok(if status.finished { status.exit } else { Exit::Done })
        }
        Command::RetryFailed { manifest: args, quarantined, from, no_run } => {
            let (backfill, wiring) = (open(args.manifest.clone())?, wiring(to, &config)?);
            let then = if no_run { Then::Nothing } else { Then::Run };
            let endpoint = Endpoint::bind(metrics.filter(|_| !no_run)).await?;
            let mut told = Told::default();
            if let Some(from) = &from {
                let changed = backfill.mend(from, &wiring, args.accepted(), then).await?;
                told.changed(&changed, "mended rows taken in");
            }
            // Rows that were fed back are all that is wanted; the others failed and still would.
            if from.is_none() || quarantined {
                let which = if quarantined { Retry::FailedAndQuarantined } else { Retry::Failed };
                let changed = backfill.retry(which, &wiring, args.accepted(), then).await?;
                told.changed(&changed, "items set back to work");
            }
            if no_run {
                return Ok(Exit::Done);
            }
            send(&backfill, wiring, &args, endpoint, &mut told, telemetry).await
        }
        Command::Decisions { manifest: args, wait, with_resubmissions } => {
            let wait = wait
                .map(|text| sealpress_media::duration::parse(&text).map_err(|e| Failed::usage("--wait", e)))
                .transpose()?;
            let wanted = if with_resubmissions { Wanted::WithFailed } else { Wanted::FailedOnly };
            let backfill = open(args.manifest.clone())?;
            let decisions = backfill.decisions(wiring(to, &config)?, args.accepted(), wait, wanted).await?;
            output::decisions(&backfill, &decisions, args.json);
            Ok(decisions.exit())
        }
        Command::Backup { manifest, out } => {
            open(manifest)?.backup(&out).await?;
            crate::print::line(&format!("{}", out.display()));
            Ok(Exit::Done)
        }
        Command::Erase { manifest } => {
            let receipt = open(manifest)?.erase().await?;
            crate::print::line(&receipt.to_string());
            Ok(Exit::Done)
        }
        Command::Report { manifest, out, thumbnails } => {
            let shown = thumbnails.then(press::thumbnails);
            if out.as_deref() == Some(std::path::Path::new("-")) {
                let written = open(manifest)?.report(None, shown).await?;
                let page = std::fs::read(&written).map_err(|e| Failed::usage(written.display(), e))?;
                crate::print::bytes_out(&[&page]);
                return Ok(Exit::Done);
            }
            let written = open(manifest)?.report(out, shown).await?;
            crate::print::line(&format!("{}", written.display()));
            Ok(Exit::Done)
        }
        Command::Export { manifest, out } => {
            for written in open(manifest)?.export(out).await? {
                crate::print::line(&format!("{}", written.display()));
            }
            Ok(Exit::Done)
        }
    }
}

async fn send(
    backfill: &Backfill,
    wiring: Wiring,
    args: &Manifested,
    endpoint: Option<Endpoint>,
    told: &mut Told,
    telemetry: &Telemetry,
) -> Result<Exit> {
    if !args.submit_incomplete.is_empty() {
        let changed = backfill.submit_incomplete(&args.submit_incomplete, &wiring, args.accepted()).await?;
        told.changed(&changed, "failed items left out");
    }
    if !args.drop_session.is_empty() {
        let changed = backfill.drop_sessions(&args.drop_session, &wiring, args.accepted()).await?;
        told.changed(&changed, "items dropped");
    }
    let run = backfill.start(wiring, args.accepted()).await?;
    told.notices(run.notices());
    obey_signals(run.stop())?;
    let watched = run.watched();
    telemetry.watch(&watched);
    let endpoint = endpoint.map(|endpoint| endpoint.serve(watched.clone()));
    let shown = progress::show(watched);
    let finished = run.finish().await;
    shown.end();
    if let Some(endpoint) = endpoint {
        endpoint.abort();
    }
    let finished = finished?;
    output::finished(backfill, &finished, args.json);
    Ok(finished.exit)
}

/// What a run needs of this program.
fn wiring((vendor, target): (Vendor, Target), config: &Config) -> Result<Wiring> {
    let documents = documents(config)?;
    let pages_as: press::PagesAs = config.choice("pages_as")?.unwrap_or_default();
    let mut policies = pages_as.apply(documents, documents.policies(vendor));
    policies.image.preflight = press::measuring(&config.preflight()?);
    // A journal that was begun under other rules, or by another version of them, is not gone on with unasked.
    let mut policy = format!("{} {policies:?}", env!("CARGO_PKG_VERSION"));
    if let Some(best) = config.best()? {
        policy += &format!(" best {best}");
    }
    let provider = move |access: &Access| {
        let (key, secret) = (&access.api_key, &access.secret);
        crate::access::provider(vendor, target, &access.base_url, key, secret).map_err(|e| e.to_string())
    };
    Ok(Wiring { press: press::press(policies), policy, provider: Box::new(provider) })
}

/// What the settings want of PDFs.
fn documents(config: &Config) -> Result<press::DocumentArgs> {
    Ok(press::DocumentArgs {
        documents: config.choice("documents")?.unwrap_or_default(),
        signed: config.choice("signed")?.unwrap_or_default(),
        damaged_documents: config.choice("damaged_documents")?.unwrap_or_default(),
    })
}

/// The first signal asks the run to stop, the second ends the process.
fn obey_signals(stop: Stop) -> Result<()> {
    let failed = |e| Failed::usage("signals cannot be received", e);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => Exit::Terminated,
                _ = interrupt.recv() => Exit::Interrupted,
                // The terminal is gone; what was begun is not.
                _ = hangup.recv() => Exit::Terminated,
            }
        };
        stop.signalled(next().await);
        crate::print::note("stopping: what is on the wire may come to its end; a second signal ends it now");
        let second = next().await;
        std::process::exit(i32::from(second.code()));
    });
    Ok(())
}
