//! What the fuzz targets call, so that plain tests can replay their seeds.

use http::{HeaderMap, HeaderName};

use crate::answer::api_error;
use crate::error::ErrorKind;
use crate::lenient;
use crate::sign::Key;
use crate::veriff::{Decision, MediaList, Session, Webhook};

const SECRET: &str = "0123456789abcdef";

/// Reads a body as each answer of a vendor, and as an error. What is kept of an error is short and fits a line.
///
/// # Panics
/// When it is not.
pub fn answer(data: &[u8]) {
    let _ = lenient::parse::<Session>(data, "fuzz");
    let _ = lenient::parse::<MediaList>(data, "fuzz");
    let _ = lenient::parse::<Decision>(data, "fuzz");
    let _ = lenient::parse::<lenient::Json>(data, "fuzz");
    let error = api_error(400, &HeaderMap::new(), data);
    for (text, most) in [(&error.code, 50), (&error.message, 500)] {
        let fits = |text: &String| text.chars().count() <= most && !text.contains(char::is_control);
        assert!(text.as_ref().is_none_or(fits), "{text:?}");
    }
}

/// Takes a body as a webhook's: read only where its signature is right, whatever it says.
///
/// # Panics
/// When a right signature is refused, or a wrong one is not.
pub fn webhook(data: &[u8]) {
    let secret = SECRET.into();
    let Ok(webhook) = Webhook::new([&secret]) else { unreachable!("the secret is not empty") };
    let right = Key::new(&secret).sign(data).hex();
    let verify = |signature: &str| {
        let mut headers = HeaderMap::new();
        if let Ok(value) = signature.parse() {
            headers.insert(HeaderName::from_static("x-hmac-signature"), value);
        }
        webhook.verify(data, &headers)
    };
    if let Err(error) = verify(&right) {
        assert!(matches!(error.kind(), ErrorKind::Decode { .. }), "a right signature: {error}");
    }
    let wrong = right.replacen(&right[..1], if right.starts_with('0') { "1" } else { "0" }, 1);
    let refused = verify(&wrong).map_err(|error| matches!(error.kind(), ErrorKind::ResponseSignature { .. }));
    assert!(matches!(refused, Err(true)), "a wrong signature");
}

#[cfg(test)]
mod tests {
    fn replay(target: &str, run: fn(&[u8])) {
        let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
        let files: Vec<_> = std::fs::read_dir(seeds).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty(), "{target}");
        for file in files {
            let data = std::fs::read(file).unwrap();
            (0..=data.len()).for_each(|n| run(&data[..n]));
        }
    }

    #[test]
    fn seeds_of_answers() {
        replay("client_answer", super::answer);
    }

    #[test]
    fn seeds_of_webhooks() {
        replay("client_webhook", super::webhook);
    }
}
