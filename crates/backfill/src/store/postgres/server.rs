//! The thread that talks to PostgreSQL, whoever asks.

use std::rc::Rc;
use std::thread::JoinHandle;

use futures_util::future::LocalBoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::pool::Pool;
use crate::error::{Error, ErrorKind, Result};

/// Commands that may wait; whoever comes later waits to hand over.
const QUEUE: usize = 256;

type Command = Box<dyn FnOnce(Rc<Pool>) -> LocalBoxFuture<'static, ()> + Send>;

/// One thread with a runtime of its own, where all transactions run side by side. Transactions that
/// borrow their connection stay on it, so that nothing about them needs to be shared.
pub(super) struct Server {
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(pool: Pool) -> Result<Self> {
        let failed = |e| Error::caused(ErrorKind::Io, "the store's thread did not start", e);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (commands, mut inbox) = mpsc::channel::<Command>(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                let pool = Rc::new(pool);
                tokio::task::LocalSet::new().block_on(&runtime, async {
                    while let Some(command) = inbox.recv().await {
                        tokio::task::spawn_local(command(Rc::clone(&pool)));
                    }
                });
            })
            .map_err(failed)?;
        Ok(Self { commands: Some(commands), thread: Some(thread) })
    }

    /// Runs `work` on the thread.
    pub(super) async fn on<T: Send + 'static>(
        &self,
        work: impl AsyncFnOnce(Rc<Pool>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let gone = || Error::new(ErrorKind::Journal, "the store's thread ended");
        let (reply, answer) = oneshot::channel();
        let command: Command = Box::new(move |pool| {
            Box::pin(async move {
                let _ = reply.send(work(pool).await);
            })
        });
        self.commands.as_ref().ok_or_else(gone)?.send(command).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.commands.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
