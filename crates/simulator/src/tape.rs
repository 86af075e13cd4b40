//! The one source of chance: every decision of a history is a number of its tape.

use std::time::Duration;

/// Numbers in the order in which a history asks for them: drawn from a seed, or read from a tape that was
/// recorded before. A draw of 0 is always the calmest choice (no fault, the shortest wait, the fewest
/// items), and so is whatever comes after the end of a tape: a tape is cut down by writing zeros into it.
#[derive(Debug)]
pub(crate) struct Tape {
    source: Source,
    drawn: Vec<u64>,
    kinds: Vec<Draw>,
}

/// What a number was drawn for: a history is cut down by whole items and faults first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// Whether an item is there.
    Item,
    /// What happens to a request, or whether something else does.
    Fault,
    /// How long something takes.
    Wait,
    /// Whatever else there is to choose.
    Choice,
}

#[derive(Debug)]
enum Source {
    Seed(SplitMix),
    Recorded(Vec<u64>),
}

impl Tape {
    pub(crate) fn of_seed(seed: u64) -> Self {
        Self { source: Source::Seed(SplitMix::new(seed)), drawn: Vec::new(), kinds: Vec::new() }
    }

    pub(crate) fn recorded(numbers: Vec<u64>) -> Self {
        Self { source: Source::Recorded(numbers), drawn: Vec::new(), kinds: Vec::new() }
    }

    /// Everything that was drawn so far, and what for.
    pub(crate) fn into_drawn(self) -> (Vec<u64>, Vec<Draw>) {
        (self.drawn, self.kinds)
    }

    fn next(&mut self, kind: Draw) -> u64 {
        self.kinds.push(kind);
        let number = match &mut self.source {
            Source::Seed(numbers) => numbers.next(),
            Source::Recorded(numbers) => numbers.get(self.drawn.len()).copied().unwrap_or(0),
        };
        self.drawn.push(number);
        number
    }

    /// Evenly in `0..n`; 0 where `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.of(Draw::Choice, n)
    }

    /// The same for what happens to a request.
    pub(crate) fn fate(&mut self, n: u64) -> u64 {
        self.of(Draw::Fault, n)
    }

    fn of(&mut self, kind: Draw, n: u64) -> u64 {
        let wide = u128::from(self.next(kind)) * u128::from(n);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Evenly in `low..=high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True in `parts` of a million cases.
    pub(crate) fn chance(&mut self, parts: u32) -> bool {
        self.fate(MILLION) >= MILLION - u64::from(parts).min(MILLION)
    }

    /// True, but for a zero on a tape that was cut down: a seed as good as never draws one.
    pub(crate) fn is_there(&mut self) -> bool {
        self.next(Draw::Item) != 0
    }

    /// One of a few.
    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap_or(0)]
    }

    /// A wait, mostly short: evenly up to an order of magnitude that is drawn first.
    pub(crate) fn wait(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        let order = self.of(Draw::Wait, 4);
        Duration::from_millis(self.of(Draw::Wait, most / 10u64.pow(3 - u32::try_from(order).unwrap_or(0)) + 1))
    }
}

/// SplitMix64: the same numbers on every machine and with every compiler.
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    /// Seeds of small numbers are spread first.
    fn new(seed: u64) -> Self {
        const SPREAD: u64 = 0x3342_8945_bbd5_f2ff;
        let mut numbers = Self(seed ^ SPREAD);
        numbers.next();
        numbers
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Odds are counted in parts of this.
pub(crate) const MILLION: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_tape_repeats_and_ends_calmly() {
        let mut tape = Tape::of_seed(7);
        let first: Vec<u64> = (1..50).map(|n| tape.below(n)).collect();
        let mut again = Tape::recorded(tape.into_drawn().0);
        assert_eq!((1..50).map(|n| again.below(n)).collect::<Vec<_>>(), first);
        assert!((0..100).all(|_| again.below(9) == 0 && !again.chance(999_999)));
        assert!(again.chance(1_000_000), "what always happens, happens without a draw too");
    }
}
