//! A backfill that sends nothing: the journal, the files and the pipeline's bookkeeping are real, the provider
//! says yes at once. What is left of the time is what the journal costs.
//!
//! `dry make FOLDER ITEMS` writes a manifest of so many items over a thousand small files;
//! `dry run MANIFEST [--name value]…` takes the settings of `sealpress backfill run` and prints its end as JSON.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sealpress_backfill::{Accepted, Access, Backfill, Config, Finished, Wiring};
use sealpress_client::{
    BoxFuture, Created, Error, Limits, Listed, MediaId, NewSession, Provider, Receipt, SessionId, SessionState,
    SignedBody, Upload, veriff,
};

/// Bytes of one file.
const FILE: usize = 1024;
/// Different files; no session has one twice.
const FILES: usize = 1000;
const PER_SESSION: usize = 3;

fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["make", folder, items] => items.parse().map_err(Into::into).and_then(|n| Ok(make(Path::new(folder), n)?)),
        ["run", manifest, flags @ ..] => run(manifest, flags),
        _ => Err("dry make FOLDER ITEMS | dry run MANIFEST [--name value]…".into()),
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("dry: {e}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(manifest: &str, flags: &[&str]) -> Result<(), Box<dyn std::error::Error>> {
    let settings = flags.chunks(2).map(|pair| (pair[0].trim_start_matches('-'), pair[1..].concat()));
    let backfill = Backfill::open(Config::load(None, settings)?, manifest)?;
    let wiring = Wiring {
        press: Arc::new(sealpress_pipeline::Unchanged),
        policy: "unchanged".to_owned(),
        provider: Box::new(|access| Ok(Arc::new(Yes::new(access)?) as Arc<dyn Provider>)),
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let run = async { backfill.start(wiring, Accepted::default()).await?.finish().await };
    let Finished { exit, summary, took, .. } = runtime.block_on(run)?;
    println!("{}", serde_json::json!({"exit": exit.code(), "seconds": took.as_secs_f64(), "summary": summary}));
    if exit.code() == 0 { Ok(()) } else { Err(format!("the run ended with {}", exit.code()).into()) }
}

fn make(folder: &Path, items: usize) -> std::io::Result<()> {
    use std::io::Write;
    std::fs::create_dir_all(folder)?;
    for n in 0..FILES {
        let mut bytes = vec![0; FILE];
        bytes[..4].copy_from_slice(&[0xFF, 0xD8, 0xFF, 0xE0]);
        bytes[4..12].copy_from_slice(&(n as u64).to_le_bytes());
        std::fs::write(folder.join(format!("{n}.jpg")), bytes)?;
    }
    let mut manifest = std::io::BufWriter::new(std::fs::File::create(folder.join("manifest.csv"))?);
    writeln!(manifest, "subject,context,media")?;
    for n in 0..items {
        let context = ["document-front", "document-back", "face"][n % PER_SESSION];
        writeln!(manifest, "k{},{context},{}.jpg", n / PER_SESSION, n % FILES)?;
    }
    manifest.flush()
}

/// Signs as Veriff's client does and agrees to everything.
struct Yes {
    client: veriff::Client,
    given: AtomicU64,
}

impl Yes {
    fn new(access: &Access) -> Result<Self, String> {
        let credentials = veriff::Credentials::new(access.api_key.clone(), access.secret.clone());
        let client = veriff::Client::builder(&access.base_url, credentials).build().map_err(|e| e.to_string())?;
        Ok(Self { client, given: AtomicU64::new(1) })
    }

    fn id(&self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.given.fetch_add(1, Ordering::Relaxed))
    }
}

impl Provider for Yes {
    fn name(&self) -> &'static str {
        "yes"
    }

    fn limits(&self) -> &Limits {
        Provider::limits(&self.client)
    }

    fn create<'a>(&'a self, _: &'a NewSession) -> BoxFuture<'a, Result<Created, Error>> {
        Box::pin(async { Ok(Created::new(SessionId::new(self.id())?, None)) })
    }

    fn sign(&self, upload: &Upload) -> Result<SignedBody, Error> {
        self.client.sign(upload)
    }

    fn send<'a>(&'a self, body: &'a SignedBody) -> BoxFuture<'a, Result<Receipt, Error>> {
        Box::pin(async { Ok(Receipt::new(body.session().clone(), body.context().clone(), MediaId::new(self.id())?)) })
    }

    /// Nothing: what the audit counts is reported as missing, and stops no submission.
    fn list<'a>(&'a self, _: &'a SessionId) -> BoxFuture<'a, Result<Vec<Listed>, Error>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn finish<'a>(&'a self, _: &'a SessionId) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn state<'a>(&'a self, _: &'a SessionId) -> BoxFuture<'a, Result<SessionState, Error>> {
        Box::pin(std::future::ready(Ok(SessionState::Submitted)))
    }
}
