//! Histories of many seeds, and that a seed is a history.

use sealpress_simulator::{Case, Size, What};

/// Tells each seed; which of them show something that may not be.
fn violations(what: What, seeds: impl IntoIterator<Item = u64>) -> Vec<String> {
    let told = seeds.into_iter().map(|seed| (seed, Case::seed(what, seed).tell()));
    told.filter_map(|(seed, told)| Some(format!("seed {seed}: {}", told.violation?))).collect()
}

#[test]
fn the_pipeline_keeps_its_promises() {
    let found = violations(What::Pipeline, 0..150);
    assert!(found.is_empty(), "cargo xtask simulate --seed N --trace tells it: {found:#?}");
}

#[test]
fn the_backfill_keeps_its_promises() {
    let found = violations(What::Backfill, 0..150);
    assert!(found.is_empty(), "cargo xtask simulate --backfill --seed N --trace tells it: {found:#?}");
}

#[test]
fn a_seed_is_a_history_and_so_is_its_tape() {
    for what in [What::Pipeline, What::Backfill] {
        let told = Case::seed(what, 37).with_lines().tell();
        let again = Case::seed(what, 37).tell();
        let recorded = Case::seed(what, 0).with_tape(told.tape.clone()).tell();
        assert!(told.events > 20 && told.events == told.lines.len() as u64, "{what:?}: {} events", told.events);
        assert_eq!([again.hash, recorded.hash], [told.hash; 2], "{what:?}");
        assert_ne!(Case::seed(what, 38).tell().hash, told.hash, "{what:?}");
    }
}

#[test]
fn a_hundred_items_have_their_history_too() {
    for what in [What::Pipeline, What::Backfill] {
        let told = Case::seed(what, 1).with_size(Size::Hundred).tell();
        assert_eq!((told.violation, told.items), (None, 100));
    }
}
