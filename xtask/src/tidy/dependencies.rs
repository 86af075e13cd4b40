//! Every dependency is used, and says in `Cargo.toml` what for.

use std::collections::BTreeSet;

use super::{files, sources};

/// Named in a `Cargo.toml` for what they bring or for their features, and in no code.
const UNSPOKEN: &[(&str, &str)] = &[
    ("turbojpeg-sys", "builds and links the C library that turbojpeg and our own doors call"),
    ("libwebp-sys", "named as libwebp_sys where it is used"),
];

#[test]
fn every_dependency_says_what_for() {
    let mut silent = Vec::new();
    for (path, text) in manifests() {
        let table = dependencies(&text);
        // `name.workspace = true` inside a group of its own is told by the group's comment.
        silent.extend(table.iter().filter(|d| d.reason.is_empty()).map(|d| format!("{path}: {}", d.name)));
    }
    assert!(silent.is_empty(), "no reason beside: {silent:#?}");
}

#[test]
fn every_dependency_of_the_workspace_is_somebodys() {
    let (_, root) = manifests().into_iter().find(|(path, _)| path == "Cargo.toml").expect("the workspace's manifest");
    let named: BTreeSet<String> = manifests()
        .iter()
        .filter(|(path, _)| path != "Cargo.toml")
        .flat_map(|(_, text)| dependencies(text).into_iter().map(|d| d.name))
        .collect();
    let idle: Vec<String> = dependencies(&root).into_iter().map(|d| d.name).filter(|n| !named.contains(n)).collect();
    assert!(idle.is_empty(), "in the table of the workspace and in no crate: {idle:?}");
}

#[test]
fn every_dependency_of_a_crate_is_in_its_code() {
    let sources = sources();
    let mut idle = Vec::new();
    for (path, text) in manifests().iter().filter(|(path, _)| path != "Cargo.toml") {
        let folder = path.trim_end_matches("Cargo.toml");
        let code: Vec<&str> = sources.iter().filter(|f| f.path.starts_with(folder)).map(|f| f.text.as_str()).collect();
        for dependency in dependencies(text) {
            let word = dependency.name.replace('-', "_");
            let spoken = code.iter().any(|text| speaks_of(text, &word));
            if !spoken && !UNSPOKEN.iter().any(|(name, _)| *name == dependency.name) {
                idle.push(format!("{path}: {}", dependency.name));
            }
        }
    }
    assert!(idle.is_empty(), "in no line of the crate's code: {idle:#?}");
}

/// Whether the text has `word` as a whole word.
fn speaks_of(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(part) && !text[at + word.len()..].chars().next().is_some_and(part)
    })
}

struct Dependency {
    name: String,
    /// What the comment beside it says; that of the workspace's table counts for whoever takes it as it is.
    reason: String,
}

/// The lines of every dependency table of a manifest.
fn dependencies(text: &str) -> Vec<Dependency> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(table) = line.strip_prefix('[') {
            inside = table.trim_end().trim_end_matches(']').ends_with("dependencies");
            continue;
        }
        let Some((left, right)) = line.split_once('=') else { continue };
        let name = left.trim().trim_end_matches(".workspace").trim_matches('"');
        if !inside || name.is_empty() || line.starts_with([' ', '#']) {
            continue;
        }
        let reason = right.rsplit_once('#').map_or("", |(_, reason)| reason.trim());
        // Our own are explained by the map.
        let ours = name.starts_with("sealpress") && right.contains("path =");
        found.push(Dependency {
            name: name.to_owned(),
            reason: if ours { "on the map".to_owned() } else { reason.to_owned() },
        });
    }
    found
}

/// Every manifest of the workspace and the fuzzers'.
fn manifests() -> Vec<(String, String)> {
    let read = |path: &str| std::fs::read_to_string(crate::root().join(path)).expect("a manifest");
    let mut found = vec![("Cargo.toml".to_owned(), read("Cargo.toml"))];
    for folder in ["crates", "benches", "xtask"] {
        found.extend(files(folder, "toml").into_iter().filter(|(path, _)| path.ends_with("/Cargo.toml")));
    }
    assert!(found.len() > 10, "only {} manifests", found.len());
    found
}

#[test]
fn tables_are_read() {
    let text = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true # for this\nb = \"1\"\n[target.'cfg(unix)'.dependencies]\n\
                c-d = { version = \"1\" } # that\n[features]\nd = []";
    let found: Vec<_> = dependencies(text).into_iter().map(|d| (d.name, d.reason)).collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(found, [pair("a", "for this"), pair("b", ""), pair("c-d", "that")]);
    assert!(speaks_of("use c_d::X;", "c_d") && !speaks_of("use abc_d;", "c_d"));
}
