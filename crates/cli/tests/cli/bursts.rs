//! Bursts in a backfill: of the frames that the manifest groups the best are sent, and the others are neither failed nor
//! missed, whoever is killed in between.

use std::fs;
use std::process::Command;

use super::backfill::{Batch, text};
use super::cluster::Cluster;
use super::lines;
use super::preflight::{batch, results};

const ROWS: &[u8] = b"subject,context,media,burst\nk,document-front,empty.jpg,b1\nk,document-front,soft.jpg,b1\n\
    k,document-front,sharp.jpg,b1\nk,face,soft.jpg,\n";

fn states(batch: &Batch) -> Vec<String> {
    results(batch).iter().map(|line| line["state"].as_str().unwrap().to_owned()).collect()
}

fn killed(told: impl Fn(&mut Command)) {
    let batch = batch(ROWS);
    let command = |point: Option<&str>| {
        let mut command = batch.command(&["run", "m.csv", "--best", "1", "--json"]);
        told(&mut command);
        command.env("SEALPRESS_LEASE_MS", "12000");
        if let Some(point) = point {
            command.env("SEALPRESS_ABORT_AT", point);
        }
        command.output().unwrap()
    };
    let mut kills = 0;
    // The first of them is the moment after the choice.
    for point in ["confirmed-durable:1", "sending-durable:1", "answered-not-noted:1", "confirmed-durable:1"] {
        kills += u32::from(command(Some(point)).status.code().is_none());
    }
    assert!(kills >= 3, "only {kills} runs were killed");
    let output = command(None);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    let end = lines(&output).pop().unwrap();
    assert_eq!((&end["items"]["confirmed"], &end["items"]["not-chosen"]), (&2.into(), &2.into()), "{end}");
    assert_eq!(batch.arrived(), (2, 0, 1), "{}", batch.emulator.ledger());
    assert_eq!(states(&batch), ["not-chosen", "not-chosen", "confirmed", "confirmed"]);
}

#[test]
fn the_same_frame_is_sent_whoever_is_killed() {
    killed(|_| {});
}

#[test]
fn the_same_frame_is_sent_over_a_shared_store() {
    let Some(cluster) = Cluster::start() else { return };
    killed(|command| {
        command.env("SEALPRESS_STORE", cluster.url());
    });
}

/// Frames that are left out are told everywhere, and are nobody's failure.
#[test]
fn what_is_not_chosen_is_told_and_is_no_failure() {
    let batch = batch(ROWS);
    let plan = batch.json(&["plan", "m.csv", "--best", "2", "--json"], 0);
    assert_eq!(plan["not_chosen"], 1, "{plan}");
    // Without being asked all of them are sent, whatever the column says.
    let all = batch.json(&["plan", "m.csv", "--json"], 0);
    assert_eq!((&all["not_chosen"], all["requests"].as_u64()), (&0.into(), plan["requests"].as_u64().map(|n| n + 1)));
    let end = batch.json(&["run", "m.csv", "--best", "2", "--preflight", "off", "--json"], 0);
    assert_eq!((&end["items"]["confirmed"], &end["items"]["not-chosen"]), (&3.into(), &1.into()), "{end}");
    assert_eq!(states(&batch), ["not-chosen", "confirmed", "confirmed", "confirmed"]);
    let line = &results(&batch)[0];
    assert!(line["burst"] == "b1" && line["preflight"]["quality"].is_object() && line.get("error").is_none(), "{line}");
    assert_eq!(batch.arrived(), (3, 0, 1));
    let failed = fs::read_to_string(batch.path("m.csv.sealpress/failed.csv")).unwrap();
    assert_eq!(failed.lines().count(), 1, "{failed}");
    let status = batch.json(&["status", "m.csv", "--json"], 0);
    assert_eq!((&status["finished"], &status["items"]["not-chosen"]), (&true.into(), &1.into()), "{status}");
    assert!(status["last_error"].is_null() && status["failures"] == serde_json::json!({}), "{status}");
    let said = text(&batch.run(&["status", "m.csv"], 0).stdout);
    assert!(said.contains("1 frame not chosen"), "{said}");
    let page = fs::read_to_string(batch.path("m.csv.sealpress/report.html")).unwrap();
    assert!(page.contains("1 not chosen of bursts") && page.contains("Nothing failed."), "{page}");
    // Another number is another rule; the same one has nothing left to do.
    let refused = batch.run(&["run", "m.csv", "--best", "1"], 2);
    assert!(text(&refused.stderr).contains("--accept-changed-policy"), "{}", text(&refused.stderr));
    batch.json(&["run", "m.csv", "--best", "2", "--preflight", "off", "--json"], 0);
    assert_eq!(batch.requests("upload"), 3);
    // A frame that comes later competes for a place that is taken.
    let more = [ROWS, b"k2,document-front,sharp.jpg,b1\nk2,document-front,soft.jpg,b1\n"].concat();
    fs::write(batch.path("m.csv"), more).unwrap();
    let end = batch.json(&["run", "m.csv", "--best", "2", "--preflight", "off", "--json"], 0);
    assert_eq!(end["items"]["confirmed"], 5, "another session's burst of the same name is another burst: {end}");
}

/// A frame that cannot be read is not missed where enough others are there; where they are not, it is.
#[test]
fn a_broken_frame_is_missed_only_where_it_is_needed() {
    let rows = b"subject,context,media,burst\nk,document-front,broken.jpg,b1\nk,document-front,sharp.jpg,b1\n\
        k,document-front,soft.jpg,b1\n";
    let batch_of = || {
        let batch = batch(rows);
        let whole = fs::read(batch.path("sharp.jpg")).unwrap();
        fs::write(batch.path("broken.jpg"), &whole[..whole.len() / 3]).unwrap();
        batch
    };
    let batch = batch_of();
    batch.run(&["run", "m.csv", "--best", "2"], 0);
    assert_eq!(states(&batch), ["not-chosen", "confirmed", "confirmed"]);
    assert_eq!(batch.arrived(), (2, 0, 1));
    let batch = batch_of();
    fs::remove_file(batch.path("soft.jpg")).unwrap();
    batch.run(&["run", "m.csv", "--best", "2"], 3);
    assert_eq!(states(&batch), ["failed", "confirmed", "failed"]);
    assert_eq!(batch.arrived(), (1, 0, 0), "a session with failed frames is not submitted");
}

/// A journal from before the column meant anything goes on as it was begun, and says so where frames are to be chosen.
#[test]
fn a_journal_that_only_carried_the_column_goes_on_so() {
    let rows = "subject,context,media,burst\nk,document-front,soft.jpg,b1\nk,document-front,sharp.jpg,b1\nl,face,missing.jpg,\n";
    let batch = batch(rows.as_bytes());
    batch.run(&["run", "m.csv", "--include", "nothing"], 0);
    let journal = rusqlite::Connection::open(batch.path("m.csv.sealpress/journal.db")).unwrap();
    let older = "UPDATE items SET extra = json_object('burst', COALESCE(burst, ''));
        ALTER TABLE items DROP COLUMN burst; DROP TABLE doubts; PRAGMA user_version = 5";
    journal.execute_batch(older).unwrap();
    drop(journal);
    let refused = batch.run(&["run", "m.csv", "--best", "1", "--accept-changed-policy"], 2);
    assert!(text(&refused.stderr).contains("--best has nothing to choose among"), "{}", text(&refused.stderr));
    assert_eq!(batch.arrived().0, 0);
    let end = batch.json(&["run", "m.csv", "--json"], 3);
    assert_eq!((&end["items"]["confirmed"], &end["items"]["failed"]), (&2.into(), &1.into()), "{end}");
    assert_eq!(results(&batch)[1]["extra"]["burst"], "b1", "as it was");
    // Rows are compared with what was carried: one that failed may be put right, and no other.
    fs::write(batch.path("m.csv"), rows.replacen("b1", "b2", 1)).unwrap();
    assert!(text(&batch.run(&["retry-failed", "m.csv"], 2).stderr).contains("line 2 is another"));
    fs::write(batch.path("m.csv"), rows.replace("missing", "sharp")).unwrap();
    assert_eq!(batch.json(&["retry-failed", "m.csv", "--json"], 0)["items"]["confirmed"], 3);
}
