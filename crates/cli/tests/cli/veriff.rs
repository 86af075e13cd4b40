//! `sealpress session …` and `sealpress media …`, every one of them, in success and in failure.

use std::fs;
use std::path::Path;

use sealpress_testkit::{Tiff, TiffPage};
use serde_json::Value;

use super::{Emulator, lines, photo, sealpress};

/// An emulator that lets sessions be deleted and decides at once.
fn start(folder: &Path) -> Emulator {
    let script = folder.join("script.toml");
    fs::write(&script, "[options]\ndelete_enabled = true\ndecision_delay_ms = 0\n").unwrap();
    Emulator::with(&["--script", script.to_str().unwrap()])
}

fn create(emulator: &Emulator, first_name: &str) -> String {
    let made = emulator.json(&["session", "create", "--first-name", first_name, "--last-name", "Doe", "--json"]);
    made[0]["session"].as_str().unwrap().to_owned()
}

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[test]
fn a_session_and_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = start(folder.path());
    let made = emulator.json(&[
        "session",
        "create",
        "--vendor-data",
        "cust-4411",
        "--document-country",
        "EE",
        "--document-type",
        "ID_CARD",
        "--callback",
        "https://a.example/back",
        "--end-user-id",
        "3f0e8a52-7d61-4c0b-9e58-1d2c3b4a5f60",
        "--json",
    ]);
    assert_eq!((&made[0]["status"], &made[0]["vendor_data"]), (&"created".into(), &"cust-4411".into()));
    assert!(made[0]["url"].as_str().unwrap().starts_with("http"), "whoever opened it needs the link");
    let table = emulator.table(&["session", "create", "--vendor-data", "a\u{1b}[31mb"]);
    let names: Vec<&str> = table.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["ok", "session", "status", "url", "vendor_data"]);
    assert_eq!(table[4].1, "a [31mb", "an answer does not steer the terminal");

    let refused = emulator.refusal(&["session", "create", "--callback", "http://a.example", "--json"], 2);
    assert!(refused["message"].as_str().unwrap().contains("https"));
    // Without --json a failure is one line for people, on stderr.
    let output = emulator.run(&["session", "submit", NOBODY]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("sealpress: ") && said.contains("404") && said.lines().count() == 1, "{said}");
    emulator.terminate();
}

#[test]
fn what_was_sent_is_listed_fetched_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = start(folder.path());
    let id = create(&emulator, "Jane");
    let picture = photo(folder.path(), "a.jpg", 700);
    let sent = emulator.json(&["upload", "--session", &id, "--context", "face", picture.to_str().unwrap(), "--json"]);
    let media = sent[0]["media_id"].as_str().unwrap();

    let rows = emulator.table(&["session", "media", &id]);
    let of = |name: &str| rows.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    assert_eq!((of("media.images.0.id"), of("media.images.0.context")), (Some(media), Some("face")));
    let attempts = emulator.json(&["session", "attempts", &id, "--json"]);
    let attempt = attempts[0]["attempts"][0]["id"].as_str().unwrap();
    let listed = emulator.json(&["session", "media", "--attempt", attempt, "--json"]);
    assert_eq!(listed[0]["media"]["images"].as_array().map(Vec::len), Some(1));
    assert!(emulator.table(&["session", "attempts", &id]).iter().any(|(name, _)| name == "attempts.0.status"));
    // A session's id is no attempt's.
    assert_eq!(emulator.refusal(&["session", "media", "--attempt", &id, "--json"], 3)["kind"], "refused");

    let copy = folder.path().join("copy.jpg");
    let path = copy.to_str().unwrap();
    let rows = emulator.table(&["media", "get", media, "--out", path]);
    assert!(rows.contains(&("format".into(), "jpeg".into())), "{rows:?}");
    assert_eq!(fs::metadata(&copy).unwrap().len(), sent[0]["bytes"].as_u64().unwrap());
    // Nothing is written of what is not there, too large, or has nowhere to go.
    let other = folder.path().join("other.jpg");
    let path = other.to_str().unwrap();
    assert_eq!(emulator.refusal(&["media", "get", NOBODY, "--out", path, "--json"], 3)["code"], "1101");
    assert_eq!(
        emulator.refusal(&["media", "get", media, "--max-size", "0", "--out", path, "--json"], 3)["kind"],
        "too-large"
    );
    emulator.refusal(&["media", "get", media, "--out", &format!("{path}/no/folder.jpg"), "--json"], 3);
    assert!(!other.exists());
    assert_eq!(
        fs::read_dir(folder.path())
            .unwrap()
            .filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|x| x == "tmp"))
            .count(),
        0
    );

    let deleted = emulator.json(&["session", "delete", &id, "--json"]);
    assert_eq!(deleted[0]["deleted"], true);
    assert_eq!(emulator.refusal(&["session", "media", &id, "--json"], 3)["kind"], "refused");
    assert_eq!(emulator.refusal(&["session", "delete", &id, "--json"], 3)["fault"], "caller");
    let second = create(&emulator, "Jane");
    assert!(emulator.table(&["session", "delete", &second]).contains(&("deleted".into(), "true".into())));
    emulator.terminate();
}

#[test]
fn deletion_that_is_not_enabled_is_refused() {
    let emulator = Emulator::start();
    let id = create(&emulator, "Jane");
    let refused = emulator.refusal(&["session", "delete", &id, "--json"], 3);
    assert_eq!((&refused["kind"], &refused["fault"]), (&"refused".into(), &"caller".into()));
    emulator.terminate();
}

#[test]
fn device_data_is_collected() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = start(folder.path());
    let id = create(&emulator, "Jane");
    let known = ["session", "collect", &id, "--provider", "FpVendor", "--fingerprint", "c0ffee01"];
    let with = |more: &[&'static str]| {
        known.iter().copied().chain(more.iter().copied()).map(str::to_owned).collect::<Vec<_>>()
    };
    let words = with(&["--ip", "2001:db8::1", "--extra", r#"{"browser":{"language":"et-EE"}}"#, "--json"]);
    let told = emulator.json(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(told[0]["collected"], true);
    let words = with(&["--ip", "192.0.2.44"]);
    let rows = emulator.table(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(rows.contains(&("collected".into(), "true".into())));
    let kept = emulator.ledger();
    let collected = kept["sessions"].as_array().unwrap().iter().find(|s| s["id"] == *id).unwrap()["collected"].clone();
    assert_eq!(collected[0]["network"]["ip"]["addressV6"], "2001:db8::1");
    assert_eq!(collected[0]["browser"]["language"], "et-EE");
    assert_eq!(collected[1]["network"]["ip"]["addressV4"], "192.0.2.44");

    for (more, exit) in [
        (&["--ip", "nowhere", "--json"][..], 2),
        (&["--ip", "192.0.2.44", "--extra", "[]", "--json"], 2),
        (&["--ip", "192.0.2.44", "--fingerprint", "", "--json"], 2),
    ] {
        let words = with(more);
        let output = emulator.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(exit), "{more:?}");
    }
    emulator.json(&["session", "submit", &id, "--json"]);
    let words = with(&["--ip", "192.0.2.44", "--json"]);
    let late = emulator.refusal(&words.iter().map(String::as_str).collect::<Vec<_>>(), 3);
    assert!(late["message"].as_str().unwrap().contains("409"), "{late}");
    emulator.terminate();
}

#[test]
fn decisions_persons_and_screenings() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = start(folder.path());
    for (name, status) in [("Approve", "approved"), ("Decline", "declined"), ("Resubmit", "resubmission_requested")] {
        let id = create(&emulator, name);
        let none = emulator.json(&["session", "decision", &id, "--json"]);
        assert_eq!((&none[0]["decided"], &none[0]["decision"]), (&false.into(), &Value::Null));
        let rows = emulator.table(&["session", "submit", &id]);
        assert!(rows.contains(&("status".into(), "submitted".into())), "{rows:?}");
        assert_eq!(emulator.refusal(&["session", "submit", &id, "--json"], 3)["code"], "1304");
        let decision = emulator.json(&["session", "decision", &id, "--wait", "30", "--json"]);
        assert_eq!((&decision[0]["decided"], &decision[0]["decision"]["status"]), (&true.into(), &status.into()));
        let rows = emulator.table(&["session", "decision", &id]);
        assert!(rows.contains(&("decision.status".into(), status.into())), "{rows:?}");
        let person = emulator.json(&["session", "person", &id, "--json"]);
        assert_eq!(person[0]["person"]["firstName"], name);
        assert!(emulator.table(&["session", "person", &id]).contains(&("person.lastName".into(), "Doe".into())));
        let screening = emulator.json(&["session", "watchlist", &id, "--json"]);
        assert_eq!(screening[0]["watchlist"]["matchStatus"], "no_match");
        assert!(
            emulator
                .table(&["session", "watchlist", &id])
                .contains(&("watchlist.matchStatus".into(), "no_match".into()))
        );
    }
    for what in ["attempts", "decision", "person", "watchlist", "media"] {
        let error = emulator.refusal(&["session", what, NOBODY, "--json"], 3);
        assert_eq!((&error["kind"], &error["fault"]), (&"refused".into(), &"caller".into()), "{what}");
        assert_eq!(emulator.refusal(&["session", what, "", "--json"], 2)["kind"], "config", "{what}");
    }
    // Nobody decides: the deadline does.
    let id = create(&emulator, "Jane");
    let late = emulator.refusal(&["session", "decision", &id, "--wait", "0", "--json"], 3);
    assert_eq!((&late["kind"], &late["fault"]), (&"timeout".into(), &"remote".into()));
    emulator.terminate();
}

#[test]
fn wrong_credentials_and_a_dead_host() {
    let emulator = Emulator::start();
    let told = |pointer: &str| emulator.told.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let run = |secret: &str| {
        fs::write(&file, format!("{secret}\n")).unwrap();
        let output = sealpress()
            .args(["session", "create", "--json"])
            .env("SEALPRESS_BASE_URL", told("/url"))
            .env("SEALPRESS_API_KEY", told("/api_key"))
            .env("SEALPRESS_SECRET_FILE", &file)
            .output()
            .unwrap();
        assert!(!String::from_utf8_lossy(&output.stdout).contains(secret));
        (output.status.code(), lines(&output).remove(0))
    };
    assert_eq!(run(&told("/secret")).0, Some(0), "a secret out of a file");
    let (code, line) = run("not-the-secret");
    assert_eq!((code, &line["error"]["code"]), (Some(2), &"1819".into()), "{line}");
    assert_eq!(line["error"]["kind"], "unauthorized", "as a run of many says it");
    let dead = emulator.refusal(&["session", "create", "--base-url", "http://127.0.0.1:9", "--json"], 3);
    assert_eq!((&dead["kind"], &dead["fault"]), (&"unreachable".into(), &"remote".into()));
    let plain = emulator.refusal(&["session", "create", "--base-url", "http://192.0.2.1", "--json"], 2);
    assert_eq!(plain["kind"], "config");
    emulator.terminate();
}

/// `sealpress emulator --data DIR` keeps what it received, its credentials too, and serves it again.
#[test]
fn an_emulators_data_outlives_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("received");
    let flags = ["--data", data.to_str().unwrap()];
    let first = Emulator::with(&flags);
    let id = create(&first, "Jane");
    let picture = photo(folder.path(), "a.jpg", 700);
    let sent = first.json(&["upload", "--session", &id, "--context", "face", picture.to_str().unwrap(), "--json"]);
    let (key, media) = (first.told["api_key"].clone(), sent[0]["media_id"].as_str().unwrap().to_owned());
    first.terminate();

    let second = Emulator::with(&flags);
    assert_eq!(second.told["api_key"], key);
    let copy = folder.path().join("copy.jpg");
    let got = second.json(&["media", "get", &media, "--out", copy.to_str().unwrap(), "--json"]);
    assert_eq!(got[0]["bytes"], sent[0]["bytes"]);
    let kept: Vec<_> = fs::read_dir(data.join("media").join(&id)).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!((kept.len(), fs::read(&kept[0]).unwrap()), (1, fs::read(&copy).unwrap()));
    second.terminate();
}

#[test]
fn the_pages_of_a_document_are_uploads_of_one_context_and_none_is_sent_twice() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = start(folder.path());
    let id = create(&emulator, "Jane");
    let page = |step: u32| TiffPage::bilevel(800, 1000, move |x, y| y % step < 8 && y > 40 && x % 30 < 20 && x > 30);
    let blank = TiffPage::bilevel(800, 1000, |_, _| false);
    let scan = folder.path().join("scan.tif");
    fs::write(&scan, Tiff::of([page(40), blank, page(50)]).bytes()).unwrap();
    let scan = scan.to_str().unwrap();
    let command = ["upload", "--session", &id, "--context", "address-front", scan, "--pages-as", "jpeg", "--json"];
    let sent = emulator.json(&command);
    let of = |lines: &[Value], name: &str| lines.iter().map(|line| line[name].clone()).collect::<Vec<_>>();
    assert_eq!(of(&sent, "page"), [1, 3]);
    assert_eq!(of(&sent, "format"), ["tiff", "tiff"]);
    let listed = || {
        let listed = emulator.json(&["session", "media", &id, "--json"]);
        listed[0]["media"]["images"].as_array().unwrap().len()
    };
    assert_eq!(listed(), 2);
    let again = emulator.json(&command);
    assert_eq!(of(&again, "media_id"), of(&sent, "media_id"));
    assert_eq!((listed(), of(&again, "attempts")), (2, vec![0.into(), 0.into()]));
    let rows = emulator.run(&["upload", "--session", &id, "--context", "face", scan, "--pages-as", "jpeg"]);
    let told = String::from_utf8(rows.stdout).unwrap();
    assert!(told.contains("page 1") && told.contains("page 3"), "{told}");
    emulator.terminate();
}
