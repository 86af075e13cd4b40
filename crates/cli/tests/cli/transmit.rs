//! `sealpress transmit …`, every one of them, in success and in failure.

use std::fs;

use super::{Emulator, lines, photo};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[test]
fn three_images_a_result_and_nothing_left() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.toml");
    fs::write(&script, "[options]\ntransmit_processing_ms = 0\n").unwrap();
    let emulator = Emulator::with(&["--script", script.to_str().unwrap()]);
    let made =
        emulator.json(&["transmit", "create", "--consent-document", "consent-v3", "--state", "csrf-1", "--json"]);
    let id = made[0]["session"].as_str().unwrap();
    assert_eq!(made[0]["missing_images"].as_array().map(Vec::len), Some(3));
    let consent = emulator.json(&["transmit", "consent", id, "--json"]);
    assert_eq!(consent[0]["consent"]["consent_granted"], true);
    assert!(emulator.table(&["transmit", "consent", id]).contains(&("consent.consent_granted".into(), "true".into())));
    assert_eq!(emulator.json(&["transmit", "result", id, "--json"])[0]["status"], "pending");

    let picture = photo(folder.path(), "a.jpg", 1600);
    let picture = picture.to_str().unwrap();
    for context in ["document-front", "document-back", "face"] {
        let sent = emulator.json(&["transmit", "upload", "--session", id, "--context", context, picture, "--json"]);
        assert_eq!((&sent[0]["ok"], &sent[0]["output_format"]), (&true.into(), &"jpeg".into()), "{sent:?}");
    }
    let late = emulator.run(&["transmit", "upload", "--session", id, "--context", "face", picture, "--json"]);
    assert_eq!(
        (late.status.code(), &lines(&late)[0]["error"]["kind"]),
        (Some(3), &"refused".into()),
        "409 is an answer"
    );

    let result = emulator.json(&["transmit", "result", id, "--wait", "30", "--json"]);
    assert_eq!((&result[0]["status"], &result[0]["result"]["recommendation"]), (&"complete".into(), &"ALLOW".into()));
    let rows = emulator.table(&["transmit", "result", id]);
    assert!(rows.contains(&("status".into(), "complete".into())), "{rows:?}");

    let images = emulator.json(&["transmit", "images", id, "--json"]);
    let images = images[0]["images"].as_array().unwrap();
    assert!(images.len() >= 3);
    assert!(emulator.table(&["transmit", "images", id]).iter().any(|(name, _)| name == "images.0.id"));
    let front = images.iter().find(|i| i["type"] == "document_front").unwrap()["id"].as_str().unwrap();
    let copy = folder.path().join("copy.jpg");
    let path = copy.to_str().unwrap();
    let got = emulator.json(&["transmit", "image", id, front, "--out", path, "--json"]);
    assert_eq!(
        (&got[0]["format"], got[0]["bytes"].as_u64()),
        (&"jpeg".into(), Some(fs::metadata(&copy).unwrap().len()))
    );
    fs::remove_file(&copy).unwrap();
    assert_eq!(
        emulator.refusal(&["transmit", "image", id, "no-such-image", "--out", path, "--json"], 3)["kind"],
        "refused"
    );
    assert!(!copy.exists());
    assert!(
        emulator.table(&["transmit", "image", id, front, "--out", path]).contains(&("format".into(), "jpeg".into()))
    );

    assert_eq!(emulator.json(&["transmit", "delete", id, "--json"])[0]["deleted"], true);
    for command in [
        &["transmit", "result", id, "--json"][..],
        &["transmit", "consent", id, "--json"],
        &["transmit", "delete", id, "--json"],
        &["transmit", "result", NOBODY, "--json"],
        &["transmit", "image", NOBODY, "x", "--out", path, "--json"],
    ] {
        let error = emulator.refusal(command, 3);
        assert_eq!((&error["kind"], &error["fault"]), (&"refused".into(), &"caller".into()), "{command:?}");
    }
    assert_eq!(emulator.refusal(&["transmit", "images", "", "--json"], 2)["kind"], "config");
    let rows = emulator.table(&["transmit", "create"]);
    let second = &rows.iter().find(|(name, _)| name == "session").unwrap().1;
    assert!(emulator.table(&["transmit", "delete", second]).contains(&("deleted".into(), "true".into())));
    emulator.terminate();
}

/// HTTP says 200, and the vendor still wants another picture.
#[test]
fn a_useless_picture_is_a_failure_with_the_vendors_word() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.toml");
    let rule = "[[fault]]\nroutes = ['image-upload']\neffect = { kind = 'feedback', value = 'blur' }\n";
    fs::write(&script, rule).unwrap();
    let emulator = Emulator::with(&["--script", script.to_str().unwrap()]);
    let made = emulator.json(&["transmit", "create", "--json"]);
    let id = made[0]["session"].as_str().unwrap();
    let picture = photo(folder.path(), "a.jpg", 1600);
    let picture = picture.to_str().unwrap();
    let output = emulator.run(&["transmit", "upload", "--session", id, "--context", "face", picture, "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let line = &lines(&output)[0];
    assert_eq!((&line["ok"], &line["error"]["fault"]), (&false.into(), &"input".into()), "{line}");
    assert!(line["error"]["message"].as_str().unwrap().contains("blur"), "{line}");
    // The table says it, too.
    let output = emulator.run(&["transmit", "upload", "--session", id, "--context", "face", picture]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(3) && text.contains("FAILED") && text.contains("blur"), "{text}");
    // A context that this vendor does not have.
    let output =
        emulator.run(&["transmit", "upload", "--session", id, "--context", "address-front", picture, "--json"]);
    assert_eq!((output.status.code(), &lines(&output)[0]["error"]["fault"]), (Some(3), &"caller".into()));
    emulator.terminate();
}

/// A manifest of two people with three images each, at the emulator's other half.
#[test]
fn a_manifest_goes_to_transmit_as_it_goes_to_veriff() {
    let folder = tempfile::tempdir().unwrap();
    // One answer is lost, and one face is of no use.
    let script = folder.path().join("script.toml");
    let faults = "[options]\ntransmit_processing_ms = 0\n\
        [[fault]]\nname = \"lost\"\nroutes = [\"image-upload\"]\ncontext = \"document_back\"\ncount = 1\n\
        effect = { kind = \"break\", at = \"after-body\", recorded = true }\n\
        [[fault]]\nname = \"blurred\"\nroutes = [\"image-upload\"]\ncontext = \"selfie\"\ncount = 1\n\
        effect = { kind = \"feedback\", value = \"blur\" }\n";
    fs::write(&script, faults).unwrap();
    let emulator = Emulator::with(&["--script", script.to_str().unwrap()]);
    let mut rows = "subject,context,media\n".to_owned();
    for (at, context) in ["document-front", "document-back", "face"].iter().enumerate() {
        for person in 0..2 {
            let name = format!("{person}-{context}.jpg");
            photo(folder.path(), &name, 1200 + 32 * (3 * person + u32::try_from(at).unwrap()));
            rows += &format!("customer-{person},{context},{name}\n");
        }
    }
    fs::write(folder.path().join("m.csv"), rows).unwrap();
    let backfill = |words: &[&str]| {
        let told = |pointer: &str| emulator.told.pointer(pointer).and_then(|v| v.as_str()).unwrap().to_owned();
        super::sealpress()
            .current_dir(folder.path())
            .args(["backfill", "--provider", "transmit"])
            .args(words)
            .env("SEALPRESS_BASE_URL", told("/transmit/url"))
            .env("SEALPRESS_API_KEY", told("/transmit/client_id"))
            .env("SEALPRESS_SECRET", told("/transmit/client_secret"))
            .env("SEALPRESS_TRANSMIT_TOKEN_URL", told("/transmit/token_url"))
            .env("SEALPRESS_TRANSMIT_CONSENT_DOCUMENT", "consent-v3")
            .env("SEALPRESS_SETTLE", "200ms")
            .output()
            .unwrap()
    };
    let output = backfill(&["run", "m.csv", "--json"]);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(3), "one face is to be taken again: {said}");

    let ledger = emulator.ledger();
    assert_eq!((&ledger["faults"]["lost"], &ledger["faults"]["blurred"]), (&1.into(), &1.into()));
    let sessions = ledger["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let mut taken = Vec::new();
    for session in sessions {
        assert_eq!(session["request"]["start"]["consent"]["document_id"], "consent-v3");
        let media = session["attempts"][0]["media"].as_array().unwrap();
        assert!(media.iter().all(|m| m["duplicate_of"].is_null()), "sent twice: {media:?}");
        let fine = media.iter().filter(|m| m["feedback"] == "ok").count();
        taken.push((media.len(), fine));
    }
    taken.sort_unstable();
    assert_eq!(taken, [(3, 2), (3, 3)], "(sent, taken) of both people");
    assert_eq!(ledger["requests"]["token"], 1, "one token for all");

    // The picture that is wanted again is told by the vendor's own word, and as nothing else.
    let exported = backfill(&["export", "m.csv"]);
    assert_eq!(exported.status.code(), Some(0), "{}", String::from_utf8_lossy(&exported.stderr));
    let results: Vec<String> = walk(folder.path(), "results.jsonl");
    let text = fs::read_to_string(results.first().unwrap_or_else(|| panic!("no results.jsonl: {said}"))).unwrap();
    let retakes: Vec<&str> = text.lines().filter(|line| line.contains("\"retake\"")).collect();
    assert!(retakes.len() == 1 && retakes[0].contains("blur") && retakes[0].contains("face"), "{text}");
    emulator.terminate();
}

/// A picture whose answer was lost and which no list showed at first: the session that takes nothing more has it.
#[test]
fn a_session_that_has_all_has_what_was_in_doubt() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.toml");
    let faults = "[[fault]]\nroutes = ['image-upload']\ncontext = 'document_back'\ncount = 1\n\
        effect = { kind = 'latency', ms = 1500 }\n\
        [[fault]]\nname = 'lost'\nroutes = ['image-upload']\ncontext = 'document_back'\ncount = 1\n\
        effect = { kind = 'break', at = 'after-body', recorded = true }\n\
        [[fault]]\nname = 'stale'\nroutes = ['image-list']\ncount = 1\n\
        effect = { kind = 'replace', status = 200, body = '{\"session_images\":[]}' }\n";
    fs::write(&script, faults).unwrap();
    let emulator = Emulator::with(&["--script", script.to_str().unwrap()]);
    let mut rows = "subject,context,media\n".to_owned();
    for (at, context) in ["document-front", "document-back", "face"].iter().enumerate() {
        photo(folder.path(), &format!("{context}.jpg"), 1200 + 32 * u32::try_from(at).unwrap());
        rows += &format!("k1,{context},{context}.jpg\n");
    }
    fs::write(folder.path().join("m.csv"), rows).unwrap();
    let told = |pointer: &str| emulator.told.pointer(pointer).and_then(|v| v.as_str()).unwrap().to_owned();
    let output = super::sealpress()
        .current_dir(folder.path())
        .args(["backfill", "--provider", "transmit", "run", "m.csv", "--json"])
        .env("SEALPRESS_BASE_URL", told("/transmit/url"))
        .env("SEALPRESS_API_KEY", told("/transmit/client_id"))
        .env("SEALPRESS_SECRET", told("/transmit/client_secret"))
        .env("SEALPRESS_TRANSMIT_TOKEN_URL", told("/transmit/token_url"))
        .env("SEALPRESS_TRANSMIT_CONSENT_DOCUMENT", "consent-v3")
        .env("SEALPRESS_SETTLE", "200ms")
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let ledger = emulator.ledger();
    assert_eq!((&ledger["faults"]["lost"], &ledger["faults"]["stale"]), (&1.into(), &1.into()), "{said}");
    assert_eq!(ledger["requests"]["image-upload"], 4, "it was sent again: {said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(ledger["sessions"][0]["attempts"][0]["media"].as_array().unwrap().len(), 3, "{ledger}");
    emulator.terminate();
}

/// Files of this name, wherever below.
fn walk(folder: &std::path::Path, name: &str) -> Vec<String> {
    let (mut found, mut todo) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).unwrap().map_while(Result::ok) {
            match entry.path() {
                path if path.is_dir() => todo.push(path),
                path if path.file_name().is_some_and(|n| n == name) => found.push(path.to_string_lossy().into_owned()),
                _ => {}
            }
        }
    }
    found
}
