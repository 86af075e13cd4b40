//! What Transmit Security's error answers mean. Its verification API documents no codes, so the status
//! speaks, and OAuth's words (RFC 6749, RFC 8707) where the token endpoint refuses.

/// The meaning of a status and a code, where there is more to say than the status does by itself.
pub(crate) fn meaning(http_status: u16, code: Option<&str>) -> Option<&'static str> {
    let oauth = match code.unwrap_or_default() {
        "invalid_client" => "client id or client secret is wrong",
        "invalid_grant" | "unsupported_grant_type" => "client credentials are not enabled for this application",
        "invalid_request" => "the token request is malformed",
        "invalid_scope" | "invalid_target" => "the token's resource is missing or unknown",
        "unauthorized_client" => "the application may not ask for tokens in this way",
        _ => return (http_status == ALL_IN).then_some("the session has all of its images"),
    };
    Some(oauth)
}

/// 409: "all required images were successfully submitted".
const ALL_IN: u16 = 409;

#[cfg(test)]
mod tests {
    use super::meaning;

    #[test]
    fn codes_of_another_vendor_mean_nothing_here() {
        assert_eq!(meaning(400, Some("1402")), None);
        assert_eq!(meaning(409, Some("409")), Some("the session has all of its images"));
        assert_eq!(meaning(401, Some("invalid_client")), Some("client id or client secret is wrong"));
    }
}
