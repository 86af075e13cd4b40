//! The house rules that a program can check. Each file is one kind of rule; what several of them
//! need stands here.

mod absent;
mod arrows;
mod circles;
mod dependencies;
mod files;
mod names;
mod places;
mod tables;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// One Rust file of the repository.
struct Source {
    /// Relative to the root, with `/` between folders.
    path: String,
    text: String,
}

impl Source {
    /// The folder below `crates/` that it belongs to, where it does.
    fn house(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Whether it is compiled into what others link: not a test, example or bench.
    fn is_shipped(&self) -> bool {
        let inside = self.house().and_then(|house| self.path.strip_prefix(&format!("crates/{house}/src/")));
        inside.is_some_and(|inside| {
            let tests = |part: &str| part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs");
            !inside.split('/').any(tests) && self.house() != Some("testkit")
        })
    }

    /// The code without comments, texts and what only tests compile. Lines stay lines.
    fn code(&self) -> String {
        let text = match self.text.find("\n#[cfg(test)]\nmod ") {
            Some(at) if self.text[at + 1..].lines().nth(1).is_some_and(|line| line.ends_with('{')) => &self.text[..at],
            _ => &self.text,
        };
        bare(text)
    }
}

/// Blanks out comments and the insides of texts.
fn bare(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let skip_to = |from: usize, end: &str| text[from..].find(end).map_or(text.len(), |n| from + n + end.len());
    while at < bytes.len() {
        let rest = &text[at..];
        let end = if rest.starts_with("//") {
            rest.find('\n').map_or(text.len(), |n| at + n)
        } else if rest.starts_with("/*") {
            skip_to(at + 2, "*/")
        } else if rest.starts_with("r\"") || rest.starts_with("r#") {
            let hashes = rest[1..].bytes().take_while(|b| *b == b'#').count();
            match rest[1 + hashes..].starts_with('"') {
                true => skip_to(at + 2 + hashes, &format!("\"{}", "#".repeat(hashes))),
                false => at,
            }
        } else if rest.starts_with('"') {
            let mut end = at + 1;
            while end < bytes.len() && bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            (end + 1).min(text.len())
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            skip_to(at + 1, "'").max(skip_to(at + 2, "'"))
        } else {
            at
        };
        if end > at {
            out.extend(text[at..end].chars().filter(|c| *c == '\n'));
            out.push(' ');
            at = end;
        } else {
            let c = rest.chars().next().unwrap_or(' ');
            out.push(c);
            at += c.len_utf8();
        }
    }
    out
}

/// Every Rust file of the repository outside build folders.
fn sources() -> Vec<Source> {
    let found: Vec<Source> = ["crates", "benches", "xtask", "fuzz"]
        .into_iter()
        .flat_map(|folder| files(folder, "rs"))
        .map(|(path, text)| Source { path, text })
        .collect();
    assert!(found.len() > 10, "only {} sources found", found.len());
    found
}

/// Files of one extension below a folder, by their path from the root, in order.
fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let root = crate::root();
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = vec![root.join(folder)];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let kind = entry.file_type().expect("a file type");
            let name = entry.file_name();
            if kind.is_dir() && !["target", "corpus", "node_modules", ".git"].iter().any(|n| name == *n) {
                waiting.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|e| e == extension) {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                found.push((relative(&root, &path), text));
            }
        }
    }
    found.sort();
    found
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// The part of a package name after `sealpress-`; the facade is `sealpress`.
fn ours(name: &str) -> Option<&str> {
    match name {
        "sealpress" => Some("sealpress"),
        "sealpress-benches" => None,
        _ => name.strip_prefix("sealpress-"),
    }
}

/// The workspace's own packages, as cargo sees them.
fn packages() -> Vec<Value> {
    metadata()["packages"].as_array().cloned().unwrap_or_default()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--no-deps"])
        .current_dir(crate::root())
        .output()
        .expect("cargo metadata starts");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

#[test]
fn comments_and_texts_are_no_code() {
    let text = "let a = \"veriff\"; // veriff\n/* x */ b('\"', r#\"q\"q\"#) c";
    assert_eq!(bare(text).split_whitespace().collect::<Vec<_>>(), ["let", "a", "=", ";", "b(", ",", ")", "c"]);
}
