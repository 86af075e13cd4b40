//! The one thread that writes. Commands that arrive while a commit is under way share the next
//! one, so that many workers pay for one fsync; those that nothing on the wire waits for linger a moment for
//! one that cannot wait.

use std::any::Any;
use std::collections::VecDeque;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};

/// Commands that may wait for the thread; whoever comes later waits to hand over.
const QUEUE: usize = 1024;
/// Commands that share a commit at most.
const GROUP: usize = 4096;

/// How long a command that can wait lingers for one that cannot, and how many others are company enough.
const LINGER: Duration = Duration::from_millis(25);
const COMPANY: usize = 16;

/// How often the log is moved into the journal, so that a copy of the file alone is not far behind.
const MOVE_EVERY: Duration = Duration::from_secs(120);

/// When a command wants its commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Now,
    /// With the next that cannot wait, or after [`LINGER`].
    Soon,
}

type Answer = Box<dyn Any + Send>;
type Work = Box<dyn FnOnce(&Connection) -> Result<Answer> + Send>;

struct Command {
    when: When,
    work: Work,
    reply: oneshot::Sender<Result<Answer>>,
}

pub(super) struct Writer {
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self> {
        let (commands, inbox) = mpsc::channel(QUEUE);
        // The thread waits for commands with a time limit, which the channel itself does not know.
        let clock = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|e| Error::caused(ErrorKind::Io, "the journal's clock did not start", e))?;
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || serve(&connection, &clock, inbox))
            .map_err(|e| Error::caused(ErrorKind::Io, "the journal's thread did not start", e))?;
        Ok(Self { commands: Some(commands), thread: Some(thread) })
    }

    /// Runs `work` inside the next commit, or the one after it; the answer comes after that commit.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        when: When,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let gone = || Error::new(ErrorKind::Journal, "the journal's thread ended");
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |c| work(c).map(|t| Box::new(t) as Answer));
        let commands = self.commands.as_ref().ok_or_else(gone)?;
        commands.send(Command { when, work, reply }).await.map_err(|_| gone())?;
        let answer = answer.await.map_err(|_| gone())??;
        answer.downcast().map(|t| *t).map_err(|_| Error::new(ErrorKind::Journal, "the journal mixed up its answers"))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Closing the queue ends the thread, which closes the database behind its last commit.
        self.commands.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(connection: &Connection, clock: &Runtime, mut inbox: mpsc::Receiver<Command>) {
    // The first failure is the last write: after a failed fsync nobody knows what is on disk.
    let mut failed: Option<String> = None;
    let mut moved = Instant::now();
    while let Some(first) = inbox.blocking_recv() {
        if let Some(why) = &failed {
            let _ = first.reply.send(Err(Error::new(ErrorKind::Journal, format!("the journal failed before: {why}"))));
            continue;
        }
        if let Err(error) = commit(connection, gathered(clock, first, &mut inbox), &mut inbox) {
            failed = Some(error);
        } else if moved.elapsed() > MOVE_EVERY {
            super::checkpoint(connection);
            moved = Instant::now();
        }
    }
    if failed.is_none() {
        super::checkpoint(connection);
    }
}

/// The first command and those that came while it could wait.
fn gathered(clock: &Runtime, first: Command, inbox: &mut mpsc::Receiver<Command>) -> VecDeque<Command> {
    let until = Instant::now() + LINGER;
    let mut commands = VecDeque::from([first]);
    while commands.back().is_some_and(|last| last.when == When::Soon) && commands.len() < COMPANY {
        match clock.block_on(async { tokio::time::timeout_at(until, inbox.recv()).await }) {
            Ok(Some(command)) => commands.push_back(command),
            Ok(None) | Err(_) => break,
        }
    }
    commands
}

/// One transaction: the commands gathered and whatever else has arrived. All of them or none.
fn commit(
    connection: &Connection,
    mut gathered: VecDeque<Command>,
    inbox: &mut mpsc::Receiver<Command>,
) -> Result<(), String> {
    let mut done: Vec<(oneshot::Sender<Result<Answer>>, Answer)> = Vec::new();
    let fail = |kind: ErrorKind, why: String, waiting: Vec<oneshot::Sender<Result<Answer>>>| {
        let _ = connection.execute_batch("ROLLBACK");
        for reply in waiting {
            let _ = reply.send(Err(Error::new(kind, why.clone())));
        }
        Err(why)
    };
    if let Err(e) = connection.execute_batch("BEGIN IMMEDIATE") {
        return fail(
            ErrorKind::Journal,
            format!("the journal cannot be written: {e}"),
            gathered.into_iter().map(|c| c.reply).collect(),
        );
    }
    while let Some(Command { work, reply, .. }) =
        gathered.pop_front().or_else(|| (done.len() < GROUP).then(|| inbox.try_recv().ok()).flatten())
    {
        match work(connection) {
            Ok(answer) => done.push((reply, answer)),
            Err(e) => {
                let waiting =
                    done.into_iter().map(|(r, _)| r).chain([reply]).chain(gathered.into_iter().map(|c| c.reply));
                let waiting = waiting.collect();
                return fail(e.kind(), e.to_string(), waiting);
            }
        }
    }
    crate::chaos::point("journal-before-commit");
    if let Err(e) = connection.execute_batch("COMMIT") {
        let waiting = done.into_iter().map(|(r, _)| r).collect();
        return fail(ErrorKind::Journal, format!("the journal could not be committed: {e}"), waiting);
    }
    crate::chaos::point("journal-after-commit");
    for (reply, answer) in done {
        let _ = reply.send(Ok(answer));
    }
    Ok(())
}
