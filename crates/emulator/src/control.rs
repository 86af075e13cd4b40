//! The emulator's own routes: the page, the ledger, faults, clock, decisions, options.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};

use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::faults::{FaultRule, ScriptFile};
use crate::form;
use crate::ledger::{DecisionRecord, Vendor, Verdict};
use crate::options::Options;
use crate::shared::Shared;
use crate::state::Change;
use crate::view;
use crate::wire::{Answer, Body, Conn, Head};

const PAGE: &str = include_str!("page.html");
const LIMIT: usize = 4 << 20;

/// Answers one request; gives the connection back where it lives on.
pub(crate) async fn serve(
    shared: &Arc<Shared>,
    mut conn: Conn,
    head: Head,
    stop: &mut watch::Receiver<bool>,
) -> io::Result<Option<Conn>> {
    let body = conn.body(&head, LIMIT, None).await?;
    if head.method == "GET" && head.path == "/__emulator/events" && trusted(&head, &shared.options()) {
        events(shared, conn, stop).await?;
        return Ok(None);
    }
    let answer = answer(shared, &head, &body);
    let keep = head.keep_alive && matches!(body, Body::Whole(_));
    conn.write(&answer.head(answer.body.len(), keep), None).await?;
    conn.write(&answer.body, None).await?;
    if keep {
        return Ok(Some(conn));
    }
    conn.finish().await;
    Ok(None)
}

/// Other sites that a browser shows must neither steer the emulator nor read from it, not even by a name
/// that resolves to the loopback address.
fn trusted(head: &Head, options: &Options) -> bool {
    let host = head.header("host").unwrap_or("");
    if let Some(origin) = head.header("origin")
        && origin.strip_prefix("http://") != Some(host)
    {
        return false;
    }
    let from_browser = head.header("sec-fetch-site").is_some();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    let name = name.trim_start_matches('[').trim_end_matches(']');
    !from_browser
        || name == "localhost"
        || name.parse::<IpAddr>().is_ok()
        || options.allowed_hosts.iter().any(|h| h == name)
}

fn answer(shared: &Shared, head: &Head, body: &Body) -> Answer {
    if !trusted(head, &shared.options()) {
        return refuse(403, "only the emulator's own page may do this");
    }
    let Body::Whole(body) = body else { return refuse(413, "too large") };
    let parts: Vec<&str> = head.path.trim_matches('/').split('/').skip(1).collect();
    let result = match (head.method.as_str(), parts.as_slice()) {
        ("GET", []) if head.path == "/" => {
            return Answer::new(200, "text/html; charset=utf-8", PAGE).with(
                "content-security-policy",
                "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src 'self' data:; connect-src 'self'",
            );
        }
        ("GET", [token]) if head.path.starts_with("/v/") => return open(shared, token),
        ("GET", []) if head.path == "/health" => Ok(
            json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "sessions": shared.state().sessions().len() }),
        ),
        ("POST", ["reset"]) => shared.reset().map(|()| json!({ "status": "success" })),
        ("GET", ["faces"]) => serde_json::to_value(shared.state().faces.all()).map_err(internal),
        ("GET", ["connect"]) => Ok(connect(shared)),
        ("GET", ["ledger"]) if head.query("session").is_some() => one_session(shared, head.query("session")),
        ("GET", ["ledger"]) => serde_json::to_value(shared.ledger()).map_err(internal),
        ("GET", ["totals"]) => Ok(view::totals(shared)),
        ("GET", ["state"]) => Ok(view::view(shared, &form::decode(head.query("q").unwrap_or("")))),
        ("GET", ["media", id]) => return media(shared, id),
        ("GET", ["faults"]) => Ok(json!(shared.faults().shown().collect::<Vec<_>>())),
        ("POST", ["faults"]) => add_faults(shared, head, body),
        ("DELETE", ["faults"]) => Ok(json!({ "removed": shared.faults().remove(None) })),
        ("DELETE", ["faults", id]) => {
            let removed = id.parse().map_or(0, |id| shared.faults().remove(Some(id)));
            if removed == 0 {
                Err(Error::new(ErrorKind::NotFound, "no such fault"))
            } else {
                Ok(json!({ "removed": removed }))
            }
        }
        ("GET", ["clock"]) => Ok(time(shared)),
        ("POST", ["clock"]) => move_clock(shared, body).map(|()| time(shared)),
        ("POST", ["decide"]) => parse::<Decide>(body).and_then(|d| {
            decide(shared, &d.session, d.decision, d.reason, d.reason_code)?;
            Ok(json!({ "status": "success" }))
        }),
        ("POST", ["webhook"]) => {
            parse::<Value>(body).and_then(|value| shared.webhooks.send(&value)).map(|()| json!({ "status": "success" }))
        }
        ("GET", ["options"]) => serde_json::to_value(&*shared.options()).map_err(internal),
        ("PATCH", ["options"]) => patch_options(shared, body),
        ("POST", ["tokens", "revoke"]) => {
            shared.tokens.lock().unwrap_or_else(std::sync::PoisonError::into_inner).revoke();
            Ok(json!({ "status": "success" }))
        }
        _ => Err(Error::new(ErrorKind::NotFound, "no such route of the emulator")),
    };
    if head.method != "GET" {
        shared.wake();
    }
    match result {
        Ok(value) => Answer::json(200, &value).with("cache-control", "no-store"),
        Err(e) if e.kind() == ErrorKind::NotFound => refuse(404, &e.to_string()),
        Err(e) if e.kind() == ErrorKind::Internal => refuse(500, &e.to_string()),
        Err(e) => refuse(400, &e.to_string()),
    }
}

/// The end user's page of a session, in short: opening it starts the session.
fn open(shared: &Shared, token: &str) -> Answer {
    let mut state = shared.state();
    let found = state.find(Vendor::Veriff, token.trim_end_matches(".emulated"));
    let Some(index) = found else { return refuse(404, "no such session") };
    shared.tick_one(&mut state, index);
    if state.open(index) {
        shared.announce(&state, &[Change::Started(index)]);
    }
    Answer::new(303, "text/plain", "").with("location", "/")
}

fn one_session(shared: &Shared, id: Option<&str>) -> Result<Value, Error> {
    let state = shared.state();
    let found = state.sessions().iter().find(|s| Some(s.id.as_str()) == id);
    let found = found.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such session"))?;
    serde_json::to_value(found).map_err(internal)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decide {
    session: String,
    decision: Verdict,
    reason: Option<String>,
    reason_code: Option<u32>,
}

/// Decides a session of either vendor by hand.
pub(crate) fn decide(
    shared: &Shared,
    session: &str,
    verdict: Verdict,
    reason: Option<String>,
    reason_code: Option<u32>,
) -> Result<(), Error> {
    let mut state = shared.state();
    if let Some(auth) = state.face_auth(session) {
        auth.decision = Some(DecisionRecord { verdict, at_ms: shared.clock.now(), reason, reason_code });
        return Ok(());
    }
    let found = state.find(Vendor::Veriff, session).or_else(|| state.find(Vendor::Transmit, session));
    let index = found.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such session"))?;
    let decision = DecisionRecord { verdict, at_ms: shared.clock.now(), reason, reason_code };
    state.decide(index, decision);
    shared.announce(&state, &[Change::Decided(index)]);
    Ok(())
}

/// Changes the options and lets them act on every session.
pub(crate) fn set_options(shared: &Shared, options: Options) {
    *shared.options.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(options);
    shared.state().reconsider();
    shared.tick();
    shared.wake();
}

fn patch_options(shared: &Shared, body: &[u8]) -> Result<Value, Error> {
    let patch: serde_json::Map<String, Value> = parse(body)?;
    let mut value = serde_json::to_value(&*shared.options()).map_err(internal)?;
    if let Some(fields) = value.as_object_mut() {
        fields.extend(patch);
    }
    let options: Options = serde_json::from_value(value.clone()).map_err(|e| Error::config(e.to_string()))?;
    set_options(shared, options);
    Ok(value)
}

/// JSON: one rule or a list. TOML (by content type): a script.
fn add_faults(shared: &Shared, head: &Head, body: &[u8]) -> Result<Value, Error> {
    let toml = head.header("content-type").is_some_and(|t| t.contains("toml"));
    let rules: Vec<FaultRule> = if toml {
        let text = std::str::from_utf8(body).map_err(|_| Error::config("not UTF-8"))?;
        let script: ScriptFile = toml::from_str(text).map_err(|e| Error::config(e.to_string()))?;
        if let Some(options) = script.options {
            set_options(shared, options);
        }
        script.fault
    } else {
        match parse::<Value>(body)? {
            list @ Value::Array(_) => serde_json::from_value(list).map_err(|e| Error::config(e.to_string()))?,
            one => vec![serde_json::from_value(one).map_err(|e| Error::config(e.to_string()))?],
        }
    };
    let mut faults = shared.faults();
    let ids = rules.into_iter().map(|rule| faults.add(rule)).collect::<Result<Vec<u64>, Error>>()?;
    Ok(json!({ "ids": ids }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    advance: Option<String>,
    set: Option<String>,
    freeze: Option<bool>,
    #[serde(default)]
    reset: bool,
}

fn move_clock(shared: &Shared, body: &[u8]) -> Result<(), Error> {
    let Move { advance, set, freeze, reset } = parse(body)?;
    let wrong = |text: &str| Error::config(format!("{text:?} is not a time"));
    if reset {
        shared.clock.reset();
    }
    if let Some(frozen) = freeze {
        shared.clock.freeze(frozen);
    }
    if let Some(text) = set {
        shared.clock.set(clock::parse_rfc3339(&text).ok_or_else(|| wrong(&text))?);
    }
    if let Some(text) = advance {
        shared.clock.advance(clock::parse_duration(&text).ok_or_else(|| wrong(&text))?);
    }
    shared.tick();
    Ok(())
}

/// What a client is set up with. Test credentials, for the page's own eyes: `trusted` guards them.
fn connect(shared: &Shared) -> Value {
    json!({
        "base_url": shared.url,
        "api_key": shared.keys.api_key,
        "secret": shared.secret(),
        "transmit": {
            "base_url": format!("{}/verify", shared.url),
            "token_url": format!("{}/oidc/token", shared.url),
            "client_id": shared.keys.client_id,
            "client_secret": shared.keys.client_secret,
            "resource": shared.options().resource,
        },
    })
}

fn time(shared: &Shared) -> Value {
    let now = shared.clock.now();
    json!({ "now": clock::rfc3339(now), "now_ms": now, "frozen": shared.clock.is_frozen() })
}

fn media(shared: &Shared, id: &str) -> Answer {
    let Some(media) = shared.state().find_media(id).cloned() else { return refuse(404, "no such medium") };
    let Some(bytes) = shared.store.get(&media) else { return refuse(404, "bytes not kept") };
    let mut answer = Answer::new(200, "application/octet-stream", bytes);
    answer.set("content-type", media.mimetype);
    answer.set("x-content-type-options", "nosniff");
    // A stored file must not be able to run as a page of this origin.
    answer.set("content-security-policy", "default-src 'none'; sandbox");
    answer.set("cache-control", "private, max-age=3600");
    answer
}

/// Server-sent events: a line whenever something has changed, at most five a second.
async fn events(shared: &Shared, mut conn: Conn, stop: &mut watch::Receiver<bool>) -> io::Result<()> {
    let mut news = shared.news.subscribe();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\nconnection: close\r\n\r\ndata: hello\n\n";
    conn.write(head.as_bytes(), None).await?;
    loop {
        tokio::select! {
            heard = news.recv() => if matches!(heard, Err(broadcast::error::RecvError::Closed)) { return Ok(()) },
            // Proves now and then that the other side is still there.
            () = tokio::time::sleep(Duration::from_secs(10)) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
        conn.write(b"data: changed\n\n", None).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        news = news.resubscribe();
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|e| Error::config(e.to_string()))
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn internal(e: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, e.to_string())
}

fn refuse(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": message }))
}
