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
    let ended = batch.json(&["decisions", "m.csv", "--wait", "60s", "--with-resubmissions", "--json"], 0);
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
    let failed = fs::read_to_string(batch.path("m.csv.sealpress/failed.csv")).unwrap();
    let wanted = failed.lines().find(|line| line.starts_with("s3,")).unwrap();
    assert!(wanted.contains("resubmission,input") && wanted.contains(code), "{failed}");
    assert!(failed.contains("s4,") && !failed.contains("s1,"), "{failed}");

    // Asked again, nobody is asked for what is known; and better media make a manifest of their own.
    let asked = batch.requests("decision");
    let table = text(&batch.run(&["decisions", "m.csv"], 0).stdout);
    assert!(table.contains("1 approved") && !table.contains("not decided"), "{table}");
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
    let refused = batch.command(&["decisions", "m.csv", "--json"]).env("SEALPRESS_API_KEY", "other").output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "another account's journal");
}
