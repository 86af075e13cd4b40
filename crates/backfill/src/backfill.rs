//! The door: a manifest under a configuration, to be planned, run, looked at and reported. Nothing
//! here prints; whoever calls says what an operator sees.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealpress_client::Provider;
use sealpress_pipeline::Press;
use sha2::{Digest, Sha256};

use crate::batch::{self, Batch, Rules};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::figures::Watched;
use crate::manifest::{Manifest, hex};
use crate::plan::Plan;
use crate::report;
use crate::results;
use crate::run::{Finished, Runner, Stop, exit_of};
use crate::source::Sources;
use crate::store::{IMPORTED, Summary};
use crate::{Exit, plan};

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
        let store = batch::observe(&self.config, &self.state).await?;
        let summary = store.summary().await?;
        let imported = store.fact(IMPORTED).await?.is_some();
        let finished = summary.ended() == summary.total() && imported;
        Ok(Status { exit: exit_of(&summary), summary, imported, finished })
    }

    /// Writes the HTML report and says where.
    ///
    /// # Errors
    /// What the store says; a file that cannot be written.
    pub async fn report(&self, out: Option<PathBuf>) -> Result<PathBuf> {
        let store = batch::observe(&self.config, &self.state).await?;
        let out = out.unwrap_or_else(|| self.files().report);
        report::write(&*store, &self.manifest, &out).await?;
        Ok(out)
    }

    /// Writes results and failed rows into a folder, and says where each is.
    ///
    /// # Errors
    /// What the store says; a file that cannot be written.
    pub async fn export(&self, out: Option<PathBuf>) -> Result<[PathBuf; 2]> {
        let store = batch::observe(&self.config, &self.state).await?;
        let out = out.unwrap_or_else(|| self.state.clone());
        std::fs::create_dir_all(&out)
            .map_err(|e| Error::caused(ErrorKind::Io, format!("{} cannot be made", out.display()), e))?;
        results::write(&*store, self.manifest.columns(), &out).await?;
        Ok([out.join(results::RESULTS), out.join(results::FAILED)])
    }

    /// Sets items back to work; how many.
    ///
    /// # Errors
    /// What the store says; `Mismatch` for another manifest or other rules.
    pub async fn retry(&self, which: Retry, policy: &str, accepted: Accepted) -> Result<u64> {
        let batch = self.batch(policy, accepted).await?;
        batch.store.retry(which == Retry::FailedAndQuarantined).await
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
        let batch = self.batch(&wiring.policy, accepted).await?;
        let sources = Sources::new(batch.manifest.base(), &self.config.roots(), self.config.sources()?)?;
        let runner = Runner::new(Arc::clone(&batch.store), provider, wiring.press, sources, options)?;
        let before = batch.store.summary().await?;
        Ok(Run { batch, runner, before })
    }

    async fn batch(&self, policy: &str, accepted: Accepted) -> Result<Batch> {
        let rules = Rules {
            policy: hex(&Sha256::digest(policy)),
            accept_manifest: accepted.manifest,
            accept_policy: accepted.policy,
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
