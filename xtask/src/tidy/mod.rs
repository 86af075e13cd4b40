//! The house rules that a program can check: arrows between crates, file sizes, names of files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which crate of ours may depend on which, as drawn in `crates/README.md`. Nothing else may.
const ARROWS: &[(&str, &[&str])] = &[
    ("media", &[]),
    ("base64", &[]),
    ("jpeg", &[]),
    ("image", &["jpeg", "media"]),
    ("pdf", &["media"]),
    ("client", &["base64", "media"]),
    ("pipeline", &["client", "image", "media", "pdf"]),
    ("isolate", &["image", "media", "pdf"]),
    ("backfill", &["client", "media", "pipeline"]),
    ("cli", &["backfill", "client", "emulator", "image", "isolate", "media", "pdf", "pipeline"]),
    ("emulator", &[]),
    ("testkit", &[]),
    ("sealpress", &["client", "image", "media", "pdf", "pipeline"]),
];

/// Lines at which a source file has stopped being one room.
const MOST_LINES: usize = 800;

#[test]
fn dependencies_follow_the_arrows() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    let packages = packages();
    for package in &packages {
        let Some(name) = ours(package["name"].as_str().unwrap_or_default()) else { continue };
        let Some(may) = allowed.get(name) else {
            wrong.push(format!("{name} is not on the map"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let is_normal = dependency["kind"].is_null();
            if let Some(other) = ours(dependency["name"].as_str().unwrap_or_default())
                && is_normal
                && !may.contains(&other)
            {
                wrong.push(format!("{name} → {other}"));
            }
        }
    }
    assert!(packages.len() >= ARROWS.len(), "cargo metadata lists only {} packages", packages.len());
    assert!(wrong.is_empty(), "arrows that the map does not draw: {wrong:?}");
}

#[test]
fn no_file_outgrows_its_room() {
    let long: Vec<String> = sources()
        .into_iter()
        .filter_map(|path| {
            let lines = std::fs::read_to_string(&path).ok()?.lines().count();
            (lines > MOST_LINES).then(|| format!("{} has {lines} lines", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "split these (limit {MOST_LINES} lines): {long:#?}");
}

#[test]
fn unsafe_code_stays_behind_its_fences() {
    let fenced = |path: &Path| {
        let path = path.to_string_lossy();
        path.contains("crates/base64/src/")
            || path.contains("crates/jpeg/src/")
            || path.contains("crates/image/src/")
            || path.contains("/fuzz/")
    };
    let open: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|path| path.ends_with("src/lib.rs") && !fenced(path))
        .filter(|path| std::fs::read_to_string(path).is_ok_and(|text| !text.contains("#![forbid(unsafe_code)]")))
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
    for name in ["sealpress-cli ", "sealpress-backfill "] {
        let line = said.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}in {said}"));
        assert!(line.ends_with("[]"), "{line}");
    }
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = ["todo!(", "unimplemented!(", "FIXME", "#[ignore"];
    let found: Vec<String> = sources()
        .into_iter()
        .filter(|path| !path.ends_with("xtask/src/tidy.rs"))
        .filter_map(|path| {
            let text = std::fs::read_to_string(&path).ok()?;
            let mark = marks.iter().find(|m| text.contains(**m))?;
            Some(format!("{}: {mark}", path.display()))
        })
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// The part of a package name after `sealpress-`; the facade is `sealpress`.
fn ours(name: &str) -> Option<&str> {
    match name {
        "sealpress" => Some("sealpress"),
        "sealpress-benches" => None,
        _ => name.strip_prefix("sealpress-"),
    }
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(crate::root())
        .output()
        .expect("cargo metadata starts");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    metadata["packages"].as_array().cloned().unwrap_or_default()
}

/// Every Rust file of the repository outside build folders.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = ["crates", "benches", "xtask", "fuzz"].map(|d| crate::root().join(d)).to_vec();
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let kind = entry.file_type().expect("a file type");
            if kind.is_dir()
                && !["target", "corpus", "node_modules"].contains(&entry.file_name().to_string_lossy().as_ref())
            {
                waiting.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 10, "only {} sources found", found.len());
    found
}
