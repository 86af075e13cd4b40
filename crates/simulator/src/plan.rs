//! What is to be sent in a history, and how patiently: drawn before anything happens.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use sealpress_pipeline::Options;

use crate::files::Content;
use crate::truth::Limits;
use crate::vendor::Manners;
use crate::world::World;

/// How many items a history has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Size {
    /// One to a few dozen, mostly few.
    #[default]
    Drawn,
    /// A hundred, in 25 sessions.
    Hundred,
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) item: u64,
    pub(crate) session: String,
    pub(crate) context: &'static str,
    /// The versions of its file, and since when it is each of them; `None` while there is none.
    pub(crate) versions: Vec<(Duration, Option<Content>)>,
    /// Nobody can read it: an item that is failed from the start.
    pub(crate) is_bad: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) rows: Vec<Row>,
    pub(crate) manners: Manners,
    pub(crate) options: Options,
    /// Whether every process is told something else about how patient to be.
    pub(crate) is_unsettled: bool,
    pub(crate) seed: u64,
}

const CONTEXTS: [&str; 3] = ["face", "document-front", "document-back"];

impl Plan {
    /// The options of one process: somebody may have set it up anew.
    pub(crate) fn options_of(&self, world: &World) -> Options {
        let mut options = self.options.clone();
        if self.is_unsettled {
            let tape = &mut world.lock().tape;
            options.retry.attempt_timeout = Duration::from_secs(tape.one_of(&[120, 30, 10]));
            options.retry.attempts = tape.one_of(&[3, 1, 6]);
            options.circuit.failures = tape.one_of(&[10, 3, 1]);
            options.doubt.looks = tape.one_of(&[5, 2, 1]);
            options.doubt.audit = !tape.chance(300_000);
        }
        options
    }

    /// Draws a plan and tells the truth about it.
    pub(crate) fn draw(world: &World, size: Size) -> Self {
        let mut inner = world.lock();
        let inner = &mut *inner;
        let tape = &mut inner.tape;
        let (serves, lists_receipts) = tape.one_of(&[(true, true), (true, true), (false, true), (false, false)]);
        let manners = Manners { serves, lists_receipts, lists_sizes: !tape.chance(200_000) };
        if !serves {
            inner.mix.never_twice();
        }
        // Few sizes: files that look alike are what lists are bad at.
        let sizes = 1 + tape.below(3);
        let (sessions, most) = match size {
            Size::Drawn => (1 + tape.below(4), 6),
            Size::Hundred => (25, 4),
        };
        let changes = tape.one_of(&[0, 0, 100_000]);
        let (comings, slips) = (tape.one_of(&[0, 0, 100_000]), tape.one_of(&[0, 0, 60_000]));
        let mut rows = Vec::new();
        let mut number = 0;
        for session in 0..sessions {
            let items = if size == Size::Hundred { most } else { 1 + tape.below(most) };
            for _ in 0..items {
                let item = rows.len() as u64 + 1;
                let context = tape.one_of(&CONTEXTS);
                let mut versions = Vec::new();
                loop {
                    // Now and then the same file again.
                    let is_copy = number > 0 && tape.chance(50_000);
                    number += u64::from(!is_copy);
                    let size = [1000, 2000, 5000][usize::try_from(tape.below(sizes)).unwrap_or(0)];
                    let memory = tape.one_of(&[1 << 20, 10 << 20, 1 << 30]);
                    let is_broken = tape.chance(20_000);
                    let since = if versions.is_empty() { Duration::ZERO } else { tape.wait(Duration::from_secs(600)) };
                    versions.push((since, Some(Content { number, size, memory, is_broken })));
                    if versions.len() == 2 || !tape.chance(changes) {
                        break;
                    }
                }
                if versions.len() == 1 && tape.chance(comings) {
                    // There at first or not, away for a while, and back before the faults are long over.
                    let from = if tape.chance(500_000) { Duration::ZERO } else { tape.wait(Duration::from_secs(300)) };
                    let back = from + tape.wait(Duration::from_secs(300));
                    let content = versions[0].1;
                    versions.extend([(from, None), (back, content)]);
                }
                let is_bad = tape.chance(slips);
                // A zero leaves it out: a tape is cut down to fewer items so.
                if tape.is_there() {
                    rows.push(Row { item, session: format!("s{session}"), context, versions, is_bad });
                }
            }
        }
        // Equal numbers, equal bytes.
        let mut known: BTreeMap<u64, Content> = BTreeMap::new();
        for content in rows.iter_mut().flat_map(|row: &mut Row| &mut row.versions).filter_map(|(_, of)| of.as_mut()) {
            *content = *known.entry(content.number).or_insert(*content);
        }
        let mut options = Options::default();
        options.workers = NonZeroUsize::MIN;
        options.connections = NonZeroUsize::new(tape.one_of(&[8, 4, 2, 1])).unwrap_or(NonZeroUsize::MIN);
        options.memory = tape.one_of(&[512 << 20, 16 << 20, 32 << 10]);
        options.rps = tape.one_of(&[None, None, Some(10.0), Some(1.0)]);
        options.retry.attempt_timeout = Duration::from_secs(tape.one_of(&[120, 30, 10]));
        options.retry.tokens = tape.one_of(&[500, 50]);
        options.circuit.failures = tape.one_of(&[10, 3, 1]);
        options.circuit.patience = Duration::from_secs(tape.one_of(&[300, 60, 5]));
        options.doubt.looks = tape.one_of(&[5, 2, 1]);
        options.doubt.audit = !tape.chance(100_000);
        let is_unsettled = tape.chance(300_000);
        let seed = tape.below(u64::MAX);

        let truth = &mut inner.truth;
        (truth.settle, truth.serves, truth.lists_receipts) = (options.doubt.settle, serves, lists_receipts);
        truth.limits = Limits {
            connections: options.connections.get(),
            pace: options.rps.map(|rps| Duration::from_secs_f64(1.0 / rps)),
            longest_pause: options.retry.max_retry_after,
            memory: options.memory - options.memory / 8,
        };
        for row in &rows {
            let mut contents: Vec<u64> = row.versions.iter().filter_map(|(_, of)| Some(of.as_ref()?.number)).collect();
            contents.dedup();
            truth.plan(row.item, &row.session, row.context, contents);
        }
        Self { rows, manners, options, is_unsettled, seed }
    }
}
