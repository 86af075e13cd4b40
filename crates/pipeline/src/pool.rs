use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind};
use crate::press::{Press, Worker};

/// The threads that compute. A rayon pool of our own, not the global one: decoders that use rayon
/// inside would wait for threads that wait for them. Nothing in here ever waits: a thread is woken
/// when there is a task and takes exactly one.
pub(crate) struct Pool {
    threads: ThreadPool,
    queue: Sender<Task>,
    tasks: Receiver<Task>,
    presses: Arc<Presses>,
}

type Task = Box<dyn FnOnce(&mut dyn Worker) + Send>;

/// One worker per thread, made at its first task. The mutex is never contended: slot i is thread
/// i's own.
struct Presses {
    press: Arc<dyn Press>,
    slots: Vec<Mutex<Option<Box<dyn Worker>>>>,
}

impl Pool {
    /// `queue` is how many tasks may lie in the channel: the number of jobs that are admitted at a
    /// time. Only cancelled jobs, whose tasks are still to be skipped, ever fill it.
    pub(crate) fn new(workers: NonZeroUsize, queue: usize, press: Arc<dyn Press>) -> Result<Self, Error> {
        let threads = ThreadPoolBuilder::new()
            .num_threads(workers.get())
            .thread_name(|i| format!("press-{i}"))
            .build()
            .map_err(|e| Error::new(ErrorKind::Internal, "no threads to press with").with_source(e))?;
        let (sender, tasks) = crossbeam_channel::bounded(queue);
        let slots = std::iter::repeat_with(Mutex::default).take(workers.get()).collect();
        Ok(Self { threads, queue: sender, tasks, presses: Arc::new(Presses { press, slots }) })
    }

    /// Runs `work` on a thread of the pool, in order of arrival. A panic costs this task and the
    /// thread's worker, nothing else.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Worker) -> Result<T, Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let mut task: Task = Box::new(move |worker| {
            // Nobody is waiting any more: the job was cancelled while it queued.
            if !answer.is_closed() {
                let _ = answer.send(work(worker));
            }
        });
        loop {
            match self.queue.try_send(task) {
                Ok(()) => break,
                Err(TrySendError::Full(back)) => task = back,
                Err(TrySendError::Disconnected(_)) => unreachable!("this pool holds the other end"),
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let (tasks, presses) = (self.tasks.clone(), Arc::clone(&self.presses));
        self.threads.spawn_fifo(move || {
            if let Ok(task) = tasks.try_recv() {
                presses.run(task);
            }
        });
        // The sender is dropped without an answer only by a panic.
        answered.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the press panicked")))
    }
}

impl Presses {
    fn run(&self, task: Task) {
        let index = rayon::current_thread_index().unwrap_or(0);
        let mut slot = self.slots[index].lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            task(slot.get_or_insert_with(|| self.press.worker()).as_mut());
        }));
        if outcome.is_err() {
            // Whatever state it is in, nobody sees it again. Its destructor may panic as well.
            let broken = slot.take();
            drop(catch_unwind(AssertUnwindSafe(|| drop(broken))));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use sealpress_media::Media;

    use super::*;
    use crate::press::Pressed;

    struct Counting(Arc<AtomicUsize>);

    impl Press for Counting {
        fn worker(&self) -> Box<dyn Worker> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Box::new(crate::press::Unchanged)
        }
        fn estimate(&self, _: &Media) -> Result<u64, Error> {
            Ok(0)
        }
    }

    fn press(worker: &mut dyn Worker) -> Result<Pressed, Error> {
        worker.press(&Media::sniff(&b"\xFF\xD8\xFF\xE0"[..]).unwrap())
    }

    #[tokio::test]
    async fn a_worker_serves_many_and_a_panic_costs_one() {
        let made = Arc::new(AtomicUsize::new(0));
        let pool = Pool::new(NonZeroUsize::MIN, 8, Arc::new(Counting(Arc::clone(&made)))).unwrap();
        for _ in 0..5 {
            pool.run(press).await.unwrap();
        }
        assert_eq!(made.load(Ordering::SeqCst), 1);
        let lost = pool.run::<(), _>(|_| panic!("a codec's bug")).await.unwrap_err();
        assert_eq!(lost.kind(), ErrorKind::Internal);
        pool.run(press).await.unwrap();
        assert_eq!(made.load(Ordering::SeqCst), 2);
    }
}
