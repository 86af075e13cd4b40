//! Starting, steering and stopping: the Rust side of the emulator.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{broadcast, oneshot, watch};

use crate::clock::Clock;
use crate::control;
use crate::crypto;
use crate::error::{Error, ErrorKind};
use crate::faults::{FaultRule, FaultScript, ScriptFile};
use crate::ledger::{Ledger, Vendor, Verdict};
use crate::log::{RequestRecord, Watchers};
use crate::options::Options;
use crate::outbox::{Outbox, Target};
use crate::server;
use crate::shared::{Beginning, Keys, Shared};
use crate::state::State;
use crate::store::Store;
use crate::webhook;

/// Bytes of media that are kept in memory unless told otherwise.
const MEMORY_CAP: u64 = 512 << 20;

/// The same for a data directory.
const DISK_CAP: u64 = 16 << 30;

/// A running emulator. It has a thread and a runtime of its own, so that it keeps answering while its
/// user's runtime is blocked, paused or gone; dropping it stops it.
pub struct Emulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

/// Credentials of the Transmit Security half.
#[derive(Clone)]
#[non_exhaustive]
pub struct TransmitCredentials {
    /// `client_id` of the token request.
    pub client_id: String,
    /// `client_secret` of the token request.
    pub client_secret: String,
    /// Root of the service: paths begin with `/api/v1/verification` below it.
    pub url: String,
    /// Where tokens are issued.
    pub token_url: String,
    /// `resource` of the token request.
    pub resource: String,
}

impl fmt::Debug for TransmitCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransmitCredentials").field("url", &self.url).finish_non_exhaustive()
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("url", &self.shared.url).finish_non_exhaustive()
    }
}

/// How an emulator is to be; every setting has a default.
#[derive(Default)]
#[must_use]
pub struct Builder {
    address: Option<SocketAddr>,
    api_key: Option<String>,
    secrets: Vec<String>,
    transmit: Option<(String, String)>,
    data: Option<PathBuf>,
    storage_cap: Option<u64>,
    webhook: Option<String>,
    options: Options,
    faults: Vec<FaultRule>,
    watchers: Watchers,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("address", &self.address).field("data", &self.data).finish_non_exhaustive()
    }
}

impl Builder {
    /// Listens here instead of on a free port of 127.0.0.1.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Listens on this port of 127.0.0.1; 0 is any free one.
    pub fn port(self, port: u16) -> Self {
        self.address(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// The API key, a UUID; random unless given.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// The shared secret; random unless given. Called again, it adds one: all are accepted, as during a
    /// rotation, and the first signs the answers.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Client id and secret of the Transmit half; random unless given.
    pub fn transmit(mut self, client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        self.transmit = Some((client_id.into(), client_secret.into()));
        self
    }

    /// Keeps everything below this directory, and takes up what is there already.
    pub fn data(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data = Some(directory.into());
        self
    }

    /// Bytes of media that are kept, in memory or in the data directory; beyond it the oldest are dropped
    /// first (records and hashes stay). Default 512 MiB in memory, 16 GiB in a directory; 0 keeps none.
    pub fn storage_cap(mut self, bytes: u64) -> Self {
        self.storage_cap = Some(bytes);
        self
    }

    /// Is told of every request at its end, on the emulator's own threads: keep it short, and never let it
    /// wait. The record's `Display` is a line for a terminal.
    pub fn on_request(mut self, watcher: impl Fn(&RequestRecord) + Send + Sync + 'static) -> Self {
        self.watchers.add(watcher);
        self
    }

    /// Sends webhooks to this `http://` URL.
    pub fn webhook(mut self, url: impl Into<String>) -> Self {
        self.webhook = Some(url.into());
        self
    }

    /// Replaces all options.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Changes some options.
    pub fn configure(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// Adds a fault.
    pub fn fault(mut self, rule: FaultRule) -> Self {
        self.faults.push(rule);
        self
    }

    /// Reads `[options]` (replacing them, where present) and `[[fault]]` from TOML.
    ///
    /// # Errors
    /// `config`, with the place in the text.
    pub fn script(mut self, toml: &str) -> Result<Self, Error> {
        let script: ScriptFile = toml::from_str(toml).map_err(|e| Error::config(e.to_string()))?;
        if let Some(options) = script.options {
            self.options = options;
        }
        self.faults.extend(script.fault);
        Ok(self)
    }

    /// Binds, starts the thread and returns once requests are answered.
    ///
    /// # Errors
    /// `bind`, `config` or `storage`.
    #[expect(clippy::unused_async, reason = "a promise: starting may come to wait for something")]
    pub async fn start(self) -> Result<Emulator, Error> {
        self.start_blocking()
    }

    /// The same without a runtime: nothing in it waits for long.
    ///
    /// # Errors
    /// As [`Builder::start`].
    pub fn start_blocking(self) -> Result<Emulator, Error> {
        let webhook = self.webhook.as_deref().map(Target::parse).transpose()?;
        let (store, left) = match &self.data {
            Some(directory) => Store::disk(directory, self.storage_cap.unwrap_or(DISK_CAP))?,
            None => (Store::memory(self.storage_cap.unwrap_or(MEMORY_CAP)), Vec::new()),
        };
        let keys = keys(self.api_key, self.secrets, self.transmit, self.data.as_deref())?;
        let mut faults = FaultScript::default();
        for rule in &self.faults {
            faults.add(rule.clone())?;
        }
        let mut state = State::default();
        state.replay(left);

        let fail = |e| Error::io(ErrorKind::Bind, "the address cannot be listened on", e);
        let address = self.address.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let listener = TcpListener::bind(address).map_err(fail)?;
        listener.set_nonblocking(true).map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        let (stop, stopped) = watch::channel(false);
        let (outbox, waiting) = Outbox::new(webhook);
        let url = format!("http://{address}");
        let shared = Arc::new(Shared {
            url,
            keys,
            options: RwLock::new(Arc::new(self.options.clone())),
            clock: Clock::default(),
            store,
            state: Mutex::new(state),
            faults: Mutex::new(faults),
            log: Mutex::default(),
            tokens: Mutex::default(),
            webhooks: outbox,
            webhooks_delivered: AtomicU64::new(0),
            varied: AtomicU64::new(0),
            news: broadcast::channel(16).0,
            watchers: self.watchers,
            beginning: Beginning { options: self.options, faults: self.faults },
            stop,
        });

        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("emulator")
            .enable_all()
            .build()
            .map_err(|e| Error::io(ErrorKind::Internal, "no runtime", e))?;
        let inside = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("emulator".into())
            .spawn(move || {
                runtime.block_on(async {
                    // The socket listens already: clients may connect before this line.
                    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                    tokio::spawn(server::ticker(Arc::clone(&inside)));
                    tokio::spawn(webhook::deliver(Arc::clone(&inside), waiting));
                    server::run(inside, listener, stopped).await;
                });
                runtime.shutdown_background();
            })
            .map_err(|e| Error::io(ErrorKind::Internal, "no thread", e))?;
        Ok(Emulator { shared, address, thread: Some(thread) })
    }
}

fn keys(
    api_key: Option<String>,
    mut secrets: Vec<String>,
    transmit: Option<(String, String)>,
    data: Option<&Path>,
) -> Result<Keys, Error> {
    // What an earlier run in the same directory used is used again, so that its clients go on working.
    let path = data.map(|d| d.join("credentials.json"));
    let known: serde_json::Value = path
        .as_ref()
        .and_then(|p| std::fs::read(p).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let pick = |given: Option<String>, name: &str| match given.or_else(|| known[name].as_str().map(str::to_owned)) {
        Some(text) => Ok(text),
        None => crypto::uuid(),
    };
    if secrets.is_empty() {
        secrets.push(pick(None, "secret")?);
    }
    let (client_id, client_secret) = transmit.unzip();
    let keys = Keys {
        api_key: pick(api_key, "api_key")?,
        secrets,
        client_id: pick(client_id, "client_id")?,
        client_secret: pick(client_secret, "client_secret")?,
    };
    if !crypto::is_uuid(&keys.api_key) {
        return Err(Error::config("the API key must be a UUID"));
    }
    if keys.secrets.iter().any(String::is_empty) {
        return Err(Error::config("the shared secret must not be empty"));
    }
    if let Some(path) = path {
        let value = serde_json::json!({
            "api_key": keys.api_key, "secret": keys.secrets.first(),
            "client_id": keys.client_id, "client_secret": keys.client_secret,
        });
        let fail = |e| Error::io(ErrorKind::Storage, "the credentials could not be written", e);
        std::fs::write(&path, value.to_string()).map_err(fail)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
        }
    }
    Ok(keys)
}

impl Emulator {
    /// Settings first.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// One with all defaults.
    ///
    /// # Errors
    /// As [`Builder::start`].
    pub async fn start() -> Result<Self, Error> {
        Self::builder().start().await
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end and without `/v1`.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The API key.
    pub fn api_key(&self) -> &str {
        &self.shared.keys.api_key
    }

    /// The shared secret that signs.
    pub fn secret(&self) -> &str {
        self.shared.secret()
    }

    /// Credentials and addresses of the Transmit half.
    pub fn transmit(&self) -> TransmitCredentials {
        TransmitCredentials {
            client_id: self.shared.keys.client_id.clone(),
            client_secret: self.shared.keys.client_secret.clone(),
            url: format!("{}/verify", self.shared.url),
            token_url: format!("{}/oidc/token", self.shared.url),
            resource: self.shared.options().resource.clone(),
        }
    }

    /// Everything that was received, as of now. A copy: with millions of media it is large.
    pub fn ledger(&self) -> Ledger {
        self.shared.ledger()
    }

    /// How many requests a route has seen (`"upload"`, `"submit"`, …), without copying the ledger.
    pub fn requests(&self, route: &str) -> u64 {
        self.shared.log().requests().get(route).copied().unwrap_or(0)
    }

    /// Adds a fault to the script; gives its number.
    ///
    /// # Errors
    /// `config`: an unknown route, probability or duration.
    pub fn add_fault(&self, rule: FaultRule) -> Result<u64, Error> {
        self.shared.faults().add(rule)
    }

    /// Drops one fault; false where there is none of that number.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.shared.faults().remove(Some(id)) > 0
    }

    /// Drops all faults; what they did stays in the ledger.
    pub fn clear_faults(&self) {
        self.shared.faults().remove(None);
    }

    /// Everything as it was at the start: no sessions, media, log or tokens, the first options and faults,
    /// the true time. Address and credentials stay.
    ///
    /// # Errors
    /// `storage`: the data directory could not be emptied.
    pub fn reset(&self) -> Result<(), Error> {
        self.shared.reset()
    }

    /// Moves the emulator's clock on, with everything that time brings: decisions, expiry, dead tokens.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
        self.shared.tick();
    }

    /// Milliseconds since 1970 (UTC) on the emulator's clock.
    pub fn now_ms(&self) -> u64 {
        self.shared.clock.now()
    }

    /// Decides a session.
    ///
    /// # Errors
    /// `not-found`.
    pub fn decide(&self, session: &str, verdict: Verdict) -> Result<(), Error> {
        control::decide(&self.shared, session, verdict, None, None)
    }

    /// Sends a webhook with any body, signed like the others: for the kinds that nothing here causes.
    ///
    /// # Errors
    /// `config`: it was started without a webhook URL.
    pub fn send_webhook(&self, body: &serde_json::Value) -> Result<(), Error> {
        self.shared.webhooks.send(body)
    }

    /// Makes a session without a request, from a `verification` object; gives its id.
    ///
    /// # Errors
    /// `internal`: no random numbers.
    pub fn create_session(&self, verification: serde_json::Value) -> Result<String, Error> {
        let mut state = self.shared.state();
        let index = state.create(Vendor::Veriff, verification, self.shared.clock.now())?;
        self.shared.store.note_session(state.at(index));
        self.shared.wake();
        Ok(state.at(index).id.clone())
    }

    /// Changes options while it runs.
    pub fn configure(&self, change: impl FnOnce(&mut Options)) {
        let mut options = (*self.shared.options()).clone();
        change(&mut options);
        control::set_options(&self.shared, options);
    }

    /// Bytes of a medium as they were received; `None` where it is unknown or its bytes were dropped.
    pub fn media_bytes(&self, id: &str) -> Option<bytes::Bytes> {
        let media = self.shared.state().find_media(id).cloned()?;
        self.shared.store.get(&media)
    }

    /// Stops accepting, lets requests under way end (five seconds at most), and returns when all is quiet.
    pub async fn shutdown(mut self) {
        let thread = self.signal();
        let (done, wait) = oneshot::channel();
        if let Some(thread) = thread {
            std::thread::spawn(move || {
                let _ = thread.join();
                let _ = done.send(());
            });
            let _ = wait.await;
        }
    }

    fn signal(&mut self) -> Option<JoinHandle<()>> {
        self.shared.stop.send_replace(true);
        self.thread.take()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.signal();
        }
    }
}
