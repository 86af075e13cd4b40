//! What every file owes its reader: a reason, a readable length, nothing unfinished.

use std::process::Command;

use super::sources;

/// Lines at which a source file has stopped being one room.
const MOST_LINES: usize = 500;

#[test]
fn every_file_opens_with_its_reason() {
    let silent: Vec<String> = sources()
        .into_iter()
        // A crate's README is its reason.
        .filter(|file| !file.text.starts_with("//! ") && !file.text.starts_with("#![doc = include_str!("))
        .map(|file| file.path)
        .collect();
    assert!(silent.is_empty(), "{} files begin without `//!`: {silent:#?}", silent.len());
}

#[test]
fn no_file_outgrows_its_room() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|file| (file.text.lines().count(), file.path))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, path)| format!("{path} has {lines} lines"))
        .collect();
    assert!(long.is_empty(), "split these (limit {MOST_LINES} lines): {long:#?}");
}

#[test]
fn unsafe_code_stays_behind_its_fences() {
    let fenced = ["crates/base64/src/", "crates/image/src/", "crates/jpeg/src/", "crates/press/src/", "fuzz/"];
    let open: Vec<String> = sources()
        .into_iter()
        .filter(|file| file.path.ends_with("src/lib.rs") || file.path.ends_with("src/main.rs"))
        .filter(|file| !fenced.iter().any(|fence| file.path.starts_with(fence)))
        .filter(|file| !file.text.contains("#![forbid(unsafe_code)]"))
        .map(|file| file.path)
        .collect();
    assert!(open.is_empty(), "these crates do not forbid unsafe code: {open:?}");
}

/// What ends the process where a test likes is for tests: the program that is shipped is built
/// without their dependencies, and neither it nor the library below it has features then.
#[test]
fn abort_points_are_not_shipped() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", "sealpress-cli", "-e", "normal", "--depth", "1", "--prefix", "none", "--offline"])
        .args(["-f", "{p} [{f}]"])
        .current_dir(crate::root())
        .output()
        .expect("cargo tree starts");
    let said = String::from_utf8_lossy(&output.stdout);
    for name in ["sealpress-cli ", "sealpress-backfill ", "sealpress-pipeline "] {
        let line = said.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}in {said}"));
        assert!(line.ends_with("[]"), "{line}");
    }
    // The press is shipped with its codecs, and without the files that try to break out of it.
    let press = said.lines().find(|line| line.starts_with("sealpress-press ")).expect("the press is below the program");
    assert!(press.contains("isolate") && !press.contains("escapes"), "{press}");
}

/// Where a library prints all the same, and why.
const LOUD: &[(&str, &str)] = &[
    ("crates/emulator/src/store.rs", "the event file is what the emulator would tell it in, and that failed"),
    ("crates/press/src/isolated/start.rs", "before `main` there is nobody else to tell"),
];

/// Only the program prints: a library says what happened to whoever called it.
#[test]
fn libraries_do_not_print() {
    let mut loud = Vec::new();
    let quiet = |path: &str| !LOUD.iter().any(|(loud, _)| *loud == path);
    let files = sources();
    let shipped = files.iter().filter(|file| file.is_shipped() && file.house() != Some("cli"));
    for file in shipped.filter(|file| quiet(&file.path)) {
        for (number, line) in file.code().lines().enumerate() {
            if ["println!(", "print!(", "dbg!("].iter().any(|mark| line.contains(mark)) {
                loud.push(format!("{}:{}", file.path, number + 1));
            }
        }
    }
    assert!(loud.is_empty(), "{loud:#?}");
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = ["todo!(", "unimplemented!(", "FIXME", "#[ignore"];
    let found: Vec<String> = sources()
        .into_iter()
        .filter(|file| !file.path.starts_with("xtask/src/tidy/"))
        .filter_map(|file| {
            let mark = marks.iter().find(|m| file.text.contains(**m))?;
            Some(format!("{}: {mark}", file.path))
        })
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}
