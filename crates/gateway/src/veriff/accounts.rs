//! The integrations that a gateway serves: key, secrets and host of each, replaced as a whole.

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderValue;
use sealpress_client::sign::Key;
use sealpress_client::transport::Host;
use sealpress_client::{Error, Options};
use secrecy::{ExposeSecret as _, SecretString};

/// One integration. Prints neither key nor secret.
#[derive(Clone, Debug)]
pub struct Account {
    base_url: String,
    api_key: SecretString,
    secrets: Vec<SecretString>,
}

impl Account {
    /// As the customer portal shows them. Of several secrets, as during a rotation, callers may use any; what goes on
    /// is signed with the one that its caller used.
    pub fn new(
        base_url: impl Into<String>,
        api_key: impl Into<SecretString>,
        secrets: impl IntoIterator<Item = SecretString>,
    ) -> Self {
        Self { base_url: base_url.into(), api_key: api_key.into(), secrets: secrets.into_iter().collect() }
    }
}

/// Accounts in the form in which requests need them.
#[derive(Clone, Debug)]
pub struct Accounts {
    by_key: HashMap<String, Arc<Known>>,
    hosts: HashMap<String, Host>,
    options: Options,
}

/// One account of them.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) host: Host,
    pub(super) api_key: HeaderValue,
    pub(super) keys: Vec<Key>,
}

impl Accounts {
    /// Judges all that can be judged without a connection.
    ///
    /// # Errors
    /// `Config` for no account at all, a key that is no UUID or stands twice, no secret or an empty one, a base URL that
    /// is none or not https.
    pub fn new(accounts: &[Account], options: &Options) -> Result<Self, Error> {
        Self::build(accounts, options.clone(), &HashMap::new())
    }

    /// Others in their place, over the same connections where hosts stay the same.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn renewed(&self, accounts: &[Account]) -> Result<Self, Error> {
        Self::build(accounts, self.options.clone(), &self.hosts)
    }

    fn build(accounts: &[Account], options: Options, known: &HashMap<String, Host>) -> Result<Self, Error> {
        let refuse = |reason: &'static str| Err(Error::config("configure", reason));
        let (mut by_key, mut hosts) = (HashMap::new(), HashMap::<String, Host>::new());
        for account in accounts {
            let key = account.api_key.expose_secret();
            // What refuses a client refuses an account: the form of the key, an empty secret, the base URL.
            let secret = account.secrets.first().cloned().unwrap_or_default();
            let credentials = sealpress_client::veriff::Credentials::new(account.api_key.clone(), secret);
            let credentials =
                account.secrets.iter().skip(1).cloned().fold(credentials, |all, former| all.with_former_secret(former));
            sealpress_client::veriff::Client::builder(&account.base_url, credentials)
                .options(options.clone())
                .build()?;
            let host = match hosts.get(&account.base_url).or_else(|| known.get(&account.base_url)) {
                Some(host) => host.clone(),
                None => Host::new(&account.base_url, &["v1"], &options)?,
            };
            hosts.insert(account.base_url.clone(), host.clone());
            let Ok(mut api_key) = HeaderValue::from_str(key) else {
                return refuse("the API key cannot stand in a header");
            };
            api_key.set_sensitive(true);
            let keys = account.secrets.iter().map(Key::new).collect();
            if by_key.insert(key.to_owned(), Arc::new(Known { host, api_key, keys })).is_some() {
                return refuse("an API key stands twice among the accounts");
            }
        }
        if by_key.is_empty() { refuse("there is no account") } else { Ok(Self { by_key, hosts, options }) }
    }

    pub(super) fn find(&self, api_key: &str) -> Option<&Arc<Known>> {
        self.by_key.get(api_key)
    }

    /// The host of all of them, where they have one.
    pub(super) fn only_host(&self) -> Option<&Host> {
        let mut hosts = self.hosts.values();
        hosts.next().filter(|_| hosts.next().is_none())
    }
}
