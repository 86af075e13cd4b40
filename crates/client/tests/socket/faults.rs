//! What a failure means, fault by fault: whether the vendor may have seen the request.

use std::time::{Duration, Instant};

use sealpress_client::veriff::{Client, Credentials};
use sealpress_client::{Error, Failure, Options};
use sealpress_emulator::{Effect, Emulator, FaultRule, How, Length, Phase};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::common::{KEY, Raw, SECRET, http, quick, session, upload, veriff};

fn client(url: &str, options: Options) -> Client {
    Client::builder(url, Credentials::new(KEY, SECRET)).options(options).build().unwrap()
}

async fn send(url: &str) -> Error {
    let client = client(url, quick());
    client.send(client.sign(&upload(&session())).unwrap()).await.unwrap_err()
}

#[tokio::test]
async fn refused_connections_and_unknown_names_prove_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    // `.invalid` never resolves (RFC 6761).
    for url in [refused.as_str(), "https://vendor.invalid"] {
        let error = send(url).await;
        assert_eq!((error.failure(), error.fault().as_str()), (Failure::NotSent, "remote"), "{error}");
        assert!(matches!(error.kind().as_str(), "transport" | "timeout") && error.is_retryable());
    }
}

#[tokio::test]
async fn a_host_that_does_not_shake_hands_was_sent_nothing() {
    // Plain TCP that never answers TLS: the connect timeout covers the handshake.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let error = send(&url).await;
    assert_eq!((error.kind().as_str(), error.failure()), ("timeout", Failure::NotSent), "{error}");
}

#[tokio::test]
async fn broken_connections_leave_uploads_in_doubt() {
    let emulator = Emulator::start().await.unwrap();
    let client = veriff(&emulator);
    let session = client.create_session(&sealpress_client::NewSession::new()).await.unwrap();
    let body = client.sign(&upload(&session.id)).unwrap();
    for at in [Phase::BeforeBody, Phase::MidBody, Phase::AfterBody, Phase::MidAnswer] {
        for how in [How::Rst, How::Fin] {
            let effect = Effect::Break { at, how, recorded: false, record_after_ms: None };
            emulator.add_fault(FaultRule::new(effect).on("upload").times(1)).unwrap();
            let error = client.send(&body).await.unwrap_err();
            assert_eq!((error.kind().as_str(), error.failure()), ("transport", Failure::InDoubt), "{at:?} {how:?}");
        }
    }
    for length in [Length::Cut, Length::Whole] {
        let rule = FaultRule::new(Effect::Truncate { keep: 0.5, length });
        emulator.add_fault(rule.on("upload").times(1)).unwrap();
        let error = client.send(&body).await.unwrap_err();
        assert_eq!(error.failure(), Failure::InDoubt, "{length:?} {error}");
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_connection_that_died_idle_costs_no_duplicate() {
    let emulator = Emulator::start().await.unwrap();
    let client = veriff(&emulator);
    let session = client.create_session(&sealpress_client::NewSession::new()).await.unwrap();
    let body = client.sign(&upload(&session.id)).unwrap();
    emulator.add_fault(FaultRule::new(Effect::CloseIdle { after_ms: 0, how: How::Fin }).on("upload").times(1)).unwrap();
    client.send(&body).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    client.send(&body).await.unwrap();
    assert_eq!(emulator.requests("upload"), 2);
    emulator.shutdown().await;
}

#[tokio::test]
async fn stalls_and_trickles_end_in_time() {
    let emulator = Emulator::start().await.unwrap();
    let client = Client::builder(emulator.url(), Credentials::new(emulator.api_key(), emulator.secret()))
        .options(quick())
        .build()
        .unwrap();
    let session = client.create_session(&sealpress_client::NewSession::new()).await.unwrap();
    let body = client.sign(&upload(&session.id)).unwrap();
    for effect in [Effect::stall(10_000).recorded(), Effect::SlowAnswer { bytes_per_second: 5, head: true }] {
        emulator.add_fault(FaultRule::new(effect).on("upload").times(1)).unwrap();
        let start = Instant::now();
        let error = client.send(&body).await.unwrap_err();
        assert_eq!((error.kind().as_str(), error.failure()), ("timeout", Failure::InDoubt));
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
    drop(emulator);
}

#[tokio::test]
async fn a_reader_that_stops_is_given_up_before_the_whole_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut some = [0; 1000];
        let _ = stream.read(&mut some).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
    });
    let mut options = quick();
    options.upload_timeout = Duration::from_secs(25);
    let client = client(&url, options);
    // More than the sockets' buffers hold.
    let big =
        sealpress_client::Upload::new(session(), sealpress_client::Context::Face, super::common::jpeg(16_000_000));
    let body = client.sign(&big).unwrap();
    let start = Instant::now();
    let error = client.send(&body).await.unwrap_err();
    assert_eq!((error.kind().as_str(), error.failure()), ("timeout", Failure::InDoubt));
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[tokio::test]
async fn statuses_of_proxies_and_throttles() {
    let emulator = Emulator::start().await.unwrap();
    let client = veriff(&emulator);
    let session = client.create_session(&sealpress_client::NewSession::new()).await.unwrap();
    let body = client.sign(&upload(&session.id)).unwrap();
    let table = [
        (Effect::status(429), Failure::Throttled(None)),
        (Effect::status(429).with_retry_after("3"), Failure::Throttled(Some(Duration::from_secs(3)))),
        (Effect::status(503).with_retry_after("absurd"), Failure::Throttled(Some(Duration::from_secs(86_400)))),
        (Effect::status(503).with_body("html"), Failure::InDoubt),
        (Effect::status(502).with_body("html"), Failure::InDoubt),
        (Effect::status(500).with_body("empty"), Failure::InDoubt),
        (Effect::status(413).with_body("html"), Failure::Permanent),
        (Effect::status(403).with_body("html"), Failure::AuthStop),
        (Effect::status(404), Failure::Permanent),
    ];
    for (effect, expected) in table {
        let name = format!("{effect:?}");
        emulator.add_fault(FaultRule::new(effect).on("upload").times(1)).unwrap();
        assert_eq!(client.send(&body).await.unwrap_err().failure(), expected, "{name}");
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let other = Raw::always(200, "{}").await;
    let target = other.url.clone();
    let raw = Raw::start(move |_, _| http(307, &[("location", &format!("{target}/v1/x"))], "")).await;
    let client = raw.client();
    let error = client.send(client.sign(&upload(&session())).unwrap()).await.unwrap_err();
    assert_eq!((error.http_status(), error.failure()), (Some(307), Failure::AuthStop));
    assert!(client.list_media(&session()).await.is_err());
    assert!(other.seen().is_empty(), "a signed request reached another host");
}

#[tokio::test]
async fn answers_are_read_up_to_a_cap() {
    // By its own word, and without one.
    let huge = "x".repeat(300_000);
    for chunked in [false, true] {
        let body = huge.clone();
        let raw = Raw::start(move |_, _| {
            if chunked {
                let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
                format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes()
            } else {
                http(200, &[], &body)
            }
        })
        .await;
        let mut options = quick();
        options.max_answer = 100_000;
        let client = client(&raw.url, options);
        let error = client.list_media(&session()).await.unwrap_err();
        assert_eq!(error.kind().as_str(), "too-large", "chunked: {chunked}");
    }
}

/// An answer that announces too much is refused at once: none of it has to come first.
#[tokio::test]
async fn a_promise_of_too_much_is_refused_before_it_is_kept() {
    let raw = Raw::start(|_, _| b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec()).await;
    let client = client(&raw.url, quick());
    let body = client.sign(&upload(&session())).unwrap();
    assert_eq!(client.send(&body).await.unwrap_err().kind().as_str(), "too-large");
    let download = client.download(&"m".parse().unwrap()).await.unwrap();
    assert_eq!(download.promised_len(), Some(99_999_999_999));
    assert_eq!(download.bytes().await.unwrap_err().kind().as_str(), "too-large");
}

/// Every way in which an answer is read has a cap: successes, refusals, tokens, files, and the
/// refusal of a file. The answer never ends, so that a missing cap shows as a hang.
#[tokio::test]
async fn no_answer_is_read_without_a_cap() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let status = std::sync::Arc::new(std::sync::atomic::AtomicU16::new(200));
    let (counted, said) = (sent.clone(), status.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (counted, said) = (counted.clone(), said.clone());
            tokio::spawn(async move {
                super::common::read_request(&mut stream).await;
                let status = said.load(std::sync::atomic::Ordering::Relaxed);
                let head = format!("HTTP/1.1 {status} X\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n");
                let _ = stream.write_all(head.as_bytes()).await;
                let chunk = format!("{:x}\r\n{}\r\n", 50_000, "x".repeat(50_000));
                while stream.write_all(chunk.as_bytes()).await.is_ok() {
                    counted.fetch_add(50_000, std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    let mut options = quick();
    (options.max_answer, options.max_download) = (100_000, 300_000);
    (options.call_timeout, options.upload_timeout) = (Duration::from_secs(20), Duration::from_secs(20));
    let client = client(&url, options.clone());
    let credentials = sealpress_client::transmit::Credentials::new("id", "hush");
    let transmit = sealpress_client::transmit::Client::builder(&url, credentials).options(options).build().unwrap();
    for code in [200, 201, 400, 401, 404, 409, 500, 502] {
        status.store(code, std::sync::atomic::Ordering::Relaxed);
        let body = client.sign(&upload(&session())).unwrap();
        let download = async { client.download(&"m".parse().unwrap()).await?.bytes().await.map(drop) };
        let errors = [
            client.send(&body).await.unwrap_err(),
            client.submit_session(&session()).await.unwrap_err(),
            download.await.unwrap_err(),
            transmit.images(&session()).await.unwrap_err(),
        ];
        for (call, error) in errors.iter().enumerate() {
            assert_eq!(error.kind().as_str(), "too-large", "call {call} at {code}: {error:?}");
        }
        // An upload's fate is unknown when its answer was.
        assert_eq!(errors[0].failure(), Failure::InDoubt);
    }
    // What the sockets' buffers swallow is all that is read beyond a cap.
    let most = 8 * 4 * (8 << 20);
    assert!(sent.load(std::sync::atomic::Ordering::Relaxed) < most);
}

#[tokio::test]
async fn plain_http_goes_to_loopback_only() {
    let refused = Client::builder("http://192.0.2.1", Credentials::new(KEY, SECRET)).build().unwrap_err();
    assert_eq!(refused.kind().as_str(), "config");
    let mut options = quick();
    options.allow_http = true;
    client("http://192.0.2.1", options);
}

/// A server whose certificate nobody vouches for; speaks just enough TLS to be refused.
#[tokio::test]
async fn an_untrusted_certificate_is_a_matter_of_configuration() {
    let (config, _) = super::common::tls();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            super::common::shake_hands(config.clone(), stream).await;
        }
    });
    let error = send(&format!("https://localhost:{port}")).await;
    assert_eq!((error.kind().as_str(), error.failure()), ("config", Failure::AuthStop), "{error:?}");
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_private_authority_can_be_trusted() {
    let (config, der) = super::common::tls();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let config = config.clone();
            tokio::spawn(async move {
                let Some(mut tls) = super::common::shake_hands(config, stream).await else { return };
                let mut some = vec![0; 64 << 10];
                let _ = tls.read(&mut some).await;
                let _ = tls.write_all(&http(200, &[], r#"{"status":"success","images":[]}"#)).await;
                let _ = tls.shutdown().await;
            });
        }
    });
    let mut options = quick();
    options.extra_roots = vec![der];
    let client = client(&format!("https://localhost:{port}"), options);
    assert!(client.list_media(&session()).await.unwrap().images.is_empty());
}
