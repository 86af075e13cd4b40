//! OpenTelemetry, where the feature `otel` is on and the environment names a collector: spans of the
//! pipeline and the run's figures by OTLP over HTTP. Whatever the collector does, the run goes on as
//! it would without: exports happen on threads of their own, what does not fit their queues is
//! dropped, a failure is one warning, and the end waits [`PATIENCE`] and no longer.
//!
//! Only spans of our own crates leave, with the fields that they name; events do not, since their
//! texts may come from anywhere.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use sealpress_backfill::{FIGURES, Figure, Kind, Watched};
use tokio::runtime::Handle;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, filter_fn};

use super::log::{self, Boxed};

/// How long the end of a run waits for a collector to take the rest.
const PATIENCE: Duration = Duration::from_secs(2);
/// An answer is a few bytes; one that is longer is not read to its end.
const LONGEST_ANSWER: usize = 64 << 10;
const SCOPE: &str = "sealpress";

/// What is being told to a collector, until it is ended.
pub(super) struct Telemetry {
    spans: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    post: Option<Post>,
}

impl Telemetry {
    /// Tells nobody.
    pub(super) const fn none() -> Self {
        Self { spans: None, metrics: None, post: None }
    }

    /// Begins where the environment asks for it; `runtime` carries the requests. What the
    /// environment says wrongly is a warning, and nothing is told.
    pub(super) fn start(runtime: &Handle, mut layers: Vec<Boxed>) -> Self {
        let (traces, metrics) = (wanted("TRACES"), wanted("METRICS"));
        if !traces && !metrics {
            log::install(layers);
            return Self::none();
        }
        let post = Post { runtime: runtime.clone(), client: client(), warned: Arc::default() };
        let who = resource();
        let spans = traces.then(|| begin_spans(post.clone(), who.clone())).and_then(|made| post.or_warn(made));
        let spans = spans.map(|(provider, layer)| {
            layers.push(layer);
            provider
        });
        log::install(layers);
        let metrics = metrics.then(|| begin_metrics(post.clone(), who)).and_then(|made| post.or_warn(made));
        Self { spans, metrics, post: Some(post) }
    }

    /// Tells the figures of a run from now on.
    pub(super) fn watch(&self, watched: &Watched) {
        let Some(provider) = &self.metrics else { return };
        let meter = provider.meter_with_scope(scope());
        for figure in &FIGURES {
            observe(&meter, figure, watched.clone());
        }
    }

    /// Sends what is left, as far as the collector takes it in time.
    pub(super) fn end(self) {
        let Self { spans, metrics, post } = self;
        let workers: Vec<Box<dyn FnOnce() + Send>> = [
            spans.map(|p| Box::new(move || drop(p.shutdown_with_timeout(PATIENCE))) as Box<dyn FnOnce() + Send>),
            metrics.map(|p| Box::new(move || drop(p.shutdown_with_timeout(PATIENCE))) as Box<dyn FnOnce() + Send>),
        ]
        .into_iter()
        .flatten()
        .collect();
        // On threads of their own: a provider may wait longer for its exporter than it was told to.
        let (done, ended) = mpsc::channel::<()>();
        for work in workers {
            let done = done.clone();
            std::thread::spawn(move || {
                work();
                drop(done);
            });
        }
        drop(done);
        if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout)
            && let Some(post) = post
        {
            post.warn("the collector did not take the rest in time");
        }
    }
}

/// Whether the environment asks for this signal, in the standard's words.
fn wanted(signal: &str) -> bool {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let disabled = variable("OTEL_SDK_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let none = variable(&format!("OTEL_{signal}_EXPORTER")).is_some_and(|v| v == "none");
    let named = variable("OTEL_EXPORTER_OTLP_ENDPOINT")
        .or_else(|| variable(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")))
        .is_some();
    named && !disabled && !none
}

fn begin_spans(post: Post, who: Resource) -> Result<(SdkTracerProvider, Boxed), String> {
    let exporter = SpanExporter::builder().with_http().with_http_client(post).build().map_err(|e| e.to_string())?;
    let provider = SdkTracerProvider::builder().with_resource(who).with_batch_exporter(exporter).build();
    let ours = filter_fn(|about| about.is_span() && about.target().starts_with("sealpress"));
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer_with_scope(scope()))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(ours.with_max_level_hint(LevelFilter::DEBUG));
    Ok((provider, layer.boxed()))
}

fn begin_metrics(post: Post, who: Resource) -> Result<SdkMeterProvider, String> {
    let exporter = MetricExporter::builder().with_http().with_http_client(post).build().map_err(|e| e.to_string())?;
    let reader = PeriodicReader::builder(exporter).build();
    Ok(SdkMeterProvider::builder().with_resource(who).with_reader(reader).build())
}

fn observe(meter: &Meter, figure: &'static Figure, watched: Watched) {
    let name = format!("sealpress_{}", figure.name);
    let readings = move || {
        watched.read_one(figure).into_iter().map(|reading| {
            let label = reading.label.map(|(key, text)| KeyValue::new(key, text));
            (reading.value, label)
        })
    };
    match figure.kind {
        Kind::Counter => {
            let builder = meter.f64_observable_counter(name).with_description(figure.help);
            builder.with_callback(move |o| readings().for_each(|(n, label)| o.observe(n, label.as_slice()))).build();
        }
        Kind::Gauge => {
            let builder = meter.f64_observable_gauge(name).with_description(figure.help);
            builder.with_callback(move |o| readings().for_each(|(n, label)| o.observe(n, label.as_slice()))).build();
        }
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(SCOPE).with_version(env!("CARGO_PKG_VERSION")).build()
}

/// `sealpress` and this process, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` say
/// something else.
fn resource() -> Resource {
    let asked = Resource::builder().build();
    let mut ours = vec![
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        // Many workers of one run must not count as one.
        KeyValue::new("service.instance.id", instance()),
    ];
    let name = asked.get(&"service.name".into()).map(|name| name.to_string()).unwrap_or_default();
    ours.retain(|pair| asked.get(&pair.key).is_none());
    if name.starts_with("unknown_service") {
        ours.push(KeyValue::new("service.name", "sealpress"));
    }
    Resource::builder().with_attributes(ours).build()
}

fn instance() -> String {
    let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", std::process::id(), started.as_millis())
}

/// A client that goes to the collector and nowhere else.
fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let patience = std::env::var("OTEL_EXPORTER_OTLP_TIMEOUT").ok().and_then(|ms| ms.parse().ok());
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(patience.map_or(Duration::from_secs(10), Duration::from_millis))
        .no_proxy()
        .build()
        .unwrap_or_default()
}

/// The exporter's way to the collector: the program's own HTTP client on the program's runtime.
#[derive(Clone)]
struct Post {
    runtime: Handle,
    client: reqwest::Client,
    warned: Arc<AtomicBool>,
}

impl Post {
    fn or_warn<T>(&self, made: Result<T, String>) -> Option<T> {
        made.map_err(|why| self.warn(&why)).ok()
    }

    /// Once; a collector that is away for a day is not worth a line for every minute of it.
    fn warn(&self, why: &str) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            crate::print::note(&format!("sealpress: telemetry is not delivered, and the run goes on without: {why}"));
        }
    }
}

/// Headers may hold a token.
impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl HttpClient for Post {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        // The exporter waits on a thread without a runtime.
        let sent = self.runtime.spawn(async move { send(&client, request).await }).await;
        let answer = sent.unwrap_or_else(|e| Err(e.into()));
        match &answer {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.warn(&format!("the collector answered {}", answer.status())),
            Err(_) => self.warn("the collector cannot be reached"),
        }
        answer
    }
}

async fn send(client: &reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (head, body) = request.into_parts();
    let url = reqwest::Url::parse(&head.uri.to_string())?;
    let mut answer = client.request(head.method, url).headers(head.headers).body(body).send().await?;
    let mut read = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if read.len() + chunk.len() > LONGEST_ANSWER {
            break;
        }
        read.extend_from_slice(&chunk);
    }
    let mut response = Response::new(Bytes::from(read));
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}
