//! Where a pipeline computes: on threads of its own, or wherever the [`Executor`] that it was given says.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use futures_util::future::BoxFuture;
use rayon::{ThreadPool, ThreadPoolBuilder};
use sealpress_press::{Press, Worker};
use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind};

/// A piece of computing: judging a header, hashing, pressing, signing. Never waits, never panics.
pub type Task = Box<dyn FnOnce() + Send>;

/// Decides where and when a pipeline's computing happens. [`Threads`] unless a
/// [`Builder`](crate::Builder) is told otherwise: a simulator runs everything on one thread and lets
/// simulated time pass first.
pub trait Executor: Send + Sync + 'static {
    /// Takes a task over and runs it once, before or after the future ends. A task that is dropped
    /// instead costs its job what a panic costs it. The future may wait for room.
    fn execute(&self, task: Task) -> BoxFuture<'_, ()>;
}

/// A rayon pool of its own, not the global one: decoders that use rayon inside would wait for threads
/// that wait for them. A thread is woken when there is a task and takes exactly one, in order of
/// arrival.
pub struct Threads {
    threads: ThreadPool,
    queue: Sender<Task>,
    tasks: Receiver<Task>,
}

impl Threads {
    /// `queue` is how many tasks may lie in the channel: the number of jobs that are admitted at a
    /// time. Only cancelled jobs, whose tasks are still to be skipped, ever fill it.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn new(workers: NonZeroUsize, queue: usize) -> Result<Self, Error> {
        let threads = ThreadPoolBuilder::new()
            .num_threads(workers.get())
            .thread_name(|i| format!("press-{i}"))
            .build()
            .map_err(|e| Error::new(ErrorKind::Internal, "no threads to press with").with_source(e))?;
        let (queue, tasks) = crossbeam_channel::bounded(queue.max(1));
        Ok(Self { threads, queue, tasks })
    }
}

impl Executor for Threads {
    fn execute(&self, mut task: Task) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                match self.queue.try_send(task) {
                    Ok(()) => break,
                    Err(TrySendError::Full(back)) => task = back,
                    Err(TrySendError::Disconnected(_)) => unreachable!("this pool holds the other end"),
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let tasks = self.tasks.clone();
            self.threads.spawn_fifo(move || {
                if let Ok(task) = tasks.try_recv() {
                    task();
                }
            });
        })
    }
}

impl std::fmt::Debug for Threads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Threads").field("threads", &self.threads.current_num_threads()).finish_non_exhaustive()
    }
}

/// An executor, and the workers of the press that its tasks use. No more workers are made than tasks
/// ever ran at the same time; the one that was used last is the next to be used.
pub(crate) struct Pool {
    executor: Arc<dyn Executor>,
    workers: Arc<Workers>,
}

struct Workers {
    press: Arc<dyn Press>,
    idle: Mutex<Vec<Box<dyn Worker>>>,
}

impl Pool {
    pub(crate) fn new(executor: Arc<dyn Executor>, press: Arc<dyn Press>) -> Self {
        Self { executor, workers: Arc::new(Workers { press, idle: Mutex::default() }) }
    }

    /// Runs `work` with a worker of the press. A panic costs this task and the worker, nothing else.
    pub(crate) async fn press<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Worker) -> Result<T, Error> + Send + 'static,
    {
        let workers = Arc::clone(&self.workers);
        self.compute(move || {
            let mut worker = workers.take();
            let done = catch_unwind(AssertUnwindSafe(|| work(worker.as_mut())));
            match done {
                Ok(done) => {
                    workers.idle().push(worker);
                    done
                }
                Err(panic) => {
                    // Whatever state it is in, nobody sees it again. Its destructor may panic as well.
                    drop(catch_unwind(AssertUnwindSafe(|| drop(worker))));
                    std::panic::resume_unwind(panic)
                }
            }
        })
        .await
    }

    /// Runs `work`, in order of arrival. A panic costs this task, nothing else.
    pub(crate) async fn compute<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let task: Task = Box::new(move || {
            // Nobody is waiting any more: the job was cancelled while it queued.
            if !answer.is_closed()
                && let Ok(done) = catch_unwind(AssertUnwindSafe(work))
            {
                let _ = answer.send(done);
            }
        });
        self.executor.execute(task).await;
        // The sender is dropped without an answer by a panic, or with its task.
        answered.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the press panicked")))
    }
}

impl Workers {
    fn take(&self) -> Box<dyn Worker> {
        let idle = self.idle().pop();
        idle.unwrap_or_else(|| self.press.worker())
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Box<dyn Worker>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use sealpress_media::Media;

    use sealpress_press::{self as press, Pressed};

    use super::*;

    struct Counting(Arc<AtomicUsize>);

    impl Press for Counting {
        fn worker(&self) -> Box<dyn Worker> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Box::new(sealpress_press::Unchanged)
        }
        fn estimate(&self, _: &Media) -> Result<u64, press::Error> {
            Ok(0)
        }
        fn plan(&self, media: &Media) -> Result<press::Plan, press::Error> {
            press::Unchanged.plan(media)
        }
    }

    fn press(worker: &mut dyn Worker) -> Result<Pressed, Error> {
        Ok(worker.press(&Media::sniff(&b"\xFF\xD8\xFF\xE0"[..]).unwrap())?)
    }

    fn pool(made: &Arc<AtomicUsize>, executor: impl Executor) -> Pool {
        Pool::new(Arc::new(executor), Arc::new(Counting(Arc::clone(made))))
    }

    #[tokio::test]
    async fn a_worker_serves_many_and_a_panic_costs_one() {
        let made = Arc::new(AtomicUsize::new(0));
        let pool = pool(&made, Threads::new(NonZeroUsize::MIN, 8).unwrap());
        for _ in 0..5 {
            pool.press(press).await.unwrap();
            pool.compute(|| Ok(())).await.unwrap();
        }
        assert_eq!(made.load(Ordering::SeqCst), 1);
        let lost = pool.press::<(), _>(|_| panic!("a codec's bug")).await.unwrap_err();
        assert_eq!(lost.kind(), ErrorKind::Internal);
        pool.press(press).await.unwrap();
        assert_eq!(made.load(Ordering::SeqCst), 2);
    }

    /// Computes on the thread that asks, after simulated time, and forgets every third task.
    struct Simulated(AtomicUsize);

    impl Executor for Simulated {
        fn execute(&self, task: Task) -> BoxFuture<'_, ()> {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(60)).await;
                if self.0.fetch_add(1, Ordering::SeqCst) % 3 < 2 {
                    task();
                }
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_brings_an_executor_says_where_and_when() {
        let made = Arc::new(AtomicUsize::new(0));
        let pool = pool(&made, Simulated(AtomicUsize::new(0)));
        let (start, here) = (tokio::time::Instant::now(), std::thread::current().id());
        for _ in 0..2 {
            let thread = pool.press(move |_| Ok(std::thread::current().id())).await.unwrap();
            assert_eq!(thread, here);
        }
        assert_eq!(start.elapsed().as_secs(), 120);
        assert_eq!(pool.press(press).await.unwrap_err().kind(), ErrorKind::Internal, "a task that never ran");
    }
}
