//! The map keeps its word: the arrows drawn in `crates/README.md` are those between the crates, no
//! more and no fewer.

use std::collections::{BTreeMap, BTreeSet};

use super::{ours, packages};

const MAP: &str = include_str!("../../../crates/README.md");

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
