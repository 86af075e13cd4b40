//! Uploads under way, by session: what a submission waits for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Uploads under way, by session.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    sessions: Mutex<HashMap<String, watch::Sender<usize>>>,
}

/// One upload under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Flight {
    flights: Arc<Flights>,
    session: String,
}

impl Flights {
    /// An upload of this session has begun.
    pub(crate) fn enter(self: &Arc<Self>, session: &str) -> Flight {
        self.lock().entry(session.to_owned()).or_insert_with(|| watch::Sender::new(0)).send_modify(|n| *n += 1);
        Flight { flights: Arc::clone(self), session: session.to_owned() }
    }

    /// Waits until no upload of the session is under way; false where that took longer than `patience`.
    pub(crate) async fn landed(&self, session: &str, patience: Duration) -> bool {
        let Some(mut count) = self.lock().get(session).map(watch::Sender::subscribe) else { return true };
        // The sender is dropped with the last upload.
        let landed = async { drop(count.wait_for(|n| *n == 0).await) };
        timeout(patience, landed).await.is_ok()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<usize>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut sessions = self.flights.lock();
        if let Some(count) = sessions.get(&self.session) {
            count.send_modify(|n| *n -= 1);
            if *count.borrow() == 0 {
                sessions.remove(&self.session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_submission_waits_for_its_own_uploads_alone() {
        let flights = Arc::new(Flights::default());
        let (one, two, other) = (flights.enter("a"), flights.enter("a"), flights.enter("b"));
        assert!(flights.landed("c", Duration::ZERO).await);
        drop(one);
        assert!(!flights.landed("a", Duration::from_secs(60)).await);
        let waiting = tokio::spawn({
            let flights = Arc::clone(&flights);
            async move { flights.landed("a", Duration::from_secs(60)).await }
        });
        tokio::task::yield_now().await;
        drop(two);
        assert!(waiting.await.unwrap());
        drop(other);
        assert!(flights.lock().is_empty());
    }
}
