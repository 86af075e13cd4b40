//! Cutting a history down to what its violation needs.

use crate::{Case, Told};

/// Tellings that a history is cut down with at most.
const TELLINGS: usize = 3000;

/// The smallest history found that shows the same kind of violation: zeros (the calmest choices) are written into its
/// tape, and parts are taken out of it, as long as what is wrong stays wrong. Gives back the history as it was where there
/// is nothing wrong with it.
#[must_use]
pub fn shrink(case: &Case, told: Told) -> Told {
    let Some(kind) = told.violation.as_deref().map(kind_of) else { return told };
    let mut best = told;
    let mut left = TELLINGS;
    let mut is_same = |tape: Vec<u64>, best: &mut Told| {
        if left == 0 {
            return false;
        }
        left -= 1;
        let told = case.clone().with_tape(tape).tell();
        let same = told.violation.as_deref().is_some_and(|what| kind_of(what) == kind);
        if same && smaller(&told, best) {
            *best = told;
            return true;
        }
        false
    };
    loop {
        let before = measure(&best);
        for edit in [with_zeros as fn(&[u64], usize, usize) -> Option<Vec<u64>>, without] {
            let mut length = best.tape.len().next_power_of_two() / 2;
            while length > 0 {
                let mut at = 0;
                while at < best.tape.len() {
                    let edited = edit(&best.tape, at, length);
                    // Where it was the same, what follows has moved up or is calm now.
                    if !edited.is_some_and(|tape| is_same(tape, &mut best)) {
                        at += length;
                    }
                }
                length /= 2;
            }
        }
        if measure(&best) == before {
            return best;
        }
    }
}

/// What is said, without the numbers in it.
fn kind_of(what: &str) -> String {
    what.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn measure(told: &Told) -> (usize, u64, usize) {
    let drawn = told.tape.iter().filter(|number| **number != 0).count();
    (drawn, told.events, told.tape.len())
}

fn smaller(a: &Told, b: &Told) -> bool {
    measure(a) < measure(b)
}

fn without(tape: &[u64], at: usize, length: usize) -> Option<Vec<u64>> {
    let end = (at + length).min(tape.len());
    Some([&tape[..at], &tape[end..]].concat())
}

fn with_zeros(tape: &[u64], at: usize, length: usize) -> Option<Vec<u64>> {
    let mut tape = tape.to_vec();
    let end = (at + length).min(tape.len());
    let part = &mut tape[at..end];
    let any = part.iter().any(|number| *number != 0);
    part.fill(0);
    any.then_some(tape)
}
