//! The door: a manifest under a configuration, to be planned, run, looked at and reported. Nothing
//! here prints; whoever calls says what an operator sees.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealpress_client::Provider;
use sealpress_pipeline::{Pipeline, Press};
use sha2::{Digest, Sha256};

use crate::account::{self, Account};
use crate::batch::{self, Batch, Edits, Rules};
use crate::config::{Config, Origin, Setting, Value};
use crate::decisions::{self, Decisions};
use crate::error::{Error, ErrorKind, Result};
use crate::figures::Watched;
use crate::manifest::{Manifest, hex};
use crate::plan::Plan;
use crate::report;
use crate::results;
use crate::run::{Finished, Runner, Stop, exit_of};
use crate::source::Sources;
use crate::store::{Detail, IMPORTED, Store, Summary, Which};
use crate::{Exit, plan};

/// Sessions that are not submitted and are named one by one.
const SHOWN_OPEN: usize = 1000;

/// A manifest, where its journal lies, and the settings of whoever works on it.
pub struct Backfill {
    pub(crate) config: Config,
    pub(crate) manifest: Manifest,
    pub(crate) state: PathBuf,
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
    /// Sessions that ended at the provider without us are made anew; what was confirmed in them is sent again.
    pub recreate: bool,
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

/// Which rows stand in `failed.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wanted {
    /// What failed.
    FailedOnly,
    /// This, and what the provider wants better media for.
    WithFailed,
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

    /// Reads the whole manifest, looks at every file, and sends nothing. The press counts the pages of
    /// documents.
    ///
    /// # Errors
    /// Settings that make no sense, a manifest that cannot be read.
    pub async fn plan(&self, press: &Arc<dyn Press>) -> Result<Plan> {
        plan::plan(&self.config, &self.manifest, press).await
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

    /// Sets items back to work; how many. A manifest in which failed rows were put right is taken in: they
    /// name other files now, or other contexts.
    ///
    /// # Errors
    /// What the store says; `Mismatch` for another manifest or other rules.
    pub async fn retry(&self, which: Retry, policy: &str, accepted: Accepted) -> Result<u64> {
        let batch = self.opened(policy, accepted, None, Edits::OfFailedRows).await?;
        batch.store.retry(if which == Retry::Failed { Which::Failed } else { Which::Both }).await
    }

    /// Asks what was decided of submitted sessions, within the provider's rate, and joins it to the results:
    /// once, or for as long as `wait` says. With `wanted`, `failed.csv` holds the rows of sessions for which
    /// better media are wanted, too.
    ///
    /// # Errors
    /// As [`Self::start`]; `Refused` where the provider does not take the credentials, or decides nothing.
    pub async fn decisions(
        &self,
        wiring: Wiring,
        accepted: Accepted,
        wait: Option<std::time::Duration>,
        wanted: Wanted,
    ) -> Result<Decisions> {
        let options = self.config.run_options()?.pipeline;
        let (provider, account, _) = self.provider(&wiring, options.connections.get())?;
        let batch = self.batch(&wiring.policy, accepted, Some(account)).await?;
        let at_once = options.connections.get();
        let pipeline = sealpress_pipeline::Pipeline::shared(provider, wiring.press)
            .options(options)
            .build()
            .map_err(|e| Error::caused(ErrorKind::Config, "the pipeline did not start", e))?;
        if wanted == Wanted::WithFailed {
            batch.store.note(results::WITH_WANTED, "true".to_owned()).await?;
        }
        let decisions = decisions::ask(&batch.store, &pipeline, at_once, wait).await?;
        results::write(&*batch.store, batch.manifest.columns(), &batch.state).await?;
        Ok(decisions)
    }

    /// The provider, whose account it is, and its host.
    fn provider(&self, wiring: &Wiring, connections: usize) -> Result<(Arc<dyn Provider>, Account, String)> {
        let access = Access {
            base_url: self.config.required("base_url")?.to_owned(),
            api_key: self.config.required("api_key")?.to_owned(),
            secret: self.config.required("secret")?.to_owned(),
            connections,
        };
        let provider = (wiring.provider)(&access).map_err(|e| Error::new(ErrorKind::Config, e))?;
        let account = Account::new(&access.base_url, &access.api_key);
        Ok((provider, account, account::host(&access.base_url)))
    }

    /// Opens the journal, reads the manifest into it where that was not done before, and gets ready to
    /// send. Nothing is sent before [`Run::finish`].
    ///
    /// # Errors
    /// Settings that make no sense, what the store says, `Mismatch` for another manifest or other rules.
    pub async fn start(&self, wiring: Wiring, accepted: Accepted) -> Result<Run> {
        let options = self.config.run_options()?;
        let (provider, account, host) = self.provider(&wiring, options.pipeline.connections.get())?;
        let mut batch = self.batch(&wiring.policy, accepted, Some(account)).await?;
        batch.store.note(report::SETTINGS, self.said()).await?;
        // What nobody knew the outcome of is looked up again on every new day.
        batch.store.retry(Which::Quarantined).await?;
        let before = batch.store.summary().await?;
        let mut options = options;
        options.recreate = accepted.recreate;
        if accepted.recreate {
            batch.store.reopen_gone().await?;
        }
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
        let memory = options.pipeline.memory;
        let sources = Sources::new(batch.manifest.base(), &self.config.roots(), self.config.sources()?, memory)?;
        let runner =
            Runner::new(Arc::clone(&batch.store), Pipeline::shared(provider, wiring.press), sources, options, host)?;
        Ok(Run { batch, runner, before })
    }

    /// What somebody set, as it may be shown: no secrets, and no names of people.
    fn said(&self) -> String {
        let shown = |setting: Setting<'_>| match setting.value {
            // Subjects and folders are people's names as often as not.
            _ if ["only_subject", "include", "exclude", "state", "allow_root"].contains(&setting.name) => None,
            Value::Shown(value) if setting.origin != Origin::Default => Some((setting.name, value.into_owned())),
            _ => None,
        };
        let said: BTreeMap<_, _> = self.config.settings().filter_map(shown).collect();
        serde_json::to_string(&said).unwrap_or_default()
    }

    pub(crate) async fn batch(&self, policy: &str, accepted: Accepted, account: Option<Account>) -> Result<Batch> {
        self.opened(policy, accepted, account, Edits::Refused).await
    }

    async fn opened(&self, policy: &str, accepted: Accepted, account: Option<Account>, edits: Edits) -> Result<Batch> {
        let rules = Rules {
            policy: hex(&Sha256::digest(policy)),
            account,
            edits,
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
