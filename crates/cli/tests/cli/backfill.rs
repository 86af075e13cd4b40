//! `sealpress backfill …` as an operator drives it: plans, stops, resumes, refusals, exports.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Emulator, lines, photo, sealpress};

/// A manifest of so many subjects with two pictures each, and more rows where told.
pub(super) struct Batch {
    pub(super) folder: tempfile::TempDir,
    pub(super) emulator: Emulator,
}

pub(super) const HEAD: &str = "subject,context,media,branch\n";

impl Batch {
    pub(super) fn new(subjects: usize, script: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut rows = HEAD.to_owned();
        for n in 0..subjects {
            for context in ["document-front", "face"] {
                let name = format!("{n}-{context}.jpg");
                // Of different widths, so that each is a file of its own.
                photo(folder.path(), &name, 64 + 16 * (2 * n + usize::from(context == "face")) as u32);
                rows += &format!("customer-{n},{context},{name},north\n");
            }
        }
        fs::write(folder.path().join("m.csv"), rows + more).unwrap();
        let toml = folder.path().join("script.toml");
        fs::write(&toml, script).unwrap();
        let emulator = Emulator::with(&["--script", toml.to_str().unwrap()]);
        Self { folder, emulator }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn command(&self, words: &[&str]) -> Command {
        let told = |name: &str| self.emulator.told[name].as_str().unwrap().to_owned();
        let mut command = sealpress();
        command.current_dir(self.folder.path()).args(["backfill"]).args(words);
        command.env("SEALPRESS_BASE_URL", told("url")).env("SEALPRESS_API_KEY", told("api_key"));
        command.env("SEALPRESS_SECRET", told("secret")).env("SEALPRESS_SETTLE", "500ms");
        command
    }

    pub(super) fn run(&self, words: &[&str], exit: i32) -> Output {
        let output = self.command(words).output().unwrap();
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(exit), "{words:?}: {said}");
        output
    }

    pub(super) fn json(&self, words: &[&str], exit: i32) -> Value {
        lines(&self.run(words, exit)).pop().unwrap()
    }

    /// Started, and on the wire: the emulator has seen an upload.
    pub(super) fn under_way(&self, words: &[&str]) -> Child {
        self.started(self.command(words))
    }

    /// The same for a command that was told more.
    pub(super) fn started(&self, mut command: Command) -> Child {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let began = Instant::now();
        while self.requests("upload") == 0 {
            assert!(began.elapsed() < Duration::from_secs(60), "nothing was sent");
            std::thread::sleep(Duration::from_millis(20));
        }
        child
    }

    pub(super) fn requests(&self, route: &str) -> u64 {
        self.emulator.ledger()["requests"][route].as_u64().unwrap_or(0)
    }

    /// Media of the ledger, and those of them that are duplicates.
    pub(super) fn arrived(&self) -> (usize, usize, usize) {
        let ledger = self.emulator.ledger();
        let sessions = ledger["sessions"].as_array().unwrap();
        let media = sessions
            .iter()
            .flat_map(|s| s["attempts"].as_array().unwrap())
            .flat_map(|a| a["media"].as_array().unwrap());
        let media: Vec<&Value> = media.collect();
        let twice = media.iter().filter(|m| !m["duplicate_of"].is_null()).count();
        let submitted = sessions.iter().filter(|s| s["status"] != "created" && s["status"] != "started").count();
        (media.len(), twice, submitted)
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(super) fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// Every answer to an upload takes so long.
pub(super) fn slow(ms: u32) -> String {
    format!("[[fault]]\nroutes = ['upload']\neffect = {{ kind = 'latency', ms = {ms} }}\n")
}

#[test]
fn a_plan_sends_nothing_and_says_everything() {
    let batch =
        Batch::new(3, "", "customer-9,face,missing.jpg,south\ncustomer-9,face,http://169.254.169.254/x,south\n");
    fs::write(batch.path("empty.jpg"), "").unwrap();
    let mut rows = fs::read_to_string(batch.path("m.csv")).unwrap();
    rows += "customer-9,address-front,empty.jpg,south\ntoo,few\n";
    fs::write(batch.path("m.csv"), rows).unwrap();
    let plan = batch.json(&["plan", "m.csv", "--json"], 3);
    assert_eq!((&plan["rows"], &plan["subjects"], &plan["bad"]), (&10.into(), &5.into(), &4.into()), "{plan}");
    assert_eq!((&plan["contexts"]["face"], &plan["contexts"]["document-front"]), (&5.into(), &3.into()));
    let size: u64 = (0..3)
        .flat_map(|n| {
            ["document-front", "face"].map(|c| fs::metadata(batch.path(&format!("{n}-{c}.jpg"))).unwrap().len())
        })
        .sum();
    assert_eq!(plan["bytes"], size);
    let problems = plan["problems"].as_array().unwrap();
    assert!(problems[0].as_str().unwrap().starts_with("line 8: ") && problems.len() == 4, "{problems:?}");
    assert!(!plan.to_string().contains("customer-9"), "no names in problems");
    let table = text(&batch.run(&["plan", "m.csv"], 3).stdout);
    for row in ["items      10 in 5 sessions", "problems   4", "estimate   "] {
        assert!(table.contains(row), "{table}");
    }
    assert!(batch.emulator.ledger()["requests"].as_object().unwrap().is_empty(), "a plan asks nobody");
    assert!(!batch.path("m.csv.sealpress").exists(), "and begins no journal");
    batch.run(&["plan", "missing.csv"], 2);
}

#[test]
fn results_and_failures_can_be_exported_and_fed_back() {
    let batch = Batch::new(2, "", "customer-7,face,bad.jpg,\"south, \"\"east\"\"\"\n");
    fs::write(batch.path("bad.jpg"), b"no picture at all").unwrap();
    let end = batch.json(&["run", "m.csv", "--json"], 3);
    assert_eq!((&end["items"]["confirmed"], &end["items"]["failed"]), (&4.into(), &1.into()), "{end}");
    assert_eq!(batch.arrived(), (4, 0, 2));
    let told = text(&batch.run(&["export", "m.csv", "--out", "elsewhere"], 0).stdout);
    assert_eq!(told.lines().count(), 2);
    for name in ["results.jsonl", "failed.csv"] {
        let exported = fs::read_to_string(batch.path("elsewhere").join(name)).unwrap();
        assert_eq!(exported, fs::read_to_string(batch.path("m.csv.sealpress").join(name)).unwrap(), "{name}");
    }
    let results = fs::read_to_string(batch.path("elsewhere/results.jsonl")).unwrap();
    let results: Vec<Value> = results.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(results.len(), 5);
    // The failed rows are a manifest: mended, they go through.
    let failed = fs::read_to_string(batch.path("elsewhere/failed.csv")).unwrap();
    assert!(failed.contains("\"south, \"\"east\"\"\"") && failed.lines().count() == 2, "{failed}");
    photo(&batch.path("elsewhere"), "bad.jpg", 900);
    let again = batch.json(&["run", "elsewhere/failed.csv", "--json"], 0);
    assert_eq!(again["items"]["confirmed"], 1);
    // Or set back in the same journal.
    photo(batch.folder.path(), "bad.jpg", 800);
    assert_eq!(batch.json(&["retry-failed", "m.csv", "--json"], 0)["items"]["confirmed"], 5);
    let uploads = batch.requests("upload");
    batch.run(&["run", "m.csv"], 0);
    assert_eq!(batch.requests("upload"), uploads, "a finished journal sends nothing");
    let status = batch.json(&["status", "m.csv", "--json"], 0);
    assert_eq!((&status["finished"], &status["items"]["total"]), (&true.into(), &5.into()));
    batch.run(&["export", "never-run.csv"], 2);
}

#[test]
fn too_many_errors_stop_a_run_that_can_be_gone_on_with() {
    let bad: String = (0..12).map(|n| format!("bad-{n},face,bad-{n}.jpg,x\n")).collect();
    let batch = Batch::new(4, &slow(200), &bad);
    (0..12).for_each(|n| fs::write(batch.path(&format!("bad-{n}.jpg")), format!("no picture {n}")).unwrap());
    let end = batch.json(&["run", "m.csv", "--max-errors", "2", "--sessions", "1", "--json"], 4);
    let failed = end["items"]["failed"].as_u64().unwrap();
    assert!((3..12).contains(&failed), "{end}");
    assert!(end["stopped"].as_str().unwrap().contains("--max-errors"));
    let end = batch.json(&["run", "m.csv", "--max-errors", "100%", "--json"], 3);
    assert_eq!((&end["items"]["confirmed"], &end["items"]["failed"]), (&8.into(), &12.into()), "{end}");
    assert_eq!(batch.arrived(), (8, 0, 4));
    for wrong in ["many", "-1", "101%", "%"] {
        batch.run(&["run", "m.csv", &format!("--max-errors={wrong}")], 2);
    }
}

#[test]
fn a_deadline_stops_a_run_that_can_be_gone_on_with() {
    let batch = Batch::new(6, &slow(700), "");
    let began = Instant::now();
    let end = batch.json(&["run", "m.csv", "--deadline", "1s", "--connections", "1", "--json"], 5);
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    assert!(end["stopped"].as_str().unwrap().contains("deadline"));
    let confirmed = end["items"]["confirmed"].as_u64().unwrap();
    assert!(confirmed < 12, "{end}");
    let end = batch.json(&["run", "m.csv", "--json"], 0);
    assert_eq!(end["items"]["confirmed"], 12);
    assert_eq!(batch.arrived(), (12, 0, 6), "nothing twice, nothing lost");
    batch.run(&["run", "m.csv", "--deadline", "soon"], 2);
}

#[test]
fn signals_drain_and_the_next_run_goes_on() {
    for (name, exit) in [("-TERM", 143), ("-INT", 130)] {
        let batch = Batch::new(8, &slow(600), "");
        let child = batch.under_way(&["run", "m.csv", "--connections", "2", "--json"]);
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("stopping: "));
        let end = lines(&output).pop().unwrap();
        assert!(
            end["stopped"].as_str().unwrap().contains("signal") && end["items"]["confirmed"].as_u64() < Some(16),
            "{end}"
        );
        // What was on the wire came to its end: nothing needs to be looked up.
        assert_eq!(end["items"]["sending"].as_u64().unwrap_or(0), 0, "{end}");
        assert_eq!(batch.json(&["run", "m.csv", "--json"], 0)["items"]["confirmed"], 16);
        assert_eq!(batch.arrived(), (16, 0, 8), "{name}");
    }
}

#[test]
fn a_second_signal_ends_it_now() {
    let script =
        "[[fault]]\nroutes = ['upload']\ncount = 1\neffect = { kind = 'stall', ms = 60000, recorded = true }\n";
    let batch = Batch::new(3, script, "");
    let child = batch.under_way(&["run", "m.csv"]);
    let began = Instant::now();
    signal(&child, "-TERM");
    std::thread::sleep(Duration::from_millis(600));
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    // What nobody knows about is looked up before anything is sent again.
    assert_eq!(batch.json(&["run", "m.csv", "--json"], 0)["items"]["confirmed"], 6);
    assert_eq!(batch.arrived(), (6, 0, 3));
}

#[test]
fn another_manifest_or_other_rules_are_refused() {
    let batch = Batch::new(2, "", "");
    batch.run(&["run", "m.csv"], 0);
    let path = batch.path("m.csv");
    let rows = fs::read_to_string(&path).unwrap();
    fs::write(&path, rows.replacen("north", "south", 1)).unwrap();
    let refused = batch.run(&["run", "m.csv"], 2);
    assert!(text(&refused.stderr).contains("--accept-changed-manifest"), "{}", text(&refused.stderr));
    assert_eq!(batch.json(&["run", "m.csv", "--accept-changed-manifest", "--json"], 0)["items"]["total"], 4);
    fs::write(&path, rows).unwrap();
    batch.run(&["run", "m.csv"], 0);

    // As an older version with other rules would have left it.
    let journal = rusqlite::Connection::open(batch.path("m.csv.sealpress/journal.db")).unwrap();
    assert_eq!(journal.execute("UPDATE facts SET value = 'other' WHERE key = 'policy'", []).unwrap(), 1);
    drop(journal);
    let refused = batch.run(&["run", "m.csv"], 2);
    assert!(text(&refused.stderr).contains("--accept-changed-policy"), "{}", text(&refused.stderr));
    batch.run(&["run", "m.csv", "--accept-changed-policy"], 0);
    batch.run(&["run", "m.csv"], 0);
    assert_eq!(batch.arrived(), (4, 0, 2));
}

#[test]
fn two_processes_on_one_journal_and_a_scraper_meanwhile() {
    let batch = Batch::new(5, &slow(500), "");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut child = batch.under_way(&["run", "m.csv", "--connections", "1", "--metrics", &address, "--json"]);
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let at = said.by_ref().map_while(Result::ok).find(|line| line.contains("metrics at")).unwrap();
    assert!(at.contains(&address), "{at}");
    std::thread::spawn(move || said.map_while(Result::ok).for_each(drop));

    let page = get(&address, "/metrics");
    let (head, body) = page.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
    let mut typed = std::collections::BTreeSet::new();
    let mut values = std::collections::BTreeMap::new();
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge"].contains(&kind) && typed.insert(name.to_owned()), "{line}");
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let plain = name.split('{').next().unwrap();
            assert!(typed.contains(plain), "{name} has no type before it");
            assert!(values.insert(name.to_owned(), value.parse::<f64>().unwrap()).is_none(), "{name} stands twice");
        }
    }
    assert_eq!(values["sealpress_items"], 10.0);
    assert!(values["sealpress_attempts_total"] >= 1.0 && values["sealpress_memory_bytes"] >= 0.0);
    assert!(values.contains_key("sealpress_items_ended_total{state=\"confirmed\"}"));

    let health = get(&address, "/healthz");
    assert!(health.starts_with("HTTP/1.1 200") && health.ends_with("{\"ok\":true}\n"), "{health}");

    // The second one is refused; onlookers are not.
    let refused = batch.run(&["run", "m.csv"], 2);
    assert!(text(&refused.stderr).contains("another"), "{}", text(&refused.stderr));
    let status = batch.json(&["status", "m.csv", "--json"], 0);
    assert_eq!((&status["finished"], &status["items"]["total"]), (&false.into(), &10.into()));
    // Nor does it listen where somebody else does.
    let other = Batch::new(1, "", "");
    assert!(text(&other.run(&["run", "m.csv", "--metrics", &address], 2).stderr).contains("metrics"));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(batch.arrived(), (10, 0, 5));
    assert!(TcpStream::connect(&address).is_err(), "the page ends with the run");
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The disk is full: here by a limit on the size of files, which is felt the same way.
#[test]
fn a_full_disk_stops_the_run_at_once_and_a_bigger_one_goes_on() {
    let batch = Batch::new(40, "", "");
    let before = batch.command(&["run", "m.csv", "--json"]);
    let program = before.get_program().to_owned();
    let mut limited = Command::new("bash");
    // In blocks of 1 KiB; the signal that comes with the limit is ignored, so that writes fail instead.
    limited.args(["-c", "ulimit -f 100; trap '' XFSZ; exec \"$@\"", "bash"]).arg(program).args(before.get_args());
    limited.current_dir(batch.folder.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    before.get_envs().for_each(|(name, value)| {
        value.map(|value| limited.env(name, value));
    });
    let began = Instant::now();
    let output = limited.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(began.elapsed() < Duration::from_secs(60));
    let said = text(&output.stdout);
    assert!(said.contains("journal") || said.contains("disk") || said.contains("written"), "{said}");
    let (there, twice, _) = batch.arrived();
    assert!(there < 80 && twice == 0, "{there} {twice}");
    let end = batch.json(&["run", "m.csv", "--json"], 0);
    assert_eq!(end["items"]["confirmed"], 80, "{end}");
    assert_eq!(batch.arrived(), (80, 0, 40));
}

/// The report opens in a real browser, by itself: text, plots, both colour schemes, nothing fetched.
#[test]
fn the_report_opens_in_a_browser() {
    let names = ["chromium", "chromium-headless-shell", "chromium-browser", "google-chrome"];
    let there = |name: &&&str| Command::new(**name).arg("--version").output().is_ok_and(|o| o.status.success());
    let Some(browser) = names.iter().find(there) else { return sealpress_testkit::skip("no Chromium") };
    let batch = Batch::new(4, "", "bad,face,<script>alert(1)</script>.jpg,x\n");
    batch.run(&["run", "m.csv"], 3);
    let out = batch.path("report.html");
    assert_eq!(text(&batch.run(&["report", "m.csv", "--out", "report.html"], 0).stdout).trim(), "report.html");
    let html = fs::read_to_string(&out).unwrap();
    for outside in ["src=\"http", "href=\"http", "@import", "url(http", "<script"] {
        assert!(!html.contains(outside), "{outside}");
    }
    for scheme in ["light", "dark"] {
        let picture = batch.path(&format!("{scheme}.png"));
        let profile = batch.path(&format!("profile-{scheme}"));
        let output = Command::new(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"])
            .args(["--window-size=1200,1600", "--run-all-compositor-stages-before-draw"])
            .args((scheme == "dark").then_some("--blink-settings=preferredColorScheme=0"))
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(format!("--screenshot={}", picture.display()))
            .arg(format!("file://{}", out.display()))
            .output()
            .unwrap();
        assert!(output.status.success() && picture.exists(), "{}", text(&output.stderr));
        let pixels = image::open(&picture).unwrap().to_rgb8();
        let colours: std::collections::HashSet<_> = pixels.pixels().map(|p| p.0).collect();
        assert!(colours.len() > 20, "{scheme}: {} colours are no report", colours.len());
        let corner = pixels.get_pixel(1190, 1590).0.iter().map(|v| u32::from(*v)).sum::<u32>();
        assert_eq!(corner > 384, scheme == "light", "{scheme}: {corner}");
        if let Some(folder) = std::env::var_os("SEALPRESS_SCREENSHOTS") {
            fs::copy(&picture, Path::new(&folder).join(format!("report-{scheme}.png"))).unwrap();
        }
    }
    let dom = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"])
        .arg(format!("--user-data-dir={}", batch.path("profile-dom").display()))
        .arg(format!("file://{}", out.display()))
        .output()
        .unwrap();
    let dom = text(&dom.stdout);
    assert!(dom.contains("<svg") && dom.contains("unreadable"), "{dom}");
    assert!(!dom.contains("alert(1)"), "no names of files in reports, and none that run");
}
