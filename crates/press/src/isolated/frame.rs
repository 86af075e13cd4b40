//! One frame: `header length (u32) · body length (u64) · header (JSON) · body (raw bytes)`, numbers
//! little-endian. Both lengths are judged before anything is allocated, since either side may have
//! been taken over by what it decoded.

use std::io::{self, Read, Write};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Headers carry names, numbers and short messages.
const MOST_HEADER: usize = 256 * 1024;

pub(crate) fn write(to: &mut impl Write, header: &impl Serialize, body: &[u8]) -> io::Result<()> {
    let header = serde_json::to_vec(header).map_err(io::Error::other)?;
    let header_len = u32::try_from(header.len()).map_err(io::Error::other)?;
    let mut head = Vec::with_capacity(12 + header.len());
    head.extend(header_len.to_le_bytes());
    head.extend((body.len() as u64).to_le_bytes());
    head.extend(header);
    to.write_all(&head)?;
    to.write_all(body)?;
    to.flush()
}

pub(crate) fn read<H: DeserializeOwned>(from: &mut impl Read, most_body: usize) -> io::Result<(H, Bytes)> {
    let (header, body) = raw(from, most_body)?;
    Ok((serde_json::from_slice(&header).map_err(invalid)?, body))
}

/// The same of somebody who may have been taken over. Texts of theirs end up on terminals and in logs: they are
/// words, whatever it was that wrote them.
pub(crate) fn read_words<H: DeserializeOwned>(from: &mut impl Read, most_body: usize) -> io::Result<(H, Bytes)> {
    let (header, body) = raw(from, most_body)?;
    let mut header: Value = serde_json::from_slice(&header).map_err(invalid)?;
    let mut left = vec![&mut header];
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) if text.contains(char::is_control) => {
                *text = text.replace(char::is_control, char::REPLACEMENT_CHARACTER.encode_utf8(&mut [0; 4]));
            }
            Value::Array(values) => left.extend(values),
            Value::Object(fields) => left.extend(fields.values_mut()),
            _ => {}
        }
    }
    Ok((serde_json::from_value(header).map_err(invalid)?, body))
}

fn raw(from: &mut impl Read, most_body: usize) -> io::Result<(Vec<u8>, Bytes)> {
    let mut lengths = [0; 12];
    from.read_exact(&mut lengths)?;
    let [a, b, c, d, body_len @ ..] = lengths;
    let header_len = u32::from_le_bytes([a, b, c, d]) as usize;
    let body_len = usize::try_from(u64::from_le_bytes(body_len)).unwrap_or(usize::MAX);
    if header_len > MOST_HEADER || body_len > most_body {
        return Err(invalid("a frame larger than agreed"));
    }
    let header = exactly(from, header_len)?;
    let body = exactly(from, body_len)?;
    Ok((header, body.into()))
}

/// Into memory that was not cleared before: bodies are megabytes.
fn exactly(from: &mut impl Read, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(len);
    match from.take(len as u64).read_to_end(&mut bytes)? {
        read if read == len => Ok(bytes),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut wire = Vec::new();
        write(&mut wire, &("job", 7), b"body").unwrap();
        let (header, body): ((String, u32), Bytes) = read(&mut wire.as_slice(), 4).unwrap();
        assert_eq!((header, body.as_ref()), (("job".to_owned(), 7), b"body".as_slice()));
    }

    #[test]
    fn a_frame_that_claims_too_much_is_refused_before_it_is_read() {
        let mut wire = Vec::new();
        write(&mut wire, &"job", b"12345").unwrap();
        let error = read::<String>(&mut wire.as_slice(), 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let claim = [[0xFF_u8; 4].as_slice(), &[0; 8]].concat();
        assert_eq!(read::<String>(&mut claim.as_slice(), 4).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn texts_of_the_untrusted_are_words_however_deep_they_stand() {
        let mut wire = Vec::new();
        write(&mut wire, &(["a\u{1b}[2J", "b"], Some(("c\n", 1))), b"").unwrap();
        type Header = ([String; 2], Option<(String, u32)>);
        let ((texts, inner), _): (Header, _) = read_words(&mut wire.as_slice(), 0).unwrap();
        assert_eq!(texts, ["a\u{fffd}[2J", "b"]);
        assert_eq!(inner, Some(("c\u{fffd}".to_owned(), 1)));
    }
}
