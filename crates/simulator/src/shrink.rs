//! Cutting a history down to what its violation needs.

use std::time::{Duration, Instant};

use crate::{Case, Draw, Told};

/// Tellings that a history is cut down with at most.
const TELLINGS: usize = 6000;
/// How long it takes at most: what is smallest by then is given back.
const TIME: Duration = Duration::from_secs(45);

/// The smallest history found that shows the same kind of violation: items and faults are left out whole, then zeros
/// (the calmest choices) are written into its tape, and parts are taken out of it, as long as what is wrong stays
/// wrong; after 45 seconds what is smallest by then. Gives back the history as it was where there is nothing wrong
/// with it.
#[must_use]
pub fn shrink(case: &Case, told: Told) -> Told {
    let Some(kind) = told.violation.as_deref().map(kind_of) else { return told };
    let mut search = Search { case, kind, best: told, left: TELLINGS, until: Instant::now() + TIME };
    // Whole items, then faults, then waits and choices, as many at once as it bears.
    for kind in [Draw::Item, Draw::Fault, Draw::Wait, Draw::Choice] {
        search.leaves_out(kind);
    }
    loop {
        let before = measure(&search.best);
        search.edits(with_zeros);
        search.edits(without);
        if measure(&search.best) == before || search.is_over() {
            return search.best;
        }
    }
}

struct Search<'a> {
    case: &'a Case,
    kind: String,
    best: Told,
    /// Tellings that are left.
    left: usize,
    until: Instant,
}

impl Search<'_> {
    fn is_over(&self) -> bool {
        self.left == 0 || Instant::now() > self.until
    }

    /// Whether this tape shows the same and is smaller: then it is the best one.
    fn takes(&mut self, tape: Vec<u64>) -> bool {
        self.left -= 1;
        // What goes on for longer is not smaller.
        let told = self.case.clone().with_tape(tape).with_most_events(self.best.events).tell();
        let is_same = told.violation.as_deref().is_some_and(|what| kind_of(what) == self.kind);
        let is_better = is_same && smaller(&told, &self.best);
        if is_better {
            self.best = told;
        }
        is_better
    }

    /// Writes zeros where something was drawn for this.
    fn leaves_out(&mut self, kind: Draw) {
        let drawn = |told: &Told| -> Vec<usize> {
            let all = told.tape.iter().zip(&told.kinds).enumerate();
            all.filter(|(_, (number, of))| **number != 0 && **of == kind).map(|(at, _)| at).collect()
        };
        let mut size = drawn(&self.best).len();
        while size > 0 {
            let mut from = 0;
            while !self.is_over() {
                let places = drawn(&self.best);
                let Some(chunk) = places.get(from..).filter(|rest| !rest.is_empty()) else { break };
                let mut tape = self.best.tape.clone();
                chunk.iter().take(size).for_each(|at| tape[*at] = 0);
                // Where it was the same, others stand in this place now.
                if !self.takes(tape) {
                    from += size;
                }
            }
            size /= 2;
        }
    }

    /// Edits every part of the tape, large ones first.
    fn edits(&mut self, edit: impl Fn(&[u64], usize, usize) -> Option<Vec<u64>>) {
        let mut length = self.best.tape.len().next_power_of_two() / 2;
        while length > 0 {
            let mut at = 0;
            while at < self.best.tape.len() && !self.is_over() {
                let edited = edit(&self.best.tape, at, length);
                // Where it was the same, what follows has moved up or is calm now.
                if !edited.is_some_and(|tape| self.takes(tape)) {
                    at += length;
                }
            }
            length /= 2;
        }
    }
}

/// What is said, without the numbers in it.
fn kind_of(what: &str) -> String {
    what.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// What is short to read is small: the events before anything else.
fn measure(told: &Told) -> (u64, usize, usize) {
    let drawn = told.tape.iter().filter(|number| **number != 0).count();
    (told.events, drawn, told.tape.len())
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
