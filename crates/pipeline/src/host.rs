//! The way to one host: connections, rates, pauses, and a circuit for each kind of request.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::options::{Circuit, Options};
use crate::planted::{self, Bug};

/// The way to one host: so many requests at a time, so many a second, so many bytes a second, a
/// pause when it asks for one, and for each kind of request a circuit that opens when it keeps
/// failing.
#[derive(Debug)]
pub(crate) struct Host {
    connections: Arc<Semaphore>,
    circuit: Circuit,
    rps: Option<f64>,
    bytes_per_s: Option<u64>,
    state: Mutex<State>,
    changed: Notify,
}

/// What a request is for. A host whose uploads fail may answer every listing: were that taken as a
/// sign of health, each listing would let the next upload through, in an outage all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Create,
    Upload,
    List,
    Submit,
}

#[derive(Debug)]
struct State {
    paused_until: Option<Instant>,
    next_request: Instant,
    next_byte: Instant,
    /// By [`Route`].
    breakers: [Breaker; 4],
}

#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    openings: u32,
    position: Position,
    /// Since when it has not been closed.
    open_since: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Position {
    #[default]
    Closed,
    Open {
        until: Instant,
    },
    /// One request is out to see; the others wait for what it finds.
    Probing,
}

/// Leave to make one request. Dropping it without a verdict counts as nothing learned.
#[derive(Debug)]
pub(crate) struct Permit {
    host: Arc<Host>,
    route: Route,
    probe: bool,
    _connection: OwnedSemaphorePermit,
}

/// The host kept failing for longer than the job would wait.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CircuitTimeout;

impl Host {
    pub(crate) fn new(options: &Options) -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Self {
            connections: Arc::new(Semaphore::new(options.connections.get())),
            circuit: options.circuit.clone(),
            rps: options.rps.filter(|r| *r > 0.0),
            bytes_per_s: options.max_bytes_per_s.filter(|b| *b > 0),
            state: Mutex::new(State {
                paused_until: None,
                next_request: now,
                next_byte: now,
                breakers: Default::default(),
            }),
            changed: Notify::new(),
        })
    }

    /// Waits until a request of `bytes` may go: pause over, circuit closed (or this is the probe),
    /// a connection free, the rate kept. Only an open circuit tries patience, and patience counts
    /// from its opening, not from each job's arrival: a dead host holds the first jobs up, not every
    /// one after another.
    pub(crate) async fn acquire(self: &Arc<Self>, route: Route, bytes: u64) -> Result<Permit, CircuitTimeout> {
        loop {
            let connection = Arc::clone(&self.connections).acquire_owned().await;
            let connection = connection.expect("the connections' semaphore is never closed");
            // Asked for before the state is read, so that no change is missed in between.
            let changed = self.changed.notified();
            match self.try_acquire(route, bytes) {
                TryAcquire::Go { at, probe } => {
                    let permit = Permit { host: Arc::clone(self), route, probe, _connection: connection };
                    tokio::time::sleep_until(at).await;
                    // While this one kept the pace, an answer may have asked for a pause.
                    if self.paused_for().is_none() || planted::is(Bug::PauseOverslept) {
                        return Ok(permit);
                    }
                }
                TryAcquire::Paused(until) => {
                    drop(connection);
                    tokio::time::sleep_until(until).await;
                }
                TryAcquire::Open { until, since } => {
                    drop(connection);
                    let give_up = since + self.circuit.patience;
                    if Instant::now() >= give_up {
                        return Err(CircuitTimeout);
                    }
                    let until = until.unwrap_or(give_up).min(give_up);
                    tokio::select! { biased; () = changed => {}, () = tokio::time::sleep_until(until) => {} }
                }
            }
        }
    }

    /// Nobody sends before this moment: a Retry-After, already clamped.
    pub(crate) fn pause_for(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut state = self.lock();
        state.paused_until = Some(state.paused_until.map_or(until, |p| p.max(until)));
    }

    /// How much longer nobody sends.
    pub(crate) fn paused_for(&self) -> Option<Duration> {
        let left = self.lock().paused_until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Whether some circuit lets only a probe through, or nothing.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().breakers.iter().any(|breaker| breaker.position != Position::Closed)
    }

    fn try_acquire(&self, route: Route, bytes: u64) -> TryAcquire {
        let now = Instant::now();
        let mut state = self.lock();
        if let Some(until) = state.paused_until {
            if until > now {
                return TryAcquire::Paused(until);
            }
            state.paused_until = None;
        }
        let breaker = state.breaker(route);
        let since = breaker.open_since.unwrap_or(now);
        let probe = match breaker.position {
            Position::Closed => false,
            Position::Open { until } if until > now => return TryAcquire::Open { until: Some(until), since },
            Position::Probing => return TryAcquire::Open { until: None, since },
            Position::Open { .. } => {
                breaker.position = Position::Probing;
                true
            }
        };
        let mut at = now;
        if let Some(rps) = self.rps.filter(|_| !planted::is(Bug::PaceIgnored)) {
            at = at.max(state.next_request);
            state.next_request = at + Duration::from_secs_f64(1.0 / rps);
        }
        if let Some(rate) = self.bytes_per_s {
            at = at.max(state.next_byte);
            #[expect(clippy::cast_precision_loss, reason = "a rate needs no 53rd bit")]
            let takes = Duration::from_secs_f64(bytes as f64 / rate as f64);
            state.next_byte = at + takes;
        }
        TryAcquire::Go { at, probe }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

enum TryAcquire {
    Go { at: Instant, probe: bool },
    Paused(Instant),
    Open { until: Option<Instant>, since: Instant },
}

impl State {
    fn breaker(&mut self, route: Route) -> &mut Breaker {
        &mut self.breakers[route as usize]
    }
}

impl Permit {
    /// The host answered like a host that works, whatever it said.
    pub(crate) fn worked(self) {
        if self.probe && planted::is(Bug::StuckCircuit) {
            return self.failed();
        }
        let was = std::mem::take(self.host.lock().breaker(self.route)).position;
        if was != Position::Closed {
            self.host.changed.notify_waiters();
        }
    }

    /// The host failed: unreachable, throttling, broken.
    pub(crate) fn failed(self) {
        let circuit = &self.host.circuit;
        let mut state = self.host.lock();
        let breaker = state.breaker(self.route);
        breaker.failures += 1;
        if self.probe || (breaker.position == Position::Closed && breaker.failures >= circuit.failures) {
            let doubled = circuit.open.saturating_mul(1 << breaker.openings.min(16));
            breaker.openings += 1;
            breaker.open_since.get_or_insert_with(Instant::now);
            breaker.position = Position::Open { until: Instant::now() + doubled.min(circuit.max_open) };
            drop(state);
            self.host.changed.notify_waiters();
        }
    }
}

impl Drop for Permit {
    /// A probe that learned nothing makes way for the next one.
    fn drop(&mut self) {
        if self.probe {
            let mut state = self.host.lock();
            let breaker = state.breaker(self.route);
            if breaker.position == Position::Probing {
                breaker.position = Position::Open { until: Instant::now() };
                drop(state);
                self.host.changed.notify_waiters();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    fn host(edit: impl FnOnce(&mut Options)) -> Arc<Host> {
        let mut options = Options { connections: NonZeroUsize::new(4).unwrap(), ..Options::default() };
        edit(&mut options);
        Host::new(&options)
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept() {
        let host = host(|o| o.rps = Some(10.0));
        let start = Instant::now();
        for _ in 0..21 {
            host.acquire(Route::Upload, 0).await.unwrap().worked();
        }
        assert_eq!(start.elapsed().as_millis(), 2000);
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_are_paced_after_they_went() {
        let host = host(|o| o.max_bytes_per_s = Some(1000));
        let start = Instant::now();
        for _ in 0..3 {
            host.acquire(Route::Upload, 500).await.unwrap().worked();
        }
        assert_eq!(start.elapsed().as_millis(), 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody() {
        let host = host(|_| {});
        host.pause_for(Duration::from_secs(30));
        host.pause_for(Duration::from_secs(10));
        let start = Instant::now();
        let (a, b) = tokio::join!(host.acquire(Route::Upload, 0), host.acquire(Route::Upload, 0));
        assert!(a.is_ok() && b.is_ok());
        assert_eq!(start.elapsed().as_secs(), 30);
        assert_eq!(host.paused_for(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_circuit_opens_probes_and_closes() {
        let host = host(|o| (o.circuit.failures, o.circuit.open) = (3, Duration::from_secs(1)));
        for _ in 0..3 {
            host.acquire(Route::Upload, 0).await.unwrap().failed();
        }
        assert!(host.is_open());
        let start = Instant::now();
        let probe = host.acquire(Route::Upload, 0).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 1, "open for its second");
        let other = tokio::spawn({
            let host = Arc::clone(&host);
            async move { host.acquire(Route::Upload, 0).await.map(Permit::worked) }
        });
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!other.is_finished(), "one probe at a time");
        probe.failed();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(!other.is_finished(), "twice as long the second time");
        other.await.unwrap().unwrap();
        assert_eq!(start.elapsed().as_millis(), 3500);
        assert!(!host.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_good_listing_says_nothing_of_uploads() {
        let host = host(|o| (o.circuit.failures, o.circuit.open) = (1, Duration::from_secs(9)));
        host.acquire(Route::Upload, 0).await.unwrap().failed();
        let start = Instant::now();
        host.acquire(Route::List, 0).await.unwrap().worked();
        assert_eq!(start.elapsed().as_secs(), 0, "another circuit");
        host.acquire(Route::Upload, 0).await.unwrap().worked();
        assert_eq!(start.elapsed().as_secs(), 9);
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let host = host(|o| {
            o.circuit.failures = 1;
            o.circuit.open = Duration::from_secs(60);
            o.circuit.max_open = Duration::from_secs(60);
            o.circuit.patience = Duration::from_secs(5);
        });
        host.acquire(Route::Upload, 0).await.unwrap().failed();
        let start = Instant::now();
        assert_eq!(host.acquire(Route::Upload, 0).await.map(Permit::worked), Err(CircuitTimeout));
        assert_eq!(start.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_probe_is_replaced() {
        let host = host(|o| (o.circuit.failures, o.circuit.open) = (1, Duration::from_secs(1)));
        host.acquire(Route::Upload, 0).await.unwrap().failed();
        drop(host.acquire(Route::Upload, 0).await.unwrap());
        host.acquire(Route::Upload, 0).await.unwrap().worked();
        assert!(!host.is_open());
    }
}
