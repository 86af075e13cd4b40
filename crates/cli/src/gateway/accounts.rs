//! Where a gateway's accounts come from: variables and the files that they name, or a file of several.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sealpress_gateway::veriff::Account;
use secrecy::SecretString;
use serde::Deserialize;

use crate::access::{self, Access};
use crate::outcome::Failure;

/// The place of accounts, which is read again when it changes.
pub(super) struct Source {
    access: Access,
    file: Option<PathBuf>,
}

/// When each file was written last, and how long it is.
pub(super) type Stamp = Vec<Option<(SystemTime, u64)>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    account: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    base_url: Option<String>,
    api_key: String,
    secret: Option<String>,
    secret_file: Option<PathBuf>,
}

impl Source {
    pub(super) fn new(access: &Access, file: Option<PathBuf>) -> Self {
        Self { access: access.clone(), file }
    }

    /// The accounts as they are now.
    pub(super) fn read(&self) -> Result<Vec<Account>, Failure> {
        let Some(file) = &self.file else {
            let base_url = self.access.base_url("SEALPRESS_BASE_URL")?;
            let api_key = access::secret("SEALPRESS_API_KEY")?;
            return Ok(vec![Account::new(base_url, api_key, access::secrets("SEALPRESS_SECRET")?)]);
        };
        entries(file)?.into_iter().map(|entry| self.account(file, entry)).collect()
    }

    fn account(&self, file: &Path, entry: Entry) -> Result<Account, Failure> {
        let base_url = match entry.base_url {
            Some(url) => url,
            None => self.access.base_url("SEALPRESS_BASE_URL")?,
        };
        let secrets = match (entry.secret, entry.secret_file) {
            (Some(secret), None) => vec![SecretString::from(secret)],
            (None, Some(path)) => access::lines(&text(&beside(file, &path))?),
            _ => {
                return Err(Failure::config(format!("{}: an account has `secret` or `secret_file`", file.display())));
            }
        };
        Ok(Account::new(base_url, entry.api_key, secrets))
    }

    /// Changes when a file with a secret in it does.
    pub(super) fn stamp(&self) -> Stamp {
        let mut files = Vec::new();
        match &self.file {
            None => {
                files.extend(["SEALPRESS_API_KEY", "SEALPRESS_SECRET"].iter().filter_map(|name| access::file_of(name)))
            }
            Some(file) => {
                files.push(file.clone());
                let named = entries(file).unwrap_or_default().into_iter().filter_map(|entry| entry.secret_file);
                files.extend(named.map(|path| beside(file, &path)));
            }
        }
        let stamp = |path: PathBuf| std::fs::metadata(path).and_then(|about| Ok((about.modified()?, about.len()))).ok();
        files.into_iter().map(stamp).collect()
    }
}

fn entries(file: &Path) -> Result<Vec<Entry>, Failure> {
    // The parser's own words show the line, and with it a secret.
    let wrong = |e: toml::de::Error| Failure::config(format!("{}: {}", file.display(), e.message()));
    Ok(toml::from_str::<File>(&text(file)?).map_err(wrong)?.account)
}

/// A path in a file is meant from that file's folder.
fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}

fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|e| Failure::config(format!("{} cannot be read: {e}", path.display())))
}
