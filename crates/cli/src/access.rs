//! Clients of the vendors out of variables and files; never a secret on the command line.

use std::path::PathBuf;
use std::sync::Arc;

use sealpress_client::{self as client, Provider, transmit, veriff};

use crate::outcome::Failure;

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
        let credentials = transmit::Credentials::new(
            secret("SEALPRESS_TRANSMIT_CLIENT_ID")?,
            secret("SEALPRESS_TRANSMIT_CLIENT_SECRET")?,
        );
        let mut builder = transmit::Client::builder(base_url, credentials).options(self.options());
        if let Some(url) = variable("SEALPRESS_TRANSMIT_TOKEN_URL")? {
            builder = builder.token_url(url);
        }
        if let Some(resource) = variable("SEALPRESS_TRANSMIT_RESOURCE")? {
            builder = builder.resource(resource);
        }
        Ok(builder.build()?)
    }

    pub(crate) fn provider(&self, vendor: crate::vendor::Vendor) -> Result<Arc<dyn Provider>, Failure> {
        Ok(match vendor {
            crate::vendor::Vendor::Veriff => Arc::new(self.veriff()?),
            crate::vendor::Vendor::Transmit => Arc::new(self.transmit()?),
        })
    }

    fn base_url(&self, name: &str) -> Result<String, Failure> {
        match &self.base_url {
            Some(url) => Ok(url.clone()),
            None => variable(name)?.ok_or_else(|| Failure::config(format!("{name} is not set"))),
        }
    }

    fn options(&self) -> client::Options {
        let mut options = client::Options::default();
        options.allow_http = self.allow_http;
        options
    }
}

/// The variable itself, or the content of the file that `NAME_FILE` names.
fn secret(name: &str) -> Result<String, Failure> {
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
