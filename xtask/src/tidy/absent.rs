//! What a crate is said to know nothing of (the last column of the map) is nowhere below it, and in none
//! of its code.

use std::collections::BTreeSet;
use std::process::Command;

use super::{Source, sources};

/// What is absent from a crate.
struct Absent {
    house: &'static str,
    /// What must not be anywhere below it, in what others link.
    packages: Packages,
    /// Words that its code does not contain.
    words: &'static [&'static str],
}

enum Packages {
    Not(&'static [&'static [&'static str]]),
    /// Nothing but these, whatever they are made of.
    Only(&'static [&'static str]),
    /// None of ours.
    Strangers,
}

use Packages::{Not, Only, Strangers};

const NETWORK: &[&str] = &["tokio", "hyper", "reqwest", "rustls", "http", "h2", "socket2", "mio"];
const CODECS: &[&str] = &[
    "sealpress-jpeg",
    "sealpress-image",
    "sealpress-pdf",
    "turbojpeg",
    "turbojpeg-sys",
    "libwebp-sys",
    "png",
    "rust_h265",
    "heic-decoder",
    "lopdf",
    "hayro",
    "hayro-syntax",
];
const DOCUMENTS: &[&str] = &["sealpress-pdf", "lopdf", "hayro", "hayro-syntax"];
const VENDORS: &[&str] = &["sealpress-client", "sealpress-base64"];
const ARGUMENTS: &[&str] = &["clap", "lexopt", "indicatif"];
const POOLS: &[&str] = &["rayon", "rayon-core"];
const SOCKETS_AND_PATHS: &[&str] = &["std::net", "std::fs", "std::path", "rayon", "tokio"];

const ABSENT: &[Absent] = &[
    Absent {
        house: "media",
        packages: Only(&["bytes", "serde"]),
        words: &["std::net", "std::fs", "std::path", "std::thread", "unsafe "],
    },
    Absent {
        house: "base64",
        packages: Only(&["base64-simd"]),
        words: &["std::net", "std::fs", "std::path", "std::thread"],
    },
    Absent {
        house: "jpeg",
        packages: Only(&["memchr"]),
        words: &["std::net", "std::fs", "std::path", "std::thread", "std::io", "bytes::", "serde"],
    },
    Absent { house: "image", packages: Not(&[NETWORK, DOCUMENTS, VENDORS]), words: SOCKETS_AND_PATHS },
    Absent { house: "pdf", packages: Not(&[NETWORK, POOLS, VENDORS]), words: SOCKETS_AND_PATHS },
    Absent { house: "press", packages: Not(&[NETWORK, VENDORS]), words: &["std::net", "tokio", "rayon"] },
    Absent { house: "client", packages: Not(&[CODECS, POOLS]), words: &["rayon", "std::thread::spawn", "std::fs"] },
    Absent {
        house: "pipeline",
        packages: Not(&[CODECS]),
        words: &["std::net", "reqwest", "hyper", "http::", "serde_json", "base64", "StatusCode", "HeaderMap"],
    },
    Absent {
        house: "gateway",
        packages: Not(&[CODECS, ARGUMENTS]),
        words: &["rayon", "std::thread::spawn", "reqwest", "std::env", "serde_json::from_str"],
    },
    Absent { house: "backfill", packages: Not(&[CODECS, ARGUMENTS]), words: &["std::env::args", "HeaderMap"] },
    Absent {
        house: "cli",
        packages: Not(&[]),
        words: &[
            "turbojpeg",
            "hayro",
            "lopdf",
            "png::",
            "rusqlite",
            "tokio_postgres",
            "reqwest",
            "hyper",
            "hmac",
            "rayon",
            "object_store",
        ],
    },
    Absent { house: "sealpress", packages: Not(&[]), words: &["fn ", "struct ", "enum ", "impl ", "macro_rules"] },
    Absent { house: "emulator", packages: Strangers, words: &["sealpress_"] },
    Absent { house: "testkit", packages: Strangers, words: &["sealpress_"] },
    Absent {
        house: "simulator",
        packages: Not(&[CODECS]),
        words: &["std::net", "std::fs", "std::path", "std::thread"],
    },
];

/// Where a word stands all the same, and why.
const BUT: &[(&str, &str, &str)] =
    &[("crates/cli/src/backfill/telemetry.rs", "reqwest", "spans of a run leave by it, nothing of a vendor's")];

#[test]
fn what_is_absent_is_absent() {
    let sources = sources();
    let mut present = Vec::new();
    for absent in ABSENT {
        let package = package(absent.house);
        let named = absent.packages.among(&below(&package), &package);
        present.extend(named.into_iter().map(|n| format!("{n}: `cargo tree -e normal -p {package} -i {n}` says why")));
        let own = sources.iter().filter(|file| file.house() == Some(absent.house));
        // The testkit is for tests, all of it; what it has in `src` is what others link.
        let files: Vec<_> =
            own.filter(|file| file.is_shipped() || file.path.starts_with("crates/testkit/src/")).collect();
        assert!(!files.is_empty(), "no sources of {}", absent.house);
        present.extend(files.iter().flat_map(|file| absent.words_in(file)));
    }
    assert!(present.is_empty(), "{present:#?}");
    let idle = BUT.iter().filter(|(path, word, _)| !sources.iter().any(|f| f.path == *path && f.code().contains(word)));
    assert_eq!(idle.count(), 0, "an exception that nobody needs any more");
}

/// Whoever draws a crate says here what it knows nothing of.
#[test]
fn every_crate_is_asked() {
    let asked: BTreeSet<String> = ABSENT.iter().map(|absent| package(absent.house)).collect();
    let there = super::packages().into_iter().filter_map(|p| p["name"].as_str().map(str::to_owned));
    let there: BTreeSet<String> = there.filter(|name| super::ours(name).is_some()).collect();
    assert_eq!(asked, there, "crates with an entry here, and crates there are");
}

impl Absent {
    fn words_in(&self, file: &Source) -> Vec<String> {
        let code = file.code();
        let excused = |word: &str| BUT.iter().any(|(path, but, _)| *path == file.path && *but == word);
        let present = self.words.iter().filter(|word| code.contains(**word) && !excused(word));
        present.map(|word| format!("{}: {word}", file.path)).collect()
    }
}

impl Packages {
    /// Which of what is below a package must not be.
    fn among(&self, below: &BTreeSet<String>, package: &str) -> Vec<String> {
        let is_ours = |name: &str| super::ours(name).is_some() && name != package;
        let refused = |name: &&String| match self {
            Not(groups) => groups.concat().contains(&name.as_str()),
            Strangers => is_ours(name),
            Only(allowed) => {
                is_ours(name) || !allowed.iter().any(|allowed| self::below(allowed).contains(name.as_str()))
            }
        };
        below.iter().filter(|name| *name != package).filter(refused).cloned().collect()
    }
}

fn package(house: &str) -> String {
    if house == "sealpress" { house.to_owned() } else { format!("sealpress-{house}") }
}

/// What whoever links a package with its default features compiles, the package included. Asked of cargo for
/// the package alone: in the workspace as a whole the press of the pipeline has the codecs of the program's.
fn below(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", package, "-e", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"])
        .args(["--target", "x86_64-unknown-linux-gnu", "--offline"])
        .env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION")
        .current_dir(crate::root())
        .output()
        .expect("cargo tree starts");
    assert!(output.status.success(), "{package}: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8_lossy(&output.stdout);
    names.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn what_is_planted_is_found() {
    let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
    let pipeline = set(&["sealpress-pipeline", "sealpress-press", "png", "tokio"]);
    assert_eq!(Not(&[CODECS]).among(&pipeline, "sealpress-pipeline"), ["png"]);
    assert_eq!(Strangers.among(&pipeline, "sealpress-pipeline"), ["sealpress-press"]);
    assert_eq!(Only(&["memchr"]).among(&set(&["memchr", "sealpress-media", "x"]), "x"), ["sealpress-media"]);
    let file = |text: &str| Source { path: "crates/emulator/src/x.rs".to_owned(), text: text.to_owned() };
    let emulator = ABSENT.iter().find(|absent| absent.house == "emulator").expect("the emulator is asked");
    assert_eq!(emulator.words_in(&file("use sealpress_client::Client;")).len(), 1);
    assert!(emulator.words_in(&file("// sealpress_client")).is_empty());
}
