//! Kill-and-resume: a backfill in a child process is killed again and again, at named points or at
//! random moments, against an emulator that misbehaves; then it may finish, and the emulator's
//! ledger is compared with what the results say.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sealpress_backfill::{ABORT_POINTS, Accepted, Access, Backfill, Config, Error, Exit, Retry, Then, Wiring};
use sealpress_client::{Provider, veriff};
use sealpress_emulator::{Effect, Emulator, FaultRule, Phase};
use serde_json::Value;

/// Arguments of a child, as a JSON list.
pub(crate) const CHILD: &str = "SEALPRESS_CHAOS_CHILD";
/// Stands in for people's names: must appear in no output.
const CANARY: &str = "Canaria-Nemo-Nobody";
/// A child that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(90);

/// What a child process does: `run MANIFEST` or `retry-failed MANIFEST [quarantined]`, with settings behind it as
/// `--name value`.
pub(crate) fn child() -> i32 {
    let args: Vec<String> = serde_json::from_str(&std::env::var(CHILD).expect("the plumbing of a campaign works"))
        .expect("the plumbing of a campaign works");
    let (words, flags) = args.split_at(args.iter().position(|a| a.starts_with("--")).unwrap_or(args.len()));
    let flags = flags.chunks_exact(2).map(|pair| (pair[0].trim_start_matches('-'), pair[1].clone()));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ended = Config::load(None, flags).and_then(|config| runtime.block_on(work(config, words)));
    runtime.shutdown_timeout(Duration::from_millis(500));
    let exit = ended.unwrap_or_else(|e| {
        eprintln!("chaos: {e}");
        e.exit()
    });
    i32::from(exit.code())
}

async fn work(config: Config, words: &[String]) -> Result<Exit, Error> {
    let backfill = Backfill::open(config, &words[1])?;
    if words[0] == "retry-failed" {
        let which = if words.len() > 2 { Retry::FailedAndQuarantined } else { Retry::Failed };
        backfill.retry(which, &wiring(), Accepted::default(), Then::Run).await?;
    }
    Ok(backfill.start(wiring(), Accepted::default()).await?.finish().await?.exit)
}

/// Media go as they are: what is tried here is the bookkeeping.
pub(crate) fn wiring() -> Wiring {
    Wiring {
        press: Arc::new(sealpress_pipeline::Unchanged),
        policy: "unchanged".to_owned(),
        provider: Box::new(|access: &Access| {
            let credentials = veriff::Credentials::new(access.api_key.clone(), access.secret.clone());
            let client = veriff::Client::builder(&access.base_url, credentials).build().map_err(|e| e.to_string())?;
            Ok(Arc::new(client) as Arc<dyn Provider>)
        }),
    }
}

/// A small generator with a seed that can be printed (SplitMix64).
pub(crate) struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// How a campaign starts its children: the program and what comes before the environment.
pub(crate) struct Launcher {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
}

/// What the provider is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Day {
    /// What it records it records at once.
    Punctual,
    /// It records some of what it lost sight of long after everybody looked.
    Late,
}

/// Milliseconds after which a late one is recorded: four times as long as a run waits.
const LATE: u64 = 1200;

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) runs: u32,
    pub(crate) kills: u32,
    /// Of the kills, those at a random moment instead of a named point.
    pub(crate) at_random: u32,
    pub(crate) items: usize,
    pub(crate) duplicates: usize,
    /// Of these, those that no item reports.
    pub(crate) unreported: usize,
    pub(crate) looked_up: u64,
    pub(crate) retries: u32,
}

struct Row {
    subject: String,
    context: &'static str,
    file: String,
    /// SHA-256 in hex of a file that can be sent.
    good: Option<String>,
}

struct Stage<'a> {
    launcher: &'a Launcher,
    emulator: &'a Emulator,
    dir: &'a Path,
    output: Vec<String>,
}

/// One campaign. Panics, naming the seed, where an invariant does not hold.
pub(crate) fn campaign(seed: u64, launcher: &Launcher, point: Option<&str>, day: Day) -> Tally {
    let mut dice = Dice(seed);
    let dir = tempfile::tempdir().expect("the plumbing of a campaign works");
    let lenient = |o: &mut sealpress_emulator::Options| o.media = sealpress_emulator::MediaMode::Lenient;
    let emulator = Emulator::builder().configure(lenient).start_blocking().expect("the plumbing of a campaign works");
    let rows = manifest(dir.path(), &mut dice);
    let mut tally = Tally { items: rows.len(), ..Tally::default() };
    faults(&emulator, &mut dice);
    if day == Day::Late {
        let late = FaultRule::new(Effect::reset(Phase::AfterBody).recorded_after(LATE)).on("upload");
        emulator.add_fault(late.chance(0.2, dice.next())).expect("the plumbing of a campaign works");
    }
    let mut stage = Stage { launcher, emulator: &emulator, dir: dir.path(), output: Vec::new() };

    // Killed again and again.
    let rounds = if point.is_some() { 1 } else { 1 + dice.below(4) };
    for _ in 0..rounds {
        tally.runs += 1;
        let target = match point {
            Some(point) => Some(format!("{point}:{}", 1 + dice.below(3))),
            None if dice.below(2) == 0 => {
                let point = ABORT_POINTS[dice.below(ABORT_POINTS.len() as u64) as usize];
                Some(format!("{point}:{}", 1 + dice.below(12)))
            }
            None => None,
        };
        let moment = target.is_none().then(|| Duration::from_millis(20 + dice.below(700)));
        let code = stage.run(&["run"], target.as_deref(), moment);
        tally.kills += u32::from(code.is_none());
        tally.at_random += u32::from(code.is_none() && moment.is_some());
        if let Some(code) = code {
            assert!([0, 3, 6].contains(&code), "seed {seed}: a run ended with {code}: {:?}", stage.output.last());
        }
    }
    // Left alone, on a good day.
    emulator.clear_faults();
    tally.runs += 1;
    let mut code = stage.run(&["run"], None, None);
    assert!(matches!(code, Some(0 | 3)), "seed {seed}: {code:?} on a good day: {:?}", stage.output.last());
    // What an outage failed is good on another day; what is broken stays so.
    if stage.results().values().any(|r| r["state"] == "failed" && r["error"]["fault"] == "remote") {
        tally.retries += 1;
        code = stage.run(&["retry-failed"], None, None);
    }
    if day == Day::Late {
        std::thread::sleep(Duration::from_millis(LATE));
    }
    check(seed, &stage, &rows, code, day, &mut tally);
    // I4: a second run has nothing to say to the provider.
    let posts = || emulator.requests("upload") + emulator.requests("submit") + emulator.requests("create-session");
    let before = posts();
    assert_eq!(stage.run(&["run"], None, None), code, "seed {seed}: the second run ends as the first did");
    assert_eq!(posts(), before, "seed {seed}: a second run over a finished journal sends nothing");
    tally
}

/// I1, I2, I3, I6 and I7 against the ledger.
fn check(seed: u64, stage: &Stage<'_>, rows: &[Row], code: Option<i32>, day: Day, tally: &mut Tally) {
    let ledger = stage.emulator.ledger();
    let results = stage.results();
    assert_eq!(results.len(), rows.len(), "seed {seed}: a line per row");
    let any_bad = rows.iter().any(|row| row.good.is_none());
    assert_eq!(code, Some(if any_bad { 3 } else { 0 }), "seed {seed}: {:?}", stage.output.last());
    let mut media: HashMap<&str, &sealpress_emulator::MediaRecord> = HashMap::new();
    for record in ledger.media() {
        media.insert(&record.id, record);
    }
    let mut accounted = HashSet::new();
    for (n, row) in rows.iter().enumerate() {
        let line = n as u64 + 2;
        let result = &results[&line];
        tally.looked_up += result["doubts"].as_u64().unwrap_or(0);
        let Some(sha256) = &row.good else {
            assert_eq!(result["state"], "failed", "seed {seed}, line {line}: a bad file is failed: {result}");
            continue;
        };
        assert_eq!(result["state"], "confirmed", "seed {seed}, line {line}: {result}");
        let id = result["media_id"].as_str().expect("the plumbing of a campaign works");
        let record = media.get(id).unwrap_or_else(|| panic!("seed {seed}, line {line}: the ledger has no {id}"));
        assert_eq!(&record.sha256, sha256, "seed {seed}, line {line}: it is the right file");
        assert_eq!(record.context, row.context, "seed {seed}, line {line}");
        assert_eq!(result["session"], record.session.as_str(), "seed {seed}, line {line}");
        if result["via"] != "duplicate" {
            assert!(accounted.insert(id), "seed {seed}, line {line}: two items are confirmed by one upload");
        }
    }
    // I2: what is submitted was whole before.
    let mut sessions: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (n, row) in rows.iter().enumerate() {
        if let Some(id) = results[&(n as u64 + 2)]["session"].as_str() {
            let counts = sessions.entry(id).or_default();
            counts.0 += 1;
            counts.1 += usize::from(row.good.is_none());
        }
    }
    for session in &ledger.sessions {
        let known = sessions.get(session.id.as_str());
        match known {
            Some((_, 0)) => assert_eq!(session.submissions, 1, "seed {seed}: {} is submitted once", session.id),
            Some(_) => assert_eq!(session.submissions, 0, "seed {seed}: {} lacks items", session.id),
            // Made by a process that died before it could say so: empty, and never submitted.
            None => assert!(session.media().next().is_none() && session.submissions == 0, "seed {seed}"),
        }
        for attempt in &session.attempts {
            let submitted = attempt.submitted_ms.unwrap_or(u64::MAX);
            assert!(attempt.media.iter().all(|m| m.received_ms <= submitted), "seed {seed}: {}", session.id);
        }
    }
    // I3: nothing was recorded twice, unless something took longer than we waited before looking; then the
    // items that may have left it say so.
    tally.duplicates = ledger.duplicates().count();
    for record in ledger.media().filter(|record| !accounted.contains(record.id.as_str())) {
        assert!(day == Day::Late, "seed {seed}: {} is no item's: {record:?}", record.id);
        let reported = results.values().any(|result| {
            result["session"] == record.session.as_str()
                && result["context"] == record.context.as_str()
                && result["doubts"].as_u64().is_some_and(|n| n > 0)
        });
        tally.unreported += usize::from(!reported);
    }
    assert_eq!(tally.unreported, 0, "seed {seed}: a duplicate that no item reports");
    // I7: nothing that is nobody's business.
    for output in &stage.output {
        for secret in [CANARY, stage.emulator.api_key(), stage.emulator.secret(), "base64,"] {
            assert!(!output.contains(secret), "seed {seed}: {secret} in {output}");
        }
    }
}

impl Stage<'_> {
    /// One child; `None` where it was killed or killed itself.
    fn run(&mut self, args: &[&str], abort_at: Option<&str>, kill_after: Option<Duration>) -> Option<i32> {
        let mut list: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        list.insert(1, self.dir.join("manifest.csv").display().to_string());
        list.extend(["--settle", "300ms", "--memory", "64MiB", "--jobs", "2"].map(str::to_owned));
        let output = self.dir.join("output");
        let log = std::fs::File::create(&output).expect("the plumbing of a campaign works");
        let mut command = Command::new(&self.launcher.program);
        command
            .args(&self.launcher.args)
            .env(CHILD, serde_json::to_string(&list).expect("the plumbing of a campaign works"))
            .env("SEALPRESS_BASE_URL", self.emulator.url())
            .env("SEALPRESS_API_KEY", self.emulator.api_key())
            .env("SEALPRESS_SECRET", self.emulator.secret())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the plumbing of a campaign works"))
            .stderr(log);
        if let Some(point) = abort_at {
            command.env("SEALPRESS_ABORT_AT", point);
        }
        let mut child = command.spawn().expect("the plumbing of a campaign works");
        let code = wait(&mut child, kill_after);
        self.output.push(
            String::from_utf8_lossy(&std::fs::read(&output).expect("the plumbing of a campaign works")).into_owned(),
        );
        code
    }

    fn results(&self) -> BTreeMap<u64, Value> {
        let text = std::fs::read_to_string(self.dir.join("manifest.csv.sealpress/results.jsonl"))
            .unwrap_or_else(|e| panic!("{e}: {:?}", self.output.last()));
        let lines =
            text.lines().map(|line| serde_json::from_str::<Value>(line).expect("the plumbing of a campaign works"));
        lines.map(|value| (value["line"].as_u64().expect("the plumbing of a campaign works"), value)).collect()
    }
}

fn wait(child: &mut Child, kill_after: Option<Duration>) -> Option<i32> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("the plumbing of a campaign works") {
            return status.code();
        }
        if kill_after.is_some_and(|after| started.elapsed() >= after) {
            child.kill().expect("the plumbing of a campaign works");
            child.wait().expect("the plumbing of a campaign works");
            return None;
        }
        if started.elapsed() >= DEADLINE {
            child.kill().expect("the plumbing of a campaign works");
            panic!("a run did not end within {DEADLINE:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Subjects with several files in several contexts, some of them twice, some of them broken.
fn manifest(dir: &Path, dice: &mut Dice) -> Vec<Row> {
    let mut rows = Vec::new();
    for subject in 0..3 + dice.below(6) {
        let mut earlier: Vec<(usize, &'static str)> = Vec::new();
        for n in 0..1 + dice.below(5) {
            let context = ["document-front", "document-back", "face"][dice.below(3) as usize];
            let file = format!("{subject}-{n}.jpg");
            let (bytes, good) = match dice.below(20) {
                0 => (Vec::new(), false),
                1 => (b"neither picture nor page".to_vec(), false),
                2 if !earlier.is_empty() => {
                    let (other, context) = earlier[dice.below(earlier.len() as u64) as usize];
                    let Row { subject, file, good, .. } = &rows[other] as &Row;
                    let again = Row { subject: subject.clone(), context, file: file.clone(), good: good.clone() };
                    rows.push(again);
                    continue;
                }
                _ => (photo(dice), true),
            };
            std::fs::write(dir.join(&file), &bytes).expect("the plumbing of a campaign works");
            if good {
                earlier.push((rows.len(), context));
            }
            let good = good.then(|| sha256(&bytes));
            rows.push(Row { subject: format!("k{subject}"), context, file, good });
        }
    }
    let mut text = String::from("subject,context,media,first_name,note\n");
    for row in &rows {
        text.push_str(&format!("{},{},{},{CANARY},carried\n", row.subject, row.context, row.file));
    }
    std::fs::write(dir.join("manifest.csv"), text).expect("the plumbing of a campaign works");
    rows
}

/// Starts and ends as a JPEG does. Sizes repeat, so that a listing cannot tell all of them apart.
fn photo(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE0];
    let words = 32 * (1 + dice.below(4));
    (0..words).for_each(|_| bytes.extend(dice.next().to_le_bytes()));
    bytes.extend([0xFF, 0xD9]);
    bytes
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// A bad day at the provider: answers lost before and after the record, pauses, refusals.
fn faults(emulator: &Emulator, dice: &mut Dice) {
    let menu: [fn() -> FaultRule; 9] = [
        || FaultRule::new(Effect::reset(Phase::AfterBody).recorded()).on("create-session"),
        || FaultRule::new(Effect::status(503)).on("create-session"),
        || FaultRule::new(Effect::reset(Phase::AfterBody).recorded()).on("upload"),
        || FaultRule::new(Effect::reset(Phase::MidBody)).on("upload"),
        || FaultRule::new(Effect::status(500).recorded()).on("upload"),
        || FaultRule::new(Effect::status(502)).on("upload"),
        || FaultRule::new(Effect::status(503).with_retry_after("1")).on("upload").times(2),
        || FaultRule::new(Effect::reset(Phase::AfterBody).recorded()).on("submit"),
        || FaultRule::new(Effect::status(500)).on("list-media").times(2),
    ];
    for rule in menu {
        if dice.below(3) == 0 {
            let chance = 0.05 + dice.below(15) as f64 / 100.0;
            emulator.add_fault(rule().chance(chance, dice.next())).expect("the plumbing of a campaign works");
        }
    }
}
