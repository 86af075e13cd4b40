//! The one thread that writes. Commands that arrive while a commit is under way share the next
//! one, so that many workers pay for one fsync.

use std::any::Any;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::error::{Error, ErrorKind, Result};

/// Commands that may wait for the thread; whoever comes later waits to hand over.
const QUEUE: usize = 1024;
/// Commands that share a commit at most.
const GROUP: usize = 4096;

type Answer = Box<dyn Any + Send>;
type Work = Box<dyn FnOnce(&Connection) -> Result<Answer> + Send>;

struct Command {
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
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || serve(&connection, inbox))
            .map_err(|e| Error::caused(ErrorKind::Io, "the journal's thread did not start", e))?;
        Ok(Self { commands: Some(commands), thread: Some(thread) })
    }

    /// Runs `work` inside the next commit; the answer comes after it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let gone = || Error::new(ErrorKind::Journal, "the journal's thread ended");
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |c| work(c).map(|t| Box::new(t) as Answer));
        let commands = self.commands.as_ref().ok_or_else(gone)?;
        commands.send(Command { work, reply }).await.map_err(|_| gone())?;
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

fn serve(connection: &Connection, mut inbox: mpsc::Receiver<Command>) {
    // The first failure is the last write: after a failed fsync nobody knows what is on disk.
    let mut failed: Option<String> = None;
    while let Some(first) = inbox.blocking_recv() {
        if let Some(why) = &failed {
            let _ = first.reply.send(Err(Error::new(ErrorKind::Journal, format!("the journal failed before: {why}"))));
            continue;
        }
        if let Err(error) = commit(connection, first, &mut inbox) {
            failed = Some(error);
        }
    }
}

/// One transaction: the first command and whatever else has arrived. All of them or none.
fn commit(connection: &Connection, first: Command, inbox: &mut mpsc::Receiver<Command>) -> Result<(), String> {
    let mut done: Vec<(oneshot::Sender<Result<Answer>>, Answer)> = Vec::new();
    let fail = |kind: ErrorKind, why: String, waiting: Vec<oneshot::Sender<Result<Answer>>>| {
        let _ = connection.execute_batch("ROLLBACK");
        for reply in waiting {
            let _ = reply.send(Err(Error::new(kind, why.clone())));
        }
        Err(why)
    };
    if let Err(e) = connection.execute_batch("BEGIN IMMEDIATE") {
        return fail(ErrorKind::Journal, format!("the journal cannot be written: {e}"), vec![first.reply]);
    }
    let mut next = Some(first);
    while let Some(Command { work, reply }) = next.take() {
        match work(connection) {
            Ok(answer) => done.push((reply, answer)),
            Err(e) => {
                let waiting = done.into_iter().map(|(r, _)| r).chain([reply]).collect();
                return fail(e.kind(), e.to_string(), waiting);
            }
        }
        if done.len() < GROUP {
            next = inbox.try_recv().ok();
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
