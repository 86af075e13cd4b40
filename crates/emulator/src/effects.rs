//! What the script does to a request that was read in full: which answer is written, how much of it, how
//! fast, and how the connection ends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::clock;
use crate::crypto;
use crate::dispatch::dispatch;
use crate::faults::{Effect, Forgery, How, Length, Phase, Plan};
use crate::log::RequestRecord;
use crate::request::{Request, Tamper};
use crate::shared::Shared;
use crate::veriff::seal;
use crate::wire::{Answer, Conn, proxy_page};

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Keep,
    Fin,
    Rst,
}

impl From<How> for Ending {
    fn from(how: How) -> Self {
        match how {
            How::Rst => Self::Rst,
            How::Fin => Self::Fin,
        }
    }
}

/// Hands the routes what the script wants of them.
pub(crate) fn tamper(plan: &Plan, tamper: &mut Tamper) {
    for effect in &plan.effects {
        match effect {
            Effect::StaleListing { lag_ms } => tamper.lag_ms = *lag_ms,
            Effect::DoubleRecord => tamper.double = true,
            Effect::Fuzz => tamper.fuzz = true,
            Effect::Feedback { value, custom } => tamper.feedback = Some((value.clone(), custom.clone())),
            _ => {}
        }
    }
}

/// Works on the request as far as the script allows, and answers.
pub(crate) async fn finish(
    shared: &Arc<Shared>,
    conn: &mut Conn,
    request: Request,
    plan: Plan,
    keep_alive: bool,
    head_only: bool,
    entry: &mut RequestRecord,
) -> io::Result<Ending> {
    let request = Arc::new(request);
    for effect in &plan.effects {
        match effect {
            Effect::Status { status, retry_after: after, body, code, recorded, record_after_ms } => {
                record(shared, &request, *recorded, *record_after_ms);
                let mut answer =
                    scripted(shared, *status, body.as_deref(), code.as_deref(), request.route.is_transmit());
                if let Some(text) = after {
                    answer.set("retry-after", retry_after(text, shared.clock.now()));
                }
                return write(conn, answer, &plan, keep_alive, head_only, entry).await;
            }
            Effect::Redirect { location, status } => {
                let answer = Answer::new(*status, "text/plain", "").with("location", location.clone());
                return write(conn, answer, &plan, keep_alive, head_only, entry).await;
            }
            Effect::Break { at: Phase::AfterBody, how, recorded, record_after_ms } => {
                record(shared, &request, *recorded, *record_after_ms);
                return Ok(Ending::from(*how));
            }
            Effect::Stall { ms, recorded, record_after_ms } => {
                record(shared, &request, *recorded, *record_after_ms);
                tokio::time::sleep(Duration::from_millis(*ms)).await;
                return Ok(Ending::Fin);
            }
            _ => {}
        }
    }
    let mut answer = dispatch(shared, &request);
    decorate(shared, &plan, &mut answer);
    write(conn, answer, &plan, keep_alive, head_only, entry).await
}

fn record(shared: &Arc<Shared>, request: &Arc<Request>, now: bool, later: Option<u64>) {
    if now {
        dispatch(shared, request);
    }
    if let Some(ms) = later {
        let (shared, request) = (Arc::clone(shared), Arc::clone(request));
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            dispatch(&shared, &request);
            shared.wake();
        });
    }
}

/// An answer that no route gave.
fn scripted(shared: &Shared, status: u16, body: Option<&str>, code: Option<&str>, transmit: bool) -> Answer {
    match body.unwrap_or("json") {
        "html" => Answer::new(status, "text/html", proxy_page(status)),
        "empty" => Answer::new(status, "text/plain", ""),
        "json" if transmit => {
            Answer::json(status, &json!({ "message": [crate::wire::reason(status)], "error_code": status }))
        }
        "json" => {
            let code = code.unwrap_or("1101");
            let value = json!({ "status": "fail", "code": code, "message": crate::wire::reason(status) });
            let mut answer = Answer::json(status, &value);
            answer.code = Some(code.to_owned());
            seal(shared, &mut answer);
            answer
        }
        text => Answer::new(status, "text/plain", text.to_owned()),
    }
}

fn decorate(shared: &Shared, plan: &Plan, answer: &mut Answer) {
    for effect in &plan.effects {
        match effect {
            Effect::Replace { status, body, headers } => {
                if let Some(status) = status {
                    answer.status = *status;
                }
                if let Some(body) = body {
                    answer.body = body.clone().into();
                    seal(shared, answer);
                }
                for (name, value) in headers {
                    answer.set(name.to_ascii_lowercase(), value.clone());
                }
            }
            Effect::Signature { how } => forge(shared, *how, answer),
            _ => {}
        }
    }
}

fn forge(shared: &Shared, how: Forgery, answer: &mut Answer) {
    let right = crypto::hmac_hex(shared.secret(), &answer.body);
    for name in ["x-hmac-signature", "vrf-hmac-signature", "x-signature"] {
        answer.drop_header(name);
    }
    match how {
        Forgery::Wrong => answer.set("x-hmac-signature", crypto::hmac_hex(shared.secret(), b"something else")),
        Forgery::Garbage => answer.set("x-hmac-signature", "not-a-signature"),
        Forgery::Missing => {}
        Forgery::Upper => answer.set("x-hmac-signature", right.to_uppercase()),
        Forgery::Vrf => answer.set("vrf-hmac-signature", right),
        Forgery::Legacy => {
            answer.set("x-signature", crypto::hex(&crypto::legacy(shared.secret(), &answer.body)));
        }
    }
}

async fn write(
    conn: &mut Conn,
    answer: Answer,
    plan: &Plan,
    keep_alive: bool,
    head_only: bool,
    entry: &mut RequestRecord,
) -> io::Result<Ending> {
    entry.status = answer.status;
    entry.code.clone_from(&answer.code);
    entry.explanation = answer.explanation.as_deref().cloned();
    let whole = answer.body.len();
    let (mut send, mut length, mut end) = (whole, whole, if keep_alive { Ending::Keep } else { Ending::Fin });
    let (mut head_pace, mut body_pace, mut idle) = (None, None, None);
    for effect in &plan.effects {
        match effect {
            Effect::Truncate { keep, length: says } => {
                send = part(whole, *keep);
                length = if *says == Length::Cut { send } else { whole };
                if *says == Length::Whole {
                    end = Ending::Fin;
                }
            }
            Effect::Break { at: Phase::MidAnswer, how, .. } => {
                send = part(whole, 0.5);
                length = whole;
                end = Ending::from(*how);
            }
            Effect::SlowAnswer { bytes_per_second, head } => {
                body_pace = Some(*bytes_per_second);
                head_pace = head.then_some(*bytes_per_second);
            }
            Effect::CloseIdle { after_ms, how } => idle = Some((*after_ms, *how)),
            _ => {}
        }
    }
    let says_keep = keep_alive || end == Ending::Rst || idle.is_some();
    let body = if head_only || matches!(answer.status, 204 | 304) { &[] } else { &answer.body[..send] };
    let head = answer.head(length, says_keep);
    if head_pace.is_none() && body_pace.is_none() && body.len() < 64 << 10 {
        // One packet, where one will do.
        let both = [&head[..], body].concat();
        conn.write(&both, None).await?;
    } else {
        conn.write(&head, head_pace).await?;
        conn.write(body, body_pace).await?;
    }
    if end == Ending::Rst {
        // The half that was sent must arrive before the reset drops what is unsent.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    if let Some((after_ms, how)) = idle {
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        end = Ending::from(how);
    }
    Ok(end)
}

/// A share of a length, at most all of it and, of a body that is not empty, at least one byte less.
fn part(whole: usize, keep: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "clamped to the length, and a byte more or less does not matter"
    )]
    let n = (whole as f64 * keep.clamp(0.0, 1.0)) as usize;
    n.min(whole.saturating_sub(1))
}

/// `Retry-After` from its notation in a script.
fn retry_after(text: &str, now_ms: u64) -> String {
    if text == "absurd" {
        return "86400".to_owned();
    }
    match text.strip_prefix("date:").and_then(|s| s.trim_start_matches('+').parse::<i64>().ok()) {
        Some(seconds) => clock::http_date(now_ms.saturating_add_signed(seconds.saturating_mul(1000))),
        None => text.to_owned(),
    }
}
