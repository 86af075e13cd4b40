//! Histories that once showed something, cut down and kept: with the bug they show it still, without it nothing.
//! Those of bugs that cannot be planted say `none`: they show nothing any more.
//!
//! A change of what is drawn makes a tape another history, which may show nothing any more. It is made anew by
//! `cargo run --release -p sealpress-simulator --example simulate -- --plant BUG --seed N --shrink --keep FILE`.

use sealpress_pipeline::planted::{Bug, plant};
use sealpress_simulator::{Case, What};

#[test]
fn kept_tapes_show_their_bugs_and_nothing_else() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tapes");
    let mut told = 0;
    for file in std::fs::read_dir(folder).expect("the folder of tapes") {
        let path = file.expect("its files").path();
        let text = std::fs::read_to_string(&path).expect("a tape");
        let (head, numbers) = text.split_once('\n').expect("a head and numbers");
        let (what, bug) = head.split_once(' ').expect("what and which bug");
        let what = if what == "Pipeline" { What::Pipeline } else { What::Backfill };
        let numbers: Result<Vec<u64>, _> = numbers.split_whitespace().map(|n| u64::from_str_radix(n, 16)).collect();
        let case = Case::seed(what, 0).with_tape(numbers.expect("hexadecimal numbers"));
        let name = path.display();
        assert_eq!(case.clone().tell().violation, None, "{name} without a bug");
        told += 1;
        if bug == "none" {
            continue;
        }
        let bug = Bug::ALL.iter().find(|of| of.as_str() == bug).unwrap_or_else(|| panic!("{name}: no such bug: {bug}"));
        plant(Some(*bug));
        let seen = case.tell().violation;
        plant(None);
        assert!(seen.is_some(), "{name} does not show {bug:?} any more");
    }
    assert!(told >= 2, "{told} tapes");
}
