//! Why a signature was refused: what was hashed here, and which of the usual mistakes would have made the
//! signature that came. Every mistake is tried, none is guessed: what is named does reproduce it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::crypto;
use crate::respace::{Spacing, Spelling, respace};

/// Larger bodies are tried with the cheap mistakes only.
const MOST_REWRITTEN: usize = 8 << 20;

/// What is said of a refused signature. Test credentials only: nothing here is a secret of anybody's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// What had to be signed: `the request body`, `the id in the path`.
    pub signed: String,
    /// Bytes of it.
    pub bytes_hashed: u64,
    /// The digest that it has under the secret, in hex.
    pub expected: String,
    /// The digest that came, or the text where there was one.
    pub received: String,
    /// The mistake that makes exactly what came; none where no usual one does.
    pub mistake: Option<String>,
}

impl Explanation {
    /// One line.
    pub fn hint(&self) -> String {
        let mistake = match &self.mistake {
            Some(mistake) => mistake.as_str(),
            None => {
                "no usual mistake makes this digest with the secret known here: most likely it was made with another secret"
            }
        };
        format!(
            "expected {}, received {}; {} bytes hashed ({}); {mistake}",
            self.expected, self.received, self.bytes_hashed, self.signed
        )
    }
}

/// A request whose signature is not right.
pub(crate) struct Refused<'a> {
    pub(crate) secrets: &'a [String],
    pub(crate) api_key: &'a str,
    /// By its id (GET, DELETE) or by its body.
    pub(crate) by_id: bool,
    /// The id, or the body.
    pub(crate) message: &'a [u8],
    /// The body, whichever is signed.
    pub(crate) body: &'a [u8],
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Other ids that belong to the one in the path, with what they are.
    pub(crate) related: Vec<(&'static str, String)>,
    /// The header's text.
    pub(crate) received: &'a str,
}

/// Explains a refusal.
pub(crate) fn explain(refused: &Refused<'_>) -> Explanation {
    let secret = refused.secrets.first().map_or("", String::as_str);
    let given = crypto::unhex(refused.received);
    let mistake = match given {
        Some(given) => mistake(refused, &given),
        None => not_hex(refused),
    };
    Explanation {
        signed: if refused.by_id { "the id in the path" } else { "the request body" }.to_owned(),
        bytes_hashed: refused.message.len() as u64,
        expected: crypto::hmac_hex(secret, refused.message),
        received: refused.received.chars().filter(|c| !c.is_control()).take(100).collect(),
        mistake,
    }
}

/// What came is not 64 hex digits.
fn not_hex(refused: &Refused<'_>) -> Option<String> {
    let text = refused.received;
    let bare = text.strip_prefix("sha256=").unwrap_or(text);
    let fits = |digest: &[u8; 32]| refused.secrets.iter().any(|s| crypto::hmac_matches(s, refused.message, digest));
    if bare.len() < text.len() && crypto::unhex(bare).is_some_and(|d| fits(&d)) {
        return Some("the digest is right, but `sha256=` stands before it: send the hex digits alone".into());
    }
    let decoded = STANDARD.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    if decoded.is_some_and(|digest| fits(&digest)) {
        return Some("the digest is right, but in base64: send it as 64 hex digits".into());
    }
    Some(format!("a signature has 64 hex digits, this text has {} characters", text.chars().count()))
}

fn mistake(refused: &Refused<'_>, given: &[u8; 32]) -> Option<String> {
    let made_with = |message: &[u8]| refused.secrets.iter().any(|s| crypto::hmac_matches(s, message, given));
    messages(refused)
        .into_iter()
        .find_map(|(what, message)| made_with(&message).then_some(what))
        .or_else(|| rewritten(refused, &made_with))
        .or_else(|| keys(refused, given))
}

/// Other messages under the right secret.
fn messages(refused: &Refused<'_>) -> Vec<(String, Vec<u8>)> {
    let (message, path) = (refused.message, refused.path);
    let mut tried: Vec<(String, Vec<u8>)> = Vec::new();
    let mut offer = |what: &str, bytes: Vec<u8>| tried.push((what.to_owned(), bytes));
    let with = |tail: &[u8]| [message, tail].concat();
    let what = if refused.by_id { "id" } else { "body" };
    offer(&format!("a newline was signed behind the {what} that was not sent"), with(b"\n"));
    offer(&format!("a carriage return and newline were signed behind the {what}"), with(b"\r\n"));
    offer(&format!("the {what} was signed without the white space around it"), message.trim_ascii().to_vec());
    offer("an empty message was signed", Vec::new());
    if refused.by_id {
        offer("the body was signed: GET and DELETE sign the id in the path", refused.body.to_vec());
        for (of, id) in &refused.related {
            offer(
                &format!("the {of}'s id was signed: this call signs the id in its own path"),
                id.clone().into_bytes(),
            );
        }
        let text = String::from_utf8_lossy(message);
        offer("the id was signed in lower case, and sent otherwise", text.to_lowercase().into_bytes());
        offer("the id was signed in upper case, and sent otherwise", text.to_uppercase().into_bytes());
        offer("the id was signed without its hyphens", text.replace('-', "").into_bytes());
    } else {
        for id in path.split('/').filter(|part| part.len() >= 20) {
            offer("the id in the path was signed: POST and PATCH sign the body", id.as_bytes().to_vec());
        }
        if let Some(content) = content_of(refused.body) {
            if let Some(bytes) = content.rsplit(',').next().and_then(|data| STANDARD.decode(data).ok()) {
                offer("the picture's own bytes were signed: sign the whole JSON body", bytes);
            }
            offer("only `image.content` was signed: sign the whole JSON body", content.into_bytes());
        }
    }
    offer("the path was signed", path.as_bytes().to_vec());
    offer("the path was signed", path.trim_start_matches('/').as_bytes().to_vec());
    let line = [refused.method.as_bytes(), path.as_bytes(), refused.body].concat();
    offer("method, path and body were signed", line);
    tried
}

/// `image.content`, where there is one and the body is not too large to look.
fn content_of(body: &[u8]) -> Option<String> {
    let body = body.get(..body.len()).filter(|b| b.len() <= MOST_REWRITTEN)?;
    let value: Value = serde_json::from_slice(body).ok()?;
    value.pointer("/image/content")?.as_str().map(str::to_owned)
}

/// The same JSON in another hand.
fn rewritten(refused: &Refused<'_>, made_with: &dyn Fn(&[u8]) -> bool) -> Option<String> {
    let body = refused.message;
    if refused.by_id || body.len() > MOST_REWRITTEN {
        return None;
    }
    let spacings = [
        (Spacing::Compact, "without spaces (as JSON.stringify writes)"),
        (Spacing::Python, "with spaces behind colons and commas (as Python's json.dumps writes)"),
        (Spacing::Indented(2), "indented by 2"),
        (Spacing::Indented(4), "indented by 4"),
    ];
    let spellings = [
        (Spelling::Kept, ""),
        (Spelling::Ascii, ", with \\u escapes for what is not ASCII"),
        (Spelling::Slashes, ", with escaped slashes (as PHP's json_encode writes)"),
        (Spelling::PlainSlashes, ", without escaped slashes"),
    ];
    let said = |spaced: &str, spelled: &str| {
        format!(
            "the JSON was written twice: what was signed is the same JSON {spaced}{spelled}; sign the bytes that are sent"
        )
    };
    for (spacing, spaced) in spacings {
        for (spelling, spelled) in spellings {
            let other = respace(body, spacing, spelling);
            if made_with(&other) {
                return Some(said(spaced, spelled));
            }
            let with_newline = [&other[..], b"\n"].concat();
            if made_with(&with_newline) {
                return Some(said(spaced, &format!("{spelled}, and a newline behind it")));
            }
        }
    }
    let value: Value = serde_json::from_slice(body).ok()?;
    made_with(value.to_string().as_bytes()).then(|| said("with its names sorted", ""))
}

/// The right message under another key, or under no HMAC at all.
fn keys(refused: &Refused<'_>, given: &[u8; 32]) -> Option<String> {
    let message = refused.message;
    for secret in refused.secrets {
        let undashed = secret.replace('-', "");
        let decoded = unhex_any(&undashed);
        let tried: [(&str, Vec<u8>); 6] = [
            (
                "the secret was used with a newline behind it: it was read from a file and not trimmed",
                [secret.as_bytes(), b"\n"].concat(),
            ),
            ("the secret was used in upper case", secret.to_uppercase().into_bytes()),
            ("the secret was used in lower case", secret.to_lowercase().into_bytes()),
            ("the secret was used without its hyphens: it is text, use it as it is", undashed.into_bytes()),
            ("the secret was decoded as hex: it is text, use it as it is", decoded),
            (
                "the secret was decoded as base64: it is text, use it as it is",
                STANDARD.decode(secret).unwrap_or_default(),
            ),
        ];
        if let Some((what, _)) =
            tried.iter().find(|(_, key)| !key.is_empty() && crypto::hmac_bytes(key, message) == *given)
        {
            return Some((*what).to_owned());
        }
        if crypto::hmac_bytes(message, secret.as_bytes()) == *given {
            return Some("key and message were exchanged: the secret is the key".into());
        }
        if crypto::legacy(secret, message) == *given {
            return Some(
                "this is SHA-256 over message and secret, the retired X-SIGNATURE: X-HMAC-SIGNATURE wants HMAC-SHA256"
                    .into(),
            );
        }
        if crypto::legacy_reversed(secret, message) == *given {
            return Some("this is SHA-256 over secret and message: X-HMAC-SIGNATURE wants HMAC-SHA256".into());
        }
    }
    if crypto::hmac_bytes(refused.api_key.as_bytes(), message) == *given {
        return Some("the API key was used as the secret".into());
    }
    (crypto::sha256(message) == *given).then(|| "this is a plain SHA-256 without the secret".to_owned())
}

/// Bytes of hex digits of any even number.
fn unhex_any(text: &str) -> Vec<u8> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    digits
        .filter(|d| d.len() % 2 == 0)
        .map(|d| d.chunks_exact(2).filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "3f0e8a52-7d61-4c0b-9e58-1d2c3b4a5f60";
    const ID: &str = "7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21";

    fn told(by_id: bool, message: &[u8], received: &str) -> Explanation {
        let secrets = ["the-new-one".to_owned(), SECRET.to_owned()];
        explain(&Refused {
            secrets: &secrets,
            api_key: "11111111-2222-4333-8444-555555555555",
            by_id,
            message,
            body: if by_id { b"{}" } else { message },
            method: if by_id { "GET" } else { "POST" },
            path: &format!("/v1/sessions/{ID}/media"),
            related: vec![("session", "s-1".to_owned())],
            received,
        })
    }

    fn mistake_of(by_id: bool, message: &str, signed: &[u8]) -> String {
        let told = told(by_id, message.as_bytes(), &crypto::hmac_hex(SECRET, signed));
        told.mistake.unwrap_or_default()
    }

    #[test]
    fn usual_mistakes_are_named() {
        let body =
            "{\"image\": {\"context\": \"face\", \"content\": \"data:image/png;base64,AAAA\", \"n\": \"Zo\u{eb}\"}}";
        let compact = body.replace("\": ", "\":").replace(", \"", ",\"");
        for (signed, word) in [
            (format!("{body}\n"), "newline"),
            (compact.clone(), "JSON.stringify"),
            (compact.replace('\u{eb}', "\\u00eb"), "escapes"),
            (compact.replace("image/png", "image\\/png"), "PHP"),
            (format!("{compact}\n"), "newline behind it"),
            (String::new(), "empty"),
            (ID.to_owned(), "sign the body"),
            ("data:image/png;base64,AAAA".to_owned(), "image.content"),
        ] {
            let mistake = mistake_of(false, body, signed.as_bytes());
            assert!(mistake.contains(word), "{word}: {mistake}");
        }
        assert!(mistake_of(false, body, &[0, 0, 0]).contains("picture's own bytes"));
        assert!(mistake_of(false, &compact, body.as_bytes()).contains("Python"));
        let sorted = "{\"image\":{\"content\":\"data:image/png;base64,AAAA\",\"context\":\"face\",\"n\":\"Zo\u{eb}\"}}";
        assert!(mistake_of(false, &compact, sorted.as_bytes()).contains("sorted"));
        assert!(mistake_of(true, ID, b"s-1").contains("session's id"));
        assert!(mistake_of(true, ID, ID.to_uppercase().as_bytes()).contains("upper case"));
        assert!(mistake_of(true, ID, format!("/v1/sessions/{ID}/media").as_bytes()).contains("path"));
    }

    #[test]
    fn wrong_keys_and_wrong_hashes_are_named() {
        let message = b"{}";
        let hmac = |key: &[u8]| crypto::hex(&crypto::hmac_bytes(key, message));
        let decoded = unhex_any(&SECRET.replace('-', ""));
        for (received, word) in [
            (hmac(format!("{SECRET}\n").as_bytes()), "trimmed"),
            (hmac(SECRET.to_uppercase().as_bytes()), "upper case"),
            (hmac(&decoded), "decoded as hex"),
            (hmac(b"11111111-2222-4333-8444-555555555555"), "API key"),
            (crypto::hex(&crypto::hmac_bytes(message, SECRET.as_bytes())), "exchanged"),
            (crypto::hex(&crypto::legacy(SECRET, message)), "retired"),
            (crypto::sha256_hex(message), "without the secret"),
            (STANDARD.encode(crypto::hmac_bytes(SECRET.as_bytes(), message)), "base64"),
            (format!("sha256={}", hmac(SECRET.as_bytes())), "sha256="),
            ("a1b2".to_owned(), "64 hex digits"),
        ] {
            let told = told(false, message, &received);
            assert!(told.mistake.as_deref().is_some_and(|m| m.contains(word)), "{word}: {told:?}");
        }
    }

    #[test]
    fn what_no_mistake_explains_is_not_explained() {
        let told = told(false, b"{}", &"0".repeat(64));
        assert_eq!((told.mistake.as_ref(), told.bytes_hashed), (None, 2));
        assert_eq!(told.expected, crypto::hmac_hex("the-new-one", b"{}"));
        assert!(told.hint().contains("another secret"), "{}", told.hint());
    }
}
