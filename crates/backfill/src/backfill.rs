//! The door: a manifest under a configuration, to be planned, run, looked at and reported. Nothing
//! here prints; whoever calls says what an operator sees.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
use crate::ready::{Ready, Wiring};
use crate::report;
use crate::results;
use crate::run::{Finished, Runner, Stop, exit_of};
use crate::source::Sources;
use crate::store::{Detail, IMPORTED, Store, Summary, Which};
use crate::units::show_count;
use crate::{Exit, plan};

/// Sessions that are not submitted and are named one by one.
const SHOWN_OPEN: usize = 1000;

/// A manifest, where its journal lies, and the settings of whoever works on it.
pub struct Backfill {
    pub(crate) config: Config,
    pub(crate) manifest: Manifest,
    pub(crate) state: PathBuf,
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

    /// Writes the HTML report and says where. With a press, which is to make JPEGs of some 96 pixels, the pictures with
    /// the lowest scores are read once more and shown: such a page is as confidential as they are.
    ///
    /// # Errors
    /// What the store says; a file that cannot be written; a press that is not there.
    pub async fn report(&self, out: Option<PathBuf>, thumbnails: Option<Arc<dyn Press>>) -> Result<PathBuf> {
        let store = batch::observe(&self.config, &self.state, &self.manifest).await?;
        let out = out.unwrap_or_else(|| self.files().report);
        let thumbnails = match thumbnails {
            Some(press) => {
                press.check().map_err(sealpress_pipeline::Error::from)?;
                // Nothing is fetched, so nothing of that may be held.
                let sources = Sources::new(self.manifest.base(), &self.config.roots(), self.config.sources()?, 0)?;
                Some(report::Thumbnails { sources, press })
            }
            None => None,
        };
        report::write(&*store, &self.manifest, &out, thumbnails.as_ref()).await?;
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

    /// Asks what was decided of submitted sessions, within the provider's rate, and joins it to the results:
    /// once, or for as long as `wait` says. With `wanted`, `failed.csv` holds the rows of sessions for which
    /// better media are wanted, too.
    ///
    /// # Errors
    /// As [`Self::start`]; `Unauthorized` where the provider does not take the credentials, `Refused` where it decides
    /// nothing.
    pub async fn decisions(
        &self,
        wiring: Wiring,
        accepted: Accepted,
        wait: Option<std::time::Duration>,
        wanted: Wanted,
    ) -> Result<Decisions> {
        let Ready { options, provider, account, .. } = self.ready(&wiring)?;
        let (options, at_once) = (options.pipeline.clone(), options.pipeline.connections.get());
        let pipeline = Pipeline::shared(Arc::clone(&provider), wiring.press).options(options).build()?;
        let batch = self.batch(&wiring.policy, accepted, Some(account)).await?;
        if wanted == Wanted::WithFailed {
            batch.store.note(results::WITH_WANTED, "true".to_owned()).await?;
        }
        let mut decisions = decisions::ask(&batch.store, &pipeline, at_once, wait).await?;
        decisions::compare(&mut decisions, &*batch.store, |code, subject| provider.codes_of(code, subject)).await?;
        results::write(&*batch.store, batch.manifest.columns(), &batch.state).await?;
        Ok(decisions)
    }

    /// Opens the journal, reads the manifest into it where that was not done before, and gets ready to
    /// send. Nothing is sent before [`Run::finish`].
    ///
    /// # Errors
    /// Settings that make no sense, what the store says, `Mismatch` for another manifest or other rules.
    pub async fn start(&self, wiring: Wiring, accepted: Accepted) -> Result<Run> {
        let Ready { mut options, provider, account, host, sources } = self.ready(&wiring)?;
        let mut batch = self.batch(&wiring.policy, accepted, Some(account)).await?;
        options.recreate = accepted.recreate;
        let unowned = batch.store.summary().await?.unowned;
        if unowned > 0 {
            let rows = show_count(unowned, "rows");
            if accepted.bad_rows {
                batch.notices.push(format!("left out as told: {rows} that cannot be read"));
            } else {
                options.submit = false;
                batch.notices.push(format!(
                    "{rows} cannot be read, and nobody knows whose: no session is submitted until that is mended \
                     (retry-failed --from FILE) or left out (--skip-bad-rows)"
                ));
            }
        }
        let pipeline = Pipeline::shared(provider, wiring.press);
        let runner = Runner::new(Arc::clone(&batch.store), pipeline, sources, options, host)?;
        // Nothing can keep it from beginning any more.
        batch.store.note(report::SETTINGS, self.said()).await?;
        // What nobody knew the outcome of is looked up again on every new day.
        batch.store.retry(Which::Quarantined).await?;
        if accepted.recreate {
            batch.store.reopen_gone().await?;
        }
        let before = batch.store.summary().await?;
        if before.total() == 0 {
            batch.notices.push("the manifest has no rows".to_owned());
        }
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

    /// What a run needs beside its journal.
    ///
    /// # Errors
    /// As [`Ready::new`].
    pub(crate) fn ready(&self, wiring: &Wiring) -> Result<Ready> {
        Ready::new(&self.config, &self.manifest, wiring)
    }

    pub(crate) async fn batch(&self, policy: &str, accepted: Accepted, account: Option<Account>) -> Result<Batch> {
        self.opened(policy, accepted, account, Edits::Refused).await
    }

    pub(crate) async fn opened(
        &self,
        policy: &str,
        accepted: Accepted,
        account: Option<Account>,
        edits: Edits,
    ) -> Result<Batch> {
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
    report::write(&*batch.store, &batch.manifest, &batch.state.join(report::FILE), None).await?;
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
