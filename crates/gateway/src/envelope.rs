//! What stands around the media in a JSON body. The one long text is found by a scan that steps over strings with
//! SIMD and keeps no stack; what is left without it is small, and is read by a JSON parser.

use std::ops::Range;

use bytes::Bytes;
use sealpress_base64::{ErrorKind, Reading, decode_in_place};
use sealpress_client::sign::{Encoding, Frame};
use sealpress_media::Media;
use serde_json::Value;

use crate::problem::{Problem, ProblemKind};

/// What may stand around the media, in bytes: ids, contexts, times.
const MOST_AROUND: usize = 64 << 10;

/// A body taken apart: the file, and the JSON that it came in, byte for byte.
#[derive(Debug)]
pub struct Envelope {
    /// Up to the quotation mark that opens the text of the file, that mark included.
    pub before: Bytes,
    /// The head of the data URI as it came; empty where there was none.
    pub scheme: Bytes,
    /// From the quotation mark that closes the text.
    pub after: Bytes,
    /// Whether encoding the file gives the text that came.
    pub canonical: bool,
    /// The body with an empty text in place of the file.
    pub around: Value,
    /// The file.
    pub media: Bytes,
}

impl Envelope {
    /// Takes a JSON body apart where a text stands at `path`; the body itself where none does.
    pub(crate) fn open(mut body: Vec<u8>, path: [&str; 2], reading: Reading) -> Result<Opened, Problem> {
        let Some(text) = locate(&body, path)? else { return Ok(Opened::Other(body)) };
        let around = around(&body, &text, path)?;
        let (before, after) = (Bytes::copy_from_slice(&body[..text.start]), Bytes::copy_from_slice(&body[text.end..]));
        let length = text.len();
        let plain = unescape(&mut body[text.clone()])?;
        let unescaped = plain == length;
        let text = text.start..text.start + plain;
        let read = decode_in_place(&mut body[text.clone()], reading).map_err(bad_base64)?;
        let scheme = Bytes::copy_from_slice(&body[text.start..text.start + read.head]);
        let media = text.start + read.bytes.start..text.start + read.bytes.end;
        let media = Bytes::from(body).slice(media);
        Ok(Opened::Media(Box::new(Self {
            before,
            scheme,
            after,
            canonical: read.canonical && unescaped,
            around,
            media,
        })))
    }

    /// A file that came without JSON, in the JSON that a vendor's folder made for it.
    pub(crate) fn around_file(around: Value, path: [&str; 2], media: Bytes) -> Result<Self, Problem> {
        let text = around.to_string().into_bytes();
        let Some(at) = locate(&text, path)? else { return Err(Problem::internal()) };
        let (before, after) = (Bytes::copy_from_slice(&text[..at.start]), Bytes::copy_from_slice(&text[at.end..]));
        Ok(Self { before, scheme: Bytes::new(), after, canonical: false, around, media })
    }

    /// A text in what stands around the media.
    pub(crate) fn text(&self, path: [&str; 2]) -> Option<&str> {
        self.around.get(path[0])?.get(path[1])?.as_str()
    }

    /// The same body with other media in it, behind `scheme`: all else as it came.
    pub(crate) fn frame(&self, media: &Media, scheme: &[u8]) -> Frame {
        let before = [&self.before, scheme].concat();
        Frame::new(before, media.bytes().clone(), Encoding::Base64, self.after.clone())
    }
}

/// What a body turned out to be.
#[derive(Debug)]
pub(crate) enum Opened {
    Media(Box<Envelope>),
    /// JSON of another kind, as it came.
    Other(Vec<u8>),
}

fn bad_body(message: &str) -> Problem {
    Problem::new(ProblemKind::BadBody, message)
}

fn bad_base64(error: sealpress_base64::Error) -> Problem {
    let (kind, message) = match error.kind() {
        ErrorKind::Empty => (ProblemKind::NoMedia, "the content is empty: send the file as base64"),
        ErrorKind::UnsupportedFormat => {
            (ProblemKind::BadBase64, "the content is a data URI of another kind: write data:image/jpeg;base64,… ")
        }
        _ => (
            ProblemKind::BadBase64,
            "the content is not valid base64: encode the bytes of the file once, with the standard alphabet",
        ),
    };
    Problem::new(kind, message.trim_end())
}

/// The body without the file, read by a parser that is stricter than the scan.
fn around(body: &[u8], text: &Range<usize>, path: [&str; 2]) -> Result<Value, Problem> {
    if body.len() - text.len() > MOST_AROUND {
        return Err(bad_body("there is too much in the body besides the media"));
    }
    let small = [&body[..text.start], &body[text.end..]].concat();
    let value: Value = serde_json::from_slice(&small).map_err(|_| bad_body("the body is not valid JSON"))?;
    match value.get(path[0]).and_then(|inner| inner.get(path[1])) {
        Some(Value::String(empty)) if empty.is_empty() => Ok(value),
        _ => Err(bad_body("the body is not valid JSON: a name stands in it twice")),
    }
}

/// Where the text at `path` stands, without its quotation marks. `None` where the path leads to no text, and for a
/// body that is no JSON object.
fn locate(body: &[u8], path: [&str; 2]) -> Result<Option<Range<usize>>, Problem> {
    let mut found = None;
    let (mut at, mut depth) = (0_usize, 0_usize);
    // Whether we are inside the object under the first name, and the name that was read last.
    let (mut inside, mut name): (bool, &[u8]) = (false, b"");
    while let Some(&byte) = body.get(at) {
        match byte {
            b'"' => {
                let text = at + 1..string_end(body, at + 1)?;
                at = text.end + 1;
                let next = body[at..].iter().position(|c| !c.is_ascii_whitespace()).map(|n| body[at + n]);
                if next == Some(b':') {
                    if depth == 1 || (depth == 2 && inside) {
                        name = &body[text];
                    }
                } else if depth == 2 && inside && name == path[1].as_bytes() {
                    if found.replace(text).is_some() {
                        return Err(bad_body("the body has two contents"));
                    }
                    name = b"";
                }
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth == 2 {
                    inside = byte == b'{' && name == path[0].as_bytes();
                    name = b"";
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 1 || depth == 2 => name = b"",
            _ => {}
        }
        at += 1;
    }
    Ok(found)
}

/// The quotation mark that ends a string.
fn string_end(body: &[u8], mut at: usize) -> Result<usize, Problem> {
    loop {
        let Some(n) = memchr::memchr2(b'"', b'\\', body.get(at..).unwrap_or_default()) else {
            return Err(bad_body("the body is not valid JSON: it ends within a text"));
        };
        match body[at + n] {
            b'"' => return Ok(at + n),
            _ => at += n + 2,
        }
    }
}

/// Takes JSON's escapes out of a text that is to be base64, in place, and returns its new length. Many senders write
/// `\/` for every slash, and line breaks as `\n`.
fn unescape(text: &mut [u8]) -> Result<usize, Problem> {
    let Some(first) = memchr::memchr(b'\\', text) else { return Ok(text.len()) };
    let (mut from, mut to) = (first, first);
    while from < text.len() {
        let (byte, taken) = match (text[from], text.get(from + 1)) {
            (b'\\', Some(b'/')) => (b'/', 2),
            (b'\\', Some(b'n' | b'r' | b't')) => (b'\n', 2),
            (b'\\', Some(b'u')) => {
                let hex = text.get(from + 2..from + 6).and_then(|hex| std::str::from_utf8(hex).ok());
                match hex.and_then(|hex| u8::from_str_radix(hex.strip_prefix("00")?, 16).ok()) {
                    Some(byte) => (byte, 6),
                    None => return Err(Problem::new(ProblemKind::BadBase64, "the content is not valid base64")),
                }
            }
            (b'\\', _) => return Err(Problem::new(ProblemKind::BadBase64, "the content is not valid base64")),
            (byte, _) => (byte, 1),
        };
        text[to] = byte;
        (from, to) = (from + taken, to + 1);
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: [&str; 2] = ["image", "content"];

    fn open(body: &str) -> Result<Option<Envelope>, ProblemKind> {
        match Envelope::open(body.into(), PATH, Reading::Lenient) {
            Ok(Opened::Media(envelope)) => Ok(Some(*envelope)),
            Ok(Opened::Other(same)) => {
                assert_eq!(same, body.as_bytes());
                Ok(None)
            }
            Err(problem) => Err(problem.kind()),
        }
    }

    #[test]
    fn the_file_is_found_wherever_it_stands() {
        for body in [
            r#"{"image":{"context":"face","content":"data:image/png;base64,YWJj"}}"#,
            "{ \"x\" : [1,{\"image\":{\"content\":\"no\"}}] ,\n\"image\" : { \"content\" : \"data:image/png;base64,YWJj\" , \"context\":\"face\" } }",
            r#"{"a":"image","image":{"n":{"content":"YQ=="},"context":"face","content":"data:image/png;base64,YWJj"},"z":{"content":"YQ=="}}"#,
            r#"{"a":"\"}{","image":{"context":"face","b":"\\","content":"data:image/png;base64,YWJj"}}"#,
            r#"{"content":"no","image":{"content\\":"no","context":"face","content":"data:image/png;base64,YWJj"}}"#,
        ] {
            let envelope = open(body).unwrap().unwrap_or_else(|| panic!("{body}"));
            assert_eq!((&envelope.media[..], envelope.canonical), (&b"abc"[..], true), "{body}");
            assert_eq!(envelope.text(["image", "context"]), Some("face"));
            // Unchanged media go out in the body that came.
            let media = Media::sniff(&b"%PDF-1.7"[..]).unwrap();
            let key = sealpress_client::sign::Key::from_bytes(b"k");
            let came = Media::known(sealpress_media::Format::Png, envelope.media.clone()).unwrap();
            let same = envelope.frame(&came, &envelope.scheme);
            let session = sealpress_client::SessionId::new("s").unwrap();
            let upload = sealpress_client::Upload::new(session, "face".into(), media.clone());
            let scheme = || sealpress_client::sign::Scheme::Hmac { key: &key, before: b"" };
            let signed = sealpress_client::sign::sign(&upload, same, scheme(), None).unwrap();
            assert_eq!(signed.signature().unwrap().hex(), key.sign(body.as_bytes()).hex());
            // Others go out in the same body with another text.
            let changed = sealpress_client::sign::sign(
                &upload,
                envelope.frame(&media, b"data:application/pdf;base64,"),
                scheme(),
                None,
            );
            let text = body.replace("data:image/png;base64,YWJj", "data:application/pdf;base64,JVBERi0xLjc=");
            assert_eq!(changed.unwrap().signature().unwrap().hex(), key.sign(text.as_bytes()).hex());
        }
    }

    #[test]
    fn escapes_are_read() {
        let envelope = open(r#"{"image":{"content":"data:image\/png;base64,\/9j\/\r\n\u002bw=="}}"#).unwrap().unwrap();
        assert_eq!((&envelope.media[..], envelope.canonical), (&b"\xff\xd8\xff\xfb"[..], false));
    }

    #[test]
    fn other_bodies_pass_as_they_are() {
        for body in [
            "",
            "[]",
            "{}",
            "7",
            r#"{"image":"YQ=="}"#,
            r#"{"image":[{"content":"YQ=="}]}"#,
            r#"{"image":{"content":7}}"#,
            r#"{"nfc":{"content":"YQ=="}}"#,
            r#"{"image":{"content":{"content":"YQ=="}}}"#,
        ] {
            assert!(open(body).unwrap().is_none(), "{body}");
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for body in [
            r#"{"image":{"content":"YQ==","content":"Yg=="}}"#,
            r#"{"image":{"content":"YQ=="},"image":{"content":"Yg=="}}"#,
            r#"{"image":{"content":"YQ=="},"image":{}}"#,
            r#"{"image":{"content":"YQ==","con\u0074ent":"Yg=="}}"#,
            r#"{"image":{"content":"YQ=="}"#,
            r#"{"image":{"content":"YQ=="}}x"#,
            r#"{"image":{"content":"YQ==}}"#,
        ] {
            assert_eq!(open(body).unwrap_err(), ProblemKind::BadBody, "{body}");
        }
        assert_eq!(open(r#"{"image":{"content":"YQ==\u0000"}}"#).unwrap_err(), ProblemKind::BadBase64);
        assert_eq!(open(r#"{"image":{"content":""}}"#).unwrap_err(), ProblemKind::NoMedia);
        let much = format!(r#"{{"image":{{"content":"YQ==","x":"{}"}}}}"#, "x".repeat(MOST_AROUND));
        assert_eq!(open(&much).unwrap_err(), ProblemKind::BadBody);
    }
}
