//! The door: a manifest under a configuration, to be planned, run, looked at and reported. Nothing
//! here prints; whoever calls says what an operator sees.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealpress_client::Provider;
use sealpress_pipeline::Press;
use sha2::{Digest, Sha256};

use crate::account::{self, Account};
use crate::batch::{self, Batch, Rules};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::figures::Watched;
use crate::manifest::{Manifest, Row, hex};
use crate::plan::Plan;
use crate::report;
use crate::results;
use crate::run::{Finished, Runner, Stop, exit_of};
use crate::source::Sources;
use crate::store::{Detail, IMPORTED, Mend, Mended, Store, Summary, Which};
use crate::{Exit, plan};

/// Sessions that are not submitted and are named one by one.
const SHOWN_OPEN: usize = 1000;

/// A manifest, where its journal lies, and the settings of whoever works on it.
pub struct Backfill {
    config: Config,
    manifest: Manifest,
    state: PathBuf,
}

/// Makes a client of the vendor out of an address and credentials.
pub type MakeProvider = Box<dyn Fn(&Access) -> Result<Arc<dyn Provider>, String> + Send + Sync>;

/// What a run is handed from outside.
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

/// Changes since the journal was begun that the operator knows of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Accepted {
    /// The manifest was changed: the journal's items are gone on with as they were.
    pub manifest: bool,
    /// The rules for preparing media were changed: what is left follows the new ones.
    pub policy: bool,
    /// The account has a new key or address, and is the same account.
    pub account: bool,
    /// Rows that cannot be read, and of which nobody knows whose they are, are left out: sessions are
    /// submitted without them.
    pub bad_rows: bool,
}

/// Which items go back to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// Failed ones.
    Failed,
    /// Failed ones, and those of which nobody knows whether they arrived; these are looked up first.
    FailedAndQuarantined,
}

/// Where a journal stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// Its counts.
    pub summary: Summary,
    /// Whether the manifest was read to its end.
    pub imported: bool,
    /// Whether nothing is left to do.
    pub finished: bool,
    /// What a run that found it like this would exit with.
    pub exit: Exit,
    /// Failures, rate and sessions that are not submitted.
    pub detail: Detail,
    /// The provider whose journal it is, and the fingerprint of the key; `None` where it does not say.
    pub account: Option<(String, String)>,
}

/// The files that a run leaves beside its journal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Files {
    /// One JSON object per item.
    pub results: PathBuf,
    /// The failed rows in the manifest's columns, with their reasons.
    pub failed: PathBuf,
    /// One self-contained page.
    pub report: PathBuf,
}

impl Backfill {
    /// Reads the header of a manifest.
    ///
    /// # Errors
    /// `Manifest` where it cannot be read, or where a column is missing that every row needs.
    pub fn open(config: Config, manifest: impl Into<PathBuf>) -> Result<Self> {
        let manifest = Manifest::open(manifest)?;
        let state = config.text("state").map_or_else(|| manifest.default_state(), PathBuf::from);
        Ok(Self { config, manifest, state })
    }

    /// The folder of journal and results.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Where results and report are written unless told otherwise.
    #[must_use]
    pub fn files(&self) -> Files {
        Files {
            results: self.state.join(results::RESULTS),
            failed: self.state.join(results::FAILED),
            report: self.state.join(report::FILE),
        }
    }

    /// Reads the whole manifest, looks at every file's size, and sends nothing.
    ///
    /// # Errors
    /// Settings that make no sense, a manifest that cannot be read.
    pub async fn plan(&self) -> Result<Plan> {
        plan::plan(&self.config, &self.manifest).await
    }

    /// Where the journal stands; whoever works on it is not disturbed.
    ///
    /// # Errors
    /// What the store says.
    pub async fn status(&self) -> Result<Status> {
        let store = batch::observe(&self.config, &self.state, &self.manifest).await?;
        let summary = store.summary().await?;
        let imported = store.fact(IMPORTED).await?.is_some();
        let finished = summary.ended() == summary.total() && imported;
        let account = account_of(&*store).await?;
        let detail = store.detail(SHOWN_OPEN).await?;
        Ok(Status { exit: exit_of(&summary), summary, imported, finished, detail, account })
    }

    /// Writes the HTML report and says where.
    ///
    /// # Errors
    /// What the store says; a file that cannot be written.
    pub async fn report(&self, out: Option<PathBuf>) -> Result<PathBuf> {
        let store = batch::observe(&self.config, &self.state, &self.manifest).await?;
        let out = out.unwrap_or_else(|| self.files().report);
        report::write(&*store, &self.manifest, &out).await?;
        Ok(out)
    }

    /// Writes results and failed rows into a folder, and says where each is.
    ///
    /// # Errors
    /// What the store says; a file that cannot be written.
    pub async fn export(&self, out: Option<PathBuf>) -> Result<[PathBuf; 2]> {
        let store = batch::observe(&self.config, &self.state, &self.manifest).await?;
        let out = out.unwrap_or_else(|| self.state.clone());
        std::fs::create_dir_all(&out)
            .map_err(|e| Error::caused(ErrorKind::Io, format!("{} cannot be made", out.display()), e))?;
        results::write(&*store, self.manifest.columns(), &out).await?;
        Ok([out.join(results::RESULTS), out.join(results::FAILED)])
    }

    /// Writes a whole copy of the journal to a file, while it may be in use.
    ///
    /// # Errors
    /// What the store says; `Io` for a file that is there already or cannot be made.
    pub async fn backup(&self, to: &Path) -> Result<()> {
        if to.exists() {
            return Err(Error::new(ErrorKind::Io, format!("{} is there already", to.display())));
        }
        let store = batch::observe(&self.config, &self.state, &self.manifest).await?;
        let mut part = to.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let written = store.backup(part.clone()).await.and_then(|()| {
            std::fs::rename(&part, to)
                .map_err(|e| Error::caused(ErrorKind::Io, format!("{} cannot be written", to.display()), e))
        });
        if written.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        written
    }

    /// Erases what a finished job knows of people: every row of the journal, results, failed rows and
    /// the report. What stays is a receipt (counts, times and the provider), which is returned, and
    /// keeps the job from being run again.
    ///
    /// # Errors
    /// `Mismatch` for a job of which something is left to do, what the store says, `Io` for a file
    /// that cannot be removed.
    pub async fn erase(&self) -> Result<serde_json::Value> {
        let store = batch::open_store(&self.config, &self.state, &self.manifest, &self.manifest.fingerprint()?).await?;
        let summary = store.summary().await?;
        if summary.ended() < summary.total() || store.fact(IMPORTED).await?.is_none() {
            let message = "this job is not finished: what is left to do needs the journal";
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
        let receipt = serde_json::json!({
            "erased_at_unix": now,
            "manifest_sha256": store.fact(IMPORTED).await?,
            "provider": account_of(&*store).await?.map(|(provider, _)| provider),
            "items": summary.items,
            "sessions": summary.sessions,
        });
        store.note(batch::ERASED, receipt.to_string()).await?;
        store.erase().await?;
        let files = self.files();
        for path in [files.results, files.failed, files.report] {
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::caused(ErrorKind::Io, format!("{} cannot be removed", path.display()), e));
                }
                _ => {}
            }
        }
        Ok(receipt)
    }

    /// Sets items back to work; how many.
    ///
    /// # Errors
    /// What the store says; `Mismatch` for another manifest or other rules.
    pub async fn retry(&self, which: Retry, policy: &str, accepted: Accepted) -> Result<u64> {
        let batch = self.batch(policy, accepted, None).await?;
        batch.store.retry(if which == Retry::Failed { Which::Failed } else { Which::Both }).await
    }

    /// Takes mended rows in: `from` has the manifest's columns, and those of `failed.csv` that say
    /// which row each was. A row goes to the session that it names, the one that is open included; one
    /// that names no line is added.
    ///
    /// # Errors
    /// `Manifest` for a row that still cannot be read, or that stands for none; then none is taken.
    pub async fn mend(&self, from: &Path, policy: &str, accepted: Accepted) -> Result<u64> {
        let mended = Manifest::open(from)?;
        let mut rows = Vec::new();
        for row in mended.rows()? {
            rows.push(mended_row(row?, from)?);
        }
        let batch = self.batch(policy, accepted, None).await?;
        let lines: Vec<Option<u64>> = rows.iter().map(|mended| mended.line).collect();
        let mut taken = 0;
        for (ended, line) in batch.store.mend(rows).await?.into_iter().zip(lines) {
            let refuse = |why: &str| {
                let line = line.map_or_else(|| "a new row".to_owned(), |line| format!("the row of line {line}"));
                Err(Error::new(ErrorKind::Manifest, format!("{}: {line} {why}", from.display())))
            };
            match ended {
                Mend::Taken => taken += 1,
                Mend::NoSuchLine => return refuse("is no failed row of this journal"),
                Mend::Submitted => return refuse("belongs to a session that is submitted and takes nothing more"),
            }
        }
        Ok(taken)
    }

    /// Opens the journal, reads the manifest into it where that was not done before, and gets ready to
    /// send. Nothing is sent before [`Run::finish`].
    ///
    /// # Errors
    /// Settings that make no sense, what the store says, `Mismatch` for another manifest or other rules.
    pub async fn start(&self, wiring: Wiring, accepted: Accepted) -> Result<Run> {
        let options = self.config.run_options()?;
        let access = Access {
            base_url: self.config.required("base_url")?.to_owned(),
            api_key: self.config.required("api_key")?.to_owned(),
            secret: self.config.required("secret")?.to_owned(),
            connections: options.pipeline.connections.get(),
        };
        let provider = (wiring.provider)(&access).map_err(|e| Error::new(ErrorKind::Config, e))?;
        let account = Account::new(&access.base_url, &access.api_key);
        let mut batch = self.batch(&wiring.policy, accepted, Some(account)).await?;
        // What nobody knew the outcome of is looked up again on every new day.
        batch.store.retry(Which::Quarantined).await?;
        let before = batch.store.summary().await?;
        let mut options = options;
        if before.unowned > 0 {
            if accepted.bad_rows {
                batch.notices.push(format!("{} rows that cannot be read are left out, as told", before.unowned));
            } else {
                options.submit = false;
                batch.notices.push(format!(
                    "{} rows cannot be read and nobody knows whose they are: no session is submitted until they are \
                     mended (retry-failed --from FILE) or left out (--skip-bad-rows)",
                    before.unowned
                ));
            }
        }
        let sources = Sources::new(batch.manifest.base(), &self.config.roots(), self.config.sources()?)?;
        let runner = Runner::new(Arc::clone(&batch.store), provider, wiring.press, sources, options)?;
        Ok(Run { batch, runner, before })
    }

    async fn batch(&self, policy: &str, accepted: Accepted, account: Option<Account>) -> Result<Batch> {
        let rules = Rules {
            policy: hex(&Sha256::digest(policy)),
            account,
            accept_manifest: accepted.manifest,
            accept_policy: accepted.policy,
            accept_account: accepted.account,
        };
        Batch::open(&self.config, self.manifest.clone(), self.state.clone(), &rules).await
    }
}

/// A run that is ready to begin.
pub struct Run {
    batch: Batch,
    runner: Arc<Runner>,
    before: Summary,
}

impl Run {
    /// Stops it from anywhere.
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.runner.stop()
    }

    /// What an operator should know before anything is sent, a sentence each.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.batch.notices
    }

    /// Its figures, while it runs and after it.
    #[must_use]
    pub fn watched(&self) -> Watched {
        Watched::new(Arc::clone(&self.runner), self.before.clone())
    }

    /// Works until nothing is left or something says stop, and leaves results and report.
    ///
    /// # Errors
    /// A journal that failed, a result that cannot be written. Everything else is an exit code.
    pub async fn finish(self) -> Result<Finished> {
        let finished = self.runner.run().await?;
        let changed = finished.summary != self.before || self.runner.tally.ended() > 0;
        leave(&self.batch, &finished, changed).await?;
        Ok(finished)
    }
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

async fn account_of(store: &dyn Store) -> Result<Option<(String, String)>> {
    let (provider, key) = (store.fact(account::PROVIDER).await?, store.fact(account::KEY).await?);
    Ok(provider.zip(key).map(|(provider, key)| (provider, account::short(&key).to_owned())))
}

/// A row of a file that was fed back, and the line that it says it stands for.
fn mended_row(mut row: Row, from: &Path) -> Result<Mended> {
    if let Some(bad) = &row.bad {
        return Err(Error::new(ErrorKind::Manifest, format!("{}, {}", from.display(), bad.message)));
    }
    let mut extra: serde_json::Map<String, serde_json::Value> =
        row.extra.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let line = extra.get(results::LINE).and_then(|line| line.as_str()).map(str::trim).unwrap_or_default().to_owned();
    extra.retain(|name, _| !results::is_why(name));
    row.extra = (!extra.is_empty()).then(|| serde_json::Value::Object(extra).to_string());
    let line = match line.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| {
            let message = format!("{}, line {}: `{}` is no line: {text}", from.display(), row.line, results::LINE);
            Error::new(ErrorKind::Manifest, message)
        })?),
    };
    Ok(Mended { line, row })
}

impl std::fmt::Debug for Backfill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backfill").field("state", &self.state).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Wiring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wiring").field("policy", &self.policy).finish_non_exhaustive()
    }
}
