//! The page at `/` in a real headless browser: it shows what happens as it happens, and steers.

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::browser::Browser;
use common::{create, submit, upload, veriff};
use sealpress_emulator::{Emulator, Status};
use serde_json::json;

/// A picture that a browser can draw.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

#[test]
fn the_page_shows_and_steers_live() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let Some(mut browser) = Browser::open(emulator.url()) else {
        return common::skip("no Chromium on this machine");
    };
    browser.wait("document.getElementById('live').className === 'on'");
    browser.wait("document.querySelector('#sessions .empty') !== null");

    // Everything below happens while the page is open, and arrives without a reload.
    browser.eval("window.same = true");
    let session = create(&emulator, "<img src=x onerror=window.hacked=1>");
    browser.wait(&format!("document.querySelector('#sessions').textContent.includes('{session}')"));
    let png = STANDARD.decode(PNG).unwrap();
    assert_eq!(upload(&emulator, &session, "document-front", &png).unwrap().status, 200);
    assert_eq!(upload(&emulator, &session, "address-front", b"%PDF-1.4 not much of one").unwrap().status, 200);
    browser.wait("document.querySelectorAll('.shot').length === 2");
    browser.wait("[...document.querySelectorAll('.shot img')].some(i => i.complete && i.naturalWidth === 1)");
    browser.wait("[...document.querySelectorAll('.shot .pic')].some(p => p.textContent === 'PDF')");
    assert_eq!(upload(&emulator, &session, "document-front", &png).unwrap().status, 200);
    browser.wait("document.getElementById('total-duplicates').textContent === '1'");
    browser.wait("document.querySelector('.shot .dup') !== null");

    // A fault added in the page strikes, and is seen to have.
    browser.eval("document.getElementById('preset').value = '502 page, recorded'; document.getElementById('times').value = 1; document.getElementById('times').dispatchEvent(new Event('input')); document.querySelector('#add .primary').click()");
    browser.wait("document.getElementById('faults').textContent.includes('0 fired')");
    assert_eq!(upload(&emulator, &session, "face", &png).unwrap().status, 502);
    browser.wait("document.getElementById('faults').textContent.includes('1 fired')");
    browser.wait("document.querySelector('#requests .fault').textContent.includes('502 page')");
    browser.eval("document.getElementById('rule').value = '{\"effect\":{\"kind\":\"nonsense\"}}'; document.querySelector('#add .primary').click()");
    browser.wait("document.getElementById('say').textContent.includes('nonsense')");

    // The snippet is what a client needs, and can be copied.
    browser.wait(&format!("document.getElementById('snippet').textContent.includes('{}')", emulator.api_key()));
    for (language, word) in [
        ("curl", "openssl dgst"),
        ("Python", "hmac.new"),
        ("Node", "createHmac"),
        ("Shell", "export SEALPRESS_SECRET="),
    ] {
        browser.eval(&format!("const l_{language} = document.getElementById('lang'); l_{language}.value = '{language}'; l_{language}.dispatchEvent(new Event('input')); document.getElementById('copy').click()"));
        browser.wait(&format!("document.getElementById('snippet').textContent.includes('{word}') && getSelection().toString().includes('{word}')"));
    }

    // A refused signature is explained where it is looked for.
    let headers =
        [("x-auth-client", emulator.api_key()), ("x-hmac-signature", &*common::hmac_hex(emulator.secret(), b"{}\n"))];
    common::raw(&emulator, "PATCH", &format!("/v1/sessions/{session}"), &headers, b"{}").unwrap();
    browser.wait("document.querySelector('#requests .hint').textContent.includes('newline')");

    // A decision made in the page is the session's.
    submit(&emulator, &session).unwrap();
    browser.wait("document.querySelector('.badge.submitted') !== null");
    browser.eval(
        "const d = document.querySelector('.decide'); d.value = 'declined'; d.dispatchEvent(new Event('change'))",
    );
    browser.wait("document.querySelector('.badge.declined') !== null");
    assert_eq!(emulator.ledger().session(&session).map(|s| s.status), Some(Status::Declined));

    // The search box.
    browser.eval(
        "const f = document.getElementById('find'); f.value = 'no such thing'; f.dispatchEvent(new Event('input'))",
    );
    browser.wait("document.querySelectorAll('.card .shot').length === 0");
    browser.eval("f.value = 'Address-Front'; f.dispatchEvent(new Event('input'))");
    browser.wait("document.querySelectorAll('.card .shot').length === 4");

    // A look at a picture, its facts, and the clock.
    browser.eval("document.querySelector('.shot').click()");
    browser.wait(
        "document.getElementById('box').open && document.getElementById('facts').textContent.includes('SHA-256')",
    );
    browser.eval("document.getElementById('box').close(); document.querySelector('[data-clock]').click()");
    let before = emulator.now_ms();
    browser.wait("Date.parse(state.now) - Date.now() > 3500000");
    assert!(emulator.now_ms() >= before);

    assert_eq!(browser.eval("window.same === true && window.hacked === undefined"), json!(true));
    assert_eq!(
        browser.eval("performance.getEntriesByType('resource').every(r => r.name.startsWith(location.origin))"),
        json!(true)
    );
    let png = STANDARD.decode(browser.screenshot()).unwrap();
    assert!(png.starts_with(b"\x89PNG") && png.len() > 10_000);
    if let Ok(folder) = std::env::var("EMULATOR_SCREENSHOTS") {
        std::fs::write(std::path::Path::new(&folder).join("page.png"), png).unwrap();
    }
}

#[test]
fn news_come_as_server_sent_events() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let mut stream = TcpStream::connect(emulator.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let head = format!("GET /__emulator/events HTTP/1.1\r\nhost: {}\r\n\r\n", emulator.address());
    stream.write_all(head.as_bytes()).unwrap();
    let mut seen = String::new();
    let mut until = |needle: &str, seen: &mut String| {
        while !seen.contains(needle) {
            let mut piece = [0; 512];
            let n = stream.read(&mut piece).unwrap();
            assert!(n > 0, "{seen}");
            seen.push_str(&String::from_utf8_lossy(&piece[..n]));
        }
    };
    until("data: hello", &mut seen);
    assert!(seen.contains("text/event-stream"));
    create(&emulator, "Ann");
    until("data: changed", &mut seen);
}

#[test]
fn stored_files_cannot_run_as_pages() {
    let emulator =
        Emulator::builder().configure(|o| o.media = sealpress_emulator::MediaMode::Any).start_blocking().unwrap();
    let session = create(&emulator, "Ann");
    let answer = upload(&emulator, &session, "face", b"<script>alert(1)</script>").unwrap();
    let id = answer.json()["image"]["id"].as_str().unwrap().to_owned();
    let answer = common::raw(&emulator, "GET", &format!("/__emulator/media/{id}"), &[], b"").unwrap();
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("content-security-policy").is_some_and(|p| p.contains("sandbox")));
    assert_eq!(veriff(&emulator, "GET", &format!("/v1/media/{id}"), "").unwrap().body, b"<script>alert(1)</script>");
}
