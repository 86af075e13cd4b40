//! Sessions that end otherwise than planned: expired at the vendor, with a file that is beyond hope, given
//! up, given another file; and parts of a journal. Over sockets, judged by what the operator sees and the
//! emulator's ledger.

use std::fs;

use serde_json::Value;

use super::backfill::{Batch, slow, text};
use super::doors::with_manifest;
use super::photo;

/// The emulator's sessions, by how they stand.
fn standing(batch: &Batch) -> Vec<String> {
    let ledger = batch.emulator.ledger();
    ledger["sessions"].as_array().unwrap().iter().map(|s| s["status"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_session_that_expired_is_made_anew_when_told_and_named() {
    let rows = b"subject,context,media\ns1,document-front,a.jpg\ns1,face,missing.jpg\ns2,face,b.jpg\n";
    let batch = with_manifest("m.csv", rows, "");
    batch.run(&["run", "m.csv", "--sessions", "1"], 3);
    // The missing file comes after a week: the session has ended by then.
    photo(batch.folder.path(), "missing.jpg", 900);
    batch.emulator.said("clock", r#"{"advance":"8d"}"#);
    let end = batch.json(&["retry-failed", "m.csv", "--json"], 3);
    assert_eq!((&end["items"]["failed"], &end["items"]["confirmed"]), (&1.into(), &2.into()), "{end}");
    let failed = fs::read_to_string(batch.path("m.csv.sealpress/failed.csv")).unwrap();
    assert!(failed.contains("session-gone") && failed.contains("--recreate-expired"), "{failed}");
    assert_eq!(standing(&batch).len(), 2, "nothing is made unasked");

    let end = batch.json(&["run", "m.csv", "--recreate-expired", "--json"], 0);
    assert_eq!((&end["items"]["confirmed"], &end["sessions"]["submitted"]), (&3.into(), &2.into()), "{end}");
    let ledger = batch.emulator.ledger();
    let media = |n: usize| ledger["sessions"][n]["attempts"][0]["media"].as_array().unwrap().len();
    assert_eq!((media(0), media(2)), (1, 2), "all of its files are in the new one: {ledger}");
    let old = ledger["sessions"][0]["id"].as_str().unwrap();
    let page = fs::read_to_string(batch.path("m.csv.sealpress/report.html")).unwrap();
    assert!(page.contains("Sessions left behind") && page.contains(old), "the orphan is named");
    let status = batch.json(&["status", "m.csv", "--open", "--json"], 0);
    assert_eq!((&status["left_behind"][0], &status["orphans"]), (&old.into(), &1.into()), "{status}");
}

/// A session that the manifest names and the provider does not know: a slip, or another environment's.
#[test]
fn a_session_that_is_unknown_there_is_not_called_an_ended_one() {
    let rows = "session,context,media\n11111111-1111-4111-8111-111111111111,face,a.jpg\n";
    let batch = with_manifest("m.csv", rows.as_bytes(), "");
    batch.run(&["run", "m.csv"], 3);
    let table = text(&batch.run(&["status", "m.csv", "--open"], 3).stdout);
    assert!(table.split_whitespace().collect::<Vec<_>>().join(" ").contains("or is unknown there"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80 || line.starts_with("state")), "{table}");
}

#[test]
fn a_session_with_a_hopeless_file_can_be_submitted_without_it_or_dropped() {
    let rows =
        b"subject,context,media\ns1,face,a.jpg\ns1,document-front,bad.jpg\ns2,face,b.jpg\ns2,document-front,bad.jpg\n\
                 s3,face,bad.jpg\n";
    let batch = with_manifest("m.csv", rows, "");
    fs::write(batch.path("bad.jpg"), "no picture").unwrap();
    batch.run(&["run", "m.csv"], 3);
    assert_eq!(batch.arrived(), (2, 0, 0));
    for (key, said) in [("s9", "no subject or session"), ("s3", "no confirmed item")] {
        let refused = batch.run(&["run", "m.csv", "--submit-incomplete", "s1", key], 2);
        assert!(text(&refused.stderr).contains(said), "{}", text(&refused.stderr));
        let status = batch.json(&["status", "m.csv", "--json"], 3);
        assert_eq!(status["items"]["failed"], 3, "nothing is left out with a slip beside it: {status}");
    }
    let end = batch.json(&["run", "m.csv", "--submit-incomplete", "s1", "--json"], 3);
    assert_eq!((&end["items"]["dropped"], &end["sessions"]["submitted"]), (&1.into(), &1.into()), "{end}");
    assert_eq!(batch.arrived(), (2, 0, 1), "the other one is still open");
    let state = batch.path("m.csv.sealpress");
    let failed = || fs::read_to_string(state.join("failed.csv")).unwrap();
    assert_eq!(failed().lines().count(), 3, "what was left out is no failure any more: {}", failed());
    let refused = batch.run(&["run", "m.csv", "--submit-incomplete", "s1"], 2);
    assert!(text(&refused.stderr).contains("submitted already"), "{}", text(&refused.stderr));

    let end = batch.json(&["run", "m.csv", "--drop-session", "s2", "s3", "--json"], 0);
    assert_eq!((&end["items"]["dropped"], &end["items"]["confirmed"]), (&3.into(), &2.into()), "{end}");
    assert_eq!((&end["sessions"]["dropped"], &end["items"]["failed"]), (&2.into(), &0.into()), "{end}");
    assert_eq!(batch.arrived(), (2, 0, 1), "what was dropped is not submitted");
    let status = batch.json(&["status", "m.csv", "--open", "--json"], 0);
    assert_eq!(status["left_behind"].as_array().unwrap().len(), 1, "s3 never had a session: {status}");
    assert!(status["open"].as_array().unwrap().is_empty(), "{status}");
    // Left out as told: no failure, and seen wherever it is looked for.
    assert_eq!(failed().lines().count(), 1, "{}", failed());
    assert!(status["last_error"].is_null() && status["failures"].as_object().unwrap().is_empty(), "{status}");
    let table = text(&batch.run(&["status", "m.csv"], 0).stdout);
    assert!(table.contains("3 dropped as told, 2 sessions given up"), "{table}");
    let results = fs::read_to_string(state.join("results.jsonl")).unwrap();
    assert_eq!(results.matches("\"state\":\"dropped\"").count(), 3, "{results}");
    let page = fs::read_to_string(state.join("report.html")).unwrap();
    assert!(page.contains("nothing failed, 3 items dropped") && page.contains("Dropped items"));
    assert!(!page.contains("Failed items") && !page.contains("failed.csv"), "nothing is to be mended");
    batch.run(&["retry-failed", "m.csv"], 0);
    assert_eq!(batch.arrived(), (2, 0, 1));
}

#[test]
fn a_failed_row_may_name_another_file_and_no_other_row_may() {
    let rows = "subject,context,media\ns1,face,a.jpg\ns1,document-front,bad.jpg\ns2,face,b.jpg\n";
    let batch = with_manifest("m.csv", rows.as_bytes(), "");
    fs::write(batch.path("bad.jpg"), "no picture").unwrap();
    batch.run(&["run", "m.csv"], 3);
    fs::write(batch.path("m.csv"), rows.replace("s2,face,b.jpg", "s2,face,c.jpg")).unwrap();
    let refused = batch.run(&["retry-failed", "m.csv"], 2);
    assert!(text(&refused.stderr).contains("line 4"), "{}", text(&refused.stderr));
    fs::write(batch.path("m.csv"), rows.replace("s2,face,b.jpg\n", "")).unwrap();
    batch.run(&["retry-failed", "m.csv"], 2);
    let mended = rows.replace("bad.jpg", "c.jpg");
    fs::write(batch.path("m.csv"), &mended).unwrap();
    batch.run(&["run", "m.csv"], 2);
    let end = batch.json(&["retry-failed", "m.csv", "--json"], 0);
    assert_eq!((&end["items"]["confirmed"], &end["sessions"]["submitted"]), (&3.into(), &2.into()), "{end}");
    assert_eq!(batch.arrived(), (3, 0, 2));
    // It is the journal's manifest from now on, and may grow.
    fs::write(batch.path("m.csv"), mended + "s3,face,d.jpg\n").unwrap();
    assert_eq!(batch.json(&["run", "m.csv", "--json"], 0)["items"]["confirmed"], 4);
}

/// Rows that are added beside a manifest have no line of it: whoever mends the one does not touch the other.
#[test]
fn a_row_that_was_added_is_no_row_of_the_manifest() {
    let rows = "subject,context,media\ns1,face,missing.jpg\ns2,face,a.jpg\n";
    let batch = with_manifest("m.csv", rows.as_bytes(), "");
    batch.run(&["run", "m.csv"], 3);
    // On line 2 of its own file, as the failed row is on the manifest's.
    fs::write(batch.path("more.csv"), "subject,context,media\ns3,face,gone.jpg\n").unwrap();
    batch.run(&["retry-failed", "m.csv", "--from", "more.csv"], 3);
    let failed = fs::read_to_string(batch.path("m.csv.sealpress/failed.csv")).unwrap();
    fs::write(batch.path("mended.csv"), failed.replace("missing.jpg", "b.jpg").replace("gone.jpg", "c.jpg")).unwrap();
    let end = batch.json(&["retry-failed", "m.csv", "--from", "mended.csv", "--json"], 0);
    assert_eq!((&end["items"]["confirmed"], &end["sessions"]["submitted"]), (&3.into(), &3.into()), "{end}");
    let results = fs::read_to_string(batch.path("m.csv.sealpress/results.jsonl")).unwrap();
    let sent = |subject: &str, file: &str| {
        let of = |line: &&str| line.contains(&format!("\"subject\":\"{subject}\"")) && line.contains(file);
        results.lines().filter(of).count()
    };
    assert_eq!((sent("s1", "b.jpg"), sent("s3", "c.jpg")), (1, 1), "{results}");
    fs::write(batch.path("m.csv"), format!("{rows}s4,face,d.jpg\n")).unwrap();
    assert_eq!(batch.json(&["run", "m.csv", "--json"], 0)["items"]["confirmed"], 4);
}

/// What the provider would not take of one person is that person's, and no reason to stop for all.
#[test]
fn a_key_that_is_too_long_fails_its_subject_alone() {
    let rows = format!("subject,context,media\ns1,face,a.jpg\n{},face,b.jpg\ns3,face,c.jpg\n", "k".repeat(1001));
    let batch = with_manifest("m.csv", rows.as_bytes(), "");
    let end = batch.json(&["run", "m.csv", "--json"], 3);
    assert_eq!((&end["items"]["confirmed"], &end["items"]["failed"]), (&2.into(), &1.into()), "{end}");
    let failed = fs::read_to_string(batch.path("m.csv.sealpress/failed.csv")).unwrap();
    assert!(failed.contains("vendor data is longer than 1,000 characters"), "{failed}");
    assert_eq!(batch.arrived(), (2, 0, 2));
}

#[test]
fn patterns_choose_a_part_of_the_journal() {
    let rows = b"subject,context,media\ns1,face,a.jpg\ns1,document-front,b.jpg\ns2,face,c.jpg\ns3,face,d.jpg\n";
    let batch = with_manifest("m.csv", rows, "");
    let end = batch.json(
        &["run", "m.csv", "--exclude", "[a]*", "--include", "?.jpg", "--include", "x", "--exclude", "b*", "--json"],
        0,
    );
    assert_eq!((&end["items"]["confirmed"], &end["items"]["pending"]), (&3.into(), &1.into()), "{end}");
    assert_eq!(batch.arrived(), (3, 0, 2), "a session of which a part is left is not submitted");
    assert_eq!(batch.json(&["run", "m.csv", "--include", "nothing", "--json"], 0)["items"]["pending"], 1);
    assert_eq!(batch.json(&["run", "m.csv", "--json"], 0)["items"]["confirmed"], 4);
    assert_eq!(batch.arrived(), (4, 0, 3));
}

/// A refused item is told with the provider's host and its answer's status.
#[test]
fn a_log_has_what_the_providers_support_asks_for() {
    let script = "[[fault]]\nroutes = ['upload']\ncount = 1\neffect = { kind = 'status', status = 400 }\n";
    let batch = with_manifest("m.csv", b"subject,context,media\ns1,face,a.jpg\ns1,face,b.jpg\n", script);
    batch.run(&["run", "m.csv", "--log-file", "log", "--log-format", "json"], 3);
    let log = fs::read_to_string(batch.path("log")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let refused: Vec<&Value> = lines.iter().filter(|l| l["fields"]["status"] == 400).collect();
    let host = batch.emulator.told["url"].as_str().unwrap().trim_start_matches("http://").trim_end_matches('/');
    assert!(refused.len() == 1 && refused[0]["fields"]["host"] == host, "{log}");
}

#[test]
fn an_error_is_told_in_one_form_by_every_command() {
    let batch = Batch::new(1, "", "");
    for command in ["run", "plan", "status", "decisions", "retry-failed"] {
        let said = batch.json(&[command, "away.csv", "--json"], 2);
        let error = (&said["error"]["kind"], &said["error"]["fault"]);
        assert_eq!((&said["ok"], error), (&false.into(), (&"manifest".into(), &"caller".into())), "{command}: {said}");
    }
    // Names of people come from files, where nobody reads them off the command line.
    fs::write(batch.path("name"), "Mathilde\n").unwrap();
    let name = batch.path("name");
    batch.emulator.json(&["session", "create", "--first-name-file", name.to_str().unwrap(), "--json"]);
    assert!(batch.emulator.ledger().to_string().contains("Mathilde"));
    let lost = batch.emulator.refusal(&["session", "create", "--last-name-file", "away", "--json"], 2);
    assert_eq!(lost["kind"], "config");
}

#[test]
fn a_status_says_who_is_at_work() {
    let batch = Batch::new(4, &slow(400), "");
    let mut child = batch.under_way(&["run", "m.csv", "--connections", "1"]);
    assert_eq!(batch.json(&["status", "m.csv", "--json"], 0)["workers"], 1);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(batch.json(&["status", "m.csv", "--json"], 0)["workers"], 0);
    let table = text(&batch.run(&["status", "m.csv"], 0).stdout);
    assert!(table.contains("none is at work"), "{table}");
}
