//! The Veriff half: one room per step of a request, in the order in which the checks are made.

mod auth;
mod decision;
mod media;
mod refusal;
mod session;
mod upload;

use std::sync::atomic::Ordering;

use serde_json::Value;

use crate::crypto;
use crate::fuzz;
use crate::options::{Options, SignatureHeaders};
use crate::routes::Route;
use crate::server::Request;
use crate::shared::Shared;
use crate::wire::Answer;

pub(crate) use decision::{decision_body, event_body};
use refusal::Refusal;
pub(crate) use refusal::html;

type Outcome = Result<Answer, Refusal>;

/// Judges and works on one request, and signs the answer.
pub(crate) fn handle(shared: &Shared, request: &Request) -> Answer {
    let options = shared.options();
    let mut answer = judge(shared, &options, request).unwrap_or_else(|refusal| refusal.into_answer(&options));
    if (options.fuzz || request.twist.fuzz) && answer.status < 300 {
        fuzz::vary(&mut answer, options.fuzz_seed, shared.varied.fetch_add(1, Ordering::Relaxed));
    }
    seal(shared, &mut answer);
    if request.head.header("x-signature").is_some() && answer.status != 401 {
        // Who sends the retired scheme is answered in it.
        answer.set("x-signature", crypto::hex(&crypto::legacy(shared.secret(), &answer.body)));
    }
    answer
}

/// Sets the headers that authenticate an answer, over the body as it is now.
pub(crate) fn seal(shared: &Shared, answer: &mut Answer) {
    let options = shared.options();
    for name in ["x-auth-client", "x-hmac-signature", "vrf-auth-client", "vrf-hmac-signature", "x-signature"] {
        answer.drop_header(name);
    }
    let sign = answer.status != 401 || options.sign_401;
    let hmac = crypto::hmac_hex(shared.secret(), &answer.body);
    let family = options.signature_headers;
    if matches!(family, SignatureHeaders::X | SignatureHeaders::Both | SignatureHeaders::Legacy) {
        answer.set("x-auth-client", shared.keys.api_key.clone());
    }
    if matches!(family, SignatureHeaders::Vrf | SignatureHeaders::Both) {
        answer.set("vrf-auth-client", shared.keys.api_key.clone());
    }
    if sign {
        match family {
            SignatureHeaders::X => answer.set("x-hmac-signature", hmac),
            SignatureHeaders::Vrf => answer.set("vrf-hmac-signature", hmac),
            SignatureHeaders::Both => {
                answer.set("x-hmac-signature", hmac.clone());
                answer.set("vrf-hmac-signature", hmac);
            }
            SignatureHeaders::Legacy => {
                answer.set("x-signature", crypto::hex(&crypto::legacy(shared.secret(), &answer.body)));
            }
            SignatureHeaders::None => {}
        }
    }
}

fn judge(shared: &Shared, options: &Options, request: &Request) -> Outcome {
    if request.route == Route::Unknown {
        return Err(Refusal::not_found("Resource not found"));
    }
    auth::client(shared, options, request)?;
    auth::signature(shared, options, request)?;
    let ids = request.ids();
    let id = ids.first().copied().unwrap_or("");
    match request.route {
        Route::CreateSession => session::create(shared, options, request),
        Route::ValidateRegistry => session::validate_registry(shared, options, request),
        Route::Submit => session::submit(shared, options, request, id),
        Route::Delete => session::delete(shared, options, id),
        Route::CollectedData => session::collect(shared, options, request, id),
        Route::Upload => upload::upload(shared, options, request, id),
        Route::ListMedia => media::of_session(shared, options, request, id),
        Route::AttemptMedia => media::of_attempt(shared, options, request, id),
        Route::Media => media::download(shared, options, id),
        Route::Attempts => session::attempts(shared, options, id),
        Route::Decision => decision::decision(shared, options, id),
        Route::Person => decision::person(shared, options, id),
        Route::Watchlist => decision::watchlist(shared, options, id),
        _ => Err(Refusal::not_found("Resource not found")),
    }
}

/// The JSON body of a small request.
fn json_body(request: &Request) -> Result<Value, Refusal> {
    let bytes = auth::body(request)?;
    serde_json::from_slice(bytes)
        .map_err(|_| Refusal::new(400, "1102", "Mandatory parameters are missing from the request"))
}
