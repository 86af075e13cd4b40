//! A reverse proxy that looks at nothing: what any hop on the way costs.
//!
//! `SEALPRESS_BASE_URL=http://127.0.0.1:PORT proxy` prints `{"url":…}` and ends on SIGTERM.

use std::net::SocketAddr;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let upstream: Uri = std::env::var("SEALPRESS_BASE_URL")?.parse()?;
    let authority = upstream.authority().ok_or("no host")?.clone();
    let client = Client::builder(TokioExecutor::new()).build_http::<Incoming>();
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{{\"url\":\"http://{}\"}}", listener.local_addr()?);
    let mut end = signal(SignalKind::terminate())?;
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            _ = end.recv() => return Ok(()),
        };
        stream.set_nodelay(true)?;
        let (client, authority) = (client.clone(), authority.clone());
        let relay = service_fn(move |mut request: Request<Incoming>| {
            let (client, authority) = (client.clone(), authority.clone());
            async move {
                let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
                *request.uri_mut() = Uri::builder().scheme("http").authority(authority).path_and_query(path).build()?;
                request.headers_mut().remove("host");
                let answer: Response<Incoming> = client.request(request).await?;
                Ok::<_, Error>(answer.map(|body| body.boxed()))
            }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), relay));
    }
}
