//! Backfills of real files through the doors beside Veriff's sessions, killed in between: the emulator's
//! ledger and the results agree, and nothing is there twice.
//!
//! A slice of the corpus in the suite; all of it with `SEALPRESS_WHOLE_CORPUS=1`.

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

/// Kills runs in their midst, then lets one come to its end; what it said.
fn killed_again_and_again(emulator: &Emulator, route: &str, command: impl Fn() -> Command) -> Value {
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
    lines(&output).pop().unwrap()
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
fn every_face_is_imported_once() {
    let Some(pictures) = pictures() else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("m.csv"), manifest(&pictures, &["face"])).unwrap();
    fs::write(folder.path().join("s.toml"), slow("faces-import")).unwrap();
    let emulator = Emulator::with(&["--script", folder.path().join("s.toml").to_str().unwrap()]);
    let told = |name: &str| emulator.told[name].as_str().unwrap().to_owned();
    let end = killed_again_and_again(&emulator, "faces-import", || {
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
}
