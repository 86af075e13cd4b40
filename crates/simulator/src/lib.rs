#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod backfill;
mod files;
mod history;
mod journal;
mod mix;
mod plan;
mod shrink;
mod tape;
mod truth;
mod uploads;
mod vendor;
mod world;

use std::time::Duration;

pub use history::Keep;
pub use plan::Size;
pub use shrink::shrink;
pub use tape::Draw;
use tape::Tape;
use world::World;

/// Which history is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Case {
    /// What is simulated.
    pub what: What,
    /// Where its chance comes from.
    pub chance: Chance,
    /// How many items it has.
    pub size: Size,
    /// How much of it is kept.
    pub keep: Keep,
    /// After how many events it is broken off, with that as its violation.
    pub most_events: u64,
}

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The pipeline, with a caller of its own.
    Pipeline,
    /// The backfill's engine with its pipeline, on one machine or on a few that share a journal.
    Backfill,
}

/// Where the chance of a history comes from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Chance {
    /// A seed.
    Seed(u64),
    /// The tape of an earlier history, as it was or cut down.
    Tape(Vec<u64>),
}

/// A history, told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Told {
    /// What was promised and does not hold.
    pub violation: Option<String>,
    /// Over all of its events: equal hashes, equal histories.
    pub hash: u64,
    /// How many events there were.
    pub events: u64,
    /// How long it took in simulated time.
    pub took: Duration,
    /// Uploads that were begun.
    pub posts: u64,
    /// Items that there were.
    pub items: usize,
    /// Every number that was drawn.
    pub tape: Vec<u64>,
    /// What each of them was drawn for.
    pub kinds: Vec<Draw>,
    /// Its lines, where they were kept.
    pub lines: Vec<String>,
}

impl Case {
    /// The history of a seed; its hash is kept.
    #[must_use]
    pub const fn seed(what: What, seed: u64) -> Self {
        Self { what, chance: Chance::Seed(seed), size: Size::Drawn, keep: Keep::Hash, most_events: u64::MAX }
    }

    /// The same with the chance of a tape.
    #[must_use]
    pub fn with_tape(mut self, numbers: Vec<u64>) -> Self {
        self.chance = Chance::Tape(numbers);
        self
    }

    /// The same with another number of items.
    #[must_use]
    pub const fn with_size(mut self, size: Size) -> Self {
        self.size = size;
        self
    }

    /// The same with its lines.
    #[must_use]
    pub const fn with_lines(mut self) -> Self {
        self.keep = Keep::Lines;
        self
    }

    /// The same, broken off after so many events.
    #[must_use]
    pub const fn with_most_events(mut self, events: u64) -> Self {
        self.most_events = events;
        self
    }

    /// Tells the history.
    #[must_use]
    pub fn tell(self) -> Told {
        let tape = match self.chance {
            Chance::Seed(seed) => Tape::of_seed(seed),
            Chance::Tape(numbers) => Tape::recorded(numbers),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without I/O asks nothing of the system");
        let world = runtime.block_on(async {
            let world = World::new(tape, self.keep, self.most_events);
            match self.what {
                What::Pipeline => uploads::run(&world, self.size).await,
                What::Backfill => backfill::run(&world, self.size).await,
            }
            world
        });
        let took = runtime.block_on(async { world.elapsed() });
        // Whatever still waits for something goes with the runtime.
        drop(runtime);
        world.told(took)
    }
}
