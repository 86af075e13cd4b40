//! Opens a manifest with its journal: which store, whether it is still the same manifest, and the
//! import of its rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::chaos;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Manifest;
use crate::store::postgres::Postgres;
use crate::store::sqlite::Sqlite;
use crate::store::{IMPORTED, Store};

/// Rows per transaction of an import.
const ROWS: usize = 10_000;
const POLICY: &str = "policy";

/// A manifest with its journal, ready to run.
pub(crate) struct Batch {
    pub(crate) manifest: Manifest,
    pub(crate) state: PathBuf,
    pub(crate) store: Arc<dyn Store>,
}

/// What must not have changed since the journal was begun.
pub(crate) struct Rules {
    pub(crate) policy: String,
    pub(crate) accept_manifest: bool,
    pub(crate) accept_policy: bool,
}

impl Batch {
    /// Opens the journal and takes the manifest in, if that was not done before.
    ///
    /// # Errors
    /// What the store says; `Mismatch` for another manifest or other rules.
    pub(crate) async fn open(config: &Config, manifest: Manifest, state: PathBuf, rules: &Rules) -> Result<Self> {
        std::fs::create_dir_all(&state)
            .map_err(|e| Error::caused(ErrorKind::Io, format!("{} cannot be made", state.display()), e))?;
        let store = open_store(config, &state).await?;
        let fingerprint = manifest.fingerprint()?;
        let alone = store.import_lock().await?;
        match store.fact(IMPORTED).await? {
            None => import(&*store, &manifest, fingerprint).await?,
            Some(known) if known == fingerprint || rules.accept_manifest => {}
            Some(_) => {
                let message = format!(
                    "the manifest {} was changed since this journal was begun ({}). Run the rows that are new as a manifest \
                     of their own, or say --accept-changed-manifest to go on with the rows as they were",
                    manifest.path().display(),
                    state.display()
                );
                return Err(Error::new(ErrorKind::Mismatch, message));
            }
        }
        drop(alone);
        match store.fact(POLICY).await? {
            Some(known) if known != rules.policy && !rules.accept_policy => {
                let message = "the rules for preparing media were changed since this journal was begun; say \
                     --accept-changed-policy to go on under the new ones";
                return Err(Error::new(ErrorKind::Mismatch, message));
            }
            Some(known) if known == rules.policy => {}
            _ => store.note(POLICY, rules.policy.clone()).await?,
        }
        Ok(Self { manifest, state, store })
    }
}

async fn open_store(config: &Config, state: &Path) -> Result<Arc<dyn Store>> {
    match config.text("store") {
        None => Ok(Arc::new(Sqlite::open(state)?)),
        Some(url) => shared(config, url).await,
    }
}

/// The store for reading: nothing is changed, and whoever runs is not disturbed.
pub(crate) async fn observe(config: &Config, state: &Path) -> Result<Arc<dyn Store>> {
    match config.text("store") {
        None => Ok(Arc::new(Sqlite::observe(state)?)),
        Some(url) => shared(config, url).await,
    }
}

async fn shared(config: &Config, url: &str) -> Result<Arc<dyn Store>> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(Error::new(ErrorKind::Config, "`store` starts with postgres:// or is not set at all"));
    }
    let namespace = config.text("namespace").unwrap_or("sealpress");
    let authority = config.text("store_ca").map(Path::new);
    Ok(Arc::new(Postgres::open(url, namespace, authority).await?))
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
    while let Some(rows) = inbox.recv().await {
        store.import(rows).await?;
    }
    reading.await.map_err(|e| Error::caused(ErrorKind::Manifest, "reading the manifest broke off", e))??;
    store.finish_import(fingerprint).await?;
    chaos::point("after-import");
    Ok(())
}
