//! What is judged before a journal is touched: settings, the account, rules, rows that are fed back. Each over sockets, by
//! what the journal says afterwards.

use std::fs;

use super::Emulator;
use super::backfill::text;
use super::doors::with_manifest;

/// Nothing is changed in the journal under settings with which no run could follow.
#[test]
fn settings_are_judged_before_the_journal_is_touched() {
    let rows = b"subject,context,media\ns1,face,a.jpg\ns1,document-front\ns2,face,missing.jpg\ns2,face,b.jpg\n";
    let batch = with_manifest("m.csv", rows, "");
    batch.run(&["run", "m.csv"], 3);
    let mended = "subject,context,media,error_line\ns1,document-front,c.jpg,3\n";
    fs::write(batch.path("mended.csv"), mended).unwrap();
    let occupied = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let occupied = occupied.local_addr().unwrap().to_string();
    let other = ("SEALPRESS_API_KEY", "2b0f0bd5-3e0b-4d9c-9d2c-0f3f6a3f6a3f");
    let stands = || {
        let status = batch.json(&["status", "m.csv", "--json"], 3);
        (status["items"].clone(), status["sessions"].clone(), status["unowned"].clone())
    };
    let before = stands();
    for (variable, value, said) in [
        ("SEALPRESS_BASE_URL", "", "`base_url` is not set"),
        ("SEALPRESS_BASE_URL", "no address", "cannot be parsed"),
        ("SEALPRESS_SECRET", "", "`secret` is not set"),
        ("SEALPRESS_MEMORY", "a lot", "is no size"),
        ("SEALPRESS_ALLOW_ROOT", "nowhere", "cannot be read from"),
        ("SEALPRESS_ALLOW_SOURCE", "nowhere", "not a URL"),
        ("SEALPRESS_METRICS", &occupied, "cannot be listened on"),
        (other.0, other.1, "another API key"),
    ] {
        for words in [
            &["retry-failed", "m.csv", "--from", "mended.csv"][..],
            &["retry-failed", "m.csv"],
            &["run", "m.csv", "--submit-incomplete", "s2"],
            &["run", "m.csv", "--drop-session", "s1"],
        ] {
            let refused = batch.command(words).env(variable, value).output().unwrap();
            let told = text(&refused.stderr);
            assert!(refused.status.code() == Some(2) && told.contains(said), "{variable}, {words:?}: {told}");
            assert_eq!(stands(), before, "{variable}, {words:?}");
        }
    }
    // One wrong row among good ones, and none is taken.
    for (wrong, said) in [("s2,face,b.jpg,99", "no failed row"), ("s1,document-front,d.jpg,3", "stand for line 3")] {
        fs::write(batch.path("wrong.csv"), format!("{mended}{wrong}\n")).unwrap();
        let refused = batch.run(&["retry-failed", "m.csv", "--from", "wrong.csv"], 2);
        assert!(text(&refused.stderr).contains(said), "{}", text(&refused.stderr));
        assert_eq!(stands(), before, "{wrong}");
    }
    // Who only sets back needs no account.
    let back = batch.command(&["retry-failed", "m.csv", "--from", "mended.csv", "--no-run"]);
    let back = { back }.env_remove("SEALPRESS_BASE_URL").output().unwrap();
    assert!(back.status.success() && text(&back.stderr).contains("1 mended rows taken in"), "{}", text(&back.stderr));
    let end = batch.json(&["run", "m.csv", "--json"], 3);
    assert_eq!((&end["items"]["confirmed"], &end["sessions"]["submitted"]), (&3.into(), &1.into()), "{end}");
}

/// Rows that were added are not taken in by a run that the rules then refuse.
#[test]
fn a_run_that_is_refused_takes_nothing_in() {
    let batch = with_manifest("m.csv", b"subject,context,media\ns1,face,a.jpg\n", "");
    batch.run(&["run", "m.csv"], 0);
    let rows = fs::read_to_string(batch.path("m.csv")).unwrap();
    fs::write(batch.path("m.csv"), rows + "s2,face,b.jpg\n").unwrap();
    batch.run(&["run", "m.csv", "--documents", "pages-only"], 2);
    assert_eq!(batch.json(&["status", "m.csv", "--json"], 0)["items"]["total"], 1);
    // A manifest that cannot be read makes a journal nobody's.
    let batch = with_manifest("m.csv", b"subject,context,media\n\"s1,face,a.jpg\n", "");
    batch.run(&["run", "m.csv"], 2);
    fs::write(batch.path("m.csv"), "subject,context,media\ns1,face,a.jpg\n").unwrap();
    let production = Emulator::start();
    let told = |name: &str| production.told[name].as_str().unwrap().to_owned();
    let mut command = batch.command(&["run", "m.csv"]);
    command.env("SEALPRESS_BASE_URL", told("url")).env("SEALPRESS_API_KEY", told("api_key"));
    let done = command.env("SEALPRESS_SECRET", told("secret")).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
}
