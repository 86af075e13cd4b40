//! HTTP/2, which is off unless asked for: over TLS with ALPN, against somebody else's server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sealpress_client::veriff::{Client, Context, Credentials, Upload};
use sealpress_client::{Failure, RetryPolicy};
use sha2::Sha256;
use tokio::net::TcpListener;

use super::common::{KEY, SECRET, jpeg, quick, session};

/// A request as the server saw it.
struct Seen {
    line: String,
    headers: http::HeaderMap,
    body: Vec<u8>,
}

/// What a server does with a request once it has read it.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Truthful,
    ResetStream,
}

struct Server {
    url: String,
    root: Vec<u8>,
    connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Speaks HTTP/2 with whoever agrees to it, and hangs up on everybody else.
    async fn start(answer: Answer) -> Self {
        let (config, root) = super::common::tls();
        let mut config = (*config).clone();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let (connections, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (counted, kept) = (connections.clone(), seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (config, counted, kept) = (config.clone(), counted.clone(), kept.clone());
                tokio::spawn(async move {
                    let Some(tls) = super::common::shake_hands(config, stream).await else { return };
                    if tls.get_ref().1.alpn_protocol() != Some(b"h2") {
                        return;
                    }
                    counted.fetch_add(1, Ordering::Relaxed);
                    let mut connection = h2::server::handshake(tls).await.unwrap();
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        tokio::spawn(serve(request, respond, kept.clone(), answer));
                    }
                });
            }
        });
        Self { url, root, connections, seen }
    }

    fn client(&self, http2: bool) -> Client {
        let mut options = quick();
        options.call_timeout = std::time::Duration::from_secs(20);
        options.upload_timeout = std::time::Duration::from_secs(60);
        options.stall_timeout = std::time::Duration::from_secs(20);
        options.http2 = http2;
        options.extra_roots = vec![self.root.clone()];
        let credentials = Credentials::new(KEY, SECRET);
        Client::builder(&self.url, credentials).options(options).retry(RetryPolicy::never()).build().unwrap()
    }
}

async fn serve(
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    kept: Arc<Mutex<Vec<Seen>>>,
    answer: Answer,
) {
    let (head, mut incoming) = request.into_parts();
    let mut body = Vec::new();
    while let Some(Ok(piece)) = incoming.data().await {
        // The window is 64 KiB: a body flows only because it is opened again.
        incoming.flow_control().release_capacity(piece.len()).unwrap();
        body.extend_from_slice(&piece);
    }
    let line = format!("{} {} {:?}", head.method, head.uri.path(), head.version);
    kept.lock().unwrap().push(Seen { line, headers: head.headers, body });
    if answer == Answer::ResetStream {
        return respond.send_reset(h2::Reason::INTERNAL_ERROR);
    }
    let json = br#"{"status":"success","image":{"id":"m"},"images":[{"id":"m"}]}"#;
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(json);
    let signature: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
    let response = http::Response::builder().status(200).header("x-hmac-signature", signature).body(()).unwrap();
    respond.send_response(response, false).unwrap().send_data(Bytes::from_static(json), true).unwrap();
}

#[tokio::test]
async fn many_uploads_share_one_connection() {
    let server = Server::start(Answer::Truthful).await;
    let client = server.client(true);
    // The first call opens the connection; the others find it there.
    assert_eq!(client.list_media(&session()).await.unwrap().images.len(), 1);
    let sends = (0..8).map(|n| {
        let client = client.clone();
        tokio::spawn(async move {
            let media = jpeg(200_000 + n);
            let body = client.sign(&Upload::new(session(), Context::Face, media)).unwrap();
            client.send(&body).await.map(|receipt| (receipt, body.content_length()))
        })
    });
    let mut lengths = Vec::new();
    for send in sends.collect::<Vec<_>>() {
        let (receipt, length) = send.await.unwrap().unwrap();
        assert_eq!(receipt.media_id.as_str(), "m");
        lengths.push(length);
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);

    let seen = server.seen.lock().unwrap();
    assert_eq!(
        (seen.len(), seen[0].line.as_str()),
        (9, format!("GET /v1/sessions/{}/media HTTP/2.0", session()).as_str())
    );
    let mut received: Vec<u64> = seen[1..].iter().map(|s| s.body.len() as u64).collect();
    received.sort_unstable();
    lengths.sort_unstable();
    assert_eq!(received, lengths);
    for request in &seen[1..] {
        assert_eq!(request.headers["content-length"], request.body.len().to_string().as_str());
        assert_eq!(request.headers["x-auth-client"], KEY);
        // Signed as sent, however it was cut into frames.
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(&request.body);
        let expected: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(request.headers["x-hmac-signature"], expected.as_str());
    }
}

#[tokio::test]
async fn a_stream_that_is_reset_after_the_body_leaves_an_upload_in_doubt() {
    let server = Server::start(Answer::ResetStream).await;
    let client = server.client(true);
    let body = client.sign(&Upload::new(session(), Context::Face, jpeg(100_000))).unwrap();
    let error = client.send(&body).await.unwrap_err();
    assert_eq!((error.kind().as_str(), error.failure()), ("transport", Failure::InDoubt), "{error:?}");
    assert_eq!(server.seen.lock().unwrap().len(), 1, "nothing is sent again behind the caller's back");
}

#[tokio::test]
async fn http2_is_not_offered_unless_asked_for() {
    let server = Server::start(Answer::Truthful).await;
    assert!(server.client(false).list_media(&session()).await.is_err(), "this server hangs up on HTTP/1.1");
    assert_eq!(server.connections.load(Ordering::Relaxed), 0);
}
