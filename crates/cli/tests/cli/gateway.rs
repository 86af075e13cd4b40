//! `sealpress gateway` in front of `sealpress emulator`: another base URL and nothing else, secrets that change under
//! it, and its end.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use super::{Emulator, lines, photo, sealpress};

struct Gateway {
    child: Child,
    url: String,
    log: tempfile::NamedTempFile,
}

impl Gateway {
    fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut child = sealpress()
            .args(["gateway", "--json", "--listen", "127.0.0.1:0"])
            .args(args)
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log.reopen().unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
        Self { url: told["url"].as_str().unwrap().to_owned(), child, log }
    }

    fn signal(&self, name: &str) {
        assert!(
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap().success()
        );
    }

    /// What it wrote to standard error, after SIGTERM, and how it ended.
    fn end(mut self) -> (Option<i32>, String) {
        self.signal("TERM");
        let code = self.child.wait().unwrap().code();
        (code, self.said())
    }

    fn said(&self) -> String {
        fs::read_to_string(self.log.path()).unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn through(gateway: &Gateway, key: &str, secret: &str, args: &[&str]) -> Output {
    let env = [("SEALPRESS_BASE_URL", &*gateway.url), ("SEALPRESS_API_KEY", key), ("SEALPRESS_SECRET", secret)];
    sealpress().args(args).envs(env).output().unwrap()
}

/// The status of a file that is to be prepared, signed with this secret.
fn prepare(gateway: &Gateway, key: &str, secret: &str) -> u16 {
    let file = b"%PDF-1.7 no page";
    let signature = sealpress_client::sign::Key::from_bytes(secret.as_bytes()).sign(file).hex();
    let authority = gateway.url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(authority).unwrap();
    let head = format!(
        "POST /prepare?context=face HTTP/1.1\r\nhost: {authority}\r\nx-auth-client: {key}\r\nx-hmac-signature: {signature}\r\n\
         content-type: application/pdf\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        file.len()
    );
    stream.write_all(&[head.as_bytes(), file].concat()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    match answer.split(' ').nth(1).unwrap().parse().unwrap() {
        // Proven, and then refused as the file that it is.
        400 => 200,
        status => status,
    }
}

fn until(holds: impl Fn() -> bool) -> bool {
    (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        holds()
    })
}

fn upload<'a>(session: &'a str, file: &'a Path) -> Vec<&'a str> {
    vec!["upload", "--json", "--session", session, "--context", "document-front", file.to_str().unwrap()]
}

#[test]
fn another_base_url_and_secrets_that_change_under_it() {
    const KEY: &str = "3f0e8a52-7d61-4c0b-9e58-1d2c3b4a5f60";
    let emulator = Emulator::with(&["--api-key", KEY, "--secret", "the-old-one", "--secret", "the-new-one"]);
    let folder = tempfile::tempdir().unwrap();
    let file = photo(folder.path(), "a.jpg", 2400);
    let (secrets, accounts) = (folder.path().join("secrets"), folder.path().join("accounts.toml"));
    fs::write(&secrets, "the-old-one\n").unwrap();
    let text =
        format!("[[account]]\nbase_url = {}\napi_key = \"{KEY}\"\nsecret_file = \"secrets\"\n", emulator.told["url"]);
    fs::write(&accounts, text).unwrap();
    let gateway = Gateway::start(&["--accounts", accounts.to_str().unwrap()], &[]);
    let made = through(&gateway, KEY, "the-old-one", &["session", "create", "--json"]);
    let session = lines(&made)[0]["session"].as_str().unwrap().to_owned();
    let old = through(&gateway, KEY, "the-old-one", &upload(&session, &file));
    assert_eq!(old.status.code(), Some(0), "{}", String::from_utf8_lossy(&old.stdout));
    assert_eq!((prepare(&gateway, KEY, "the-old-one"), prepare(&gateway, KEY, "the-new-one")), (200, 401));
    // What cannot be read changes nothing.
    fs::write(&secrets, "").unwrap();
    gateway.signal("HUP");
    assert!(until(|| gateway.said().contains("accounts stay as they were")));
    assert_eq!(prepare(&gateway, KEY, "the-old-one"), 200);
    fs::write(&secrets, "the-new-one\nthe-old-one\n").unwrap();
    gateway.signal("HUP");
    assert!(until(|| prepare(&gateway, KEY, "the-new-one") == 200), "the new secret was never taken");
    assert_eq!(prepare(&gateway, KEY, "the-old-one"), 200, "both are good during a rotation");
    let (code, said) = gateway.end();
    assert_eq!(code, Some(0), "{said}");
    for line in ["POST upload 200", "refused=wrong-signature", "accounts were read again", "accounts stay as they were"]
    {
        assert!(said.contains(line), "{line} in {said}");
    }
    assert!(!said.contains("the-old-one") && !said.contains("the-new-one") && !said.contains(KEY), "{said}");
}

#[test]
fn what_is_missing_or_wrong_is_told_before_it_listens() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = folder.path().join("accounts.toml");
    let refused = |env: &[(&str, &str)], args: &[&str]| {
        let output =
            sealpress().args(["gateway", "--listen", "127.0.0.1:0"]).args(args).envs(env.iter().copied()).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(&[], &[]).contains("SEALPRESS_BASE_URL"));
    let here =
        [("SEALPRESS_BASE_URL", "http://127.0.0.1:1"), ("SEALPRESS_API_KEY", "no-uuid"), ("SEALPRESS_SECRET", "s")];
    assert!(refused(&here, &[]).contains("not a UUID"));
    fs::write(&accounts, "[[account]]\napi_key = \"k\"\nsecret = \"hidden\"\nsecrets = \"x\"\n").unwrap();
    let said = refused(&here, &["--accounts", accounts.to_str().unwrap()]);
    assert!(said.contains("unknown field `secrets`") && !said.contains("hidden"), "{said}");
    assert!(refused(&here, &["--tls-cert", "missing.pem", "--tls-key", "missing.pem"]).contains("not a UUID"));
}

#[test]
fn there_is_a_page_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    assert!(sealpress().args(["man", "--out"]).arg(folder.path()).status().unwrap().success());
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    for name in ["sealpress.1", "sealpress-gateway.1", "sealpress-backfill-run.1"] {
        assert!(names.iter().any(|n| n == name), "{name} in {names:?}");
    }
}
