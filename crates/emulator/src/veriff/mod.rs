//! The Veriff half: one room per step of a request, in the order in which the checks are made.

mod auth;
mod body;
mod decision;
mod faces;
mod media;
mod refusal;
mod seal;
mod session;
mod upload;

use std::sync::atomic::Ordering;

use crate::crypto;
use crate::options::Options;
use crate::request::Request;
use crate::routes::Route;
use crate::shared::Shared;
use crate::vary::vary;
use crate::wire::Answer;

use refusal::{Outcome, Refusal};
pub(crate) use seal::seal;

/// Judges and works on one request, and signs the answer.
pub(crate) fn handle(shared: &Shared, request: &Request) -> Answer {
    let options = shared.options();
    let mut answer = judge(shared, &options, request).unwrap_or_else(|refusal| refusal.into_answer(&options));
    if (options.fuzz || request.tamper.fuzz) && answer.status < 300 {
        vary(&mut answer, options.fuzz_seed, shared.varied.fetch_add(1, Ordering::Relaxed));
    }
    seal(shared, &mut answer);
    if request.head.header("x-signature").is_some() && answer.status != 401 {
        // Who sends the retired scheme is answered in it.
        answer.set("x-signature", crypto::hex(&crypto::legacy(shared.secret(), &answer.body)));
    }
    answer
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
        Route::FacesImport => faces::import(shared, options, request),
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
