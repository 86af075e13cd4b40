//! Base64 and data URIs as strangers write them, read where they stand: the bytes take the place of the text.

use core::ops::Range;

use crate::data_uri::{Error, ErrorKind};
use crate::encoded_len;

/// How far into a data URI its `;base64,` may stand: types and parameters, a file name among them.
const LONGEST_HEAD: usize = 1024;

/// What is taken for base64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reading {
    /// The standard alphabet with canonical padding and nothing between; before it nothing, or
    /// `data:type/subtype;base64,`.
    Strict,
    /// Also white space anywhere, missing padding, bits behind the last byte, and before it any `data:…;base64,` of
    /// either case: without a type, with `;charset=`, with `;filename=`.
    #[default]
    Lenient,
}

/// Where the bytes stand now, and what the text was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InPlace {
    /// The bytes.
    pub bytes: Range<usize>,
    /// Characters of the data URI ahead of the base64, `0` where there is no data URI. They are as they were.
    pub head: usize,
    /// Whether the base64 was what an encoder makes of these bytes, so that encoding them gives the same text.
    pub canonical: bool,
}

/// Decodes base64, with or without a data URI's head, into its own memory: no second copy.
///
/// ```
/// use sealpress_base64::{Reading, decode_in_place};
/// let mut text = *b"data:;base64,YWJj\nZA";
/// let read = decode_in_place(&mut text, Reading::Lenient)?;
/// assert_eq!((&text[read.bytes], read.canonical), (&b"abcd"[..], false));
/// # Ok::<(), sealpress_base64::Error>(())
/// ```
///
/// # Errors
/// `Empty`, `UnsupportedFormat` for a `data:` that is not base64, `Corrupt`; then the text is destroyed.
pub fn decode_in_place(text: &mut [u8], reading: Reading) -> Result<InPlace, Error> {
    let head = head(text, reading)?;
    let payload = &mut text[head..];
    let length = payload.len();
    let mut tail = [0; 4];
    let ending = length.checked_sub(4).map(|at| &payload[at..]);
    ending.inspect(|last| tail.copy_from_slice(last));
    let corrupt = Error::new(ErrorKind::Corrupt, "the base64 is not valid");
    let decoded = base64_simd::forgiving_decode_inplace(payload).map_err(|_| corrupt)?;
    if decoded.is_empty() {
        return Err(Error::new(ErrorKind::Empty, "there are no bytes in it"));
    }
    // As long as an encoder's text, and ending as one: then there is nothing between either.
    let last = &decoded[(decoded.len() - 1) / 3 * 3..];
    let mut ending = [0; 4];
    let same_end = crate::encode_to_slice(last, &mut ending).is_some() && ending == tail;
    let canonical = same_end && encoded_len(decoded.len()) == Some(length);
    if reading == Reading::Strict && !canonical {
        return Err(corrupt);
    }
    let bytes = head..head + decoded.len();
    Ok(InPlace { bytes, head, canonical })
}

/// Characters up to and including the comma of a data URI.
fn head(text: &[u8], reading: Reading) -> Result<usize, Error> {
    const MARK: &[u8] = b";base64,";
    let unsupported = |what| Err(Error::new(ErrorKind::UnsupportedFormat, what));
    let is = |part: &[u8], name: &[u8]| match reading {
        Reading::Strict => part == name,
        Reading::Lenient => part.eq_ignore_ascii_case(name),
    };
    if !text.get(..5).is_some_and(|scheme| is(scheme, b"data:")) {
        return Ok(0);
    }
    let window = &text[..text.len().min(LONGEST_HEAD)];
    let Some(at) = window.windows(MARK.len()).position(|part| is(part, MARK)) else {
        return unsupported(";base64, is missing");
    };
    if reading == Reading::Strict {
        let mime = core::str::from_utf8(&text[5..at]).unwrap_or_default();
        crate::DataUri::new(mime)?;
    }
    Ok(at + MARK.len())
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;

    fn read(text: &str, reading: Reading) -> Result<(Vec<u8>, bool), ErrorKind> {
        let mut text = Vec::from(text);
        let read = decode_in_place(&mut text, reading).map_err(|e| e.kind())?;
        Ok((text[read.bytes].to_vec(), read.canonical))
    }

    #[test]
    fn what_senders_write() {
        for (text, bytes, canonical) in [
            ("data:image/jpeg;base64,YWJj", "abc", true),
            ("data:image/jpeg;base64,YWI=", "ab", true),
            ("YQ==", "a", true),
            ("data:;base64,YWJj", "abc", true),
            ("DATA:image/png;charset=utf-8;BASE64,YWJj", "abc", true),
            ("data:image/png;filename=a,b c.png;base64,YWJj", "abc", true),
            ("data:image/png;base64,YWI", "ab", false),
            ("YW\r\nJj", "abc", false),
            ("YQ \n", "a", false),
            ("YR==", "a", false),
            ("YWJjZA== ", "abcd", false),
        ] {
            assert_eq!(read(text, Reading::Lenient), Ok((bytes.into(), canonical)), "{text:?}");
            let strict =
                canonical && (text.starts_with("data:image/jpeg;b") || !text.to_lowercase().starts_with("data"));
            assert_eq!(read(text, Reading::Strict).is_ok(), strict, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_base64() {
        for (text, kind) in [
            ("", ErrorKind::Empty),
            ("data:image/png;base64,", ErrorKind::Empty),
            (" \n", ErrorKind::Empty),
            ("data:image/png,abc", ErrorKind::UnsupportedFormat),
            ("Y", ErrorKind::Corrupt),
            ("YW-_", ErrorKind::Corrupt),
            ("YQ=", ErrorKind::Corrupt),
            ("=YQ=", ErrorKind::Corrupt),
            ("YWJj\u{1}", ErrorKind::Corrupt),
        ] {
            assert_eq!(read(text, Reading::Lenient), Err(kind), "{text:?}");
        }
    }

    /// Against the crate base64-simd's own strict decoder, over every length near a block's edge.
    #[test]
    fn encoders_texts_come_back() {
        let noise: Vec<u8> = (0..300_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for len in 1..noise.len() {
            let text: String = base64_simd::STANDARD.encode_to_string(&noise[..len]);
            assert_eq!(read(&text, Reading::Strict), Ok((noise[..len].to_vec(), true)));
            let unpadded = text.trim_end_matches('=');
            assert_eq!(read(unpadded, Reading::Lenient), Ok((noise[..len].to_vec(), unpadded.len() == text.len())));
        }
    }
}
