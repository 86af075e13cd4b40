//! Who asks, and whether they signed what they sent.

use super::refusal::Refusal;
use crate::crypto;
use crate::explain::{Refused, explain};
use crate::options::Options;
use crate::request::Request;
use crate::routes::Route;
use crate::shared::Shared;
use crate::wire::Body;

/// The API key.
pub(super) fn client(shared: &Shared, options: &Options, request: &Request) -> Result<(), Refusal> {
    let key = request.head.header("x-auth-client").unwrap_or("");
    if key.is_empty() {
        let text = "Mandatory X-AUTH-CLIENT header containing the API key is missing from the request";
        return Err(Refusal::unauthorized(options.missing_key_code.clone(), text));
    }
    if !crypto::is_uuid(key) {
        return Err(Refusal::unauthorized("1802", "Provided API key is not a valid UUID"));
    }
    if !key.eq_ignore_ascii_case(&shared.keys.api_key) {
        return Err(Refusal::unauthorized("1803", "Integration with the provided API key was not found"));
    }
    if !options.integration_active {
        return Err(Refusal::unauthorized("1804", "Integration is not active"));
    }
    Ok(())
}

/// The signature over the body (POST, PATCH) or the id in the path (GET, DELETE).
pub(super) fn signature(shared: &Shared, options: &Options, request: &Request) -> Result<(), Refusal> {
    let ids = request.ids();
    let by_id = matches!(request.head.method.as_str(), "GET" | "DELETE");
    let message: &[u8] = match (&request.body, by_id) {
        (_, true) => ids.first().map_or(&[], |id| id.as_bytes()),
        (Body::Whole(body), false) => body,
        (Body::TooLarge, false) => return Err(Refusal::too_large(options)),
    };
    let header = |name| request.head.header(name).filter(|v: &&str| !v.is_empty());
    let upper = |text: &str| !options.upper_case_signatures && text.bytes().any(|b| b.is_ascii_uppercase());
    let explained = |refusal: Refusal, received: &str| {
        refusal.explained(explain(&Refused {
            secrets: &shared.keys.secrets,
            api_key: &shared.keys.api_key,
            by_id,
            message,
            body: if let Body::Whole(body) = &request.body { body } else { &[] },
            method: &request.head.method,
            path: &request.head.path,
            related: if by_id { shared.state().related(ids.first().copied().unwrap_or("")) } else { Vec::new() },
            received,
        }))
    };
    let malformed = || Refusal::unauthorized("1812", "The signature header is not a valid SHA256 hash");
    let secrets = &shared.keys.secrets;
    if let Some(text) = header("x-hmac-signature") {
        let given = crypto::unhex(text).filter(|_| !upper(text)).ok_or_else(|| explained(malformed(), text))?;
        if secrets.iter().any(|s| crypto::hmac_matches(s, message, &given)) {
            return Ok(());
        }
        let (code, what) = if by_id { ("1818", "query id") } else { ("1819", "request body") };
        let refusal = Refusal::unauthorized(code, &format!("X-HMAC-SIGNATURE does not match the {what}"));
        return Err(explained(refusal, text));
    }
    if let Some(text) = header("x-signature").filter(|_| options.legacy_signatures) {
        let given = crypto::unhex(text).filter(|_| !upper(text)).ok_or_else(malformed)?;
        if secrets.iter().any(|s| crypto::legacy(s, message) == given) {
            return Ok(());
        }
        let (code, what) = if by_id { ("1813", "query id") } else { ("1814", "request body") };
        return Err(Refusal::unauthorized(code, &format!("X-SIGNATURE does not match the {what}")));
    }
    // The two that create a session may go unsigned.
    if matches!(request.route, Route::CreateSession | Route::ValidateRegistry) {
        return Ok(());
    }
    let text = "Could not authenticate the request: X-HMAC-SIGNATURE header is missing";
    Err(Refusal::unauthorized(options.missing_signature_code.clone(), text))
}

/// The form of an id in a path.
pub(super) fn id(options: &Options, id: &str) -> Result<(), Refusal> {
    if !options.check_ids {
        return Ok(());
    }
    if !(20..=40).contains(&id.len()) {
        return Err(Refusal::new(400, "1001", "Query ID must be 20 to 40 characters long"));
    }
    if !crypto::is_uuid(id) {
        return Err(Refusal::new(400, "1002", "Query ID must be a valid UUID V4"));
    }
    Ok(())
}
