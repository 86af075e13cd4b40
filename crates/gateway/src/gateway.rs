//! The gateway itself: listens, takes connections within its bounds, and ends when it is told to.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use sealpress_pipeline as pipeline;
use sealpress_press::Press;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::door::Door;
use crate::flights::Flights;
use crate::metrics::{Metrics, Record};
use crate::options::Options;
use crate::service::Service;
use crate::timed::Timed;
use crate::tls::Tls;
use crate::upload::Uploads;

/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 64 << 10;

/// A running gateway. Dropping it ends it at once; [`shutdown`](Self::shutdown) lets requests under way end.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    tls: bool,
    service: Arc<Service>,
    stop: Option<oneshot::Sender<()>>,
    accepting: JoinHandle<GracefulShutdown>,
    connections: Arc<Semaphore>,
    /// Dropped to cut off whoever is left.
    cut: Option<watch::Sender<()>>,
}

/// Sets up a [`Gateway`].
#[must_use]
pub struct Builder {
    door: Arc<dyn Door>,
    press: Arc<dyn Press>,
    options: Options,
    tls: Option<Tls>,
    on_request: Option<crate::service::OnRequest>,
}

impl Gateway {
    /// In front of this vendor, with a press that makes what it accepts.
    pub fn builder(door: Arc<dyn Door>, press: Arc<dyn Press>) -> Builder {
        Builder { door, press, options: Options::default(), tls: None, on_request: None }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL for clients: what they had as the vendor's.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }

    /// Takes no more connections, lets requests under way end for as long as [`Options::drain`], and ends. Returns
    /// how many connections were cut off.
    pub async fn shutdown(mut self) -> usize {
        self.service.draining.store(true, Ordering::Relaxed);
        drop(self.stop.take());
        let Ok(graceful) = (&mut self.accepting).await else { return 0 };
        let ended = timeout(self.service.uploads.options.drain, graceful.shutdown()).await;
        // Those that are left are cut off.
        let most = self.service.uploads.options.max_connections;
        let left = if ended.is_ok() { 0 } else { most.saturating_sub(self.connections.available_permits()) };
        self.cut = None;
        left
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut = None;
    }
}

impl Builder {
    /// Bounds and patience.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Takes TLS instead of plain HTTP.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Told of every request when it was answered; it must not wait.
    pub fn on_request(mut self, tell: impl Fn(&Record) + Send + Sync + 'static) -> Self {
        self.on_request = Some(Arc::new(tell));
        self
    }

    /// Listens from now on.
    ///
    /// # Errors
    /// Where there are no threads, or no press.
    pub fn start(self, listener: TcpListener) -> Result<Gateway, pipeline::Error> {
        let Self { door, press, options, tls, on_request } = self;
        let unlisted = |e: io::Error| pipeline::Error::from(sealpress_press::Error::unavailable(e.to_string()));
        let address = listener.local_addr().map_err(unlisted)?;
        let bodies = options.memory / 4;
        let mut pressing = pipeline::Options::default();
        (pressing.memory, pressing.workers) = (options.memory - bodies, options.workers);
        (pressing.max_input, pressing.preflight) = (options.max_body, Some(options.preflight.clone()));
        let most = options.max_connections;
        let uploads = Uploads {
            preparer: pipeline::Preparer::shared(Arc::clone(&press), &pressing)?,
            bodies: pipeline::Budget::new(bodies),
            door,
            flights: Arc::new(Flights::default()),
            options,
        };
        let service = Arc::new(Service {
            uploads,
            press,
            metrics: Metrics::default(),
            draining: AtomicBool::new(false),
            on_request,
        });
        let connections = Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)));
        let (stop, stopped) = oneshot::channel();
        let encrypted = tls.is_some();
        let (cut, when_cut) = watch::channel(());
        let (shared, permits) = (Arc::clone(&service), Arc::clone(&connections));
        let accepting = Accepting { listener, tls, service: shared, connections: permits, when_cut };
        let accepting = tokio::spawn(accepting.run(stopped));
        Ok(Gateway { address, tls: encrypted, service, stop: Some(stop), accepting, connections, cut: Some(cut) })
    }
}

struct Accepting {
    listener: TcpListener,
    tls: Option<Tls>,
    service: Arc<Service>,
    connections: Arc<Semaphore>,
    when_cut: watch::Receiver<()>,
}

impl Accepting {
    async fn run(self, mut stopped: oneshot::Receiver<()>) -> GracefulShutdown {
        let graceful = GracefulShutdown::new();
        loop {
            let next = async {
                let permit = Arc::clone(&self.connections).acquire_owned().await.ok()?;
                loop {
                    match self.listener.accept().await {
                        Ok((socket, _)) => return Some((permit, socket)),
                        // Too many open files, or a caller who left at once: neither ends the gateway.
                        Err(_) => sleep(Duration::from_millis(20)).await,
                    }
                }
            };
            let (permit, socket) = tokio::select! {
                next = next => match next { Some(next) => next, None => return graceful },
                _ = &mut stopped => return graceful,
            };
            let (service, tls, watcher) = (Arc::clone(&self.service), self.tls.clone(), graceful.watcher());
            let mut cut = self.when_cut.clone();
            tokio::spawn(async move {
                let _permit = permit;
                tokio::select! {
                    () = connection(socket, tls, service, watcher) => {}
                    // Nobody ever sends: the other end is dropped.
                    _ = cut.changed() => {}
                }
            });
        }
    }
}

async fn connection(socket: TcpStream, tls: Option<Tls>, service: Arc<Service>, watcher: Watcher) {
    let _ = socket.set_nodelay(true);
    let (head, stall) = (service.uploads.options.head_timeout, service.uploads.options.stall_timeout);
    match tls {
        None => serve(Timed::new(socket, stall), service, watcher).await,
        Some(tls) => {
            let handshake = tokio_rustls::TlsAcceptor::from(tls.config).accept(Timed::new(socket, stall));
            if let Ok(Ok(socket)) = timeout(head, handshake).await {
                serve(socket, service, watcher).await;
            }
        }
    }
}

async fn serve(socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, service: Arc<Service>, watcher: Watcher) {
    let head_timeout = service.uploads.options.head_timeout;
    let answer = service_fn(move |request| Arc::clone(&service).answer(request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(socket), answer);
    // However a connection ends, its caller knows.
    let _ = watcher.watch(connection).await;
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("gateway::Builder").field("options", &self.options).finish_non_exhaustive()
    }
}
