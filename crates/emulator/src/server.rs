//! The accept loop and the life of a connection, with every place where a fault may strike.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::control;
use crate::effects::{self, Ending};
use crate::faults::{Effect, Phase, Plan, Seen};
use crate::log::RequestRecord;
use crate::request::{Request, Tamper};
use crate::routes::Route;
use crate::shared::Shared;
use crate::wire::{Answer, Body, Conn, Head, Patience};

/// How long requests may take to end once the emulator is told to stop.
const GRACE: Duration = Duration::from_secs(5);
const PEEK: usize = 4096;

/// Accepts until told to stop, then waits for what is under way.
pub(crate) async fn run(shared: Arc<Shared>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let handed = stop.clone();
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(connection(Arc::clone(&shared), stream, handed.clone()));
                }
                // Out of descriptors: others will close theirs.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, all).await;
}

async fn connection(shared: Arc<Shared>, stream: TcpStream, mut stop: watch::Receiver<bool>) {
    let options = shared.options();
    let patience = Patience {
        head: Duration::from_millis(options.header_timeout_ms),
        idle: Duration::from_millis(options.idle_timeout_ms),
        stall: Duration::from_millis(options.body_timeout_ms),
    };
    drop(options);
    let mut conn = Conn::new(stream, patience);
    loop {
        let head = tokio::select! {
            biased;
            head = conn.head() => head,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let head = match head {
            Ok(Some(head)) => head,
            Ok(None) => return,
            Err(e) => {
                let said = match e.kind() {
                    io::ErrorKind::InvalidData => Some((400, "not HTTP/1.1\n")),
                    io::ErrorKind::TimedOut => Some((408, "the head of the request took too long\n")),
                    _ => None,
                };
                if let Some((status, text)) = said {
                    let answer = Answer::new(status, "text/plain", text);
                    let _ = conn.write(&answer.head(answer.body.len(), false), None).await;
                    let _ = conn.write(&answer.body, None).await;
                    conn.finish().await;
                }
                return;
            }
        };
        let route = Route::of(&head.method, &head.path).0;
        let next = if route == Route::Own {
            control::serve(&shared, conn, head, &mut stop).await
        } else {
            exchange(&shared, conn, head, route).await
        };
        match next {
            Ok(Some(same)) => conn = same,
            Ok(None) | Err(_) => return,
        }
    }
}

/// One request and its answer; gives the connection back where it lives on.
async fn exchange(shared: &Arc<Shared>, mut conn: Conn, head: Head, route: Route) -> io::Result<Option<Conn>> {
    let began = Instant::now();
    let at_ms = shared.clock.now();
    shared.log().arrived(route.name());
    let mut entry = RequestRecord {
        n: 0,
        at_ms,
        method: head.method.clone(),
        path: head.path.clone(),
        route: route.name().to_owned(),
        status: 0,
        code: None,
        micros: 0,
        bytes_in: head.length(),
        context: None,
        faults: Vec::new(),
        explanation: None,
    };
    let result = answered(shared, &mut conn, head, route, &mut entry).await;
    entry.micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    shared.log().finished(&mut entry);
    shared.watchers.tell(&entry);
    shared.log().keep(entry);
    shared.wake();
    match result? {
        Ending::Keep => Ok(Some(conn)),
        Ending::Fin => {
            conn.finish().await;
            Ok(None)
        }
        Ending::Rst => {
            conn.reset();
            Ok(None)
        }
    }
}

async fn answered(
    shared: &Arc<Shared>,
    conn: &mut Conn,
    head: Head,
    route: Route,
    entry: &mut RequestRecord,
) -> io::Result<Ending> {
    let wait = head.header("expect").is_some_and(|e| e.eq_ignore_ascii_case("100-continue"));
    let early = route.carries_context() && shared.faults().asks_for_context();
    if wait && early {
        conn.write(b"HTTP/1.1 100 Continue\r\n\r\n", None).await?;
    }
    if early {
        entry.context = context_in(conn.peek(&head, PEEK).await?);
    }
    let limit = shared.options().body_limit;
    let mut body = None;
    if early && entry.context.is_none() && head.length() <= limit as u64 {
        // The context stands behind the content: only the whole body tells.
        let whole = conn.body(&head, limit, None).await?;
        entry.context = context_of(&whole);
        body = Some(whole);
    }
    let plan = plan(shared, &head, route, entry.context.as_deref());
    entry.faults.clone_from(&plan.names);
    if plan.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(plan.delay_ms)).await;
    }
    let broken = |phase: Phase| {
        plan.effects.iter().find_map(|e| match e {
            Effect::Break { at, how, .. } if *at == phase => Some(Ending::from(*how)),
            _ => None,
        })
    };
    if let Some(end) = broken(Phase::BeforeBody) {
        return Ok(end);
    }
    if wait && !early {
        conn.write(b"HTTP/1.1 100 Continue\r\n\r\n", None).await?;
    }
    if let Some(end) = broken(Phase::MidBody) {
        if body.is_none() {
            conn.skip(head.length() / 2).await?;
        }
        return Ok(end);
    }
    let pace = plan.effects.iter().find_map(|e| match e {
        Effect::SlowRead { bytes_per_second } => Some(*bytes_per_second),
        _ => None,
    });
    if pace.is_some() {
        conn.narrow();
    }
    let body = match body {
        Some(body) => body,
        None => conn.body(&head, limit, pace).await?,
    };
    if let Body::Whole(bytes) = &body {
        entry.bytes_in = bytes.len() as u64;
        if route.carries_context() && entry.context.is_none() {
            entry.context = context_of(&body);
        }
    }
    // An unread body would be taken for the next request.
    let keep_alive = head.keep_alive && !matches!(body, Body::TooLarge);
    let head_only = head.method == "HEAD";
    let mut request = Request { head, route, body, tamper: Tamper::default() };
    effects::tamper(&plan, &mut request.tamper);
    effects::finish(shared, conn, request, plan, keep_alive, head_only, entry).await
}

fn plan(shared: &Shared, head: &Head, route: Route, context: Option<&str>) -> Plan {
    let (_, ids) = Route::of(&head.method, &head.path);
    let session = ids.first().copied().filter(|_| route.names_session());
    let mut hasher = DefaultHasher::new();
    head.method.hash(&mut hasher);
    head.path.hash(&mut hasher);
    head.header("x-hmac-signature").or_else(|| head.header("x-signature")).hash(&mut hasher);
    head.length().hash(&mut hasher);
    shared.faults().plan(Seen { route, session, context, fingerprint: hasher.finish() })
}

/// The value of `"context"` or `"image_type"` in the first and last kilobytes of a body: the script wants
/// it before the body is judged, or even whole.
fn context_of(body: &Body) -> Option<String> {
    let Body::Whole(bytes) = body else { return None };
    context_in(&bytes[..bytes.len().min(PEEK)]).or_else(|| context_in(&bytes[bytes.len().saturating_sub(PEEK)..]))
}

fn context_in(piece: &[u8]) -> Option<String> {
    for key in [&b"\"context\""[..], b"\"image_type\""] {
        let Some(at) = piece.windows(key.len()).position(|w| w == key) else { continue };
        let rest = piece[at + key.len()..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let value = rest.strip_prefix(b"\"")?;
        let end = value.iter().take(64).position(|b| *b == b'"')?;
        return String::from_utf8(value[..end].to_vec()).ok();
    }
    None
}

/// Sessions change by themselves, too.
pub(crate) async fn ticker(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(Duration::from_millis(250));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        shared.tick();
    }
}
