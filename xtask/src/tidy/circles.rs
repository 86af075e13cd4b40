//! No two files need each other. A folder's own `mod.rs` may name what is in it and be named by it;
//! every other circle means that one of the files is in the wrong place.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, sources};

/// A module by its names from the crate's root.
type Module = Vec<String>;

#[test]
fn no_files_in_a_circle() {
    let mut crates: BTreeMap<String, Vec<Source>> = BTreeMap::new();
    for file in sources().into_iter().filter(Source::is_shipped) {
        crates.entry(file.house().unwrap_or_default().to_owned()).or_default().push(file);
    }
    let mut circles = Vec::new();
    for (house, files) in &crates {
        for circle in circles_of(house, files) {
            circles.push(format!("{house}: {}", circle.join(" ⇄ ")));
        }
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

fn circles_of(house: &str, files: &[Source]) -> Vec<Vec<String>> {
    let prefix = format!("crates/{house}/src/");
    let modules: BTreeMap<Module, &Source> =
        files.iter().map(|file| (module(file.path.strip_prefix(&prefix).unwrap_or(&file.path)), file)).collect();
    let mut arrows: BTreeMap<&Module, BTreeSet<&Module>> = BTreeMap::new();
    for (from, file) in &modules {
        let related = |to: &Module| to.starts_with(from) || from.starts_with(to);
        let to = paths(&file.code(), from)
            .into_iter()
            .filter_map(|path| (0..=path.len()).rev().find_map(|n| modules.get_key_value(&path[..n])))
            .map(|(module, _)| module)
            .filter(|to| !related(to))
            .collect();
        arrows.insert(from, to);
    }
    strongly_connected(&arrows).into_iter().map(|circle| circle.into_iter().map(|m| m.join("/")).collect()).collect()
}

/// `a/b.rs` and `a/b/mod.rs` are `[a, b]`; the crate's root is nothing.
fn module(path: &str) -> Module {
    let path = path.trim_end_matches(".rs");
    let mut names: Module = path.split('/').map(str::to_owned).collect();
    if names.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        names.pop();
    }
    names
}

/// Every path in the code that starts at `crate`, `super` or `self`, from the root, groups spelled out.
fn paths(code: &str, from: &Module) -> Vec<Module> {
    let mut found = Vec::new();
    for start in ["crate", "super", "self"] {
        for (at, _) in code.match_indices(&format!("{start}::")) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let base = match start {
                "crate" => Vec::new(),
                "super" => from[..from.len().saturating_sub(1)].to_vec(),
                _ => from.clone(),
            };
            spell_out(&code[at + start.len() + 2..], base, &mut found);
        }
    }
    found
}

/// `a::{b, c::{d, e}}` gives `a::b`, `a::c::d` and `a::c::e`. A work list instead of recursion.
fn spell_out(text: &str, base: Module, found: &mut Vec<Module>) {
    let mut path = base;
    let mut groups: Vec<usize> = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_alphanumeric() || c == '_' => word.push(c),
            ':' if chars.peek() == Some(&':') => {
                chars.next();
                let name = std::mem::take(&mut word);
                if name == "super" {
                    path.pop();
                } else {
                    path.push(name);
                }
            }
            '{' if word.is_empty() => groups.push(path.len()),
            ',' | '}' if !groups.is_empty() => {
                if !word.is_empty() {
                    found.push(path.iter().cloned().chain([std::mem::take(&mut word)]).collect());
                }
                let depth = groups.last().copied().unwrap_or(0);
                if c == '}' {
                    groups.pop();
                }
                path.truncate(groups.last().copied().unwrap_or(depth));
                if groups.is_empty() {
                    return;
                }
            }
            c if c.is_whitespace() && !groups.is_empty() => {
                // `x as y`: the new name is nobody's path.
                if !word.is_empty() && word != "as" {
                    found.push(path.iter().cloned().chain([word.clone()]).collect());
                }
                word.clear();
            }
            _ => break,
        }
    }
    if !word.is_empty() {
        path.push(word);
    }
    found.push(path);
}

/// Groups of modules that reach each other (Tarjan's algorithm by two passes: Kosaraju's).
fn strongly_connected<'a>(arrows: &BTreeMap<&'a Module, BTreeSet<&'a Module>>) -> Vec<Vec<&'a Module>> {
    let reach = |from: &'a Module| {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![from];
        while let Some(at) = waiting.pop() {
            for next in arrows.get(at).into_iter().flatten() {
                if seen.insert(*next) {
                    waiting.push(next);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&Module, BTreeSet<&Module>> = arrows.keys().map(|m| (*m, reach(m))).collect();
    let mut done = BTreeSet::new();
    let mut circles = Vec::new();
    for (module, to) in &reached {
        let circle: Vec<&Module> = to.iter().copied().filter(|other| reached[other].contains(module)).collect();
        if circle.len() > 1 && done.insert(circle.clone()) {
            circles.push(circle);
        }
    }
    circles
}

#[test]
fn circles_are_found_and_folders_are_not() {
    let file = |path: &str, text: &str| Source { path: format!("crates/x/src/{path}"), text: text.to_owned() };
    let files = [
        file("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
        file("a.rs", "use crate::b::{self, B};\nuse crate::A;"),
        file("b/mod.rs", "mod inner; use crate::{c::C, d};"),
        file("b/inner.rs", "use super::B; fn f() { crate::c::g() }"),
        file("c.rs", "// crate::b\nuse super::a::{x::{Y as Z, W}, A};\n"),
    ];
    let circles = circles_of("x", &files);
    assert_eq!(circles, [["a", "b", "c"].map(str::to_owned).to_vec()]);
    let broken = [file("a.rs", "use crate::b::B;"), file("b.rs", "\n#[cfg(test)]\nmod tests {\n use crate::a; }")];
    assert!(circles_of("x", &broken).is_empty(), "tests may look anywhere");
}
