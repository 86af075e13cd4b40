//! Settings and where each came from: flags, then the environment, then a TOML file, then defaults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::run::RunOptions;
use crate::source::Allowed;
use crate::units::{self, MaxErrors};

/// One setting: its name in TOML; flags have dashes instead, the environment capitals and a prefix.
struct Known {
    name: &'static str,
    default: Default,
    about: &'static str,
}

enum Default {
    /// Written as people write it.
    Value(&'static str),
    Unset,
    /// From the environment or a file only, and never shown.
    Secret,
}

use Default::{Secret, Unset, Value};

const KNOWN: [Known; 25] = [
    known("base_url", Unset, "the provider's API, from its customer portal"),
    known("api_key", Secret, "the integration's key; SEALPRESS_API_KEY or SEALPRESS_API_KEY_FILE"),
    known("secret", Secret, "the shared secret; SEALPRESS_SECRET or SEALPRESS_SECRET_FILE"),
    known("state", Unset, "folder of journal and results; beside the manifest unless set"),
    known("store", Unset, "postgres://… for many machines; a journal in the state folder unless set"),
    known("store_ca", Unset, "file of authorities (PEM) whose certificates PostgreSQL may have; asks for TLS"),
    known("namespace", Value("sealpress"), "name of the tables' schema in PostgreSQL"),
    known("jobs", Unset, "threads that press; the CPUs there are unless set"),
    known("sessions", Unset, "sessions worked on at a time; as many as the queue holds unless set"),
    known("connections", Value("8"), "requests to the provider at a time"),
    known("memory", Value("512MiB"), "bytes in flight"),
    known("max_input", Value("256MiB"), "the largest file that is read"),
    known("rps", Unset, "requests a second"),
    known("max_bytes_per_s", Unset, "bytes a second to the provider"),
    known("max_errors", Unset, "stop after more failed items than this: a count, or a share such as 5%"),
    known("deadline", Unset, "stop after this time, to go on another day"),
    known("passes", Value("5"), "passes over an item whose provider cannot be reached"),
    known("patience", Value("5m"), "wait in one pass for a provider that keeps failing"),
    known("attempts", Value("3"), "requests per item and pass"),
    known("settle", Value("5s"), "wait before an unclear upload is looked up"),
    known("submit", Value("true"), "submit sessions whose items are all confirmed"),
    known("dedupe", Value("true"), "send a file once per session and context"),
    known(
        "allow_root",
        Unset,
        "folders beside the manifest's that media must lie in, separated by commas; anywhere unless set",
    ),
    known("allow_source", Unset, "stores that media may come from, such as s3://bucket, separated by commas"),
    known("metrics", Unset, "address of a Prometheus endpoint, such as 127.0.0.1:9464"),
];

const fn known(name: &'static str, default: Default, about: &'static str) -> Known {
    Known { name, default, about }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Flag,
    Variable(String),
    File(PathBuf),
    Default,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Variable(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The settings' flags. None of them takes a secret.
#[derive(Clone, Debug, std::default::Default, clap::Args)]
pub struct SettingsArgs {
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
    /// Name of the tables' schema in PostgreSQL [default: sealpress]
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
    fn values(&self) -> BTreeMap<&'static str, String> {
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
            ("deadline", self.deadline.clone()),
            ("passes", self.passes.clone()),
            ("patience", self.patience.clone()),
            ("attempts", self.attempts.clone()),
            ("settle", self.settle.clone()),
            ("submit", self.submit.clone()),
            ("dedupe", self.dedupe.clone()),
            ("allow_root", list(&self.allow_root)),
            ("allow_source", list(&self.allow_source)),
            ("metrics", self.metrics.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

/// All settings of one call.
pub(crate) struct Config {
    values: BTreeMap<&'static str, (String, Origin)>,
}

impl Config {
    /// Puts the layers on top of each other.
    ///
    /// # Errors
    /// `Config` for a file that cannot be read, a key that nobody knows, or a secret in the file.
    pub(crate) fn load(flags: &SettingsArgs) -> Result<Self> {
        Self::layers(flags, &|name| std::env::var(name).ok())
    }

    fn layers(flags: &SettingsArgs, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut values = BTreeMap::new();
        for known in &KNOWN {
            if let Value(default) = known.default {
                values.insert(known.name, (default.to_owned(), Origin::Default));
            }
        }
        let file = flags.config.clone().or_else(|| environment("SEALPRESS_CONFIG").map(PathBuf::from));
        if let Some(path) = file {
            for (name, value) in read_file(&path)? {
                values.insert(name, (value, Origin::File(path.clone())));
            }
        }
        for known in &KNOWN {
            let variable = format!("SEALPRESS_{}", known.name.to_ascii_uppercase());
            if let Some(value) = environment(&variable) {
                values.insert(known.name, (value, Origin::Variable(variable)));
            } else if let (Secret, Some(path)) = (&known.default, environment(&format!("{variable}_FILE"))) {
                let text = std::fs::read_to_string(&path)
                    .map_err(|e| Error::caused(ErrorKind::Config, format!("{variable}_FILE cannot be read"), e))?;
                let origin = Origin::Variable(format!("{variable}_FILE"));
                values.insert(known.name, (text.trim().to_owned(), origin));
            }
        }
        for (name, value) in flags.values() {
            values.insert(name, (value, Origin::Flag));
        }
        Ok(Self { values })
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|(value, _)| value.as_str())
    }

    pub(crate) fn required(&self, name: &'static str) -> Result<&str> {
        self.text(name).filter(|v| !v.is_empty()).ok_or_else(|| {
            let variable = format!("SEALPRESS_{}", name.to_ascii_uppercase());
            Error::new(ErrorKind::Config, format!("`{name}` is not set; set {variable}"))
        })
    }

    /// The value as `parse` reads it; an error says where the text came from.
    pub(crate) fn parsed<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>> {
        let Some((text, origin)) = self.values.get(name) else { return Ok(None) };
        parse(text).map(Some).map_err(|why| Error::new(ErrorKind::Config, format!("`{name}` ({origin}): {why}")))
    }

    pub(crate) fn roots(&self) -> Vec<PathBuf> {
        self.text("allow_root").into_iter().flat_map(list).map(PathBuf::from).collect()
    }

    pub(crate) fn sources(&self) -> Result<Vec<Allowed>> {
        self.text("allow_source").into_iter().flat_map(list).map(Allowed::parse).collect()
    }

    /// What a run may do.
    ///
    /// # Errors
    /// `Config` for a value that makes no sense, with its name and where it came from.
    pub(crate) fn run_options(&self) -> Result<RunOptions> {
        let mut options = RunOptions::default();
        let p = &mut options.pipeline;
        set(&mut p.workers, self.parsed("jobs", number)?);
        set(&mut p.connections, self.parsed("connections", number)?);
        set(&mut p.memory, self.parsed("memory", units::bytes)?);
        set(&mut p.max_input, self.parsed("max_input", units::bytes)?);
        p.rps = self.parsed("rps", rate)?;
        p.max_bytes_per_s = self.parsed("max_bytes_per_s", units::bytes)?;
        set(&mut p.retry.attempts, self.parsed("attempts", number)?);
        set(&mut p.doubt.settle, self.parsed("settle", units::duration)?);
        set(&mut p.circuit.patience, self.parsed("patience", units::duration)?);
        options.sessions = options.pipeline.queue();
        set(&mut options.sessions, self.parsed("sessions", number)?);
        set(&mut options.passes, self.parsed("passes", number)?);
        set(&mut options.submit, self.parsed("submit", boolean)?);
        set(&mut options.dedupe, self.parsed("dedupe", boolean)?);
        options.max_errors = self.parsed("max_errors", MaxErrors::parse)?;
        options.deadline = self.parsed("deadline", units::duration)?;
        if options.sessions == 0 || options.passes == 0 || options.pipeline.retry.attempts == 0 {
            return Err(Error::new(ErrorKind::Config, "`sessions`, `passes` and `attempts` start at 1"));
        }
        Ok(options)
    }

    /// The settings as a table, with their origins where asked. Secrets show as `set` only.
    pub(crate) fn show(&self, origins: bool) -> String {
        let mut text = String::new();
        for known in &KNOWN {
            let (value, origin) = match (self.values.get(known.name), &known.default) {
                (Some((_, origin)), Secret) => ("set, not shown".to_owned(), origin.to_string()),
                (Some((value, origin)), _) => (without_password(known.name, value), origin.to_string()),
                (None, _) => ("not set".to_owned(), "default".to_owned()),
            };
            let line = if origins {
                format!("{:<16} {value:<28} {origin:<24} {}", known.name, known.about)
            } else {
                format!("{:<16} {value:<28} {}", known.name, known.about)
            };
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// A store's URL may carry a password.
fn without_password(name: &str, value: &str) -> String {
    match (name, url::Url::parse(value)) {
        ("store", Ok(mut url)) if url.password().is_some() => {
            let _ = url.set_password(Some("***"));
            url.to_string()
        }
        _ => value.to_owned(),
    }
}

fn read_file(path: &Path) -> Result<Vec<(&'static str, String)>> {
    let refuse = |why: String| Error::new(ErrorKind::Config, format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| refuse(e.to_string()))?;
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| refuse(e.message().to_owned()))?;
    table
        .into_iter()
        .map(|(key, value)| {
            let known = KNOWN.iter().find(|k| k.name == key);
            let known = known.ok_or_else(|| refuse(format!("nobody knows `{key}`")))?;
            if matches!(known.default, Secret) {
                return Err(refuse(format!("`{key}` is a secret; it comes from the environment or a file of its own")));
            }
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Array(items) => {
                    let items: Option<Vec<_>> = items.iter().map(toml::Value::as_str).collect();
                    items.ok_or_else(|| refuse(format!("`{key}` is a list of texts")))?.join(",")
                }
                toml::Value::Integer(n) => n.to_string(),
                toml::Value::Float(n) => n.to_string(),
                toml::Value::Boolean(b) => b.to_string(),
                _ => return Err(refuse(format!("`{key}` is a single value"))),
            };
            Ok((known.name, value))
        })
        .collect()
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("`{text}` is no number that fits here"))
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = number(text)?;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err(format!("`{text}` is no rate; try 20")) }
}

fn boolean(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn flags_beat_the_environment_beats_the_file_beats_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s.toml");
        std::fs::write(&file, "memory = \"1GiB\"\nrps = 5\nattempts = 7\nallow_root = [\"a\", \"b\"]\n").unwrap();
        let flags = SettingsArgs { config: Some(file), rps: Some("20".into()), ..SettingsArgs::default() };
        let environment = |name: &str| (name == "SEALPRESS_ATTEMPTS").then(|| "4".to_owned());
        let config = Config::layers(&flags, &environment).unwrap();
        let options = config.run_options().unwrap();
        assert_eq!(options.pipeline.rps, Some(20.0));
        assert_eq!(options.pipeline.retry.attempts, 4);
        assert_eq!(options.pipeline.memory, 1 << 30);
        assert_eq!(options.pipeline.doubt.settle, Duration::from_secs(5));
        assert_eq!(config.roots(), [PathBuf::from("a"), PathBuf::from("b")]);
        let shown = config.show(true);
        for (name, origin) in
            [("rps", "flag"), ("attempts", "SEALPRESS_ATTEMPTS"), ("memory", "s.toml"), ("settle", "default")]
        {
            let line = shown.lines().find(|l| l.starts_with(name)).unwrap();
            assert!(line.contains(origin), "{line}");
        }
    }

    #[test]
    fn a_file_is_read_strictly() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s.toml");
        let refuse = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let flags = SettingsArgs { config: Some(file.clone()), ..SettingsArgs::default() };
            Config::layers(&flags, &nothing).err().unwrap().to_string()
        };
        assert!(refuse("memroy = \"1GiB\"").contains("nobody knows `memroy`"));
        assert!(refuse("secret = \"x\"").contains("is a secret"));
        assert!(refuse("memory = ").contains("s.toml"));
    }

    #[test]
    fn a_bad_value_says_where_it_stands() {
        let flags = SettingsArgs { memory: Some("a lot".into()), ..SettingsArgs::default() };
        let error = Config::layers(&flags, &nothing).unwrap().run_options().unwrap_err();
        assert_eq!(error.to_string(), "`memory` (flag): `a lot` is no size; try 256MiB");
    }

    #[test]
    fn secrets_do_not_show() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        std::fs::write(&file, "hush-hush\n").unwrap();
        let path = file.display().to_string();
        let environment = move |name: &str| match name {
            "SEALPRESS_SECRET_FILE" => Some(path.clone()),
            "SEALPRESS_STORE" => Some("postgres://me:hush-hush@host/db".to_owned()),
            _ => None,
        };
        let config = Config::layers(&SettingsArgs::default(), &environment).unwrap();
        assert_eq!(config.required("secret").unwrap(), "hush-hush");
        assert!(!config.show(true).contains("hush-hush"), "{}", config.show(true));
    }
}
