//! What a shell and its user ask for: help with examples everywhere, and completions.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use super::{Emulator, photo, sealpress};

fn help(path: &[String]) -> String {
    let output = sealpress().args(path).arg("--help").output().unwrap();
    assert!(output.status.success(), "{path:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every command without commands below it.
fn leaves() -> Vec<Vec<String>> {
    let mut waiting = vec![Vec::new()];
    let mut found = Vec::new();
    while let Some(path) = waiting.pop() {
        let text = help(&path);
        let below: Vec<&str> = match text.split_once("\nCommands:\n") {
            Some((_, rest)) => rest
                .lines()
                .take_while(|l| !l.is_empty())
                .filter(|l| l.starts_with("  ") && !l.starts_with("   "))
                .collect(),
            None => Vec::new(),
        };
        if below.is_empty() {
            found.push(path);
            continue;
        }
        for line in below {
            let name = line.split_whitespace().next().unwrap();
            if name != "help" {
                waiting.push(path.iter().cloned().chain([name.to_owned()]).collect());
            }
        }
    }
    found
}

#[test]
fn every_command_has_help_with_an_example_that_parses() {
    let leaves = leaves();
    let names: BTreeSet<String> = leaves.iter().map(|path| path.join(" ")).collect();
    for expected in [
        "session delete",
        "session collect",
        "media get",
        "transmit consent",
        "transmit image",
        "backfill run",
        "config show",
        "completions",
        "emulator",
        "prepare",
        "inspect",
        "upload",
    ] {
        assert!(names.contains(expected), "{expected} is not among {names:?}");
    }
    for path in leaves {
        let text = help(&path);
        let (_, examples) = text.split_once("Example").unwrap_or_else(|| panic!("{path:?} has no example:\n{text}"));
        let command = format!("sealpress {}", path.join(" "));
        let lines: Vec<&str> = examples.lines().map(str::trim).filter(|l| l.starts_with(&command)).collect();
        assert!(!lines.is_empty(), "{path:?} has no example of itself:\n{text}");
        for line in lines {
            // Up to what belongs to the shell; then it has to be a command that clap takes.
            let line = line.split(" | ").next().unwrap().split(" > ").next().unwrap();
            if line.ends_with('\\') {
                continue;
            }
            let words: Vec<&str> = line.split_whitespace().skip(1).collect();
            let output = sealpress().args(&words).arg("--help").output().unwrap();
            assert!(output.status.success(), "{line}");
            for flag in words.iter().filter(|w| w.starts_with("--")) {
                assert!(text.contains(flag), "{line}: {flag} is not in its help");
            }
        }
    }
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = sealpress().args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["watchlist", "collect", "consent", "retry-failed", "--fingerprint", "--max-size"] {
            let word = if shell == "fish" { word.trim_start_matches("--") } else { word };
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    // bash takes its script, and completes with it.
    let script = sealpress().args(["completions", "bash"]).output().unwrap().stdout;
    let mut bash = match Command::new("bash").arg("--norc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() {
        Ok(bash) => bash,
        Err(_) => return sealpress_testkit::skip("bash"),
    };
    let ask = "\nCOMP_WORDS=(sealpress session wat); COMP_CWORD=2; _sealpress sealpress wat session; echo \"got: ${COMPREPLY[*]}\"\n";
    {
        use std::io::Write as _;
        let mut stdin = bash.stdin.take().unwrap();
        stdin.write_all(&script).unwrap();
        stdin.write_all(ask.as_bytes()).unwrap();
    }
    let output = bash.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("got: watchlist"), "{said}");
}

/// Whoever decodes files without isolation is told, before the first of them and in the settings.
#[test]
fn less_isolation_than_usual_is_said() {
    let show = |value: Option<&str>| {
        let mut command = sealpress();
        command.args(["config", "show", "--origin"]);
        if let Some(value) = value {
            command.env("SEALPRESS_ISOLATION", value);
        }
        let out = command.output().unwrap();
        assert!(out.status.success());
        let text = String::from_utf8(out.stdout).unwrap();
        text.lines().find(|line| line.starts_with("isolation ")).expect("a line about it").to_owned()
    };
    assert!(show(Some("off")).contains("none: this process") && show(Some("off")).contains("SEALPRESS_ISOLATION"));
    let usual = if cfg!(target_os = "linux") { "locked-down processes" } else { "processes without a lock" };
    assert!(show(None).contains(usual), "{}", show(None));

    let folder = tempfile::tempdir().unwrap();
    let photo = photo(folder.path(), "photo.jpg", 64);
    let prepare = |value: &str| {
        let mut command = sealpress();
        command
            .env("SEALPRESS_ISOLATION", value)
            .arg("prepare")
            .arg(&photo)
            .arg("--out")
            .arg(folder.path().join("out"));
        let out = command.output().unwrap();
        assert!(out.status.success());
        String::from_utf8(out.stderr).unwrap()
    };
    assert!(prepare("off").contains("without isolation"));
    assert_eq!(prepare("on"), "");
}

#[test]
fn files_are_not_prepared_into_a_folder_that_was_meant_as_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    photo(folder.path(), "front.jpg", 800);
    let output = sealpress().current_dir(&folder).args(["prepare", "front.jpg", "--out", "-"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--out is a folder"), "{said}");
    assert!(!folder.path().join("-").exists(), "a folder called - was made");
    let output = sealpress().current_dir(&folder).args(["prepare", "front.jpg", "--out", "./-"]).output().unwrap();
    assert!(output.status.success() && folder.path().join("-").is_dir(), "./- is a folder like others");
}

#[test]
fn servers_are_told_their_address_by_the_same_flag() {
    let emulator = Emulator::with(&["--listen", "127.0.0.1:0"]);
    let url = emulator.told["url"].as_str().unwrap();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    for server in [&["emulator"][..], &["gateway"], &["webhooks", "serve"]] {
        assert!(
            help(&server.iter().map(ToString::to_string).collect::<Vec<_>>()).contains("--listen <ADDR>"),
            "{server:?}"
        );
    }
    // One address, said once.
    let twice = sealpress().args(["emulator", "--listen", "127.0.0.1:0", "--port", "1"]).output().unwrap();
    assert_eq!(twice.status.code(), Some(2));
}
