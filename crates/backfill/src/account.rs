//! Whose journal it is: one account at one provider. What is confirmed there is confirmed nowhere
//! else, so that a run for another host or another key would skip what was never sent to it.

use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::error::{Error, ErrorKind, Result};
use crate::manifest::hex;
use crate::store::Store;

/// The provider's address, as the journal keeps it.
pub(crate) const PROVIDER: &str = "provider";
/// The key's fingerprint: an HMAC under a salt that is the journal's own, so that it tells keys apart
/// and gives none away.
pub(crate) const KEY: &str = "account";
const SALT: &str = "account-salt";

/// Who a run would send to.
pub(crate) struct Account {
    provider: String,
    api_key: String,
}

impl Account {
    pub(crate) fn new(base_url: &str, api_key: &str) -> Self {
        Self { provider: plain(base_url), api_key: api_key.to_owned() }
    }

    /// Compares with the journal's account, and changes nothing: what there is to note is [`Checked`].
    ///
    /// # Errors
    /// `Mismatch` for another one, unless that is accepted.
    pub(crate) async fn check(&self, store: &dyn Store, state: &Path, accept: bool) -> Result<Checked> {
        let known = store.fact(SALT).await?;
        let salt = known.clone().map_or_else(new_salt, Ok)?;
        let key = fingerprint(&salt, &self.api_key);
        let (provider, account) = (store.fact(PROVIDER).await?, store.fact(KEY).await?);
        let mut notes = vec![(PROVIDER, self.provider.clone()), (KEY, key.clone())];
        if known.is_none() {
            notes.insert(0, (SALT, salt));
        }
        let (Some(provider), Some(account)) = (provider, account) else {
            // A journal of an older version, which did not say.
            let begun = store.fact(crate::store::IMPORTED).await?.is_some();
            let said = || format!("this journal did not say whose it is; it is {}'s from now on", self.provider);
            return Ok(Checked { notes, notice: begun.then(said) });
        };
        let what = match (provider == self.provider, account == key) {
            (true, true) => return Ok(Checked { notes: Vec::new(), notice: None }),
            (false, _) => format!("belongs to the account at {provider}, and this run would send to {}", self.provider),
            (true, false) => {
                format!("belongs to another API key at {provider} (its fingerprint is {})", short(&account))
            }
        };
        if accept {
            return Ok(Checked { notes, notice: Some(format!("the journal {what}; gone on with as told")) });
        }
        let message = format!(
            "the journal {} {what}. What is confirmed there is not confirmed here, and would never be sent. Nothing was \
             sent. Give this account a journal of its own with --state DIR (--namespace NAME in PostgreSQL); only where \
             the same account has a new key or address, say --accept-changed-account",
            state.display()
        );
        Err(Error::new(ErrorKind::Mismatch, message))
    }
}

/// An account that may send for a journal.
pub(crate) struct Checked {
    notes: Vec<(&'static str, String)>,
    notice: Option<String>,
}

impl Checked {
    /// Makes the journal this account's. A sentence for the operator where that is worth one.
    pub(crate) async fn note(self, store: &dyn Store) -> Result<Option<String>> {
        for (key, value) in self.notes {
            store.note(key, value).await?;
        }
        Ok(self.notice)
    }
}

/// Host and port of an address, for logs.
pub(crate) fn host(base_url: &str) -> String {
    let url = url::Url::parse(base_url.trim()).ok();
    let host = url.as_ref().and_then(|url| url.host_str().zip(Some(url.port())));
    match host {
        Some((host, Some(port))) => format!("{host}:{port}"),
        Some((host, None)) => host.to_owned(),
        None => String::new(),
    }
}

/// The first letters of a key's fingerprint: enough to tell two apart.
pub(crate) fn short(account: &str) -> &str {
    account.get(..8).unwrap_or(account)
}

fn fingerprint(salt: &str, api_key: &str) -> String {
    match Hmac::<Sha256>::new_from_slice(salt.as_bytes()) {
        Ok(mut mac) => {
            mac.update(api_key.as_bytes());
            hex(&mac.finalize().into_bytes())
        }
        // HMAC takes keys of any length.
        Err(_) => String::new(),
    }
}

fn new_salt() -> Result<String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|e| Error::caused(ErrorKind::Io, "the system gives no random numbers", e))?;
    Ok(hex(&salt))
}

/// The same place in one spelling: without a slash at the end, a default port or capitals in the host.
fn plain(base_url: &str) -> String {
    let url = url::Url::parse(base_url.trim()).map_or_else(|_| base_url.trim().to_owned(), |url| url.to_string());
    url.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_in_many_spellings() {
        for same in ["https://api.example", "https://API.example/", " https://api.example:443 "] {
            assert_eq!(plain(same), "https://api.example", "{same}");
        }
        for other in ["http://api.example", "https://api.example/v2", "https://api.example:8443"] {
            assert_ne!(plain(other), "https://api.example", "{other}");
        }
    }

    #[test]
    fn fingerprints_tell_keys_apart_and_journals_too() {
        assert_ne!(fingerprint("salt", "one"), fingerprint("salt", "two"));
        assert_ne!(fingerprint("salt", "one"), fingerprint("tlas", "one"));
        assert_eq!(fingerprint("salt", "one").len(), 64);
    }
}
