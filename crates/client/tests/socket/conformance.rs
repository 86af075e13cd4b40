//! The suite for providers, over both vendors of this crate and the example of a third; and over providers
//! that break a promise each, which has to be found out.

use std::net::TcpListener;
use std::sync::Arc;

use sealpress_client::conformance::{Bench, Fault, check};
use sealpress_client::{
    BoxFuture, Context, Created, Error, Limits, Listed, NewSession, Options, Provider, Receipt, RetryPolicy, SessionId,
    SessionState, SignedBody, Upload, transmit, veriff,
};
use sealpress_emulator::{Effect, Emulator, FaultRule, Phase};

use super::common::jpeg;
use super::examples::third::vendor;
use super::third_vendor::Server;

/// An address where nobody listens.
pub(crate) fn nowhere() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}")
}

/// One of the emulator's two halves.
struct Emulated {
    emulator: Arc<Emulator>,
    route: &'static str,
    contexts: Vec<Context>,
    provider: Box<dyn Provider>,
    refused: Box<dyn Provider>,
    unreachable: Box<dyn Provider>,
    secrets: Vec<String>,
}

impl Bench for Emulated {
    fn provider(&self) -> &dyn Provider {
        &*self.provider
    }

    fn refused(&self) -> &dyn Provider {
        &*self.refused
    }

    fn unreachable(&self) -> &dyn Provider {
        &*self.unreachable
    }

    fn uploads(&self, session: &SessionId) -> Vec<Upload> {
        let upload = |context: &Context| Upload::new(session.clone(), context.clone(), jpeg(5_000));
        self.contexts.iter().map(upload).collect()
    }

    fn arrange(&self, fault: Fault) {
        let effect = match fault {
            Fault::LostAnswer => Effect::reset(Phase::AfterBody).recorded(),
            Fault::Status { status, retry_after: None } => Effect::status(status),
            Fault::Status { status, retry_after: Some(after) } => {
                Effect::status(status).with_retry_after(after.to_string())
            }
            Fault::Gibberish => serde_json::from_str(r#"{"kind":"truncate","keep":0.5}"#).unwrap(),
            other => panic!("{other:?} is new"),
        };
        self.emulator.clear_faults();
        self.emulator.add_fault(FaultRule::new(effect).on(self.route).times(1)).unwrap();
    }

    fn arrived(&self) -> u64 {
        self.emulator.requests(self.route)
    }

    fn recorded<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, u64> {
        let ledger = self.emulator.ledger();
        let count = ledger.session(session.as_str()).map_or(0, |s| s.media().count() as u64);
        Box::pin(std::future::ready(count))
    }

    fn secrets(&self) -> Vec<String> {
        self.secrets.clone()
    }
}

fn veriff_bench(emulator: &Arc<Emulator>) -> Emulated {
    let client = |url: &str, secret: &str| {
        let credentials = veriff::Credentials::new(emulator.api_key(), secret);
        veriff::Client::builder(url, credentials).retry(RetryPolicy::never()).build().unwrap()
    };
    Emulated {
        route: "upload",
        contexts: vec![Context::DocumentFront, Context::Face],
        provider: Box::new(client(emulator.url(), emulator.secret())),
        refused: Box::new(client(emulator.url(), "canary-of-a-wrong-secret")),
        unreachable: Box::new(client(&nowhere(), emulator.secret())),
        secrets: vec![emulator.secret().to_owned(), emulator.api_key().to_owned(), "canary-of".to_owned()],
        emulator: emulator.clone(),
    }
}

fn transmit_bench(emulator: &Arc<Emulator>) -> Emulated {
    let known = emulator.transmit();
    let client = |url: &str, secret: &str| {
        let credentials = transmit::Credentials::new(known.client_id.as_str(), secret);
        let builder = transmit::Client::builder(url, credentials).consent_document("consent-v3");
        builder.retry(RetryPolicy::never()).build().unwrap()
    };
    Emulated {
        route: "image-upload",
        contexts: vec![Context::DocumentFront, Context::DocumentBack, Context::Face],
        provider: Box::new(client(&known.url, &known.client_secret)),
        refused: Box::new(client(&known.url, "canary-of-a-wrong-secret")),
        unreachable: Box::new(client(&nowhere(), &known.client_secret)),
        secrets: vec![known.client_id.clone(), known.client_secret.clone(), "canary-of".to_owned()],
        emulator: emulator.clone(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn veriff_keeps_every_promise() {
    let emulator = Arc::new(Emulator::start().await.unwrap());
    let kept = check(&veriff_bench(&emulator)).await.unwrap_or_else(|broken| panic!("{broken}"));
    assert!(kept.len() >= 15, "{kept:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transmit_keeps_every_promise() {
    let emulator = Arc::new(Emulator::start().await.unwrap());
    check(&transmit_bench(&emulator)).await.unwrap_or_else(|broken| panic!("{broken}"));
}

/// The example of a third vendor, and its server.
struct Third {
    server: Server,
    provider: vendor::Vendor,
    refused: vendor::Vendor,
    unreachable: vendor::Vendor,
}

impl Bench for Third {
    fn provider(&self) -> &dyn Provider {
        &self.provider
    }

    fn refused(&self) -> &dyn Provider {
        &self.refused
    }

    fn unreachable(&self) -> &dyn Provider {
        &self.unreachable
    }

    fn uploads(&self, session: &SessionId) -> Vec<Upload> {
        let upload = |context: Context| Upload::new(session.clone(), context, jpeg(5_000));
        [Context::DocumentFront, Context::DocumentBack].map(upload).into()
    }

    fn arrange(&self, fault: Fault) {
        self.server.arrange(fault);
    }

    fn arrived(&self) -> u64 {
        self.server.arrived()
    }

    fn recorded<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, u64> {
        Box::pin(std::future::ready(self.server.recorded(session.as_str())))
    }

    fn secrets(&self) -> Vec<String> {
        vec!["api-token".to_owned(), "wrong-canary".to_owned()]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_third_vendor_keeps_every_promise() {
    let server = Server::start("api-token").await;
    let vendor = |url: &str, token: &str| vendor::Vendor::new(url, token.to_owned(), &Options::default()).unwrap();
    let bench = Third {
        provider: vendor(&server.url, "api-token"),
        refused: vendor(&server.url, "wrong-canary"),
        unreachable: vendor(&nowhere(), "api-token"),
        server,
    };
    check(&bench).await.unwrap_or_else(|broken| panic!("{broken}"));
}

/// One promise broken, in an otherwise good provider.
#[derive(Clone, Copy, Debug)]
enum Vice {
    /// Sends again by itself where the answer was lost.
    RetriesUploads,
    /// Takes any answer for a receipt.
    TakesAnyAnswer,
    /// Says that nothing was sent whatever happened.
    CallsLostNotSent,
    /// Shows nothing of what it has.
    ListsNothing,
    /// Always says that the session is open.
    AlwaysOpen,
    /// Signs whatever it is given.
    SignsAnything,
    /// Gives every session the same id.
    OneSession,
}

struct Vicious {
    inner: Box<dyn Provider>,
    vice: Vice,
    only: std::sync::Mutex<Option<SessionId>>,
}

impl Provider for Vicious {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn limits(&self) -> &Limits {
        self.inner.limits()
    }

    fn create<'a>(&'a self, new: &'a NewSession) -> BoxFuture<'a, Result<Created, Error>> {
        Box::pin(async move {
            let created = self.inner.create(new).await?;
            if !matches!(self.vice, Vice::OneSession) {
                return Ok(created);
            }
            let only = self.only.lock().unwrap().get_or_insert(created.session).clone();
            Ok(Created::new(only, None))
        })
    }

    fn sign(&self, upload: &Upload) -> Result<SignedBody, Error> {
        let signed = self.inner.sign(upload);
        if signed.is_err() && matches!(self.vice, Vice::SignsAnything) {
            return self.inner.sign(&Upload::new(upload.session.clone(), Context::DocumentFront, jpeg(100)));
        }
        signed
    }

    fn send<'a>(&'a self, body: &'a SignedBody) -> BoxFuture<'a, Result<Receipt, Error>> {
        Box::pin(async move {
            match (self.inner.send(body).await, self.vice) {
                (Err(_), Vice::RetriesUploads) => self.inner.send(body).await,
                (Err(_), Vice::TakesAnyAnswer) => {
                    let id = sealpress_client::MediaId::new("made-up")?;
                    Ok(Receipt::new(body.session().clone(), body.context().clone(), id))
                }
                (Err(error), Vice::CallsLostNotSent) if error.api().is_none() => {
                    let kind = sealpress_client::ErrorKind::Transport { may_have_been_sent: false };
                    Err(Error::new(kind, "upload"))
                }
                (result, _) => result,
            }
        })
    }

    fn list<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<Vec<Listed>, Error>> {
        match self.vice {
            Vice::ListsNothing => Box::pin(std::future::ready(Ok(Vec::new()))),
            _ => self.inner.list(session),
        }
    }

    fn finish<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<(), Error>> {
        self.inner.finish(session)
    }

    fn state<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<SessionState, Error>> {
        match self.vice {
            Vice::AlwaysOpen => Box::pin(std::future::ready(Ok(SessionState::Open))),
            _ => self.inner.state(session),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_breaks_a_promise_is_found_out() {
    let emulator = Arc::new(Emulator::start().await.unwrap());
    for (vice, word) in [
        (Vice::RetriesUploads, "sent once"),
        (Vice::TakesAnyAnswer, "in doubt"),
        (Vice::CallsLostNotSent, "in doubt"),
        (Vice::ListsNothing, "listed"),
        (Vice::AlwaysOpen, "open until"),
        (Vice::SignsAnything, "refused before"),
        (Vice::OneSession, "two sessions"),
    ] {
        let mut bench = veriff_bench(&emulator);
        bench.provider = Box::new(Vicious { inner: bench.provider, vice, only: None.into() });
        let broken = check(&bench).await.map(|_| ()).expect_err(&format!("{vice:?} was not found out"));
        assert!(broken.promise().contains(word), "{vice:?}: {broken}");
    }
}
