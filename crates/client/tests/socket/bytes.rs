//! The bytes on the wire, judged by somebody else: Python's hmac, hashlib, base64 and json.

use std::io::Write;
use std::process::{Command, Stdio};

use sealpress_client::veriff::{Context, Credentials, Upload};
use sealpress_client::{Options, veriff};

use super::common::{KEY, Raw, SECRET, http, jpeg, session};

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

#[tokio::test]
async fn captured_uploads_verify_with_pythons_hmac() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: no python3 on this machine");
        return;
    }
    let raw = Raw::start(|_, _| http(200, &[], r#"{"status":"success","image":{"id":"m"}}"#)).await;
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
            let mut python = Command::new("python3")
                .args(["-c", JUDGE, SECRET])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            python.stdin.take().unwrap().write_all(&seen.raw).unwrap();
            let output = python.wait_with_output().unwrap();
            assert!(output.status.success(), "python refuses {len} bytes");
            use sha2::Digest;
            let expected: String = sha2::Sha256::digest(media.bytes()).iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), expected);
        }
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
        .legacy_signature(true)
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
