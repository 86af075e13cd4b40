//! Clients of the vendors out of variables and files; never a secret on the command line.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sealpress_client::{self as client, Provider, transmit, veriff};

use secrecy::SecretString;

use crate::outcome::Failure;
use crate::vendor::{Target, Vendor};

/// How to reach a vendor. Everything secret comes from the environment or from files named there,
/// never from the command line, which everybody on the machine can read.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Access {
    /// The vendor's API [env: SEALPRESS_BASE_URL, for Transmit SEALPRESS_TRANSMIT_BASE_URL]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Allow plain http to other machines: for test stands only
    #[arg(long)]
    allow_http: bool,
}

impl Access {
    /// A client for Veriff out of `SEALPRESS_BASE_URL`, `SEALPRESS_API_KEY` and `SEALPRESS_SECRET`.
    pub(crate) fn veriff(&self) -> Result<veriff::Client, Failure> {
        let base_url = self.base_url("SEALPRESS_BASE_URL")?;
        let credentials = veriff::Credentials::new(secret("SEALPRESS_API_KEY")?, secret("SEALPRESS_SECRET")?);
        Ok(veriff::Client::builder(base_url, credentials).options(self.options()).build()?)
    }

    /// A client for Transmit Security out of the `SEALPRESS_TRANSMIT_…` variables.
    pub(crate) fn transmit(&self) -> Result<transmit::Client, Failure> {
        let base_url = self.base_url("SEALPRESS_TRANSMIT_BASE_URL")?;
        let (id, secret) = (secret("SEALPRESS_TRANSMIT_CLIENT_ID")?, secret("SEALPRESS_TRANSMIT_CLIENT_SECRET")?);
        Ok(transmit_builder(base_url, id, secret)?.options(self.options()).build()?)
    }

    pub(crate) fn provider(&self, vendor: Vendor) -> Result<Arc<dyn Provider>, Failure> {
        Ok(match vendor {
            Vendor::Veriff => Arc::new(self.veriff()?),
            Vendor::Transmit => Arc::new(self.transmit()?),
        })
    }

    pub(crate) fn base_url(&self, name: &str) -> Result<String, Failure> {
        match &self.base_url {
            Some(url) => Ok(url.clone()),
            None => variable(name)?.ok_or_else(|| Failure::config(format!("{name} is not set"))),
        }
    }

    pub(crate) fn options(&self) -> client::Options {
        let mut options = client::Options::default();
        options.allow_http = self.allow_http;
        options
    }
}

/// How long a face of a backfill waits for others. Long, for a run says when nobody can come any more; but not for ever,
/// since those who can may be held up.
const FACES_LINGER: Duration = Duration::from_secs(2);

/// A vendor's client out of the settings that a backfill has for all of them: for Transmit Security key and
/// secret are the application's id and secret.
pub(crate) fn provider(
    vendor: Vendor,
    target: Target,
    base_url: &str,
    key: &str,
    secret: &str,
) -> Result<Arc<dyn Provider>, Failure> {
    let veriff = || veriff::Client::builder(base_url, veriff::Credentials::new(key, secret)).build();
    Ok(match (vendor, target) {
        (Vendor::Veriff, Target::Sessions) => Arc::new(veriff()?),
        (Vendor::Veriff, Target::Faces) => Arc::new(veriff::FaceImporter::new(veriff()?).with_linger(FACES_LINGER)),
        (Vendor::Transmit, Target::Faces) => {
            return Err(Failure::config("this vendor has no collection of faces to import into"));
        }
        (Vendor::Transmit, Target::Sessions) => {
            Arc::new(transmit_builder(base_url.to_owned(), key.to_owned(), secret.to_owned())?.build()?)
        }
    })
}

/// With what only this vendor asks for: where tokens are, what they are for, and the document that the people
/// of the sessions agreed to.
fn transmit_builder(base_url: String, id: String, secret: String) -> Result<transmit::Builder, Failure> {
    let mut builder = transmit::Client::builder(base_url, transmit::Credentials::new(id, secret));
    if let Some(url) = variable("SEALPRESS_TRANSMIT_TOKEN_URL")? {
        builder = builder.token_url(url);
    }
    if let Some(resource) = variable("SEALPRESS_TRANSMIT_RESOURCE")? {
        builder = builder.resource(resource);
    }
    if let Some(document) = variable("SEALPRESS_TRANSMIT_CONSENT_DOCUMENT")? {
        builder = builder.consent_document(document);
    }
    Ok(builder)
}

/// The secrets of a variable, or of the file that `NAME_FILE` names: one on each line, several during a
/// rotation.
pub(crate) fn secrets(name: &str) -> Result<Vec<SecretString>, Failure> {
    Ok(lines(&secret(name)?))
}

/// A secret on each line.
pub(crate) fn lines(text: &str) -> Vec<SecretString> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(SecretString::from).collect()
}

/// The file that `NAME_FILE` names, where the variable itself is not set.
pub(crate) fn file_of(name: &str) -> Option<PathBuf> {
    let is_set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    is_set(name).map_or_else(|| is_set(&format!("{name}_FILE")).map(PathBuf::from), |_| None)
}

/// The variable itself, or the content of the file that `NAME_FILE` names.
pub(crate) fn secret(name: &str) -> Result<String, Failure> {
    if let Some(value) = variable(name)? {
        return Ok(value);
    }
    let file = format!("{name}_FILE");
    let Some(path) = std::env::var_os(&file).filter(|p| !p.is_empty()).map(PathBuf::from) else {
        return Err(Failure::config(format!("neither {name} nor {file} is set")));
    };
    let text = std::fs::read_to_string(&path)
        .map_err(|e| Failure::config(format!("{file}: {} cannot be read: {e}", path.display())))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err(Failure::config(format!("{file}: the file is empty"))) } else { Ok(text.to_owned()) }
}

fn variable(name: &str) -> Result<Option<String>, Failure> {
    match std::env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::config(format!("{name} is not text"))),
    }
}
