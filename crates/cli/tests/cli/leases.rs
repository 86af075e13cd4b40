//! `sealpress backfill run` by two processes over one PostgreSQL.

use std::process::Command;
use std::time::{Duration, Instant};

use super::backfill::{Batch, signal, text};
use super::cluster::Cluster;
use super::lines;

/// A lease is a minute; a POST ends ten seconds before it. Eight are left for a busy machine.
const LEASE: Duration = Duration::from_secs(18);

fn command(batch: &Batch, cluster: &Cluster, words: &[&str]) -> Command {
    let mut command = batch.command(words);
    command.env("SEALPRESS_STORE", cluster.url()).env("SEALPRESS_LEASE_MS", LEASE.as_millis().to_string());
    command
}

/// One worker is stopped (not ended) with uploads on the wire for longer than its lease. The other
/// takes over and finishes. When the first one wakes it finds its lease ended, and sends nothing.
#[test]
fn a_worker_that_slept_longer_than_its_lease_sends_nothing_any_more() {
    let Some(cluster) = Cluster::start() else { return };
    let slow = "[[fault]]\nroutes = ['upload']\ncount = 2\neffect = { kind = 'latency', ms = 2500 }\n";
    let batch = Batch::new(6, slow, "");
    // Half of the sessions are the first worker's, two of its uploads are on the wire.
    let words = ["run", "m.csv", "--sessions", "3", "--connections", "2", "--json"];
    let first = batch.started(command(&batch, &cluster, &words));
    let began = Instant::now();
    while batch.requests("upload") < 2 {
        assert!(began.elapsed() < Duration::from_secs(60), "the second upload never came");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    signal(&first, "-STOP");
    let stopped = Instant::now();

    let second = command(&batch, &cluster, &["run", "m.csv", "--state", "second", "--json"]).output().unwrap();
    assert_eq!(second.status.code(), Some(0), "{}", text(&second.stderr));
    let end = lines(&second).pop().unwrap();
    assert_eq!((&end["items"]["confirmed"], &end["sessions"]["submitted"]), (&12.into(), &6.into()), "{end}");
    assert_eq!(batch.arrived(), (12, 0, 6), "nothing twice, nothing lost");
    // What the first one had on the wire was looked up, not sent again.
    assert_eq!(batch.requests("upload"), 12);
    let sent = || ["create-session", "upload", "submit"].map(|route| batch.requests(route));
    let before = sent();
    std::thread::sleep((LEASE + Duration::from_secs(1)).saturating_sub(stopped.elapsed()));

    signal(&first, "-CONT");
    let first = first.wait_with_output().unwrap();
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    let end = lines(&first).pop().unwrap();
    assert_eq!((&end["items"]["confirmed"], &end["items"]["failed"]), (&12.into(), &0.into()), "{end}");
    // It may look at what became of its own; it changes nothing.
    assert_eq!(sent(), before, "the one that slept sent something");
    assert_eq!(batch.arrived(), (12, 0, 6));
}
