//! Data URIs (RFC 2397): what stands before the base64, read and written.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use crate::{Append, Kernel, encoded_len};

const SCHEME: &str = "data:";
const MARK: &str = ";base64,";

/// The longest media type that RFC 6838 (4.2) allows: two names of 127 characters and the slash.
const LONGEST_MIME: usize = 255;

/// `data:image/jpeg;base64,…`: makes such texts, with their length known in advance.
///
/// ```
/// use sealpress_base64::DataUri;
/// let uri = DataUri::new("image/png")?;
/// assert_eq!(uri.encode(b"abc"), "data:image/png;base64,YWJj");
/// assert_eq!(uri.encoded_len(3), Some(26));
/// # Ok::<(), sealpress_base64::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DataUri<'a> {
    mime: &'a str,
}

/// What a data URI held.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded<'a> {
    /// The media type. `image/jpg`, which is registered nowhere but sent by many and listed by
    /// Veriff, comes out as `image/jpeg`.
    pub mime: &'a str,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A text that is no data URI of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Error {
    kind: ErrorKind,
    what: &'static str,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A data URI of zero bytes.
    Empty,
    /// Not `data:type/subtype;base64,…`.
    UnsupportedFormat,
    /// Not the standard alphabet with canonical padding, without anything between.
    Corrupt,
    /// More bytes than allowed.
    TooLarge,
}

impl<'a> DataUri<'a> {
    /// For this media type.
    ///
    /// # Errors
    /// `UnsupportedFormat` where it is not `type/subtype` in the characters of RFC 6838.
    pub fn new(mime: &'a str) -> Result<Self, Error> {
        let name = |name: &str| {
            let of_name = |c: u8| c.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&c);
            name.len() <= 127 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.bytes().all(of_name)
        };
        match mime.split_once('/') {
            Some((top, sub)) if name(top) && name(sub) => Ok(Self { mime }),
            _ => Err(Error { kind: ErrorKind::UnsupportedFormat, what: "the media type is not type/subtype" }),
        }
    }

    /// Characters that `len` bytes become, or `None` where a `usize` cannot count them.
    #[must_use]
    pub const fn encoded_len(&self, len: usize) -> Option<usize> {
        match encoded_len(len) {
            Some(text) => text.checked_add(SCHEME.len() + self.mime.len() + MARK.len()),
            None => None,
        }
    }

    /// Into a new string.
    #[must_use]
    pub fn encode(&self, bytes: &[u8]) -> String {
        let mut out = String::with_capacity(self.encoded_len(bytes.len()).unwrap_or(0));
        self.encode_append(bytes, &mut out);
        out
    }

    /// To the end of a `String` or `Vec<u8>`.
    pub fn encode_append(&self, bytes: &[u8], out: &mut impl Append) {
        for text in [SCHEME, self.mime, MARK] {
            out.push_text(text);
        }
        out.push_base64(Kernel::best(), bytes);
    }

    /// Reads a data URI of at most `limit` bytes. Strict: lower-case scheme, a media type without
    /// parameters, the standard alphabet, canonical padding, nothing before, between or after.
    /// Lenient in one thing only: see [`Decoded::mime`].
    ///
    /// # Errors
    /// See [`ErrorKind`]. `TooLarge` is judged by the text's length, before anything is allocated.
    pub fn decode(text: &str, limit: usize) -> Result<Decoded<'_>, Error> {
        let unsupported = |what| Error { kind: ErrorKind::UnsupportedFormat, what };
        let rest = text.strip_prefix(SCHEME).ok_or(unsupported("it does not begin with data:"))?;
        // The media type is short: a text without a comma is not searched to its end.
        let head = rest.get(..rest.floor_char_boundary(LONGEST_MIME + MARK.len())).unwrap_or(rest);
        let (mime, _) = head.split_once(MARK).ok_or(unsupported("type and ;base64, are missing or too long"))?;
        let payload = &rest.as_bytes()[mime.len() + MARK.len()..];
        let mime = match DataUri::new(mime)?.mime {
            "image/jpg" => "image/jpeg",
            mime => mime,
        };
        let corrupt = Error { kind: ErrorKind::Corrupt, what: "the base64 is not valid" };
        let padding = payload.iter().rev().take_while(|&&c| c == b'=').count();
        let length = match (payload.len() % 4, padding) {
            (0, 0..=2) => payload.len() / 4 * 3 - padding,
            _ => return Err(corrupt),
        };
        match length {
            0 => return Err(Error { kind: ErrorKind::Empty, what: "there are no bytes in it" }),
            _ if length > limit => return Err(Error { kind: ErrorKind::TooLarge, what: "it holds too many bytes" }),
            _ => {}
        }
        let mut bytes = vec![0; length];
        let written =
            base64_simd::STANDARD.decode(payload, base64_simd::Out::from_slice(&mut bytes)).map_err(|_| corrupt)?.len();
        if written != length {
            return Err(corrupt);
        }
        Ok(Decoded { mime, bytes })
    }
}

impl Error {
    pub(crate) const fn new(kind: ErrorKind, what: &'static str) -> Self {
        Self { kind, what }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl ErrorKind {
    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::UnsupportedFormat => "unsupported-format",
            Self::Corrupt => "corrupt",
            Self::TooLarge => "too-large",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a data URI: {}", self.what)
    }
}

impl core::error::Error for Error {}

/// Prints type and length, never content.
impl fmt::Debug for Decoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoded({}, {} bytes)", self.mime, self.bytes.len())
    }
}
