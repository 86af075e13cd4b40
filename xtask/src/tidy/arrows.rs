//! The map keeps its word: the arrows drawn in `crates/README.md` are those between the crates, no
//! more and no fewer, and what a crate is said to know nothing of is nowhere below it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{metadata, ours, packages, sources};

const MAP: &str = include_str!("../../../crates/README.md");

/// What is absent: packages that must not be anywhere below a crate (in what others link), and words
/// that its code does not contain.
struct Absent {
    house: &'static str,
    packages: &'static [&'static str],
    words: &'static [&'static str],
    /// Files where a word stands all the same, with the reason.
    but: &'static [(&'static str, &'static str)],
}

const NETWORK: &[&str] = &["tokio", "hyper", "reqwest", "rustls", "http", "h2", "socket2", "mio"];
const CODECS: &[&str] = &["turbojpeg-sys", "libwebp-sys", "png", "rust_h265", "lopdf", "hayro", "hayro-syntax"];
const SOCKETS_AND_PATHS: &[&str] = &["std::net", "std::fs", "std::path", "rayon", "tokio"];

const ABSENT: &[Absent] = &[
    Absent {
        house: "media",
        packages: &["tokio", "reqwest", "rayon", "png", "turbojpeg-sys", "hayro"],
        words: &["std::net", "std::fs", "std::path", "std::thread", "unsafe "],
        but: &[],
    },
    Absent {
        house: "base64",
        packages: &["serde", "bytes", "tokio", "rayon", "sealpress-media"],
        words: &["std::net", "std::fs", "std::path", "std::thread"],
        but: &[],
    },
    Absent { house: "image", packages: NETWORK, words: SOCKETS_AND_PATHS, but: &[] },
    Absent { house: "image", packages: &["lopdf", "hayro"], words: &[], but: &[] },
    Absent { house: "pdf", packages: NETWORK, words: SOCKETS_AND_PATHS, but: &[] },
    Absent { house: "client", packages: CODECS, words: &["rayon", "std::thread::spawn", "std::fs"], but: &[] },
    Absent { house: "client", packages: &["rayon"], words: &[], but: &[] },
    Absent { house: "backfill", packages: &["clap", "indicatif"], words: &["std::env::args"], but: &[] },
];

#[test]
fn dependencies_are_the_arrows_of_the_map() {
    let drawn = drawn();
    let mut built: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        let Some(name) = ours(package["name"].as_str().unwrap_or_default()) else { continue };
        let to = package["dependencies"].as_array().into_iter().flatten().filter(|d| d["kind"].is_null());
        let to = to.filter_map(|d| ours(d["name"].as_str().unwrap_or_default())).map(str::to_owned).collect();
        built.insert(name.to_owned(), to);
    }
    assert_eq!(
        drawn.keys().collect::<Vec<_>>(),
        built.keys().collect::<Vec<_>>(),
        "crates drawn, and crates there are"
    );
    for (name, to) in &built {
        assert_eq!(&drawn[name], to, "arrows from {name}: drawn, and in its Cargo.toml");
    }
}

/// The lines `name → a, b` and `name → nothing of ours` of the map.
fn drawn() -> BTreeMap<String, BTreeSet<String>> {
    let mut drawn = BTreeMap::new();
    for line in MAP.lines() {
        let Some((name, to)) = line.split_once(" → ") else { continue };
        let name = name.trim();
        if !line.starts_with(' ') || name.is_empty() || name.contains(' ') {
            continue;
        }
        let to = to.split("  ").next().unwrap_or_default();
        let to = to.split(',').map(str::trim).filter(|n| *n != "nothing of ours").map(str::to_owned).collect();
        drawn.insert(name.to_owned(), to);
    }
    drawn
}

/// Each crate has a row that says what it is and what it knows nothing of.
#[test]
fn the_map_has_a_row_for_every_crate() {
    for name in drawn().keys() {
        let row = MAP.lines().find(|line| line.starts_with(&format!("| [{name}]({name}) |")));
        let cells = row.unwrap_or_else(|| panic!("{name} has no row")).matches('|').count();
        assert_eq!(cells, 4, "{name}: what it is, and what it knows nothing of");
    }
}

#[test]
fn what_is_absent_is_absent() {
    let below = Below::read();
    let mut present = Vec::new();
    for Absent { house, packages, words, but } in ABSENT {
        let name = format!("sealpress-{house}");
        for package in *packages {
            if let Some(way) = below.way(&name, package) {
                present.push(way.join(" → "));
            }
        }
        let files: Vec<_> = sources().into_iter().filter(|f| f.is_shipped() && f.house() == Some(house)).collect();
        assert!(!files.is_empty(), "no sources of {house}");
        for file in files.iter().filter(|file| !but.iter().any(|(path, _)| file.path.ends_with(path))) {
            let code = file.code();
            present.extend(words.iter().filter(|w| code.contains(**w)).map(|w| format!("{}: {w}", file.path)));
        }
    }
    assert!(present.is_empty(), "{present:#?}");
}

/// What each package of the lock is made of, for whoever links it with default features.
struct Below {
    names: BTreeMap<String, String>,
    to: BTreeMap<String, Vec<String>>,
}

impl Below {
    fn read() -> Self {
        let metadata = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let names = list(&metadata["packages"]).map(|p| (text(&p["id"]), text(&p["name"]))).collect();
        let nodes = list(&metadata["resolve"]["nodes"]);
        let linked = |dep: &&Value| list(&dep["dep_kinds"]).any(|kind| kind["kind"].is_null());
        let to = nodes
            .map(|node| (text(&node["id"]), list(&node["deps"]).filter(linked).map(|dep| text(&dep["pkg"])).collect()))
            .collect();
        Self { names, to }
    }

    /// The packages from `from` down to the first one named `name`.
    fn way(&self, from: &str, name: &str) -> Option<Vec<String>> {
        let (start, _) = self.names.iter().find(|(_, n)| *n == from).unwrap_or_else(|| panic!("no package {from}"));
        let mut came: BTreeMap<&str, &str> = BTreeMap::new();
        let mut waiting = vec![start.as_str()];
        while let Some(at) = waiting.pop() {
            if self.names[at] == name && at != start {
                let mut way = vec![self.names[at].clone()];
                let mut step = at;
                while let Some(before) = came.get(step) {
                    way.push(self.names[*before].clone());
                    step = before;
                }
                way.reverse();
                return Some(way);
            }
            for next in self.to.get(at).into_iter().flatten() {
                if next != start && !came.contains_key(next.as_str()) {
                    came.insert(next, at);
                    waiting.push(next);
                }
            }
        }
        None
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
