//! The bytes on the wire, judged by somebody else: Python's hmac, hashlib, base64 and json.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use sealpress_client::sign::BodyPool;
use sealpress_client::veriff::{Context, Credentials, Upload};
use sealpress_client::{Options, veriff};
use sealpress_media::Media;

use super::common::{KEY, Raw, SECRET, Seen, http, jpeg, session};

/// Reads a raw request, checks head and signature, and prints what the content decodes to.
const JUDGE: &str = r#"
import base64, hashlib, hmac, json, sys
raw = sys.stdin.buffer.read()
head, body = raw.split(b"\r\n\r\n", 1)
lines = head.decode("ascii").split("\r\n")
headers = {}
for line in lines[1:]:
    name, value = line.split(":", 1)
    assert name.lower() not in headers, "twice: " + name
    headers[name.lower()] = value.strip()
assert "transfer-encoding" not in headers
assert int(headers["content-length"]) == len(body), (headers["content-length"], len(body))
assert headers["content-type"] == "application/json"
signature = hmac.new(sys.argv[1].encode(), body, hashlib.sha256).hexdigest()
assert headers["x-hmac-signature"] == signature, (headers["x-hmac-signature"], signature)
content = json.loads(body)["image"]["content"]
prefix, data = content.split(",", 1)
assert prefix == "data:image/jpeg;base64", prefix
print(hashlib.sha256(base64.b64decode(data, validate=True)).hexdigest())
"#;

/// Has Python judge a raw request over this media.
fn judge(seen: &Seen, media: &Media) {
    let mut python = Command::new("python3")
        .args(["-c", JUDGE, SECRET])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(&seen.raw).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "python refuses {} bytes", media.len());
    use sha2::Digest;
    let expected: String = sha2::Sha256::digest(media.bytes()).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), expected);
}

/// Says so on the process's own standard error where there is no Python: libtest hides the rest.
fn python_is_here() -> bool {
    let is_here = Command::new("python3").arg("--version").output().is_ok();
    if !is_here {
        std::io::stderr().write_all(b"SKIPPED: bytes: no python3 on this machine\n").unwrap();
    }
    is_here
}

async fn stores_everything() -> Raw {
    Raw::start(|_, _| http(200, &[], r#"{"status":"success","image":{"id":"m"}}"#)).await
}

#[tokio::test]
async fn captured_uploads_verify_with_pythons_hmac() {
    if !python_is_here() {
        return;
    }
    let raw = stores_everything().await;
    let client = raw.client();
    // Lengths around the pieces of the encoder, and one that fills many socket buffers.
    for len in [21, 22, 23, 3_071, 3_072, 3_073, 6_144, 6_145, 100_000, 5_000_000] {
        let media = jpeg(len);
        let body = client.sign(&Upload::new(session(), Context::DocumentFront, media.clone())).unwrap();
        // Twice: every attempt sends the same bytes.
        for _ in 0..2 {
            client.send(&body).await.unwrap();
            let seen = raw.seen().pop().unwrap();
            assert_eq!(seen.body().len() as u64, body.content_length());
            judge(&seen, &media);
        }
    }
}

/// The other way to the same bytes: bodies that are kept in one piece, in buffers used again.
#[tokio::test]
async fn bodies_of_a_pool_are_the_bytes_of_two_passes() {
    let raw = stores_everything().await;
    let two_passes = raw.client();
    let pool = BodyPool::new(1);
    let pooled = raw.builder().body_pool(pool.clone()).build().unwrap();
    // Shrinking and growing, so that a buffer holds the rest of a longer body.
    for len in [100_000, 21, 3_073, 5_000_000, 6_144] {
        let upload = Upload::new(session(), Context::DocumentFront, jpeg(len));
        let body = pooled.sign(&upload).unwrap();
        assert_eq!(format!("{pool:?}"), "BodyPool(0 of 1 waiting)", "the body lies in the pool's buffer");
        for _ in 0..2 {
            pooled.send(&body).await.unwrap();
        }
        two_passes.send(two_passes.sign(&upload).unwrap()).await.unwrap();
        let seen = raw.seen();
        let [one, two, three] = seen.last_chunk().unwrap();
        assert!(one.raw == two.raw && two.raw == three.raw, "{len} bytes");
        if python_is_here() {
            judge(one, &upload.media);
        }
        drop(body);
        // The stack lets go of the last piece when the connection is done with it.
        let given_back = async {
            while format!("{pool:?}") != "BodyPool(1 of 1 waiting)" {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), given_back).await.expect("the buffer comes back");
    }
}

#[tokio::test]
async fn headers_of_keys_and_integrations() {
    let raw = Raw::always(200, r#"{"verification":{"id":"s"}}"#).await;
    let mut options = Options::default();
    options.user_agent = "intake/7".to_owned();
    let client = veriff::Client::builder(&raw.url, Credentials::new(KEY, SECRET))
        .options(options)
        .integration_id("int-1")
        .registry_api_key("registry-key")
        .legacy_signature()
        .build()
        .unwrap();
    client.create_session(&veriff::NewSession::new()).await.unwrap();
    let mut request = veriff::SessionRequest::default();
    request.person.id_number = Some("1".into());
    request.person.full_name = Some("Jane Doe".into());
    request.person.date_of_birth = Some("1990-01-01".into());
    client.validate_registry(request).await.unwrap();
    client.submit_session(&session()).await.unwrap();
    let seen = raw.seen();
    assert!(seen.iter().all(|s| s.header("user-agent").as_deref() == Some("intake/7")));
    let ids: Vec<_> = seen.iter().map(|s| s.header("vrf-integration-id").is_some()).collect();
    assert_eq!(ids, [true, true, false]);
    assert_eq!(seen[1].header("x-api-key").as_deref(), Some("registry-key"));
    assert_eq!(seen[0].header("x-api-key"), None);
    // The legacy vector of the contract: SHA-256 of this body and then the secret.
    let legacy = "05f5ff2c029452ec1121885b88ae33700f78c5a1c6cad08baa0da2ba0cfd422c";
    assert_eq!(seen[2].header("x-signature").as_deref(), Some(legacy));
}
