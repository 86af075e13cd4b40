//! What a shell and its user ask for: help with examples everywhere, and completions.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use super::sealpress;

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
