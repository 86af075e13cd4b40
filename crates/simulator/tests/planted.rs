//! Bugs that are planted on purpose are seen, by the seeds that the README names.

use std::collections::BTreeMap;

use sealpress_pipeline::planted::{Bug, plant};
use sealpress_simulator::{Case, What, shrink};

/// The table of the README.
fn table() -> BTreeMap<&'static str, (What, u64)> {
    let rows = include_str!("../README.md").lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let mut cells = row.split(" | ");
        let bug = cells.next()?.trim_end_matches('`');
        let what = if cells.next()? == "Pipeline" { What::Pipeline } else { What::Backfill };
        Some((bug, (what, cells.next()?.parse().ok()?)))
    })
    .collect()
}

#[test]
fn every_bug_is_seen_by_its_seed() {
    let table = table();
    assert_eq!(table.len(), Bug::ALL.len(), "each bug has its row");
    for bug in Bug::ALL {
        let (what, seed) = table[bug.as_str()];
        assert!(seed < 2000, "{bug:?}");
        plant(Some(*bug));
        let seen = Case::seed(what, seed).tell().violation;
        plant(None);
        assert!(seen.is_some(), "seed {seed} shows nothing of {bug:?}");
        assert_eq!(Case::seed(what, seed).tell().violation, None, "seed {seed} without {bug:?}");
    }
}

#[test]
fn what_is_wrong_is_cut_down_to_what_it_needs() {
    // A long one, of those that show it.
    plant(Some(Bug::Alibi));
    let case = Case::seed(What::Pipeline, 577);
    let told = case.clone().tell();
    let (items, events) = (told.items, told.events);
    let small = shrink(&case, told);
    plant(None);
    assert!(small.violation.is_some_and(|said| said.contains("holds the bytes of item")));
    let size = format!("{} of {items} items, {} of {events} events", small.items, small.events);
    assert!(small.items < items && small.events * 3 < events, "{size}");
}
