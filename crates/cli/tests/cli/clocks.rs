//! Wall clocks that jump: nothing that a run waits for, holds or sends is counted by them.

use super::backfill::{Batch, signal, slow, text};
use super::cluster::Cluster;
use super::lines;

const MINUTES: [i64; 4] = [-10, 10, -527_040, 527_040];

/// The clock was set back, or forward, by ten minutes or a year between a run that was killed and
/// the next: the journal's moments lie in the future, or long ago.
#[test]
fn a_journal_of_another_time_is_gone_on_with() {
    for minutes in MINUTES {
        let batch = Batch::new(4, &slow(300), "");
        let child = batch.under_way(&["run", "m.csv", "--connections", "1"]);
        std::thread::sleep(std::time::Duration::from_millis(500));
        signal(&child, "-KILL");
        drop(child.wait_with_output().unwrap());
        let journal = rusqlite::Connection::open(batch.path("m.csv.sealpress/journal.db")).unwrap();
        let by = minutes * 60_000;
        let held = journal.execute("UPDATE sessions SET lease_until = lease_until + ?1 WHERE lease_until > 0", [by]);
        assert!(held.unwrap() > 0, "a session was held");
        journal.execute("UPDATE items SET ended = ended + ?1 WHERE ended IS NOT NULL", [by]).unwrap();
        drop(journal);
        let began = std::time::Instant::now();
        let end = batch.json(&["run", "m.csv", "--json"], 0);
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "{minutes}: {:?}", began.elapsed());
        assert_eq!((&end["items"]["confirmed"], &end["sessions"]["submitted"]), (&8.into(), &4.into()), "{end}");
        assert_eq!(batch.arrived(), (8, 0, 4), "{minutes}: nothing twice, nothing lost");
        assert!(std::fs::read_to_string(batch.path("m.csv.sealpress/report.html")).unwrap().contains("</html>"));
    }
}

/// The clock of the PostgreSQL server jumps while two workers are at work. Forward: leases look
/// ended, and sessions change hands under their workers. Back: they look longer than they are.
#[test]
fn the_clock_of_the_shared_store_jumps_under_two_workers() {
    let Some(cluster) = Cluster::start() else { return };
    for (n, minutes) in [-10, 10].into_iter().enumerate() {
        let batch = Batch::new(10, &slow(150), "");
        // Sessions that exist: one that changes hands while it is being made is in doubt for good.
        let rows: String = (0..10)
            .map(|n| {
                let made = batch.emulator.json(&["session", "create", "--json"]);
                let id = made[0]["session"].as_str().unwrap();
                format!("{id},document-front,{n}-document-front.jpg\n{id},face,{n}-face.jpg\n")
            })
            .collect();
        std::fs::write(batch.path("m.csv"), format!("session,context,media\n{rows}")).unwrap();
        let command = |state: &str| {
            let mut command = batch.command(&["run", "m.csv", "--connections", "2", "--sessions", "4", "--json"]);
            command.args(["--state", state]).env("SEALPRESS_STORE", cluster.url());
            command.env("SEALPRESS_NAMESPACE", format!("jump{n}")).env("SEALPRESS_SETTLE", "2s");
            // A session that one worker takes from itself waits for the end of its lease.
            command.env("SEALPRESS_LEASE_MS", "18000");
            command
        };
        let workers = [batch.started(command("first")), batch.started(command("second"))];
        // As if the server's clock had gone on by ten minutes, or back.
        let by = -minutes * 60_000;
        cluster.sql(&format!("UPDATE jump{n}.sessions SET lease_until = lease_until + {by} WHERE lease_until > 0"));
        for worker in workers {
            let output = worker.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{minutes}: {}", text(&output.stderr));
            let end = lines(&output).pop().unwrap();
            assert_eq!((&end["items"]["confirmed"], &end["sessions"]["submitted"]), (&20.into(), &10.into()), "{end}");
        }
        assert_eq!(batch.arrived(), (20, 0, 10), "{minutes}: nothing twice, nothing lost");
    }
}
