//! `POST /oidc/token` and the bearer check.

use std::collections::HashMap;
use std::sync::PoisonError;

use serde_json::json;

use super::refusal::Refusal;
use crate::crypto;
use crate::form;
use crate::options::Options;
use crate::request::Request;
use crate::shared::Shared;
use crate::wire::{Answer, Body};

pub(super) fn issue(shared: &Shared, options: &Options, request: &Request) -> Answer {
    let fail = |status: u16, error: &str, text: &str| {
        let mut answer = Answer::json(status, &json!({ "error": error, "error_description": text }));
        answer.code = Some(error.to_owned());
        answer.with("cache-control", "no-store")
    };
    let body = match &request.body {
        Body::Whole(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Body::TooLarge => return fail(413, "invalid_request", "too large"),
    };
    let form: HashMap<String, String> = body
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (form::decode(name), form::decode(value)))
        .collect();
    let field = |name: &str| form.get(name).map(String::as_str);
    if field("grant_type") != Some("client_credentials") {
        return fail(400, "unsupported_grant_type", "grant_type must be client_credentials");
    }
    let known = field("client_id") == Some(&shared.keys.client_id);
    if !known || field("client_secret") != Some(&shared.keys.client_secret) {
        return fail(401, "invalid_client", "client authentication failed");
    }
    if options.require_resource && field("resource") != Some(&options.resource) {
        return fail(400, "invalid_target", "the requested resource is missing or unknown");
    }
    let Ok(id) = crypto::uuid() else { return fail(500, "server_error", "no random numbers") };
    // The shape of a JWT, so that a client that peeks into one finds something; the signature is random.
    let token = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30.{}", id.replace('-', ""));
    let now = shared.clock.now();
    let mut tokens = shared.tokens.lock().unwrap_or_else(PoisonError::into_inner);
    tokens.add(token.clone(), now, now.saturating_add(options.token_seconds.saturating_mul(1000)));
    let value = json!({ "access_token": token, "token_type": "Bearer", "expires_in": options.token_seconds });
    Answer::json(200, &value).with("cache-control", "no-store")
}

pub(super) fn bearer(shared: &Shared, request: &Request) -> Result<(), Refusal> {
    let refuse = || Refusal(401, "Unauthorized".into());
    let header = request.head.header("authorization").ok_or_else(refuse)?;
    let (scheme, token) = header.split_once(' ').ok_or_else(refuse)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refuse());
    }
    let tokens = shared.tokens.lock().unwrap_or_else(PoisonError::into_inner);
    if tokens.is_live(token.trim(), shared.clock.now()) { Ok(()) } else { Err(refuse()) }
}
