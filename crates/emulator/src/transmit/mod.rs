//! The Transmit Security half: tokens, verifications driven from a backend, images with feedback, results.

mod body;
mod face_auth;
mod image;
mod refusal;
mod result;
mod session;
mod stage;
mod token;

use std::sync::atomic::Ordering;

use crate::options::Options;
use crate::request::Request;
use crate::routes::Route;
use crate::shared::Shared;
use crate::vary::vary;
use crate::wire::Answer;

use refusal::{Outcome, Refusal};

/// Judges and works on one request.
pub(crate) fn handle(shared: &Shared, request: &Request) -> Answer {
    let options = shared.options();
    let mut answer = judge(shared, &options, request).unwrap_or_else(|refusal| refusal.into_answer(&options));
    if (options.fuzz || request.tamper.fuzz) && answer.status < 300 {
        vary(&mut answer, options.fuzz_seed, shared.varied.fetch_add(1, Ordering::Relaxed));
    }
    answer
}

fn judge(shared: &Shared, options: &Options, request: &Request) -> Outcome {
    if request.route == Route::Token {
        return Ok(token::issue(shared, options, request));
    }
    token::bearer(shared, request)?;
    let ids = request.ids();
    let id = ids.first().copied().unwrap_or("");
    match request.route {
        Route::VerificationCreate => session::create(shared, options, request),
        Route::VerificationResult => result::result(shared, options, request, id),
        Route::VerificationDelete => session::delete(shared, id),
        Route::ImageUpload => image::upload(shared, options, request, id),
        Route::ImageList => image::list(shared, id),
        Route::Image => image::download(shared, request, id, ids.get(1).copied().unwrap_or("")),
        Route::FaceAuthCreate => face_auth::create(shared, options, request),
        Route::FaceAuthResult => face_auth::result(shared, options, id),
        Route::Consent => session::consent(shared, id),
        _ => Err(Refusal(404, "Not found".into())),
    }
}
