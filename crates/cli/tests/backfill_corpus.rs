//! A manifest of every file of the corpus, hostile ones included, through the real binary against
//! the emulator: whatever is good arrives, whatever is not is listed with its reason.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use sealpress_emulator::{Emulator, MediaMode};
use serde_json::Value;

fn corpus() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let root = root.canonicalize().ok();
    if root.is_none() {
        sealpress_testkit::skip("the corpus is not on this machine");
    }
    root
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .expect("the files and the binary of the test are here")
        .map(|e| e.expect("the files and the binary of the test are here").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, into);
        } else if path.file_name().is_some_and(|n| n != "INDEX.tsv") {
            into.push(path);
        }
    }
}

/// Files that the index expects to be fine.
fn expected_good(root: &Path) -> Vec<PathBuf> {
    let index = std::fs::read_to_string(root.join("INDEX.tsv")).expect("the files and the binary of the test are here");
    let rows = index.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    rows.filter(|row| row[8] == "ok").map(|row| root.join(row[0])).collect()
}

fn sealpress(emulator: &Emulator, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sealpress"))
        .args(args)
        .env("SEALPRESS_BASE_URL", emulator.url())
        .env("SEALPRESS_API_KEY", emulator.api_key())
        .env("SEALPRESS_SECRET", emulator.secret())
        .output()
        .expect("the files and the binary of the test are here");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code(), text)
}

#[test]
fn the_whole_corpus_is_sent_or_listed() {
    let Some(root) = corpus() else { return };
    let mut media = Vec::new();
    files(&root, &mut media);
    let dir = tempfile::tempdir().expect("the files and the binary of the test are here");
    let manifest = dir.path().join("corpus.csv");
    let mut text = String::from("subject,context,media,note\n");
    for (n, path) in media.iter().enumerate() {
        text.push_str(&format!("k{},document-front,\"{}\",n{n}\n", n / 3, path.display()));
    }
    std::fs::write(&manifest, text).unwrap();
    let emulator = Emulator::builder().configure(|o| o.media = MediaMode::Strict).start_blocking().unwrap();
    let manifest_arg = manifest.display().to_string();
    let root_arg = root.display().to_string();
    let run = ["backfill", "run", &manifest_arg, "--allow-root", &root_arg, "--memory", "256MiB"];
    let (code, said) = sealpress(&emulator, &run);
    assert_eq!(code, Some(3), "{said}");

    let state = dir.path().join("corpus.csv.sealpress");
    let results: Vec<Value> = std::fs::read_to_string(state.join("results.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(results.len(), media.len());
    let ledger = emulator.ledger();
    let stored: HashMap<&str, &str> = ledger.media().map(|m| (m.id.as_str(), m.session.as_str())).collect();
    let mut confirmed = 0;
    for result in &results {
        if result["state"] == "confirmed" {
            let id = result["media_id"].as_str().unwrap();
            assert_eq!(stored.get(id).copied(), result["session"].as_str(), "{result}");
            confirmed += 1;
        } else {
            assert_eq!(result["state"], "failed", "{result}");
            assert!(!result["error"]["kind"].as_str().unwrap().is_empty(), "{result}");
        }
        assert_eq!(result["extra"]["note"], format!("n{}", result["line"].as_u64().unwrap() - 2));
    }
    let by_path: HashMap<&str, &Value> = results.iter().map(|r| (r["media"].as_str().unwrap(), r)).collect();
    for good in expected_good(&root) {
        let result = by_path[good.to_str().unwrap()];
        assert_eq!(result["state"], "confirmed", "{result}");
    }
    // Duplicates share a record; nothing else is there that is nobody's.
    let duplicates = results.iter().filter(|r| r["via"] == "duplicate").count();
    assert_eq!(stored.len(), confirmed - duplicates);
    assert_eq!(ledger.duplicates().count(), 0);

    // The failed rows come back in the manifest's own columns, each with its reason.
    let mut failed = csv::Reader::from_path(state.join("failed.csv")).unwrap();
    let header = failed.headers().unwrap().clone();
    let columns = ["subject", "context", "media", "note"];
    let reasons = ["error_kind", "error_fault", "error_message", "error_line", "error_row"];
    assert_eq!(header.iter().collect::<Vec<_>>(), [&columns[..], &reasons].concat());
    let rows: Vec<csv::StringRecord> = failed.records().map(|r| r.unwrap()).collect();
    assert_eq!(rows.len(), media.len() - confirmed);
    assert!(rows.iter().all(|row| !row[4].is_empty() && !row[6].is_empty()));

    // Sessions with a failed item stay open, all others are submitted once.
    let mut whole: HashMap<&str, bool> = HashMap::new();
    for result in &results {
        if let Some(session) = result["session"].as_str() {
            *whole.entry(session).or_insert(true) &= result["state"] == "confirmed";
        }
    }
    for session in &ledger.sessions {
        assert_eq!(session.submissions, u32::from(whole[session.id.as_str()]), "{}", session.id);
    }
    let report = std::fs::read_to_string(state.join("report.html")).unwrap();
    // It names the provider, and asks nobody for anything.
    assert!(report.contains("<svg"));
    for reference in ["src=\"http", "href=\"http", "url(http", "@import", "<script src"] {
        assert!(!report.contains(reference), "{reference}");
    }

    // A second run has nothing to do, and status says the same without running.
    let posts = emulator.requests("upload") + emulator.requests("create-session") + emulator.requests("submit");
    assert_eq!(sealpress(&emulator, &run).0, Some(3));
    let again = emulator.requests("upload") + emulator.requests("create-session") + emulator.requests("submit");
    assert_eq!(posts, again);
    let (code, said) = sealpress(&emulator, &["backfill", "status", &manifest_arg, "--json"]);
    let status: Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!((code, status["items"]["confirmed"].as_u64()), (Some(3), Some(confirmed as u64)));

    if let Some(keep) = std::env::var_os("SEALPRESS_KEEP_REPORT") {
        std::fs::copy(state.join("report.html"), keep).unwrap();
    }
}
