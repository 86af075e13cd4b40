//! `sealpress faces import`: names, batches, lost answers, the end of the quota.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Emulator, lines, photo};

fn emulator(script: &str) -> (tempfile::TempDir, Emulator) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script.toml");
    fs::write(&path, script).unwrap();
    let emulator = Emulator::with(&["--script", path.to_str().unwrap()]);
    (folder, emulator)
}

/// The names that the vendor processed, and how many requests it took.
pub(super) fn imported(emulator: &Emulator) -> (Vec<String>, u64) {
    let ledger = emulator.ledger();
    let faces = ledger["faces"].as_array().unwrap().iter().filter(|face| face["dropped"] == false);
    let names = faces.map(|face| face["name"].as_str().unwrap().to_owned()).collect();
    (names, ledger["requests"]["faces-import"].as_u64().unwrap_or(0))
}

#[test]
fn twelve_faces_are_two_requests_and_a_lost_answer_counts_once() {
    let (folder, emulator) = emulator(
        "[[fault]]\nroutes = [\"faces-import\"]\ncount = 1\n\
         effect = { kind = \"break\", at = \"after-body\", recorded = true }\n",
    );
    let picture = fs::read(photo(folder.path(), "face-0.jpg", 2400)).unwrap();
    let mut paths = Vec::new();
    for n in 0..12 {
        let path = folder.path().join(format!("face-{n}.jpg"));
        fs::write(&path, &picture).unwrap();
        paths.push(path.to_str().unwrap().to_owned());
    }
    let bad = folder.path().join("bad.jpg");
    fs::write(&bad, b"no picture").unwrap();
    let mut args = vec!["faces", "import", bad.to_str().unwrap(), "--json"];
    args.extend(paths.iter().map(String::as_str));
    let output = emulator.run(&args);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let told = lines(&output);
    assert_eq!((&told[0]["name"], &told[0]["ok"]), (&"bad".into(), &false.into()));
    assert_eq!(told.iter().filter(|line| line["ok"] == true).count(), 12);
    assert_eq!(told.last(), Some(&json!({ "ok": false, "failed": 1, "available_quota": 99_988 })));
    let (names, requests) = imported(&emulator);
    assert_eq!(names, (0..12).map(|n| format!("face-{n}")).collect::<Vec<_>>());
    assert_eq!(requests, 3, "two, and one again");
    // What the vendor got was prepared: the picture is 2400 wide.
    let sizes: Vec<Value> = emulator.ledger()["faces"].as_array().unwrap().iter().map(|f| f["size"].clone()).collect();
    assert!(sizes.iter().all(|size| size.as_u64().unwrap() != picture.len() as u64), "{sizes:?}");
    emulator.terminate();
}

#[test]
fn at_the_end_of_the_quota_the_rest_is_listed() {
    let (folder, emulator) = emulator("[options]\nfaces_quota = 3\n");
    let mut args = vec!["faces".to_owned(), "import".to_owned(), "--json".to_owned()];
    for n in 0..13 {
        args.push(photo(folder.path(), &format!("f{n}.jpg"), 700).to_str().unwrap().to_owned());
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let output = emulator.run(&args);
    assert_eq!(output.status.code(), Some(3));
    let told = lines(&output);
    let done: Vec<&str> = told.iter().filter(|l| l["ok"] == true).filter_map(|l| l["name"].as_str()).collect();
    assert_eq!(done, ["f0", "f1", "f2"]);
    let left = told.iter().filter(|l| l["error"]["kind"] == "quota").count();
    assert_eq!((left, &told.last().unwrap()["available_quota"]), (10, &0.into()));
    assert_eq!(imported(&emulator).0, done);
    emulator.terminate();
}

#[test]
fn sessions_and_names_that_are_there_twice() {
    let (folder, emulator) = emulator("");
    let made = emulator.json(&["session", "create", "--json"]);
    let id = made[0]["session"].as_str().unwrap();
    let told = emulator.json(&["faces", "import", "--session", id, "--json"]);
    assert_eq!((&told[0]["name"], &told[0]["ok"]), (&id.into(), &true.into()));
    let one = photo(folder.path(), "same.jpg", 700);
    fs::create_dir(folder.path().join("b")).unwrap();
    let two = photo(&folder.path().join("b"), "same.jpg", 700);
    let error = emulator.refusal(&["faces", "import", one.to_str().unwrap(), two.to_str().unwrap(), "--json"], 2);
    assert!(error["message"].as_str().unwrap().contains("same"), "{error}");
    assert_eq!(imported(&emulator).1, 1, "nothing was sent");
    emulator.terminate();
}

/// A backfill of faces in this folder.
fn backfill(folder: &tempfile::TempDir, emulator: &Emulator, settle: &str, words: &[&str]) -> Command {
    let told = |name: &str| emulator.told[name].as_str().unwrap().to_owned();
    let mut command = super::sealpress();
    command.current_dir(folder.path()).args(["backfill", "--into", "faces"]).args(words);
    command.env("SEALPRESS_BASE_URL", told("url")).env("SEALPRESS_API_KEY", told("api_key"));
    command.env("SEALPRESS_SECRET", told("secret")).env("SEALPRESS_SETTLE", settle);
    command
}

/// Veriff drops a second picture under a name that it processed just now, without a word: whoever replaces a file after
/// a lost answer is told so, by the run that finds it and by every one within the five minutes.
#[test]
fn another_picture_under_a_name_that_may_be_there_is_not_imported() {
    let (folder, emulator) = emulator(
        "[[fault]]\nroutes = [\"faces-import\"]\ncount = 1\n\
         effect = { kind = \"break\", at = \"after-body\", recorded = true }\n",
    );
    fs::write(folder.path().join("m.csv"), "subject,context,media\nk1,face,a.jpg\n").unwrap();
    photo(folder.path(), "a.jpg", 800);
    let mut first = backfill(&folder, &emulator, "60s", &["run", "m.csv"]).spawn().unwrap();
    let began = Instant::now();
    while imported(&emulator).0.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing was sent");
        std::thread::sleep(Duration::from_millis(20));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    photo(folder.path(), "a.jpg", 900);
    for words in [&["run", "m.csv"][..], &["retry-failed", "m.csv"]] {
        let output = backfill(&folder, &emulator, "100ms", words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{words:?}: {said}");
        let failed = fs::read_to_string(folder.path().join("m.csv.sealpress/failed.csv")).unwrap();
        assert!(failed.contains("another face was imported under this name"), "{words:?}: {failed}");
        assert_eq!(emulator.ledger()["faces"].as_array().unwrap().len(), 1, "{words:?}: it was sent");
    }
    emulator.terminate();
}

/// A manifest's faces, several a request, through a lost answer.
#[test]
fn a_manifest_of_faces_is_imported_once() {
    let (folder, emulator) = emulator(
        "[[fault]]\nroutes = [\"faces-import\"]\ncount = 1\n\
         effect = { kind = \"break\", at = \"after-body\", recorded = true }\n",
    );
    let mut rows = "subject,context,media\n".to_owned();
    for n in 0..25 {
        photo(folder.path(), &format!("{n}.jpg"), 320 + 16 * n);
        rows += &format!("cust-{n},face,{n}.jpg\n");
    }
    fs::write(folder.path().join("m.csv"), rows).unwrap();
    let backfill = |words: &[&str]| backfill(&folder, &emulator, "100ms", words).output().unwrap();
    let output = backfill(&["run", "m.csv", "--json"]);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    let (mut names, requests) = imported(&emulator);
    names.sort_unstable();
    let mut expected: Vec<String> = (0..25).map(|n| format!("cust-{n}")).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert!(requests < 25, "{requests} requests for 25 faces");
    // Nothing is left for another run, and no session was opened.
    let again = backfill(&["run", "m.csv", "--json"]);
    assert_eq!(again.status.code(), Some(0));
    assert_eq!((imported(&emulator).1, emulator.ledger()["sessions"].as_array().map(Vec::len)), (requests, Some(0)));
    let nobody = super::sealpress()
        .current_dir(folder.path())
        .args(["backfill", "--provider", "transmit", "--into", "faces", "run", "m.csv"])
        .env("SEALPRESS_BASE_URL", "http://127.0.0.1:9")
        .env("SEALPRESS_API_KEY", "a")
        .env("SEALPRESS_SECRET", "b")
        .output()
        .unwrap();
    assert_eq!(nobody.status.code(), Some(2), "{}", String::from_utf8_lossy(&nobody.stderr));
    emulator.terminate();
}
