//! The flags of a backfill's settings. What each means, and what lies below them, is in
//! `sealpress-backfill`.

use std::path::PathBuf;

use sealpress_backfill::{Config, Error};

use crate::vendor::Target;

/// Faces under way at a time: two full requests.
const FACES_UNDER_WAY: &str = "20";

/// The settings' flags. None of them takes a secret.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct SettingsArgs {
    /// TOML file with settings; also SEALPRESS_CONFIG
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// The provider's API, from its customer portal
    #[arg(long, value_name = "URL", global = true)]
    base_url: Option<String>,
    /// Folder of journal and results [default: beside the manifest]
    #[arg(long, value_name = "DIR", global = true)]
    state: Option<String>,
    /// postgres://… for many machines [default: a journal in the state folder]
    #[arg(long, value_name = "URL", global = true)]
    store: Option<String>,
    /// File of authorities (PEM) whose certificates PostgreSQL may have; asks for TLS
    #[arg(long, value_name = "FILE", global = true)]
    store_ca: Option<String>,
    /// Name of the tables' schema in PostgreSQL [default: one of its own for each manifest]
    #[arg(long, value_name = "NAME", global = true)]
    namespace: Option<String>,
    /// Threads that press [default: the CPUs there are]
    #[arg(long, short, value_name = "N", global = true)]
    jobs: Option<String>,
    /// Sessions worked on at a time
    #[arg(long, value_name = "N", global = true)]
    sessions: Option<String>,
    /// Requests to the provider at a time [default: 8]
    #[arg(long, value_name = "N", global = true)]
    connections: Option<String>,
    /// Bytes in flight, such as 256MiB [default: 512MiB]
    #[arg(long, value_name = "SIZE", global = true)]
    memory: Option<String>,
    /// The largest file that is read [default: 256MiB]
    #[arg(long, value_name = "SIZE", global = true)]
    max_input: Option<String>,
    /// Requests a second
    #[arg(long, value_name = "N", global = true)]
    rps: Option<String>,
    /// Bytes a second to the provider, such as 10MB
    #[arg(long, value_name = "SIZE", global = true)]
    max_bytes_per_s: Option<String>,
    /// Stop after more failed items than this: a count, or a share such as 5%
    #[arg(long, value_name = "N|P%", global = true)]
    max_errors: Option<String>,
    /// Stop when so many items fail for one reason and none has arrived; 0 never [default: 20]
    #[arg(long, value_name = "N", global = true)]
    same_reason: Option<String>,
    /// Work on so many sessions only: a canary
    #[arg(long, value_name = "N", global = true)]
    limit: Option<String>,
    /// Work on this subject or session only; may be repeated
    #[arg(long, value_name = "KEY", global = true)]
    only_subject: Vec<String>,
    /// Work only on media that match this, such as '2024/*'; may be repeated
    #[arg(long, value_name = "GLOB", global = true)]
    include: Vec<String>,
    /// Leave media that match this, such as '*.pdf', for another run; may be repeated
    #[arg(long, value_name = "GLOB", global = true)]
    exclude: Vec<String>,
    /// Stop after this time, to go on another day; such as 90s or 8h
    #[arg(long, value_name = "TIME", global = true)]
    deadline: Option<String>,
    /// Passes over an item whose provider cannot be reached [default: 5]
    #[arg(long, value_name = "N", global = true)]
    passes: Option<String>,
    /// Wait in one pass for a provider that keeps failing, such as 8h [default: 5m]
    #[arg(long, value_name = "TIME", global = true)]
    patience: Option<String>,
    /// Requests per item and pass [default: 3]
    #[arg(long, value_name = "N", global = true)]
    attempts: Option<String>,
    /// Wait before an unclear upload is looked up [default: 5s]
    #[arg(long, value_name = "TIME", global = true)]
    settle: Option<String>,
    /// Submit sessions whose items are all confirmed [default: true]
    #[arg(long, value_name = "BOOL", global = true)]
    submit: Option<String>,
    /// Send a file once per session and context [default: true]
    #[arg(long, value_name = "BOOL", global = true)]
    dedupe: Option<String>,
    /// PDFs that conform leave byte for byte, or like all others with nothing but their pages [default: as-issued]
    #[arg(long, value_name = "as-issued|pages-only", global = true)]
    documents: Option<String>,
    /// A signed PDF that must be cut: say that the signature is lost, keep it whole where that can be, or refuse
    /// [default: warn]
    #[arg(long, value_name = "warn|keep|refuse", global = true)]
    signed: Option<String>,
    /// A PDF that breaks off before its end [default: refuse]
    #[arg(long, value_name = "refuse|accept", global = true)]
    damaged_documents: Option<String>,
    /// Of frames that the manifest's column `burst` groups, send the best N [default: all]
    #[arg(long, value_name = "N", global = true)]
    best: Option<String>,
    /// Pages of documents: in a PDF, or as pictures, each an upload of its own: for providers that take no PDFs
    /// [default: pdf]
    #[arg(long, value_name = "pdf|jpeg", global = true)]
    pages_as: Option<String>,
    /// Blurred, dark and empty pictures: off, report (numbers in results and report), advise (findings as well), or
    /// refuse what nobody could read (refuse:blank,blurred_heavily) [default: report]
    #[arg(long, value_name = "off|report|advise|refuse", global = true)]
    preflight: Option<String>,
    /// A further folder that media may lie in; may be repeated
    #[arg(long, value_name = "DIR", global = true)]
    allow_root: Vec<String>,
    /// A store that media may come from, such as s3://bucket or https://host; may be repeated
    #[arg(long, value_name = "URL", global = true)]
    allow_source: Vec<String>,
    /// Address of a Prometheus endpoint, such as 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS", global = true)]
    metrics: Option<String>,
}

impl SettingsArgs {
    /// The settings with all that lies below the flags.
    pub(crate) fn load(&self) -> Result<Config, Error> {
        Config::load(self.config.as_deref(), self.values())
    }

    /// The same for a run that fills something. Faces share requests only with what is under way beside them,
    /// so that there must be enough of it; whoever sets a number of connections keeps it.
    pub(crate) fn load_for(&self, target: Target) -> Result<Config, Error> {
        let mut values = self.values();
        let unsaid = self.connections.is_none() && self.config.is_none();
        let in_environment = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if target == Target::Faces
            && unsaid
            && !in_environment("SEALPRESS_CONNECTIONS")
            && !in_environment("SEALPRESS_CONFIG")
        {
            values.push(("connections", FACES_UNDER_WAY.to_owned()));
        }
        Config::load(self.config.as_deref(), values)
    }

    /// What was given, by its name in TOML.
    fn values(&self) -> Vec<(&'static str, String)> {
        let list = |items: &[String]| (!items.is_empty()).then(|| items.join(","));
        [
            ("base_url", self.base_url.clone()),
            ("state", self.state.clone()),
            ("store", self.store.clone()),
            ("store_ca", self.store_ca.clone()),
            ("namespace", self.namespace.clone()),
            ("jobs", self.jobs.clone()),
            ("sessions", self.sessions.clone()),
            ("connections", self.connections.clone()),
            ("memory", self.memory.clone()),
            ("max_input", self.max_input.clone()),
            ("rps", self.rps.clone()),
            ("max_bytes_per_s", self.max_bytes_per_s.clone()),
            ("max_errors", self.max_errors.clone()),
            ("same_reason", self.same_reason.clone()),
            ("limit", self.limit.clone()),
            ("only_subject", list(&self.only_subject)),
            ("include", list(&self.include)),
            ("exclude", list(&self.exclude)),
            ("deadline", self.deadline.clone()),
            ("passes", self.passes.clone()),
            ("patience", self.patience.clone()),
            ("attempts", self.attempts.clone()),
            ("settle", self.settle.clone()),
            ("submit", self.submit.clone()),
            ("dedupe", self.dedupe.clone()),
            ("documents", self.documents.clone()),
            ("signed", self.signed.clone()),
            ("damaged_documents", self.damaged_documents.clone()),
            ("best", self.best.clone()),
            ("pages_as", self.pages_as.clone()),
            ("preflight", self.preflight.clone()),
            ("allow_root", list(&self.allow_root)),
            ("allow_source", list(&self.allow_source)),
            ("metrics", self.metrics.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}
