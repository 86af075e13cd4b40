//! The promises of a backfill at its doors (manifest, configuration, journal, vendor, end of the run),
//! each over sockets and judged by what the operator sees and the emulator's ledger.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::backfill::{Batch, signal, slow, text};
use super::{Emulator, lines, photo, sealpress};

/// A manifest of the caller's own, with `a.jpg` to `d.jpg` beside it.
pub(super) fn with_manifest(name: &str, rows: &[u8], script: &str) -> Batch {
    let batch = Batch::new(0, script, "");
    fs::remove_file(batch.path("m.csv")).unwrap();
    for (n, file) in ["a.jpg", "b.jpg", "c.jpg", "d.jpg"].into_iter().enumerate() {
        photo(batch.folder.path(), file, 400 + 16 * n as u32);
    }
    fs::write(batch.path(name), rows).unwrap();
    batch
}

/// How many sessions there are at the provider, and how many of them are submitted.
fn sessions(batch: &Batch) -> (usize, usize) {
    let ledger = batch.emulator.ledger();
    (ledger["sessions"].as_array().unwrap().len(), batch.arrived().2)
}

fn ledger_of(emulator: &Emulator) -> usize {
    emulator.ledger()["requests"].as_object().unwrap().len()
}

#[test]
fn a_rehearsal_is_not_the_run() {
    let batch = Batch::new(2, "", "");
    batch.run(&["run", "m.csv"], 0);
    let production = Emulator::start();
    let url = production.told["url"].as_str().unwrap();
    let mut command = batch.command(&["run", "m.csv"]);
    command.env("SEALPRESS_BASE_URL", url).env("SEALPRESS_API_KEY", production.told["api_key"].as_str().unwrap());
    command.env("SEALPRESS_SECRET", production.told["secret"].as_str().unwrap());
    let refused = command.output().unwrap();
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    let rehearsal = batch.emulator.told["url"].as_str().unwrap().trim_end_matches('/');
    for word in [rehearsal, url.trim_end_matches('/'), "--state", "Nothing was sent"] {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    assert_eq!(ledger_of(&production), 0);
    // The same host under another key is another account.
    let key = production.told["api_key"].as_str().unwrap();
    let refused = batch.command(&["run", "m.csv"]).env("SEALPRESS_API_KEY", key).output().unwrap();
    let said = text(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("another API key") && !said.contains(key), "{said}");
    let status = batch.json(&["status", "m.csv", "--json"], 0);
    assert_eq!(status["provider"], rehearsal);
    assert!(status["account"].as_str().is_some_and(|key| key.len() == 8), "{status}");
    // A journal of its own, as told.
    let state = batch.path("production");
    let done = command.args(["--state", state.to_str().unwrap()]).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(ledger_of(&production) > 0);
}

#[test]
fn a_row_that_cannot_be_read_keeps_its_session_open() {
    let cases: [(&str, &[u8]); 4] = [
        ("m.csv", b"subject,context,media,note\ns1,face,a.jpg,ok\ns1,document-front,b.jpg,Smith, John\n"),
        ("m.csv", b"subject,context,media,note\ns1,face,a.jpg,ok\ns1,document-front,b.jpg\n"),
        ("m.csv", b"subject,context,media,note\ns1,face,a.jpg,ok\ns1,document-\xe9,b.jpg,ok\n"),
        (
            "m.jsonl",
            b"{\"subject\":\"s1\",\"context\":\"face\",\"media\":\"a.jpg\"}\n{\"subject\":\"s1\",\"context\":\"document-front\",\"media\":\"b.jpg\",}\n",
        ),
    ];
    for (name, rows) in cases {
        let batch = with_manifest(name, rows, "");
        let end = batch.json(&["run", name, "--json"], 3);
        assert_eq!((&end["items"]["confirmed"], &end["sessions"]["submitted"]), (&1.into(), &0.into()), "{end}");
        let state = batch.path(&format!("{name}.sealpress"));
        let failed = fs::read(state.join("failed.csv")).unwrap();
        let failed = String::from_utf8_lossy(&failed).into_owned();
        let raw = rows.split(|b| *b == b'\n').nth(if name == "m.csv" { 2 } else { 1 }).unwrap();
        let raw = String::from_utf8_lossy(raw).replace('"', "\"\"");
        assert!(failed.contains(&raw) && failed.contains("s1"), "the row as it stands: {raw} in {failed}");

        // Mended and fed back, it goes into the same session.
        let mended = "subject,context,media,error_line\ns1,document-front,b.jpg,LINE\n";
        fs::write(batch.path("mended.csv"), mended.replace("LINE", if name == "m.csv" { "3" } else { "2" })).unwrap();
        let end = batch.json(&["retry-failed", name, "--from", "mended.csv", "--json"], 0);
        assert_eq!((&end["items"]["confirmed"], &end["sessions"]["submitted"]), (&2.into(), &1.into()), "{end}");
        assert_eq!((sessions(&batch), batch.arrived().0), ((1, 1), 2), "{name}");
        batch.run(&["retry-failed", name, "--from", "mended.csv"], 2);
    }
}

#[test]
fn a_row_that_is_nobodys_holds_every_submission_back() {
    let rows = b"note,subject,context,media\nok,s1,face,a.jpg\nx,y,s2,face,b.jpg\n";
    let batch = with_manifest("m.csv", rows, "");
    let output = batch.run(&["run", "m.csv", "--json"], 3);
    assert!(text(&output.stderr).contains("--skip-bad-rows"), "{}", text(&output.stderr));
    assert_eq!(batch.arrived(), (1, 0, 0));
    assert_eq!(batch.json(&["status", "m.csv", "--json"], 3)["unowned"], 1);
    batch.run(&["run", "m.csv", "--skip-bad-rows"], 3);
    assert_eq!(batch.arrived(), (1, 0, 1));
}

#[test]
fn spellings_of_a_manifest_that_are_no_faults() {
    let line = |file: &str| format!("{{\"subject\":\"s1\",\"context\":\"face\",\"media\":\"{file}\"}}\r\n");
    let marked = format!("\u{feff}{}{}", line("a.jpg"), line("b.jpg"));
    let batch = with_manifest("m.jsonl", marked.as_bytes(), "");
    assert_eq!(batch.json(&["run", "m.jsonl", "--json"], 0)["sessions"]["submitted"], 1);

    let latin = b"subject,context,media,note\r\ns1,face,a.jpg,caf\xe9\r\ns1,face,missing.jpg,x\r\n";
    let batch = with_manifest("m.csv", latin, "");
    batch.run(&["run", "m.csv"], 3);
    let results = fs::read_to_string(batch.path("m.csv.sealpress/results.jsonl")).unwrap();
    let results: Vec<Value> = results.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!((&results[0]["extra"]["note"], &results[0]["line"]), (&"café".into(), &2.into()));
    assert_eq!((&results[1]["state"], &results[1]["line"]), (&"failed".into(), &3.into()));

    let wide: Vec<u8> = "subject,context,media\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let batch = with_manifest("m.csv", &wide, "");
    assert!(text(&batch.run(&["run", "m.csv"], 2).stderr).contains("UTF-16"));
}

/// Two files of one context that look the same in the provider's list; the first one's answer is
/// lost and no listing can be had, the second one's request never arrives.
#[test]
fn equal_twins_are_not_each_others_alibi() {
    let script = "[[fault]]\nroutes = ['upload']\ncount = 1\neffect = { kind = 'break', at = 'after-body', recorded = true }\n\
                  [[fault]]\nroutes = ['upload']\nskip = 1\ncount = 1\neffect = { kind = 'break', at = 'mid-body' }\n\
                  [[fault]]\nroutes = ['list-media']\ncount = 5\neffect = { kind = 'status', status = 400 }\n";
    let batch = with_manifest("m.csv", b"subject,context,media\ns1,face,a.jpg\ns1,face,b.jpg\n", script);
    for (name, grey) in [("a.jpg", 100u8), ("b.jpg", 116)] {
        let pixels = image::RgbImage::from_pixel(320, 240, image::Rgb([grey; 3]));
        pixels.save_with_format(batch.path(name), image::ImageFormat::Jpeg).unwrap();
    }
    let end = batch.json(&["run", "m.csv", "--json"], 0);
    assert_eq!(end["sessions"]["submitted"], 1, "{end}");
    assert!(end["doubts"].as_u64().unwrap() >= 1, "{end}");
    let ledger = batch.emulator.ledger();
    let media: Vec<&Value> = ledger["sessions"][0]["attempts"][0]["media"].as_array().unwrap().iter().collect();
    let sizes: std::collections::HashSet<u64> = media.iter().map(|m| m["size"].as_u64().unwrap()).collect();
    assert_eq!(sizes.len(), 1, "the test's files do not look the same: {media:?}");
    let hashes: std::collections::HashSet<&str> = media.iter().map(|m| m["sha256"].as_str().unwrap()).collect();
    assert_eq!(hashes.len(), 2, "one of them never arrived: {media:?}");
    assert_eq!(batch.arrived(), (2, 0, 1), "and none arrived twice");
}

#[test]
fn one_reason_for_all_is_nobodys_file() {
    // A folder that is not mounted.
    let rows: String = (0..40).map(|n| format!("away-{n},face,away/{n}.jpg,x\n")).collect();
    let batch = Batch::new(0, "", &rows);
    let output = batch.run(&["run", "m.csv", "--json"], 2);
    let end = lines(&output).pop().unwrap();
    assert_eq!((&end["items"]["failed"], &end["items"]["pending"]), (&0.into(), &40.into()), "{end}");
    assert!(end["stopped"].as_str().unwrap().contains("unreadable"), "{end}");
    assert!(!text(&output.stderr).contains("will not be sent"), "it will: {}", text(&output.stderr));
    assert_eq!(batch.requests("create-session"), 0, "no session is made for files that cannot be read");
    // It is mounted: nothing has to be set back.
    fs::create_dir(batch.path("away")).unwrap();
    (0..40).for_each(|n| drop(photo(&batch.path("away"), &format!("{n}.jpg"), 200 + n)));
    assert_eq!(batch.json(&["run", "m.csv", "--json"], 0)["items"]["confirmed"], 40);

    // A few files that are missing are what they are.
    let batch = Batch::new(1, "", &rows[..rows.find("away-9").unwrap()]);
    let end = batch.json(&["run", "m.csv", "--json"], 3);
    assert_eq!((&end["items"]["confirmed"], &end["items"]["failed"]), (&2.into(), &9.into()), "{end}");
}

#[test]
fn a_wrong_secret_leaves_one_session_behind() {
    let refused = "[[fault]]\nroutes = ['upload']\neffect = { kind = 'status', status = 401 }\n";
    let batch = Batch::new(30, refused, "");
    let end = batch.json(&["run", "m.csv", "--json"], 2);
    assert!(end["stopped"].as_str().unwrap().contains("`api_key` and `secret`"), "{end}");
    assert_eq!(end["items"]["failed"], 0, "{end}");
    assert!(batch.requests("create-session") <= 1, "{}", batch.requests("create-session"));
    batch.emulator.recover();
    assert_eq!(batch.json(&["run", "m.csv", "--json"], 0)["items"]["confirmed"], 60);
}

#[test]
fn a_lost_answer_to_a_creation_costs_an_empty_session_and_nothing_else() {
    let script = "[[fault]]\nroutes = ['create-session']\ncount = 1\neffect = { kind = 'break', at = 'after-body', recorded = true }\n\
                  [[fault]]\nroutes = ['create-session']\nskip = 1\ncount = 1\neffect = { kind = 'status', status = 503 }\n";
    let batch = Batch::new(3, script, "");
    let end = batch.json(&["run", "m.csv", "--json"], 0);
    assert_eq!((&end["items"]["confirmed"], &end["items"]["quarantined"]), (&6.into(), &0.into()), "{end}");
    assert_eq!((sessions(&batch), end["orphans"].as_u64()), ((4, 3), Some(2)), "what may be left is said");
}

#[test]
fn a_firewalls_page_fails_its_item_alone() {
    let script = "[[fault]]\nroutes = ['upload']\nskip = 2\ncount = 1\neffect = { kind = 'status', status = 403, body = 'html' }\n";
    let batch = Batch::new(3, script, "");
    let end = batch.json(&["run", "m.csv", "--json"], 3);
    assert_eq!((&end["items"]["confirmed"], &end["items"]["failed"]), (&5.into(), &1.into()), "{end}");
    assert_eq!(batch.json(&["retry-failed", "m.csv", "--json"], 0)["items"]["confirmed"], 6);

    let all = "[[fault]]\nroutes = ['upload']\neffect = { kind = 'status', status = 403, body = 'html' }\n";
    let batch = Batch::new(20, all, "");
    let end = batch.json(&["run", "m.csv", "--json"], 2);
    assert_eq!(end["items"]["failed"], 0, "{end}");
}

#[test]
fn a_journal_that_was_lost_sends_nothing_and_a_copy_goes_on() {
    let batch = Batch::new(2, "", "");
    batch.run(&["run", "m.csv"], 0);
    let uploads = batch.requests("upload");
    let journal = batch.path("m.csv.sealpress/journal.db");
    let told = batch.run(&["backup", "m.csv", "copy.db"], 0);
    assert_eq!(text(&told.stdout).trim(), "copy.db");
    batch.run(&["backup", "m.csv", "copy.db"], 2);
    // The file alone is the journal.
    fs::copy(&journal, batch.path("plain.db")).unwrap();
    fs::write(&journal, "").unwrap();
    for log in ["journal.db-wal", "journal.db-shm"] {
        let _ = fs::remove_file(batch.path(&format!("m.csv.sealpress/{log}")));
    }
    let lost = batch.run(&["run", "m.csv"], 1);
    assert!(text(&lost.stderr).contains("no tables"), "{}", text(&lost.stderr));
    for copy in ["copy.db", "plain.db"] {
        fs::copy(batch.path(copy), &journal).unwrap();
        batch.run(&["run", "m.csv"], 0);
    }
    assert_eq!(batch.requests("upload"), uploads, "nothing was sent again");
}

#[test]
fn a_manifest_that_only_grew_is_gone_on_with() {
    let batch = with_manifest("m.csv", b"subject,context,media\ns1,face,a.jpg\ns2,face,missing.jpg\n", "");
    batch.run(&["run", "m.csv"], 3);
    let old = fs::read_to_string(batch.path("m.csv")).unwrap();
    photo(batch.folder.path(), "missing.jpg", 900);
    // A new subject, one that is open, and one that is submitted.
    let grown = format!("{old}s3,face,c.jpg\ns2,document-front,b.jpg\ns1,document-front,d.jpg\n");
    fs::write(batch.path("m.csv"), grown).unwrap();
    let end = batch.json(&["run", "m.csv", "--json"], 3);
    assert_eq!((&end["items"]["total"], &end["items"]["confirmed"]), (&5.into(), &3.into()), "{end}");
    let failed = fs::read_to_string(batch.path("m.csv.sealpress/failed.csv")).unwrap();
    assert!(failed.contains("session-submitted"), "{failed}");
    let end = batch.json(&["retry-failed", "m.csv", "--json"], 3);
    assert_eq!((&end["items"]["confirmed"], &end["sessions"]["submitted"]), (&4.into(), &3.into()), "{end}");
    assert_eq!(sessions(&batch), (3, 3), "the new row joined the open session");
    // A row that is another is a change.
    fs::write(batch.path("m.csv"), old.replace("s1", "s9")).unwrap();
    batch.run(&["run", "m.csv"], 2);
}

/// What a person would have to see before anything is sent.
#[test]
fn a_plan_looks_at_the_files_and_names_what_it_finds() {
    let rows = b"subject,context,media\ns1,face,a.jpg\ns1,face,a.jpg\ns1,document_front,b.jpg\ns2,face,page.txt\n";
    let batch = with_manifest("m.csv", rows, "");
    fs::write(batch.path("page.txt"), "no picture").unwrap();
    let plan = batch.json(&["plan", "m.csv", "--json"], 3);
    assert_eq!((&plan["duplicates"], &plan["bad"], &plan["requests"]), (&1.into(), &2.into(), &7.into()), "{plan}");
    let problems = plan["problems"].to_string();
    for said in ["did you mean `document-front`", "page.txt"] {
        assert!(problems.contains(said), "{problems}");
    }
    // A folder, with what systems leave in folders.
    let folder = batch.path("people");
    fs::create_dir_all(folder.join("k1/face")).unwrap();
    fs::copy(batch.path("a.jpg"), folder.join("k1/face/a.jpg")).unwrap();
    fs::write(folder.join("k1/face/Thumbs.db"), "x").unwrap();
    fs::write(folder.join("k1/desktop.ini"), "x").unwrap();
    let plan = batch.json(&["plan", "people", "--json"], 0);
    assert_eq!((&plan["rows"], &plan["left_out_count"]), (&1.into(), &2.into()), "{plan}");
    let output = batch.run(&["run", "people", "--json"], 0);
    assert!(text(&output.stderr).contains("left out as no media: 2, such as"), "{}", text(&output.stderr));
}

#[test]
fn a_status_names_what_is_open_and_a_hook_is_called_at_the_end() {
    let rows = b"subject,context,media\ns1,face,a.jpg\ns2,face,missing.jpg\ns2,document-front,b.jpg\n";
    let batch = with_manifest("m.csv", rows, "");
    let hook = "echo $SEALPRESS_EXIT > ended; test -e \"$SEALPRESS_STATE/results.jsonl\" && echo there >> ended";
    batch.run(&["run", "m.csv", "--on-end", hook], 3);
    assert_eq!(fs::read_to_string(batch.path("ended")).unwrap(), "3\nthere\n");
    let status = batch.json(&["status", "m.csv", "--open", "--json"], 3);
    assert_eq!(status["failures"]["unreadable"], 1, "{status}");
    let open = status["open"].as_array().unwrap();
    assert!(open.len() == 1 && open[0]["subject"] == "s2", "{status}");
    assert!(open[0]["why"].as_str().unwrap().contains("1 of its items failed"), "{status}");
    let table = text(&batch.run(&["status", "m.csv", "--open"], 3).stdout);
    assert!(table.contains("open       s2: ") && table.contains("1 unreadable"), "{table}");
}

/// One line for every item that will not be sent, as text and as JSON, and nobody's name in any.
#[test]
fn a_log_says_what_was_not_sent_and_names_nobody() {
    let rows = b"subject,context,media,first_name\nCanaria-1,face,a.jpg,Canaria\nCanaria-2,face,Canaria.jpg,Canaria\n";
    let script =
        "[[fault]]\nroutes = ['upload']\ncount = 1\neffect = { kind = 'status', status = 503, retry_after = '1' }\n";
    let batch = with_manifest("m.csv", rows, script);
    fs::write(batch.path("Canaria.jpg"), "no picture").unwrap();
    let output = batch.run(&["run", "m.csv", "-vv", "--json"], 3);
    let said = text(&output.stderr);
    assert!(said.contains("unsupported-format") && said.contains("the host asks for a pause"), "{said}");
    assert!(!said.contains("Canaria"), "{said}");
    let batch = with_manifest("m.csv", rows, "");
    fs::write(batch.path("Canaria.jpg"), "no picture").unwrap();
    batch.run(&["run", "m.csv", "--log-file", "log", "--log-format", "json"], 3);
    let log = fs::read_to_string(batch.path("log")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed: Vec<&Value> = lines.iter().filter(|l| l["fields"]["reason"] == "unsupported-format").collect();
    assert!(failed.len() == 1 && failed[0]["timestamp"].is_string(), "{log}");
    assert!(!log.contains("Canaria"), "{log}");
}

/// Whoever reads the output may go away: the work goes on, and the exit code says how it ended.
#[cfg(unix)]
#[test]
fn an_output_that_nobody_reads_is_neither_a_panic_nor_a_success() {
    let batch = with_manifest("m.csv", b"subject,context,media\ns1,face,a.jpg\ns2,face,missing.jpg\n", "");
    for words in [&["run", "m.csv", "--json"][..], &["status", "m.csv"], &["plan", "m.csv"]] {
        let mut command = batch.command(words);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = command.stdout(writer.try_clone().unwrap()).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(3), "{words:?}");
    }
    assert_eq!(batch.arrived(), (1, 0, 1));
}

/// What lies where an output goes, and is no file, is somebody's arrangement.
#[cfg(unix)]
#[test]
fn an_output_replaces_files_only() {
    let batch = Batch::new(1, "", "");
    batch.run(&["run", "m.csv"], 0);
    fs::write(batch.path("precious"), "x").unwrap();
    std::os::unix::fs::symlink("precious", batch.path("link.html")).unwrap();
    let refused = batch.run(&["report", "m.csv", "--out", "link.html"], 2);
    assert!(text(&refused.stderr).contains("a link"), "{}", text(&refused.stderr));
    assert!(batch.path("link.html").is_symlink());
    assert!(fs::symlink_metadata("/dev/null").is_ok_and(|about| !about.is_file()));
    batch.run(&["report", "m.csv", "--out", "/dev/null"], 2);
    let page = text(&batch.run(&["report", "m.csv", "--out", "-"], 0).stdout);
    assert!(page.starts_with("<!doctype html>") || page.starts_with("<!DOCTYPE html>"), "{}", &page[..60]);
}

/// What is erased is nowhere in the state folder any more, and the job is not run again.
#[test]
fn a_finished_job_can_be_forgotten() {
    let rows = b"subject,context,media,first_name,note\nk1,face,a.jpg,Canaria,Canaria was here\n";
    let batch = with_manifest("m.csv", rows, "");
    batch.run(&["run", "m.csv"], 0);
    let state = batch.path("m.csv.sealpress");
    let somewhere = |word: &str| {
        let files = fs::read_dir(&state).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
        files.into_iter().any(|bytes| bytes.windows(word.len()).any(|window| window == word.as_bytes()))
    };
    assert!(somewhere("Canaria"), "the test looks where the names are");
    let receipt = batch.json(&["erase", "m.csv"], 0);
    assert!(receipt["erased_at_unix"].is_number() && receipt["manifest_sha256"].is_string(), "{receipt}");
    for word in ["Canaria", "k1", "a.jpg"] {
        assert!(!somewhere(word), "{word} is still there");
    }
    let uploads = batch.requests("upload");
    let refused = batch.run(&["run", "m.csv"], 2);
    assert!(text(&refused.stderr).contains("erased"), "{}", text(&refused.stderr));
    assert_eq!(batch.requests("upload"), uploads);
    let unfinished = with_manifest("m.csv", b"subject,context,media\nk1,face,a.jpg\nk2,face,b.jpg\n", "");
    unfinished.run(&["run", "m.csv", "--limit", "1"], 0);
    unfinished.run(&["erase", "m.csv"], 2);
}

/// The report says whose it is, what is open and what to do next, and names nobody.
#[test]
fn a_report_says_what_is_open_and_what_comes_next() {
    let rows =
        b"subject,context,media\nCanaria-1,face,a.jpg\nCanaria-2,face,missing.jpg\nCanaria-2,document-front,b.jpg\n";
    let batch = with_manifest("m.csv", rows, "");
    batch.run(&["run", "m.csv"], 3);
    let page = fs::read_to_string(batch.path("m.csv.sealpress/report.html")).unwrap();
    let url = batch.emulator.told["url"].as_str().unwrap().trim_end_matches('/');
    for said in ["Sessions not submitted", "1 of its items failed", "retry-failed", url, env!("CARGO_PKG_VERSION")] {
        assert!(page.contains(said), "`{said}` is not in the report");
    }
    assert!(!page.contains("Canaria"), "a subject may be a person's name");
}

#[test]
fn a_canary_is_a_part_of_the_same_journal() {
    let batch = Batch::new(4, "", "");
    let end = batch.json(&["run", "m.csv", "--limit", "1", "--json"], 0);
    assert_eq!((&end["items"]["confirmed"], &end["sessions"]["submitted"]), (&2.into(), &1.into()), "{end}");
    batch.run(&["run", "m.csv", "--only-subject", "customer-2"], 0);
    for words in [["--only-subject", "custmer-3"], ["--include", "*.png"], ["--exclude", "*"]] {
        let slip = batch.run(&[&["run", "m.csv"][..], &words].concat(), 0);
        assert!(text(&slip.stderr).contains("nothing was done"), "{words:?}: {}", text(&slip.stderr));
    }
    assert_eq!(batch.arrived(), (4, 0, 2));
    assert_eq!(batch.json(&["run", "m.csv", "--json"], 0)["items"]["confirmed"], 8);
    assert_eq!(batch.arrived(), (8, 0, 4));
}

#[test]
fn a_terminal_that_goes_away_drains() {
    let batch = Batch::new(6, &slow(500), "");
    let child = batch.under_way(&["run", "m.csv", "--connections", "2", "--json"]);
    signal(&child, "-HUP");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143), "{}", text(&output.stderr));
    assert_eq!(batch.json(&["run", "m.csv", "--json"], 0)["items"]["confirmed"], 12);
    assert_eq!(batch.arrived(), (12, 0, 6));
}

#[cfg(unix)]
#[test]
fn what_is_left_at_rest_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let batch = Batch::new(1, "", "");
    batch.run(&["run", "m.csv"], 0);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let state = batch.path("m.csv.sealpress");
    assert_eq!(mode(&state), 0o700);
    for file in fs::read_dir(&state).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    let shown = sealpress()
        .args(["config", "show"])
        .env("SEALPRESS_STORE", "postgres://me@host/db?password=hush-hush&sslmode=require")
        .output()
        .unwrap();
    assert!(!text(&shown.stdout).contains("hush-hush"), "{}", text(&shown.stdout));
}
