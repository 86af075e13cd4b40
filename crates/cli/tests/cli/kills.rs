//! Backfills of real files through the doors beside Veriff's sessions, killed in between: the emulator's
//! ledger and the results agree, and nothing is there twice.
//!
//! A slice of the corpus in the suite; all of it with `SEALPRESS_WHOLE_CORPUS=1`. With `SEALPRESS_KILLS=100` backfill
//! after backfill, each against an emulator of its own, until a hundred runs were killed.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::backfill::text;
use super::faces::imported;
use super::{Emulator, lines, sealpress};

/// Pictures of the corpus that are whole, or every one of them.
fn pictures() -> Option<Vec<PathBuf>> {
    let root = sealpress_testkit::corpus_root();
    let Ok(index) = fs::read_to_string(root.join("INDEX.tsv")) else {
        sealpress_testkit::skip("the corpus is not on this machine");
        return None;
    };
    let rows = index.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    let good = rows.filter(|row| row[8] == "ok" && row[3] != "pdf");
    if std::env::var_os("SEALPRESS_WHOLE_CORPUS").is_some() {
        return Some(good.map(|row| root.join(row[0])).collect());
    }
    // Small files, for what is tested is the journal; large enough for both vendors.
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    let fits = |row: &Vec<&str>| {
        let (width, height) = (number(row[4]), number(row[5]));
        width.min(height) >= 480 && width.max(height) >= 640 && number(row[1]) < 1_500_000
    };
    Some(good.filter(fits).take(15).map(|row| root.join(row[0])).collect())
}

/// A manifest over these pictures, `each` a subject.
fn manifest(pictures: &[PathBuf], contexts: &[&str]) -> String {
    let rows = pictures.iter().enumerate().map(|(n, path)| {
        let (subject, context) = (n / contexts.len(), contexts[n % contexts.len()]);
        format!("k{subject},{context},\"{}\"\n", path.display())
    });
    format!("subject,context,media\n{}", rows.collect::<String>())
}

/// Backfills until enough runs were killed: one, unless more are asked for.
fn until_enough_were_killed(backfill: impl Fn() -> u32) {
    let wanted = std::env::var("SEALPRESS_KILLS").map_or(1, |n| n.parse().expect("a number of kills"));
    let (mut kills, mut backfills) = (0, 0);
    while kills < wanted {
        kills += backfill();
        backfills += 1;
    }
    eprintln!("{kills} kills in {backfills} backfills");
}

/// Kills runs in their midst, then lets one come to its end; what it said, and how many were killed.
fn killed_again_and_again(emulator: &Emulator, route: &str, command: impl Fn() -> Command) -> (Value, u32) {
    let requests = || emulator.ledger()["requests"][route].as_u64().unwrap_or(0);
    let mut kills = 0;
    for round in 0..4 {
        let before = requests();
        let mut child = command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while requests() < before + 1 + round && child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_secs(120), "nothing more was sent");
            std::thread::sleep(Duration::from_millis(10));
        }
        kills += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(kills >= 2, "only {kills} runs were killed");
    let output = command().output().unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
    (lines(&output).pop().unwrap(), kills)
}

fn results(folder: &tempfile::TempDir) -> Vec<Value> {
    let text = fs::read_to_string(folder.path().join("m.csv.sealpress/results.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Requests are slow, so that a kill finds some on the wire.
fn slow(route: &str) -> String {
    format!(
        "[options]\ntransmit_processing_ms = 0\n[[fault]]\nroutes = ['{route}']\neffect = {{ kind = 'latency', ms = 150 }}\n"
    )
}

#[test]
fn transmit_gets_every_picture_once() {
    let Some(pictures) = pictures() else { return };
    until_enough_were_killed(|| into_transmit(&pictures));
}

fn into_transmit(pictures: &[PathBuf]) -> u32 {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("m.csv"), manifest(pictures, &["document-front", "document-back", "face"])).unwrap();
    fs::write(folder.path().join("s.toml"), slow("image-upload")).unwrap();
    let emulator = Emulator::with(&["--script", folder.path().join("s.toml").to_str().unwrap()]);
    let told = |pointer: &str| emulator.told.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    let (end, kills) = killed_again_and_again(&emulator, "image-upload", || {
        let mut command = sealpress();
        command.current_dir(folder.path()).args(["backfill", "--provider", "transmit", "run", "m.csv", "--json"]);
        command.args(["--settle", "400ms", "--connections", "2"]);
        command.env("SEALPRESS_BASE_URL", told("/transmit/url"));
        command.env("SEALPRESS_API_KEY", told("/transmit/client_id"));
        command.env("SEALPRESS_SECRET", told("/transmit/client_secret"));
        command.env("SEALPRESS_TRANSMIT_TOKEN_URL", told("/transmit/token_url"));
        command.env("SEALPRESS_TRANSMIT_CONSENT_DOCUMENT", "consent-v3");
        command
    });
    assert_eq!((&end["items"]["quarantined"], &end["items"]["total"]), (&0.into(), &pictures.len().into()), "{end}");
    let ledger = emulator.ledger();
    let sessions = ledger["sessions"].as_array().unwrap();
    let media = |id: &str| {
        let session = sessions.iter().find(|session| session["id"] == id).unwrap();
        session["attempts"][0]["media"].as_array().unwrap().len()
    };
    let confirmed: Vec<Value> = results(&folder).into_iter().filter(|result| result["state"] == "confirmed").collect();
    assert!(confirmed.len() >= pictures.len() / 3, "{end}");
    let ours: BTreeSet<&str> = confirmed.iter().map(|result| result["session"].as_str().unwrap()).collect();
    for session in &ours {
        let sent = confirmed.iter().filter(|r| r["session"] == *session && r["via"] != "duplicate").count();
        assert_eq!(media(session), sent, "{session} of {ledger}");
    }
    // What a lost answer to a creation left behind is empty.
    let empty = |session: &Value| {
        session["attempts"].as_array().is_none_or(|all| all.iter().all(|a| a["media"] == Value::Array(vec![])))
    };
    assert!(sessions.iter().all(|s| ours.contains(s["id"].as_str().unwrap()) || empty(s)), "{ledger}");
    emulator.terminate();
    kills
}

#[test]
fn every_face_is_imported_once() {
    let Some(pictures) = pictures() else { return };
    until_enough_were_killed(|| into_faces(&pictures));
}

fn into_faces(pictures: &[PathBuf]) -> u32 {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("m.csv"), manifest(pictures, &["face"])).unwrap();
    fs::write(folder.path().join("s.toml"), slow("faces-import")).unwrap();
    let emulator = Emulator::with(&["--script", folder.path().join("s.toml").to_str().unwrap()]);
    let told = |name: &str| emulator.told[name].as_str().unwrap().to_owned();
    let (end, kills) = killed_again_and_again(&emulator, "faces-import", || {
        let mut command = sealpress();
        command.current_dir(folder.path()).args(["backfill", "--into", "faces", "run", "m.csv", "--json"]);
        command.args(["--settle", "100ms", "--connections", "3"]);
        command.env("SEALPRESS_BASE_URL", told("url")).env("SEALPRESS_API_KEY", told("api_key"));
        command.env("SEALPRESS_SECRET", told("secret"));
        command
    });
    assert_eq!((&end["items"]["quarantined"], &end["items"]["total"]), (&0.into(), &pictures.len().into()), "{end}");
    let results = results(&folder);
    let confirmed = results.iter().filter(|result| result["state"] == "confirmed");
    let mut expected: Vec<String> = confirmed.map(|result| result["subject"].as_str().unwrap().to_owned()).collect();
    let (mut names, _) = imported(&emulator);
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected, "each once");
    assert!(expected.len() >= pictures.len() / 2, "{end}");
    emulator.terminate();
    kills
}
