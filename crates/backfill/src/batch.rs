//! Opens a manifest with its journal: which store, whether it is still the same manifest, and the
//! import of its rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::chaos;
use crate::config::Config;
use crate::edits;
use crate::error::{Error, ErrorKind, Result};
use crate::extent::{BYTES, READ, note_extent};
use crate::manifest::{Manifest, Row, hex};
use crate::store::postgres::Postgres;
use crate::store::sqlite::Sqlite;
use crate::store::{BURST_CARRIED, IMPORTED, Store};
use crate::units::show_count;

/// Rows per transaction of an import.
const ROWS: usize = 10_000;
const POLICY: &str = "policy";
/// The receipt of a job whose data was erased.
pub(crate) const ERASED: &str = "erased";

/// A manifest with its journal, ready to run.
pub(crate) struct Batch {
    pub(crate) manifest: Manifest,
    pub(crate) state: PathBuf,
    pub(crate) store: Arc<dyn Store>,
    /// What an operator should know before anything is sent, a sentence each.
    pub(crate) notices: Vec<String>,
}

/// What must not have changed since the journal was begun.
pub(crate) struct Rules {
    pub(crate) policy: String,
    /// Who this run would send to; `None` for commands that send nothing.
    pub(crate) account: Option<Account>,
    pub(crate) edits: Edits,
    pub(crate) accept_manifest: bool,
    pub(crate) accept_policy: bool,
    pub(crate) accept_account: bool,
}

/// What becomes of rows of the manifest that are others than the journal's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edits {
    /// They are refused.
    Refused,
    /// They take the place of failed ones.
    OfFailedRows,
}

impl Batch {
    /// Opens the journal and takes the manifest in, if that was not done before.
    ///
    /// # Errors
    /// What the store says; `Mismatch` for another manifest, other rules or another account.
    pub(crate) async fn open(config: &Config, manifest: Manifest, state: PathBuf, rules: &Rules) -> Result<Self> {
        crate::private::folder(&state)
            .map_err(|e| Error::caused(ErrorKind::Io, format!("{} cannot be made", state.display()), e))?;
        let fingerprint = manifest.fingerprint()?;
        let store = open_store(config, &state, &manifest, &fingerprint).await?;
        let mut notices = Vec::new();
        let alone = store.import_lock().await?;
        if let Some(receipt) = store.fact(ERASED).await? {
            let message =
                format!("this job was finished, and its data erased: {receipt}. Nothing of it is left to send");
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        // All that may speak against going on, before anything is written.
        let checked = match &rules.account {
            Some(account) => Some(account.check(&*store, &state, rules.accept_account).await?),
            None => None,
        };
        let policy = store.fact(POLICY).await?;
        if policy.as_ref().is_some_and(|known| *known != rules.policy) && !rules.accept_policy {
            let message = "the rules for preparing media were changed since this journal was begun; say \
                 --accept-changed-policy to go on under the new ones";
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        // All frames would be sent, and nobody would say so.
        if config.best()?.is_some() && store.fact(BURST_CARRIED).await?.is_some() {
            let message = "this journal was begun when the column `burst` was one that is only carried through: its rows \
                 are frames of no burst, and --best has nothing to choose among. Nothing was sent. Go on without --best, \
                 and every frame is sent; or put the rows of which nothing was sent into a manifest of their own";
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        match store.fact(IMPORTED).await? {
            None => import(&*store, &manifest, fingerprint).await?,
            Some(known) if known == fingerprint => {}
            Some(known) => match growth(&*store, &manifest, &known).await? {
                Some(rows) => {
                    let n = grow(&*store, rows, &manifest, fingerprint).await?;
                    notices.push(format!("the manifest has grown by {}", show_count(n as u64, "rows")));
                }
                None if rules.accept_manifest => {}
                None if rules.edits == Edits::OfFailedRows => {
                    let n = edits::take(&*store, &manifest, fingerprint).await?;
                    notices.push(format!("taken as put right: {} of the manifest", show_count(n as u64, "rows")));
                }
                None => {
                    let message = format!(
                        "the manifest {} was changed since this journal was begun ({}). Rows may be added at its end. Run \
                         other rows as a manifest of their own, take failed rows that were put right with retry-failed, or say \
                         --accept-changed-manifest to go on with the rows as they were",
                        manifest.path().display(),
                        state.display()
                    );
                    return Err(Error::new(ErrorKind::Mismatch, message));
                }
            },
        }
        // Whose it is and by which rules, before anything of it can be sent.
        if let Some(checked) = checked {
            notices.extend(checked.note(&*store).await?);
        }
        if policy.as_ref() != Some(&rules.policy) {
            store.note(POLICY, rules.policy.clone()).await?;
        }
        drop(alone);
        let left = manifest.left_out()?;
        if let Some(first) = left.first() {
            notices.push(format!("left out as no media: {}, such as {}", left.len(), first.display()));
        }
        Ok(Self { manifest, state, store, notices })
    }
}

pub(crate) async fn open_store(
    config: &Config,
    state: &Path,
    manifest: &Manifest,
    fingerprint: &str,
) -> Result<Arc<dyn Store>> {
    match config.text("store") {
        None => Ok(Arc::new(Sqlite::open(state)?)),
        Some(url) => shared(config, url, manifest, fingerprint).await,
    }
}

/// The store for reading: nothing is changed, and whoever runs is not disturbed.
pub(crate) async fn observe(config: &Config, state: &Path, manifest: &Manifest) -> Result<Arc<dyn Store>> {
    match config.text("store") {
        None => Ok(Arc::new(Sqlite::observe(state)?)),
        Some(url) => shared(config, url, manifest, &manifest.fingerprint()?).await,
    }
}

/// A store of many jobs: unless told otherwise each manifest has tables of its own.
async fn shared(config: &Config, url: &str, manifest: &Manifest, fingerprint: &str) -> Result<Arc<dyn Store>> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(Error::new(ErrorKind::Config, "`store` starts with postgres:// or is not set at all"));
    }
    let authority = config.text("store_ca").map(Path::new);
    let namespace = match config.text("namespace") {
        Some(name) => name.to_owned(),
        None => Postgres::namespace_of(url, authority, &own_namespace(manifest), fingerprint).await?,
    };
    Ok(Arc::new(Postgres::open(url, &namespace, authority).await?))
}

/// A name for the tables of the manifest at this place.
fn own_namespace(manifest: &Manifest) -> String {
    let place = std::fs::canonicalize(manifest.path()).unwrap_or_else(|_| manifest.path().to_owned());
    let hash = Sha256::digest(place.as_os_str().as_encoded_bytes());
    format!("sealpress_{}", hex(&hash[..8]))
}

/// The rows that were added to the manifest since it was taken in as `known`; `None` where more than
/// that was changed.
async fn growth(store: &dyn Store, manifest: &Manifest, known: &str) -> Result<Option<Vec<Row>>> {
    if manifest.is_folder() {
        return grown_folder(store, manifest).await;
    }
    let number = |text: Option<String>| text.and_then(|text| text.parse::<u64>().ok());
    let (Some(bytes), Some(read)) = (number(store.fact(BYTES).await?), number(store.fact(READ).await?)) else {
        return Ok(None);
    };
    if manifest.begins_with(bytes, known)? {
        let skipped = usize::try_from(read).unwrap_or(usize::MAX);
        return manifest.rows()?.skip(skipped).collect::<Result<_>>().map(Some);
    }
    Ok(None)
}

/// Files that were added to a folder from which none was taken.
async fn grown_folder(store: &dyn Store, manifest: &Manifest) -> Result<Option<Vec<Row>>> {
    let mut known = std::collections::HashSet::new();
    let mut after = 0;
    loop {
        let page = store.page(after, 4096, crate::store::Only::All).await?;
        let Some(last) = page.last() else { break };
        after = last.item.id;
        known.extend(page.into_iter().map(|record| record.item.media));
    }
    let mut new = Vec::new();
    for row in manifest.rows()? {
        let row = row?;
        if !known.remove(&row.media) {
            new.push(row);
        }
    }
    // Bad rows name no file.
    known.remove("");
    Ok(known.is_empty().then_some(new))
}

async fn grow(store: &dyn Store, rows: Vec<Row>, manifest: &Manifest, fingerprint: String) -> Result<usize> {
    let n = rows.len();
    for batch in rows.chunks(ROWS) {
        store.import(batch.to_vec()).await?;
    }
    let read = store.fact(READ).await?.and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    note_extent(store, manifest, read + n).await?;
    store.finish_import(fingerprint, true).await?;
    Ok(n)
}

/// Nothing is sent before the last row is in, so that an import that broke off is simply begun anew.
async fn import(store: &dyn Store, manifest: &Manifest, fingerprint: String) -> Result<()> {
    store.clear().await?;
    let (rows, mut inbox) = tokio::sync::mpsc::channel(2);
    let reading = {
        let manifest = manifest.clone();
        tokio::task::spawn_blocking(move || -> Result<()> {
            let mut batch = Vec::with_capacity(ROWS);
            for row in manifest.rows()? {
                batch.push(row?);
                if batch.len() == ROWS
                    && rows.blocking_send(std::mem::replace(&mut batch, Vec::with_capacity(ROWS))).is_err()
                {
                    return Ok(());
                }
            }
            let _ = rows.blocking_send(batch);
            Ok(())
        })
    };
    let mut read = 0;
    while let Some(rows) = inbox.recv().await {
        read += rows.len();
        store.import(rows).await?;
    }
    reading.await.map_err(|e| Error::caused(ErrorKind::Manifest, "reading the manifest broke off", e))??;
    note_extent(store, manifest, read).await?;
    store.finish_import(fingerprint, false).await?;
    chaos::point("after-import");
    Ok(())
}
