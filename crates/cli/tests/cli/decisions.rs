//! `sealpress backfill decisions` as an operator drives it: asked for within the rate, joined to the results,
//! and fed back where better media are wanted.

use std::fs;

use serde_json::Value;

use super::backfill::text;
use super::doors::with_manifest;

#[test]
fn decisions_come_back_to_the_rows_that_they_are_about() {
    let rows =
        b"subject,context,media,first_name\ns1,face,a.jpg,Approve\ns2,face,b.jpg,Decline\ns3,face,c.jpg,Resubmit\n\
                 s4,face,missing.jpg,Approve\n";
    // The first time that somebody asks, the vendor is away.
    let script = "[[fault]]\nroutes = ['decision']\ncount = 1\neffect = { kind = 'status', status = 503 }\n";
    let batch = with_manifest("m.csv", rows, script);
    batch.run(&["run", "m.csv"], 3);
    let ended = batch.json(&["decisions", "m.csv", "--wait", "1h", "--with-resubmissions", "--json"], 0);
    let verdicts = |verdict: &str| ended["verdicts"][verdict].as_u64();
    assert_eq!(
        (verdicts("approved"), verdicts("declined"), verdicts("resubmission")),
        (Some(1), Some(1), Some(1)),
        "{ended}"
    );
    assert_eq!(ended["undecided"], 0, "{ended}");
    let results = fs::read_to_string(batch.path("m.csv.sealpress/results.jsonl")).unwrap();
    let results: Vec<Value> = results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<Option<&str>> = results.iter().map(|result| result["decision"]["verdict"].as_str()).collect();
    assert_eq!(said, [Some("approved"), Some("declined"), Some("resubmission"), None]);
    let code = results[2]["decision"]["reason_code"].as_str().unwrap();
    let words = results[2]["decision"]["reason"].as_str().unwrap();
    assert!(results.iter().take(3).all(|result| result["decision"]["time"].is_string()), "{results:?}");
    let failed = fs::read_to_string(batch.path("m.csv.sealpress/failed.csv")).unwrap();
    let wanted = failed.lines().find(|line| line.starts_with("s3,")).unwrap();
    assert!(wanted.contains("resubmission,input") && wanted.contains(code) && wanted.contains(words), "{failed}");
    assert!(failed.contains("s4,") && !failed.contains("s1,"), "{failed}");

    // The vendor's reason, and what had been found in the pictures before they were sent.
    let beside = ended["beside"].as_array().unwrap();
    let of_code = beside.iter().find(|beside| beside["reason_code"] == code).unwrap();
    assert!(of_code["session"] == results[2]["session"] && of_code["findings"].is_array(), "{ended}");
    let foreseen = beside.iter().filter(|beside| beside["foreseen"] == true).count();
    assert_eq!((&ended["with_reason"], &ended["foreseen"]), (&beside.len().into(), &foreseen.into()), "{ended}");

    // Asked again, nobody is asked for what is known; and better media make a manifest of their own.
    let asked = batch.requests("decision");
    let table = text(&batch.run(&["decisions", "m.csv"], 0).stdout);
    assert!(table.contains("1 approved") && !table.contains("not decided"), "{table}");
    assert!(table.contains("that were not approved had a finding of ours"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80 || line.contains('/')), "{table}");
    assert_eq!(batch.requests("decision"), asked);
    let only: String = failed.lines().filter(|line| !line.starts_with("s4,")).map(|line| format!("{line}\n")).collect();
    fs::write(batch.path("again.csv"), only.replace("c.jpg", "d.jpg")).unwrap();
    assert_eq!(batch.json(&["run", "again.csv", "--json"], 0)["items"]["confirmed"], 1);
}

#[test]
fn what_is_not_decided_in_time_is_said() {
    let batch = with_manifest("m.csv", b"subject,context,media,first_name\ns1,face,a.jpg,Jane\n", "");
    batch.run(&["run", "m.csv"], 0);
    let ended = batch.json(&["decisions", "m.csv", "--json"], 5);
    assert_eq!((&ended["undecided"], &ended["unanswered"]), (&1.into(), &0.into()), "{ended}");
    let away = "[[fault]]\nroutes = ['decision']\neffect = { kind = 'status', status = 400 }\n";
    let batch = with_manifest("m.csv", b"subject,context,media,first_name\ns1,face,a.jpg,Approve\n", away);
    batch.run(&["run", "m.csv"], 0);
    let ended = batch.json(&["decisions", "m.csv", "--json"], 3);
    assert_eq!((&ended["undecided"], &ended["unanswered"]), (&1.into(), &1.into()), "{ended}");
    batch.run(&["decisions", "m.csv", "--wait", "soon"], 2);
    // Credentials that nobody takes are the run's matter, and no session's.
    let stopped = "[[fault]]\nroutes = ['decision']\neffect = { kind = 'status', status = 401 }\n";
    let asked = with_manifest("m.csv", b"subject,context,media,first_name\ns1,face,a.jpg,Approve\n", stopped);
    asked.run(&["run", "m.csv"], 0);
    let ended = asked.json(&["decisions", "m.csv", "--json"], 2);
    assert_eq!(ended["error"]["kind"], "unauthorized", "{ended}");
    let refused = batch.command(&["decisions", "m.csv", "--json"]).env("SEALPRESS_API_KEY", "other").output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "another account's journal");
}

/// A picture out of focus that came back for its quality was foreseen; one that is empty and came back for something
/// else was not.
#[test]
fn a_reason_that_preflight_had_found_is_told_as_such() {
    let rows = b"subject,context,media\ns1,document-front,soft.jpg\ns2,document-front,empty.jpg\ns3,face,sharp.jpg\n\
        s4,document-front,soft.jpg\n";
    let batch = with_manifest("m.csv", rows, "");
    super::preflight::pictures(batch.folder.path());
    batch.run(&["run", "m.csv"], 0);
    let results = fs::read_to_string(batch.path("m.csv.sealpress/results.jsonl")).unwrap();
    let sessions = results.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["session"].clone());
    for (n, session) in sessions.enumerate() {
        // The last one was approved, whatever somebody noted beside.
        let decision = if n == 3 { "approved" } else { "resubmission_requested" };
        let body = serde_json::json!({
            "session": session, "decision": decision, "reason": "Bad image quality", "reason_code": 204,
        });
        batch.emulator.said("decide", &body.to_string());
    }
    let ended = batch.json(&["decisions", "m.csv", "--json"], 0);
    assert_eq!((&ended["with_reason"], &ended["foreseen"]), (&3.into(), &1.into()), "{ended}");
    // Better media are no failure where nobody asked for them in that list.
    let failed = fs::read_to_string(batch.path("m.csv.sealpress/failed.csv")).unwrap();
    assert_eq!(failed.lines().count(), 1, "{failed}");
    let of = |code: &str| {
        let beside = ended["beside"].as_array().unwrap().iter();
        beside.filter(|b| b["findings"].as_array().unwrap().iter().any(|f| f == code)).cloned().collect::<Vec<_>>()
    };
    let (blurred, blank) = (of("blurred_heavily"), of("blank"));
    assert!(blurred.len() == 1 && blurred[0]["foreseen"] == true && blurred[0]["reason_code"] == "204", "{ended}");
    assert!(blank.len() == 1 && blank[0]["foreseen"] == false, "an empty picture would be 209: {ended}");
    let table = text(&batch.run(&["decisions", "m.csv"], 0).stdout);
    let table = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        table.contains("1 of 3 that were not approved") && table.contains("found before: heavily blurred"),
        "{table}"
    );
}
