//! Reading what vendors send instead of what they document: numbers as text, text as numbers,
//! `null` and `"null"` for nothing. Everything optional that makes no sense is nothing; only what
//! cannot be done without is an error, with its path.

use serde::de::{DeserializeOwned, Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, ErrorKind};

/// Parses an answer. Goes through a `Value`, so that a field that stands twice is the last one
/// instead of an error. Depth is bounded by serde_json (128).
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8], operation: &'static str) -> Result<T, Error> {
    let decode = |path: String| Error::new(ErrorKind::Decode { path }, operation);
    // serde's own messages quote the value, which may be personal: the path says enough.
    let value: Value = serde_json::from_slice(body).map_err(|_| decode(".".into()))?;
    serde_path_to_error::deserialize(value).map_err(|e| decode(e.path().to_string()))
}

/// An object whose type is wrong counts as absent: for optional parts of an answer.
pub(crate) fn opt<'de, D: Deserializer<'de>, T: DeserializeOwned>(d: D) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(d)?;
    Ok(if value.is_null() { None } else { serde_json::from_value(value).ok() })
}

/// Text; numbers and booleans as text; null, `""`, `"null"` and `"None"` are nothing.
pub(crate) fn text<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    Ok(text_of(Value::deserialize(d)?))
}

pub(crate) fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) if matches!(text.as_str(), "" | "null" | "None") => None,
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// A count: 12345, 12345.0 or `"12345"`. Negative, fractional and absurd ones are nothing.
pub(crate) fn count<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u64>, D::Error> {
    let number = real_of(&Value::deserialize(d)?);
    // Above 2^53 a double no longer counts one by one; no file is that large.
    Ok(number.filter(|n| n.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(n)).map(|n| n as u64))
}

/// A number, also as text.
pub(crate) fn real<'de, D: Deserializer<'de>>(d: D) -> Result<Option<f64>, D::Error> {
    Ok(real_of(&Value::deserialize(d)?))
}

fn real_of(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|n| n.is_finite())
}

/// A flag: true, `"true"`, 1.
pub(crate) fn flag<'de, D: Deserializer<'de>>(d: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::Bool(flag) => Some(flag),
        Value::Number(n) if n.as_u64() == Some(1) => Some(true),
        Value::Number(n) if n.as_u64() == Some(0) => Some(false),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    })
}

/// A list; null and anything that is no list are empty. An entry that cannot be read is an error:
/// books are kept by these lists, and an entry that silently vanishes is a duplicate upload.
pub(crate) fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(d: D) -> Result<Vec<T>, D::Error> {
    match Value::deserialize(d)? {
        Value::Array(items) => {
            let read = |(index, item)| {
                serde_path_to_error::deserialize(item)
                    .map_err(|e| serde::de::Error::custom(format_args!("{index}.{}", e.path())))
            };
            items.into_iter().enumerate().map(read).collect()
        }
        _ => Ok(Vec::new()),
    }
}

/// A list whose unreadable entries may go: details of a decision, never media.
pub(crate) fn some<'de, D: Deserializer<'de>, T: DeserializeOwned>(d: D) -> Result<Vec<T>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::Array(items) => items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect(),
        _ => Vec::new(),
    })
}

/// A media type out of a media type or a file name extension: `.jpg`, `jpg`, `image/jpg` and
/// `IMAGE/JPEG` are all `image/jpeg`.
pub(crate) fn mimetype<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    Ok(text_of(Value::deserialize(d)?).map(|text| normal_mimetype(&text)))
}

pub(crate) fn normal_mimetype(text: &str) -> String {
    let text = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let bare = text.trim_start_matches('.');
    let known = match bare.rsplit('/').next().unwrap_or(bare) {
        "jpg" | "jpeg" | "pjpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "pdf" => "application/pdf",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ => return text,
    };
    known.to_owned()
}

/// JSON that is handed through as it came: what the vendor passes on from others.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(pub Value);

/// May hold anything about a person: prints nothing of it.
impl std::fmt::Debug for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_null() { "Json(null)" } else { "Json(…)" })
    }
}

/// An answer of which only its status counts; an empty one will do.
pub(crate) fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Debug, PartialEq, Default)]
    struct Sample {
        #[serde(default, deserialize_with = "count")]
        size: Option<u64>,
        #[serde(default, deserialize_with = "text")]
        timestamp: Option<String>,
        #[serde(default, deserialize_with = "mimetype")]
        mimetype: Option<String>,
        #[serde(default, deserialize_with = "flag")]
        complete: Option<bool>,
        #[serde(default, deserialize_with = "list")]
        items: Vec<crate::MediaId>,
    }

    fn sample(json: &str) -> Sample {
        parse(json.as_bytes(), "test").unwrap()
    }

    #[test]
    fn a_size_is_a_size_in_three_spellings() {
        for json in [r#"{"size":12345}"#, r#"{"size":12345.0}"#, r#"{"size":"12345"}"#, r#"{"size":"12345.0"}"#] {
            assert_eq!(sample(json).size, Some(12345), "{json}");
        }
        for json in
            [r#"{"size":-1}"#, r#"{"size":1.5}"#, r#"{"size":1e300}"#, r#"{"size":"x"}"#, r#"{"size":{}}"#, "{}"]
        {
            assert_eq!(sample(json).size, None, "{json}");
        }
    }

    #[test]
    fn nothing_has_many_names() {
        for json in
            [r#"{"timestamp":null}"#, r#"{"timestamp":"null"}"#, r#"{"timestamp":"None"}"#, r#"{"timestamp":""}"#]
        {
            assert_eq!(sample(json).timestamp, None, "{json}");
        }
        assert_eq!(sample(r#"{"timestamp":"2025-01-01T10:00:00Z"}"#).timestamp.unwrap(), "2025-01-01T10:00:00Z");
    }

    #[test]
    fn types_are_normal() {
        for text in [".jpg", "jpeg", "image/jpg", "IMAGE/JPEG; q=1"] {
            assert_eq!(normal_mimetype(text), "image/jpeg");
        }
        assert_eq!(normal_mimetype("video/quicktime"), "video/quicktime");
        assert_eq!(sample(r#"{"mimetype":".pdf"}"#).mimetype.unwrap(), "application/pdf");
    }

    #[test]
    fn flags_may_be_text() {
        assert_eq!(sample(r#"{"complete":"false"}"#).complete, Some(false));
        assert_eq!(sample(r#"{"complete":true}"#).complete, Some(true));
        assert_eq!(sample(r#"{"complete":"perhaps"}"#).complete, None);
    }

    #[test]
    fn the_last_of_two_equal_fields_counts() {
        assert_eq!(sample(r#"{"size":1,"size":2}"#).size, Some(2));
    }

    #[test]
    fn errors_name_the_field_and_not_its_value() {
        let error = parse::<Sample>(br#"{"items":["a","Jane Doe"]}"#, "test").unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("items") && !text.contains("Jane"), "{text}");
        assert_eq!(parse::<Sample>(b"<html>", "test").unwrap_err().kind(), &ErrorKind::Decode { path: ".".into() });
    }
}
