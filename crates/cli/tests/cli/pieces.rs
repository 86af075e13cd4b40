//! Documents whose pages leave a backfill as pictures, each an upload of its own: killed in between, answered by nobody,
//! put in the place of another. One row stays one item.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::backfill::{Batch, text};
use super::cluster::Cluster;
use super::documents::statement;
use super::{Emulator, lines, sealpress};

const ROW: &str = "customer-0,address-front,a.pdf,north\n";
const RUN: [&str; 5] = ["run", "m.csv", "--pages-as", "jpeg", "--json"];

/// A person with two pictures and a document of so many pages.
fn batch(pages: usize, script: &str) -> Batch {
    let batch = Batch::new(1, script, ROW);
    fs::write(batch.path("a.pdf"), statement(pages)).unwrap();
    batch
}

fn results(batch: &Batch, state: &str) -> Vec<Value> {
    let text = fs::read_to_string(batch.path(state).join("results.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn document(batch: &Batch, state: &str) -> Value {
    results(batch, state).into_iter().find(|line| line["media"] == "a.pdf").unwrap()
}

fn ids(line: &Value) -> Vec<String> {
    let pieces = line["pieces"].as_array().into_iter().flatten();
    pieces.map(|piece| piece["media_id"].as_str().unwrap().to_owned()).collect()
}

/// The ids of what the emulator holds in the document's context, in the order of arrival.
fn held(batch: &Batch) -> Vec<String> {
    let ledger = batch.emulator.ledger();
    let attempts = ledger["sessions"].as_array().unwrap().iter().flat_map(|s| s["attempts"].as_array().unwrap());
    let media = attempts.flat_map(|attempt| attempt["media"].as_array().unwrap());
    let of = media.filter(|media| media["context"] == "address-front");
    of.map(|media| media["id"].as_str().unwrap().to_owned()).collect()
}

/// Killed at every step of every page, whatever the journal is: nothing is there twice, nothing is missing, the session
/// is submitted once, and the row says what became of its pages.
fn killed_between_pages(told: impl Fn(&mut Command)) {
    let batch = batch(3, "");
    let command = |point: Option<String>| {
        let mut command = batch.command(&RUN);
        told(&mut command);
        // Pages come after the pictures: one context at a time.
        command.args(["--connections", "1", "--jobs", "1"]);
        command.env("SEALPRESS_LEASE_MS", "12000");
        if let Some(point) = point {
            command.env("SEALPRESS_ABORT_AT", point);
        }
        command.output().unwrap()
    };
    let mut kills = 0;
    for point in ["sending-durable", "answered-not-noted", "confirmed-durable", "before-sending-durable"] {
        for n in [2, 1] {
            let output = command(Some(format!("{point}:{n}")));
            kills += u32::from(output.status.code().is_none());
        }
    }
    let output = command(None);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(kills >= 5, "only {kills} runs were killed");
    let end = lines(&output).pop().unwrap();
    assert_eq!((&end["items"]["confirmed"], &end["items"]["total"]), (&3.into(), &3.into()), "{end}");
    assert_eq!(batch.arrived(), (5, 0, 1), "{}", batch.emulator.ledger());
    let line = document(&batch, "m.csv.sealpress");
    assert_eq!(ids(&line), held(&batch), "the pages in their order: {line}");
    assert_eq!((&line["state"], line.get("media_id")), (&"confirmed".into(), None), "{line}");
    let sizes = line["pieces"].as_array().unwrap().iter().map(|piece| piece["bytes_out"].as_u64().unwrap());
    assert_eq!(line["bytes_out"].as_u64(), Some(sizes.sum()), "{line}");
    assert_eq!(results(&batch, "m.csv.sealpress").len(), 3, "one line a row");
    // Nothing is left to do.
    let before = batch.requests("upload");
    assert_eq!(command(None).status.code(), Some(0));
    assert_eq!(batch.requests("upload"), before);
}

#[test]
fn killed_between_pages_of_a_document() {
    killed_between_pages(|_| {});
}

#[test]
fn killed_between_pages_over_a_shared_store() {
    let Some(cluster) = Cluster::start() else { return };
    killed_between_pages(|command| {
        command.env("SEALPRESS_STORE", cluster.url());
    });
}

/// The answer to a page is lost: it is looked up by itself, and so is the next one, although all pages look alike.
#[test]
fn pages_are_doubted_one_by_one() {
    for alike in [false, true] {
        let lost = "[[fault]]\nroutes = ['upload']\nskip = 3\ncount = 2\n\
                    effect = { kind = 'break', at = 'after-body', recorded = true }\n";
        let batch = batch(4, lost);
        if alike {
            let text = String::from_utf8(statement(4)).unwrap();
            let (mut same, mut n) = (text.clone(), 11);
            while n < 14 {
                same = same.replace(&format!("/Contents {} 0 R", n + 30), "/Contents 40 0 R");
                n += 1;
            }
            assert_ne!(same, text);
            fs::write(batch.path("a.pdf"), same).unwrap();
        }
        let mut words = RUN.to_vec();
        words.extend(["--connections", "1", "--jobs", "1"]);
        let end = batch.json(&words, 0);
        assert_eq!((&end["items"]["confirmed"], &end["unaccounted"]), (&3.into(), &0.into()), "{end}");
        let (media, twice, submitted) = batch.arrived();
        assert_eq!((media, submitted), (6, 1));
        assert_eq!(twice, if alike { 3 } else { 0 }, "equal pages are sent, each once");
        let line = document(&batch, "m.csv.sealpress");
        let mut told = ids(&line);
        told.sort_unstable();
        told.dedup();
        let mut held = held(&batch);
        held.sort_unstable();
        assert_eq!(told, held, "each page has an upload of its own: {line}");
    }
}

/// A run ends in the middle of a document, and when the next one begins there is another file in its place.
#[test]
fn another_file_is_sent_from_its_first_page() {
    let batch = batch(3, "");
    let mut killed = batch.command(&RUN);
    killed.args(["--connections", "1", "--jobs", "1"]).env("SEALPRESS_ABORT_AT", "confirmed-durable:4");
    assert_eq!(killed.output().unwrap().status.code(), None);
    let before = held(&batch);
    assert_eq!(before.len(), 2, "the pictures come first, as in the manifest");
    fs::write(batch.path("a.pdf"), statement(2)).unwrap();
    let end = batch.json(&RUN, 0);
    assert_eq!(end["items"]["confirmed"], 3, "{end}");
    assert_eq!(end["unaccounted"], before.len(), "pages of the other file are nobody's, and told: {end}");
    let line = document(&batch, "m.csv.sealpress");
    assert_eq!(ids(&line).len(), 2, "{line}");
    assert!(ids(&line).iter().all(|id| !before.contains(id)), "{line}");
}

/// The same where other items of the session are at work before it is seen that the file, or what is made of it, is
/// another: the page that was sent is told, although it was known when the run began.
#[test]
fn pages_of_other_rules_are_told() {
    let batch = Batch::new(0, "", &format!("{ROW}customer-0,face,face.jpg,north\n"));
    fs::write(batch.path("a.pdf"), statement(3)).unwrap();
    super::photo(batch.folder.path(), "face.jpg", 700);
    let mut killed = batch.command(&RUN);
    killed.env("SEALPRESS_ABORT_AT", "confirmed-durable:1");
    assert_eq!(killed.output().unwrap().status.code(), None);
    assert_eq!(held(&batch).len(), 1, "the document comes first");
    let end = batch.json(&["run", "m.csv", "--accept-changed-policy", "--json"], 0);
    assert_eq!((&end["items"]["confirmed"], &end["unaccounted"]), (&2.into(), &1.into()), "{end}");
}

/// A page that the vendor refuses fails the document, keeps its session open, and is all that is sent again.
#[test]
fn a_page_that_is_refused_fails_the_document() {
    let refusal = "[[fault]]\nroutes = ['upload']\ncontext = 'address-front'\nskip = 1\ncount = 1\n\
                   effect = { kind = 'status', status = 400 }\n";
    let batch = batch(3, refusal);
    let end = batch.json(&RUN, 3);
    assert_eq!((&end["items"]["failed"], &end["sessions"]["submitted"]), (&1.into(), &0.into()), "{end}");
    let line = document(&batch, "m.csv.sealpress");
    assert_eq!((&line["state"], ids(&line).len()), (&"failed".into(), 1), "the first page is there: {line}");
    let failed = fs::read_to_string(batch.path("m.csv.sealpress/failed.csv")).unwrap();
    assert_eq!(failed.lines().filter(|line| line.contains("a.pdf")).count(), 1, "{failed}");
    let mut again = RUN.to_vec();
    again[0] = "retry-failed";
    let end = batch.json(&again, 0);
    assert_eq!((&end["items"]["confirmed"], &end["unaccounted"]), (&3.into(), &0.into()), "{end}");
    assert_eq!(batch.arrived(), (5, 0, 1));
    assert_eq!(ids(&document(&batch, "m.csv.sealpress")), held(&batch));
}

#[test]
fn a_plan_counts_pages_and_what_they_cost() {
    let batch = batch(7, "");
    let plan = |more: &[&str]| batch.json(&[&["plan", "m.csv", "--json"], more].concat(), 0);
    let whole = plan(&[]);
    assert_eq!((&whole["documents"], &whole["pages"]), (&1.into(), &7.into()), "{whole}");
    let drawn = plan(&["--pages-as", "jpeg"]);
    let requests = |plan: &Value| plan["requests"].as_u64().unwrap();
    assert_eq!(requests(&drawn), requests(&whole) + 4, "five pages are sent: {drawn}");
    let said = text(&batch.run(&["plan", "m.csv"], 0).stdout);
    assert!(said.contains("documents  1, 7 pages"), "{said}");
    let refused = batch.run(&["plan", "m.csv", "--pages-as", "png"], 2);
    assert!(text(&refused.stderr).contains("pages_as"), "{}", text(&refused.stderr));
    // Rules are rules: a journal that was begun with documents is not gone on with in pictures unasked.
    batch.run(&["run", "m.csv"], 0);
    let refused = batch.run(&RUN, 2);
    assert!(text(&refused.stdout).contains("--accept-changed-policy"), "{}", text(&refused.stdout));
}

/// Transmit takes no documents; their pages it does.
#[test]
fn transmit_takes_the_pages_of_a_document() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("a.pdf"), statement(2)).unwrap();
    super::photo(at, "back.jpg", 1400);
    super::photo(at, "face.jpg", 1500);
    let rows = "subject,context,media\nk,document-front,a.pdf\nk,document-back,back.jpg\nk,face,face.jpg\n";
    fs::write(at.join("m.csv"), rows).unwrap();
    let script = "[options]\ntransmit_processing_ms = 0\n[[fault]]\nroutes = ['image-upload']\n\
                  effect = { kind = 'latency', ms = 60 }\n";
    fs::write(at.join("s.toml"), script).unwrap();
    let emulator = Emulator::with(&["--script", at.join("s.toml").to_str().unwrap()]);
    let run = |more: &[&str], point: Option<&str>| {
        let mut command = transmit(&emulator, at);
        command.args(["run", "m.csv", "--json", "--settle", "400ms", "--connections", "1"]).args(more);
        if let Some(point) = point {
            command.env("SEALPRESS_ABORT_AT", point);
        }
        command.output().unwrap()
    };
    let refused = run(&["--state", "other"], None);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused.stderr));
    let pages = ["--pages-as", "jpeg"];
    for point in ["confirmed-durable", "answered-not-noted"] {
        assert_eq!(run(&pages, Some(point)).status.code(), None, "{point} was not met");
    }
    let output = run(&pages, None);
    let end = lines(&output).pop().unwrap();
    assert_eq!(output.status.code(), Some(0), "{end}{}", text(&output.stderr));
    assert_eq!((&end["items"]["confirmed"], &end["items"]["total"]), (&3.into(), &3.into()), "{end}");
    let results = fs::read_to_string(at.join("m.csv.sealpress/results.jsonl")).unwrap();
    let line = results.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).next().unwrap();
    let told = ids(&line);
    assert!(told.len() == 2 && told[0] != told[1], "{line}");
}

fn transmit(emulator: &Emulator, at: &Path) -> Command {
    let told = |pointer: &str| emulator.told.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    let mut command = sealpress();
    command.current_dir(at).args(["backfill", "--provider", "transmit"]);
    command.env("SEALPRESS_BASE_URL", told("/transmit/url"));
    command.env("SEALPRESS_API_KEY", told("/transmit/client_id"));
    command.env("SEALPRESS_SECRET", told("/transmit/client_secret"));
    command.env("SEALPRESS_TRANSMIT_TOKEN_URL", told("/transmit/token_url"));
    command.env("SEALPRESS_TRANSMIT_CONSENT_DOCUMENT", "consent-v3");
    command
}
