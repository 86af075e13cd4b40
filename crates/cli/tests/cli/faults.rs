//! One fault, one answer: whatever command meets it says the same kind, whose turn it is, and exits alike.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::backfill::{Batch, text};
use super::doors::with_manifest;
use super::{lines, photo, sealpress};

const ROWS: &[u8] = b"subject,context,media\ns1,face,a.jpg\n";

/// Commands that ask the vendor for something, each for one file or session.
fn asking(batch: &Batch, session: &str, state: &str) -> Vec<Command> {
    let mut run = batch.command(&["run", "m.csv", "--json", "--passes", "1", "--attempts", "1", "--patience", "1s"]);
    // A journal of its own, which no other account has.
    run.args(["--same-reason", "1", "--state", state]);
    let mut all = vec![run];
    for words in [
        &["session", "submit", session, "--json"][..],
        &["session", "create", "--first-name", "Ada", "--json"],
        &["upload", "--session", session, "--context", "face", "a.jpg", "--settle", "0", "--json"],
        &["faces", "import", "a.jpg", "--json"],
    ] {
        // With the environment of the backfill's.
        let mut command = batch.command(&[]);
        let told: Vec<_> = command.get_envs().map(|(k, v)| (k.to_owned(), v.map(ToOwned::to_owned))).collect();
        command = sealpress();
        command.current_dir(batch.folder.path()).args(words);
        command.envs(told.into_iter().filter_map(|(k, v)| Some((k, v?))));
        all.push(command);
    }
    all
}

/// The failure that a command told, be it one thing's, a file's, or what stopped a run.
fn failure(output: &Output) -> Value {
    let all = lines(output);
    let found = all.iter().find_map(|line| line.get("error").filter(|error| error.is_object()));
    found.unwrap_or_else(|| panic!("no error in {all:?}: {}", text(&output.stderr))).clone()
}

/// The same of every command, and its exit code.
fn told_alike(what: &str, commands: &mut [Command], kind: &str, fault: &str, exit: i32) -> Vec<Value> {
    let mut failures = Vec::new();
    for command in commands {
        let output = command.output().unwrap();
        let said = failure(&output);
        assert_eq!((&said["kind"], &said["fault"]), (&kind.into(), &fault.into()), "{what}: {command:?}: {said}");
        assert_eq!(output.status.code(), Some(exit), "{what}: {command:?}: {said}");
        failures.push(said);
    }
    failures
}

#[test]
fn a_fault_on_the_way_has_one_name() {
    let batch = with_manifest("m.csv", ROWS, "");
    let session = "0d43d5e2-b7ea-4fd4-ab90-3ec925ce9081";
    // What a run of many says of one file is what a single command says; it stops, since nothing else is there.
    let with = |name: &str, value: &str| {
        let mut commands = asking(&batch, session, &format!("state-{name}-{value}").replace(['/', ':'], "-"));
        for command in &mut commands {
            command.env(name, value);
        }
        commands
    };
    let wrong = "wrong-secret-wrong-secret";
    let told = told_alike("a wrong secret", &mut with("SEALPRESS_SECRET", wrong), "unauthorized", "caller", 2);
    assert!(told.iter().all(|said| !said.to_string().contains(wrong)));
    let key = "11111111-2222-3333-4444-555555555555";
    told_alike("a wrong key", &mut with("SEALPRESS_API_KEY", key), "unauthorized", "caller", 2);
    told_alike("no URL", &mut with("SEALPRESS_BASE_URL", "nonsense"), "config", "caller", 2);
    told_alike("plain http", &mut with("SEALPRESS_BASE_URL", "http://192.0.2.1"), "config", "caller", 2);
    told_alike("no secret", &mut with("SEALPRESS_SECRET", ""), "config", "caller", 2);
    // A run holds such failures back and stops; single commands have nothing that they could go on with.
    let mut dead = with("SEALPRESS_BASE_URL", "http://127.0.0.1:9");
    told_alike("a dead host, many", &mut dead[..1], "unreachable", "remote", 2);
    told_alike("a dead host", &mut dead[1..], "unreachable", "remote", 3);
}

#[test]
fn an_answer_that_says_no_has_one_name_and_its_request_id() {
    let session = "0d43d5e2-b7ea-4fd4-ab90-3ec925ce9081";
    let firewall = "[[fault]]\neffect = { kind = 'status', status = 403, body = 'html' }\n";
    let batch = with_manifest("m.csv", ROWS, firewall);
    let mut commands = asking(&batch, session, "state");
    told_alike("a firewall, many", &mut commands[..1], "blocked", "caller", 2);
    let told = told_alike("a firewall", &mut commands[1..], "blocked", "caller", 3);
    for said in told {
        assert!(said["http_status"] == 403 && said["message"].as_str().unwrap().contains("firewall"), "{said}");
    }

    let no = "[[fault]]\nroutes = ['upload', 'submit', 'faces-import']\neffect = { kind = 'replace', status = 400, \
              body = '{\"status\":\"fail\",\"code\":\"1101\"}', headers = { x-request-id = 'r-4411' } }\n";
    let batch = with_manifest("m.csv", ROWS, no);
    let open = batch.emulator.json(&["session", "create", "--first-name", "Ada", "--json"])[0]["session"].clone();
    let mut commands = asking(&batch, open.as_str().unwrap(), "state");
    // The session is made; what is refused is its file.
    let _created = commands.remove(2);
    batch.run(&["run", "m.csv", "--log-file", "log"], 3);
    for said in told_alike("a refusal", &mut commands[1..], "refused", "caller", 3) {
        assert_eq!((&said["request_id"], &said["code"]), (&"r-4411".into(), &"1101".into()), "{said}");
    }
    let state = batch.path("m.csv.sealpress");
    let written = ["results.jsonl", "failed.csv", "report.html"].map(|name| (name, state.join(name)));
    for (name, path) in written.into_iter().chain([("log", batch.path("log"))]) {
        assert!(fs::read_to_string(path).unwrap().contains("r-4411"), "no request id in the {name}");
    }
}

#[test]
fn a_file_that_is_none_has_one_name() {
    let rows = b"subject,context,media\ns1,face,none.jpg\ns1,face,text.jpg\ns1,face,empty.jpg\ns1,face,folder\n";
    let batch = with_manifest("m.csv", rows, "");
    fs::write(batch.path("text.jpg"), "no picture").unwrap();
    fs::write(batch.path("empty.jpg"), "").unwrap();
    fs::create_dir(batch.path("folder")).unwrap();
    let open = batch.emulator.json(&["session", "create", "--first-name", "Ada", "--json"])[0]["session"].clone();
    let files = ["none.jpg", "text.jpg", "empty.jpg", "folder"];
    let kinds = ["unreadable", "unsupported-format", "empty", "unreadable"];
    let mut words: Vec<Vec<&str>> = vec![
        vec!["inspect", "--json"],
        vec!["prepare", "--out", "out", "--json"],
        vec!["upload", "--session", open.as_str().unwrap(), "--context", "face", "--json"],
        vec!["faces", "import", "--json"],
    ];
    let mut messages: Vec<Vec<String>> = Vec::new();
    for words in &mut words {
        words.extend(files);
        let mut command = sealpress();
        let told: Vec<_> =
            batch.command(&[]).get_envs().map(|(k, v)| (k.to_owned(), v.unwrap_or_default().to_owned())).collect();
        let output = command.current_dir(batch.folder.path()).args(words.iter()).envs(told).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{words:?}: {}", text(&output.stderr));
        let all: Vec<Value> = lines(&output).into_iter().filter(|line| line["error"].is_object()).collect();
        let told: Vec<&str> = all.iter().map(|line| line["error"]["kind"].as_str().unwrap()).collect();
        assert_eq!(told, kinds, "{words:?}");
        messages.push(all.iter().map(|line| line["error"]["message"].as_str().unwrap().to_owned()).collect());
    }
    let end = batch.json(&["run", "m.csv", "--json"], 3);
    assert_eq!(end["items"]["failed"], 4, "{end}");
    let results = fs::read_to_string(batch.path("m.csv.sealpress/results.jsonl")).unwrap();
    let results: Vec<Value> = results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<&str> = results.iter().map(|line| line["error"]["kind"].as_str().unwrap()).collect();
    assert_eq!(told, kinds, "of a run");
    messages.push(results.iter().map(|line| line["error"]["message"].as_str().unwrap().to_owned()).collect());
    for other in &messages[1..] {
        assert_eq!(&other[0], &messages[0][0], "one fault, two wordings");
    }
}

/// A machine on which nothing can be pressed (a hard limit of private memory below what a worker needs): its setting, in whatever command.
#[test]
#[cfg(target_os = "linux")]
fn a_press_that_cannot_start_has_one_name() {
    let batch = with_manifest("m.csv", ROWS, "");
    let limited = |words: &[&str]| {
        let mut command = Command::new("bash");
        command.args(["-c", "ulimit -d 60000 && exec \"$@\"", "bash", env!("CARGO_BIN_EXE_sealpress")]).args(words);
        let told = batch.command(&[]);
        command.env_clear().envs(told.get_envs().filter_map(|(k, v)| Some((k, v?)))).current_dir(batch.folder.path());
        command
    };
    let session = "0d43d5e2-b7ea-4fd4-ab90-3ec925ce9081";
    let mut commands = [
        limited(&["inspect", "a.jpg", "--json"]),
        limited(&["prepare", "a.jpg", "--out", "out", "--json"]),
        limited(&["best", "a.jpg", "--json"]),
        limited(&["upload", "--session", session, "--context", "face", "a.jpg", "--json"]),
        limited(&["faces", "import", "a.jpg", "--json"]),
        limited(&["backfill", "plan", "m.csv", "--json"]),
        limited(&["backfill", "run", "m.csv", "--json"]),
    ];
    let told = told_alike("no press", &mut commands, "no-press", "internal", 2);
    assert!(told.iter().all(|said| said["message"].as_str().unwrap().contains("RLIMIT_DATA")), "{told:?}");
    assert!(batch.emulator.ledger()["sessions"].as_array().unwrap().is_empty(), "and nobody was asked for anything");
}

/// Names in letters of two columns stand under each other, and nothing is wider than a terminal.
#[test]
fn tables_fit_a_terminal_and_align() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["a.jpg", "身分証明書の写真です.jpg", "ファイル.jpg", "a-name-that-is-much-longer-than-its-column.jpg"];
    names.iter().for_each(|name| drop(photo(folder.path(), name, 700)));
    for words in [&["prepare", "--out", "out"][..], &["best"], &["inspect", "--quality"]] {
        let mut command = sealpress();
        let output = command.current_dir(folder.path()).args(words).args(names).output().unwrap();
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", text(&output.stderr));
        for line in said.lines() {
            assert!(line.width() <= 80, "{words:?}: {} columns: {line}", line.width());
        }
        // The second column begins in the same place of every row.
        let Some(mark) = Some(words[0]).filter(|word| *word == "prepare").map(|_| " jpeg ") else { continue };
        let begins: Vec<usize> = said.lines().filter_map(|line| Some(line[..line.find(mark)?].width())).collect();
        assert!(begins.len() == 4 && begins.iter().all(|at| *at == begins[0]), "{begins:?} in {said}");
    }
}

/// Nobody reads: the work is done, and its end is what the exit code says.
#[cfg(unix)]
#[test]
fn work_on_files_needs_no_reader() {
    let folder = tempfile::tempdir().unwrap();
    photo(folder.path(), "a.jpg", 700);
    for (words, exit) in [
        (&["prepare", "--out", "out", "a.jpg", "none.jpg"][..], 3),
        (&["prepare", "--out", "out", "a.jpg", "--json"], 0),
        (&["inspect", "a.jpg", "a.jpg", "a.jpg"], 0),
        (&["best", "a.jpg"], 0),
        (&["config", "show", "--origin"], 0),
        (&["completions", "bash"], 0),
        (&["backfill", "run", "none.csv", "--json"], 2),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = sealpress();
        command.current_dir(folder.path()).args(words).stdout(writer.try_clone().unwrap()).stderr(writer);
        assert_eq!(command.status().unwrap().code(), Some(exit), "{words:?}");
    }
    assert!(is_file(&folder.path().join("out/a.jpg")));
}

fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.is_file())
}

/// The hook is told of an end that came before the beginning, too.
#[test]
fn a_hook_is_called_however_it_ended() {
    let batch = with_manifest("m.csv", ROWS, "");
    let hook = "echo \"$SEALPRESS_EXIT $SEALPRESS_STATE\" >> ended";
    batch.run(&["run", "away.csv", "--on-end", hook], 2);
    batch.run(&["run", "m.csv", "--base-url", "nonsense", "--on-end", hook], 2);
    batch.run(&["run", "m.csv", "--on-end", &format!("{hook}; exit 7"), "--json"], 0);
    assert_eq!(fs::read_to_string(batch.path("ended")).unwrap(), "2 \n2 m.csv.sealpress\n0 m.csv.sealpress\n");
}

/// PGPASSFILE names the password that the URL lacks; a file that others may read is refused.
#[test]
fn a_database_password_comes_out_of_a_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(cluster) = super::cluster::Cluster::start() else { return };
    let batch = with_manifest("m.csv", ROWS, "");
    cluster.sql("ALTER ROLE postgres PASSWORD 'hush-hush'");
    let rule = "DO $$ BEGIN EXECUTE format('COPY (SELECT ''host all all 127.0.0.1/32 scram-sha-256'') TO %L', \
                current_setting('hba_file')); END $$";
    cluster.sql(rule);
    cluster.sql("SELECT pg_reload_conf()");
    let run = |mode: u32, password: &str| {
        let file = batch.path("pgpass");
        fs::write(&file, format!("*:*:*:postgres:{password}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let mut command = batch.command(&["run", "m.csv", "--json"]);
        let output = command.env("SEALPRESS_STORE", cluster.url()).env("PGPASSFILE", &file).output().unwrap();
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(!said.contains("hush-hush"), "{said}");
        (output.status.code(), said)
    };
    let (code, said) = run(0o644, "hush-hush");
    assert!(code == Some(2) && said.contains("others may read it"), "{said}");
    let (code, said) = run(0o600, "wrong");
    assert_ne!(code, Some(0), "{said}");
    assert_eq!(run(0o600, "hush-hush").0, Some(0));
}
