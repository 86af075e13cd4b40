//! What a run needs beside its journal, known to make sense before that is touched: nothing is taken in, set back or
//! left out under settings that no run could begin with.

use std::sync::Arc;

use sealpress_client::Provider;
use sealpress_pipeline::Press;

use crate::account::{self, Account};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Manifest;
use crate::run::RunOptions;
use crate::source::Sources;

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

/// What follows a change of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Then {
    /// A run: its settings must make sense, and its account be the journal's, or nothing is changed.
    Run,
    /// Nothing for now: no account is asked for.
    Nothing,
}

/// What a change did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changed {
    /// Items that it was made of.
    pub items: u64,
    /// What an operator should know, a sentence each.
    pub notices: Vec<String>,
}

/// Everything that a run is made of, but for its journal.
pub(crate) struct Ready {
    pub(crate) options: RunOptions,
    pub(crate) provider: Arc<dyn Provider>,
    /// Who it would send to.
    pub(crate) account: Account,
    /// The provider's host, for the log.
    pub(crate) host: String,
    pub(crate) sources: Sources,
}

impl Ready {
    /// Reads all settings of a run, makes its provider, and looks whether the folders are there that media may come from.
    ///
    /// # Errors
    /// `Config` for what is missing or makes no sense.
    pub(crate) fn new(config: &Config, manifest: &Manifest, wiring: &Wiring) -> Result<Self> {
        let options = config.run_options()?;
        let sources = sources(config, manifest, options.pipeline.memory)?;
        let access = Access {
            base_url: config.required("base_url")?.to_owned(),
            api_key: config.required("api_key")?.to_owned(),
            secret: config.required("secret")?.to_owned(),
            connections: options.pipeline.connections.get(),
        };
        let provider = (wiring.provider)(&access).map_err(|e| Error::new(ErrorKind::Config, e))?;
        let account = Account::new(&access.base_url, &access.api_key);
        Ok(Self { options, provider, account, host: account::host(&access.base_url), sources })
    }
}

/// The account of what follows a change, where somebody is sent to.
///
/// # Errors
/// As [`Ready::new`]: of a run that does not follow only what says who it is sent to may be missing.
pub(crate) fn account_of(config: &Config, manifest: &Manifest, then: Then, wiring: &Wiring) -> Result<Option<Account>> {
    match then {
        Then::Run => Ok(Some(Ready::new(config, manifest, wiring)?.account)),
        Then::Nothing => sources(config, manifest, config.run_options()?.pipeline.memory).map(|_| None),
    }
}

fn sources(config: &Config, manifest: &Manifest, memory: u64) -> Result<Sources> {
    Sources::new(manifest.base(), &config.roots(), config.sources()?, memory)
}

impl std::fmt::Debug for Wiring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wiring").field("policy", &self.policy).finish_non_exhaustive()
    }
}
