//! Settings and where each came from: flags, then the environment, then a TOML file, then defaults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sealpress_media::{Preflight, duration};

use crate::error::{Error, ErrorKind, Result};
use crate::run::RunOptions;
use crate::source::Allowed;
use crate::store::{Glob, Part};
use crate::units::{self, MaxErrors};

/// One setting: its name in TOML; flags have dashes instead, the environment capitals and a prefix.
struct Known {
    name: &'static str,
    default: SettingDefault,
    about: &'static str,
}

enum SettingDefault {
    /// Written as people write it.
    Text(&'static str),
    Unset,
    /// From the environment or a file only, and never shown.
    Secret,
}

use SettingDefault::{Secret, Text, Unset};

const KNOWN: [Known; 36] = [
    known("base_url", Unset, "the provider's API, from its customer portal"),
    known("api_key", Secret, "the integration's key; SEALPRESS_API_KEY or SEALPRESS_API_KEY_FILE"),
    known("secret", Secret, "the shared secret; SEALPRESS_SECRET or SEALPRESS_SECRET_FILE"),
    known("state", Unset, "folder of journal and results; beside the manifest unless set"),
    known("store", Unset, "postgres://… for many machines; a journal in the state folder unless set"),
    known("store_ca", Unset, "file of authorities (PEM) whose certificates PostgreSQL may have; asks for TLS"),
    known("namespace", Unset, "name of the tables' schema in PostgreSQL; one of its own for each manifest unless set"),
    known("jobs", Unset, "threads that press; the CPUs there are unless set"),
    known("sessions", Unset, "sessions worked on at a time; as many as the queue holds unless set"),
    known("connections", Text("8"), "requests to the provider at a time"),
    known("memory", Text("512MiB"), "bytes in flight"),
    known("max_input", Text("256MiB"), "the largest file that is read"),
    known("rps", Unset, "requests a second"),
    known("max_bytes_per_s", Unset, "bytes a second to the provider"),
    known("max_errors", Unset, "stop after more failed items than this: a count, or a share such as 5%"),
    known("same_reason", Text("20"), "stop when so many items fail for one reason and none has arrived; 0 never"),
    known("limit", Unset, "work on so many sessions only: a canary"),
    known("only_subject", Unset, "work on these subjects or sessions only, separated by commas"),
    known("include", Unset, "work only on media that match one of these, such as 2024/*; separated by commas"),
    known("exclude", Unset, "leave media that match one of these, such as *.pdf, for another run"),
    known("deadline", Unset, "stop after this time, to go on another day"),
    known("passes", Text("5"), "passes over an item whose provider cannot be reached"),
    known("patience", Text("5m"), "wait in one pass for a provider that keeps failing"),
    known("attempts", Text("3"), "requests per item and pass"),
    known("settle", Text("5s"), "wait before an unclear upload is looked up"),
    known("submit", Text("true"), "submit sessions whose items are all confirmed"),
    known("dedupe", Text("true"), "send a file once per session and context"),
    known(
        "documents",
        Text("as-issued"),
        "PDFs that conform: as-issued leaves them as they are, pages-only rewrites them",
    ),
    known(
        "signed",
        Text("warn"),
        "signed PDFs that must be cut: warn that the signature is lost, keep them whole, refuse",
    ),
    known("damaged_documents", Text("refuse"), "PDFs that break off before their end: refuse or accept"),
    known("best", Unset, "of frames of one `burst` (a column), send so many of the best; all unless set"),
    known("pages_as", Text("pdf"), "pages of documents: in a PDF, or as pictures (jpeg), each a file of its own"),
    known(
        "preflight",
        Text("report"),
        "blurred, dark and empty pictures: off, report (numbers), advise (findings), refuse[:blank,blurred_heavily]",
    ),
    known(
        "allow_root",
        Unset,
        "folders beside the manifest's that media must lie in, separated by commas; anywhere unless set",
    ),
    known("allow_source", Unset, "stores that media may come from, such as s3://bucket, separated by commas"),
    known("metrics", Unset, "address of a Prometheus endpoint, such as 127.0.0.1:9464"),
];

const fn known(name: &'static str, default: SettingDefault, about: &'static str) -> Known {
    Known { name, default, about }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The command line.
    Flag,
    /// A variable of the environment, by its name.
    Variable(String),
    /// A configuration file.
    File(PathBuf),
    /// Nobody said anything.
    Default,
}

/// One setting as it is shown to an operator.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Setting<'a> {
    /// Its name in TOML; flags have dashes instead, the environment capitals and a prefix.
    pub name: &'static str,
    /// What may be shown of its value.
    pub value: Value<'a>,
    /// Where that came from.
    pub origin: Origin,
    /// What it is, in half a sentence.
    pub about: &'static str,
}

/// What may be shown of a setting's value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// It has none.
    Unset,
    /// It has one that is a secret.
    Hidden,
    /// This one; a password within it is left out.
    Shown(std::borrow::Cow<'a, str>),
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

/// All settings of one call.
#[derive(Clone)]
pub struct Config {
    values: BTreeMap<&'static str, (String, Origin)>,
}

impl Config {
    /// Puts the layers on top of each other: `flags` by their names in TOML, the environment, `file` or the one that
    /// `SEALPRESS_CONFIG` names, and the defaults.
    ///
    /// # Errors
    /// `Config` for a file that cannot be read, a key that nobody knows, or a secret in the file or among the flags.
    pub fn load<'a>(file: Option<&Path>, flags: impl IntoIterator<Item = (&'a str, String)>) -> Result<Self> {
        Self::layers(file, flags, &|name| std::env::var(name).ok())
    }

    fn layers<'a>(
        file: Option<&Path>,
        flags: impl IntoIterator<Item = (&'a str, String)>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let mut values = BTreeMap::new();
        for known in &KNOWN {
            if let Text(default) = known.default {
                values.insert(known.name, (default.to_owned(), Origin::Default));
            }
        }
        let file = file.map(Path::to_owned).or_else(|| environment("SEALPRESS_CONFIG").map(PathBuf::from));
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
        for (name, value) in flags {
            let known = KNOWN.iter().find(|k| k.name == name && !matches!(k.default, Secret));
            let known = known.ok_or_else(|| Error::new(ErrorKind::Config, format!("`{name}` is no flag")))?;
            values.insert(known.name, (value, Origin::Flag));
        }
        Ok(Self { values })
    }

    /// A setting's value as it was written.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
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

    /// A setting that is one word of a few, as its type reads it; `None` where it is not set.
    ///
    /// # Errors
    /// `Config` for another word, with the setting's name and where the word came from.
    pub fn choice<T: std::str::FromStr<Err = String>>(&self, name: &str) -> Result<Option<T>> {
        self.parsed(name, |text| text.trim().parse())
    }

    /// How many frames of a burst are sent, the best of them; `None` for all.
    ///
    /// # Errors
    /// As [`Self::choice`].
    pub fn best(&self) -> Result<Option<usize>> {
        let best = self.parsed("best", number)?;
        match best {
            Some(0) => Err(Error::new(ErrorKind::Config, "`best` starts at 1")),
            best => Ok(best),
        }
    }

    /// What is made of blurred, dark and empty pictures. Where frames are ranked they are measured.
    ///
    /// # Errors
    /// As [`Self::choice`].
    pub fn preflight(&self) -> Result<Preflight> {
        let read = |text: &str| text.trim().parse::<Preflight>().map_err(|e| e.to_string());
        let said = self.parsed("preflight", read)?.unwrap_or_default();
        Ok(if said == Preflight::Off && self.best()?.is_some() { Preflight::Report } else { said })
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
        set(&mut p.doubt.settle, self.parsed("settle", duration::parse)?);
        set(&mut p.circuit.patience, self.parsed("patience", duration::parse)?);
        p.preflight = Some(self.preflight()?);
        options.sessions = options.pipeline.queue();
        set(&mut options.sessions, self.parsed("sessions", number)?);
        set(&mut options.passes, self.parsed("passes", number)?);
        set(&mut options.submit, self.parsed("submit", boolean)?);
        set(&mut options.dedupe, self.parsed("dedupe", boolean)?);
        options.best = self.best()?;
        options.pieces = self.parsed("pages_as", pages)?.unwrap_or_default();
        options.max_errors = self.parsed("max_errors", MaxErrors::parse)?;
        set(&mut options.same_reason, self.parsed("same_reason", number)?);
        options.limit = self.parsed("limit", number)?;
        options.part = Part {
            keys: self.text("only_subject").into_iter().flat_map(list).map(str::to_owned).collect(),
            include: self.text("include").into_iter().flat_map(list).map(Glob::new).collect(),
            exclude: self.text("exclude").into_iter().flat_map(list).map(Glob::new).collect(),
        };
        options.deadline = self.parsed("deadline", duration::parse)?;
        if options.sessions == 0 || options.passes == 0 || options.pipeline.retry.attempts == 0 {
            return Err(Error::new(ErrorKind::Config, "`sessions`, `passes` and `attempts` start at 1"));
        }
        Ok(options)
    }

    /// Every setting there is, as it may be shown.
    pub fn settings(&self) -> impl Iterator<Item = Setting<'_>> {
        KNOWN.iter().map(|known| {
            let (value, origin) = match (self.values.get(known.name), &known.default) {
                (Some((_, origin)), Secret) => (Value::Hidden, origin.clone()),
                (Some((value, origin)), _) => (Value::Shown(without_password(known.name, value)), origin.clone()),
                (None, _) => (Value::Unset, Origin::Default),
            };
            Setting { name: known.name, value, origin, about: known.about }
        })
    }
}

/// Values may be secrets.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.settings()).finish()
    }
}

/// A store's address may carry a password: before the host, or among the parameters behind it.
fn without_password<'a>(name: &str, value: &'a str) -> std::borrow::Cow<'a, str> {
    if name != "store" && name != "base_url" {
        return value.into();
    }
    let Ok(mut url) = url::Url::parse(value) else {
        // Words such as `host=db password=…`, or nothing that anybody reads: what is behind the name is left out.
        return match value.to_ascii_lowercase().find("password") {
            Some(at) => format!("{}password=***", &value[..at]).into(),
            None => value.into(),
        };
    };
    let mut hidden = false;
    if url.password().is_some() {
        hidden = url.set_password(Some("***")).is_ok();
    }
    let is_secret = |name: &str| name.to_ascii_lowercase().contains("pass") || name.eq_ignore_ascii_case("sslkey");
    if url.query_pairs().any(|(name, _)| is_secret(&name)) {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        url.query_pairs_mut().clear().extend_pairs(
            pairs.iter().map(|(name, value)| (name, if is_secret(name) { "***" } else { value.as_str() })),
        );
        hidden = true;
    }
    if hidden { url.to_string().into() } else { value.into() }
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

/// Whether pages leave one by one.
fn pages(text: &str) -> Result<bool, String> {
    match text.trim() {
        "pdf" => Ok(false),
        "jpeg" => Ok(true),
        other => Err(format!("`{other}` is neither pdf nor jpeg")),
    }
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
        let flags = [("rps", "20".to_owned())];
        let environment = |name: &str| (name == "SEALPRESS_ATTEMPTS").then(|| "4".to_owned());
        let config = Config::layers(Some(&file), flags, &environment).unwrap();
        let options = config.run_options().unwrap();
        assert_eq!(options.pipeline.rps, Some(20.0));
        assert_eq!(options.pipeline.retry.attempts, 4);
        assert_eq!(options.pipeline.memory, 1 << 30);
        assert_eq!(options.pipeline.doubt.settle, Duration::from_secs(5));
        assert_eq!(config.roots(), [PathBuf::from("a"), PathBuf::from("b")]);
        let origin = |name| config.settings().find(|s| s.name == name).unwrap().origin;
        assert_eq!(origin("rps"), Origin::Flag);
        assert_eq!(origin("attempts"), Origin::Variable("SEALPRESS_ATTEMPTS".into()));
        assert_eq!(origin("memory"), Origin::File(file));
        assert_eq!(origin("settle"), Origin::Default);
    }

    #[test]
    fn a_file_is_read_strictly() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s.toml");
        let refuse = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Config::layers(Some(&file), [], &nothing).err().unwrap().to_string()
        };
        assert!(refuse("memroy = \"1GiB\"").contains("nobody knows `memroy`"));
        assert!(refuse("secret = \"x\"").contains("is a secret"));
        assert!(refuse("memory = ").contains("s.toml"));
    }

    #[test]
    fn a_bad_value_says_where_it_stands() {
        let flags = [("memory", "a lot".to_owned())];
        let error = Config::layers(None, flags, &nothing).unwrap().run_options().unwrap_err();
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
        let config = Config::layers(None, [], &environment).unwrap();
        assert_eq!(config.required("secret").unwrap(), "hush-hush");
        assert!(!format!("{config:?}").contains("hush-hush"), "{config:?}");
        let flags = [("secret", "hush-hush".to_owned())];
        assert!(Config::layers(None, flags, &nothing).is_err(), "everybody sees the command line");
    }
}
