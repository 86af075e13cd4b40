//! A journal in memory that forgets, when its process dies, what it had not synced.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sealpress_client::{MediaId, SessionId};
use sealpress_pipeline::{
    Doubt, Entry, Error, Item, Journal, JournalError, Known, Output, Permission, Receipt, Submission,
};

use crate::world::{Machine, World};

/// What is written down. It outlives the processes that write it.
#[derive(Clone, Default)]
pub(crate) struct Books(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    lines: Vec<Line>,
    synced: usize,
    pages: BTreeMap<u64, Page>,
    submitted: Vec<String>,
}

#[derive(Clone)]
enum Line {
    Sending(u64, Option<Doubt>),
    NotSent(u64),
    Doubted(u64),
    Confirmed(u64, MediaId),
    Failed(u64),
    Submitting(String),
    Submitted(String),
}

/// All that is known of one item.
#[derive(Clone, Default)]
pub(crate) struct Page {
    pub(crate) state: PageState,
    pub(crate) sent: Option<Doubt>,
    doubts: u32,
    /// The doubt about the last attempt is among them.
    is_counted: bool,
    /// Its file changed after an attempt that was in doubt: what that left may look like anything.
    is_mixed: bool,
}

#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) enum PageState {
    #[default]
    Open,
    Sending,
    Confirmed(MediaId),
    Failed,
}

impl Books {
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn page(&self, item: u64) -> Page {
        self.lock().pages.get(&item).cloned().unwrap_or_default()
    }

    pub(crate) fn is_submitted(&self, session: &str) -> bool {
        self.lock().submitted.iter().any(|name| name == session)
    }

    /// Takes the books up again after a process ended: of what was not synced, some of the first lines are there.
    pub(crate) fn reopen(&self, world: &World) {
        let mut written = self.lock();
        let unsynced = written.lines.len() - written.synced;
        let kept = written.synced + usize::try_from(world.lock().tape.below(unsynced as u64 + 1)).unwrap_or(0);
        written.lines.truncate(kept);
        written.sync(world, kept);
        let lines = written.lines.clone();
        (written.pages, written.submitted) = (BTreeMap::new(), Vec::new());
        lines.iter().for_each(|line| written.turn(line));
        let is_open = |page: &Page| matches!(page.state, PageState::Open | PageState::Sending);
        for (item, _) in written.pages.iter().filter(|(_, page)| is_open(page)) {
            world.lock().truth.forgets(*item);
        }
        // A process died here: that is a doubt by itself, and goes into the books before anything that follows.
        let is_doubt = |page: &Page| page.state == PageState::Sending && !page.is_counted;
        let died: Vec<u64> = written.pages.iter().filter(|(_, page)| is_doubt(page)).map(|(item, _)| *item).collect();
        for line in died.into_iter().map(Line::Doubted) {
            written.turn(&line);
            written.lines.push(line);
        }
    }
}

impl Written {
    fn turn(&mut self, line: &Line) {
        let page = match line {
            Line::Sending(item, _)
            | Line::NotSent(item)
            | Line::Doubted(item)
            | Line::Confirmed(item, _)
            | Line::Failed(item) => self.pages.entry(*item).or_default(),
            Line::Submitting(_) => return,
            Line::Submitted(session) => return self.submitted.push(session.clone()),
        };
        match line {
            Line::Sending(_, sent) => {
                let looks = |of: &Option<Doubt>| of.map(|of| (of.size, of.format));
                page.is_mixed |= page.doubts > 0 && looks(&page.sent) != looks(sent);
                (page.state, page.sent, page.is_counted) = (PageState::Sending, *sent, false);
            }
            Line::NotSent(_) => page.state = PageState::Open,
            Line::Doubted(_) => (page.doubts, page.is_counted) = (page.doubts + 1, true),
            Line::Confirmed(_, id) => page.state = PageState::Confirmed(id.clone()),
            Line::Failed(_) => page.state = PageState::Failed,
            Line::Submitting(_) | Line::Submitted(_) => {}
        }
    }

    /// The first `n` lines are durable.
    fn sync(&mut self, world: &World, n: usize) {
        let truth = &mut world.lock().truth;
        for line in self.lines.get(self.synced..n).into_iter().flatten() {
            match line {
                Line::Sending(item, _) => truth.notes_sending(*item),
                Line::NotSent(item) | Line::Confirmed(item, _) | Line::Failed(item) => truth.notes_settled(*item),
                Line::Submitting(session) => truth.notes_submitting(session),
                Line::Doubted(_) | Line::Submitted(_) => {}
            }
        }
        self.synced = self.synced.max(n);
    }
}

/// One process's hand in the books.
pub(crate) struct Hand {
    pub(crate) books: Books,
    pub(crate) machine: Machine,
    /// What was pressed in this process.
    outputs: Mutex<BTreeMap<u64, Doubt>>,
}

/// Whether somebody waits for the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Written,
    Synced,
}

impl Hand {
    pub(crate) fn new(books: &Books, machine: &Machine) -> Self {
        Self { books: books.clone(), machine: machine.clone(), outputs: Mutex::default() }
    }

    async fn write(&self, line: Line, until: Until) -> Result<(), JournalError> {
        self.machine.step().await;
        let at = {
            let mut written = self.books.lock();
            written.turn(&line);
            written.lines.push(line);
            written.lines.len()
        };
        self.machine.works(Duration::from_millis(200)).await;
        self.machine.step().await;
        {
            let mut inner = self.machine.world.lock();
            let odds = inner.mix.journal_fails;
            if inner.happens(odds) {
                inner.note(self.machine.number(), format_args!("the journal cannot be written"));
                return Err(JournalError::fatal("no space left"));
            }
        }
        if until == Until::Synced {
            self.books.lock().sync(&self.machine.world, at);
        }
        self.machine.step().await;
        Ok(())
    }
}

impl Journal for Hand {
    fn pressed<'a>(&'a self, item: &'a Item, output: &'a Output) -> Entry<'a> {
        let doubt = Doubt { size: output.size, format: output.format, sha256: Some(output.sha256) };
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).insert(item.tag, doubt);
        Box::pin(async { Ok(()) })
    }

    fn sending<'a>(&'a self, item: &'a Item, attempt: u32) -> Entry<'a, Permission> {
        Box::pin(async move {
            self.machine.note(format_args!("sending {} ({attempt})", item.tag));
            self.machine.world.judge(|inner| {
                let now = inner.elapsed();
                inner.truth.goes(self.machine.number(), item.tag, now)
            });
            let sent = self.outputs.lock().unwrap_or_else(PoisonError::into_inner).get(&item.tag).copied();
            self.write(Line::Sending(item.tag, sent), Until::Synced).await?;
            Ok(Permission::default())
        })
    }

    fn confirmed<'a>(&'a self, item: &'a Item, receipt: &'a Receipt) -> Entry<'a> {
        Box::pin(async move {
            self.machine.note(format_args!("confirmed {} by {} ({:?})", item.tag, receipt.media_id, receipt.how));
            self.machine.world.judge(|inner| inner.truth.confirms(item.tag, &receipt.media_id));
            self.write(Line::Confirmed(item.tag, receipt.media_id.clone()), Until::Written).await
        })
    }

    fn not_sent<'a>(&'a self, item: &'a Item, _: u32) -> Entry<'a> {
        Box::pin(self.write(Line::NotSent(item.tag), Until::Written))
    }

    fn failed<'a>(&'a self, item: &'a Item, error: &'a Error) -> Entry<'a> {
        Box::pin(async move {
            self.machine.note(format_args!("not delivered {}: {error}", item.tag));
            if error.is_retryable() || error.is_in_doubt() {
                return Ok(());
            }
            self.machine.world.judge(|inner| inner.truth.fails(item.tag, error.name()));
            self.write(Line::Failed(item.tag), Until::Written).await
        })
    }

    fn doubted<'a>(&'a self, item: &'a Item, _: u32) -> Entry<'a> {
        Box::pin(self.write(Line::Doubted(item.tag), Until::Written))
    }

    fn known<'a>(&'a self, session: &'a SessionId) -> Entry<'a, Vec<Known>> {
        Box::pin(async move {
            self.machine.step().await;
            let (written, inner) = (self.books.lock(), self.machine.world.lock());
            let of_session = inner.truth.items.iter().filter(|(_, item)| item.session == session.as_str());
            let known = of_session.filter_map(|(number, item)| {
                let page = written.pages.get(number)?;
                let (context, sent) = (item.context.clone(), page.sent.filter(|_| !page.is_mixed));
                match &page.state {
                    PageState::Confirmed(id) => Some(Known::confirmed(*number, context, sent, id.clone(), page.doubts)),
                    PageState::Sending => Some(Known::in_doubt(*number, context, sent, page.doubts)),
                    _ if page.doubts > 0 => Some(Known::not_found(*number, context, sent, page.doubts)),
                    _ => None,
                }
            });
            Ok(known.collect())
        })
    }

    fn submitting<'a>(&'a self, session: &'a SessionId) -> Entry<'a> {
        Box::pin(self.write(Line::Submitting(session.to_string()), Until::Synced))
    }

    fn submitted<'a>(&'a self, session: &'a SessionId, submission: &'a Submission) -> Entry<'a> {
        Box::pin(async move {
            self.machine.note(format_args!("submitted {session}, {:?} unaccounted", submission.unaccounted));
            self.machine
                .world
                .judge(|inner| inner.truth.counted(session.as_str(), self.machine.number(), submission.unaccounted));
            self.write(Line::Submitted(session.to_string()), Until::Synced).await
        })
    }
}
