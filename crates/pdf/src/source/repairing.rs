//! The repairing reader: hayro-syntax, which mends broken files and undoes encryption. Its objects borrow
//! from its document, so each one is turned into ours as it is asked for; those that it cannot read are
//! looked for in the bytes of the file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use hayro_syntax::object::{self as hayro, MaybeRef, ObjectIdentifier};
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use memchr::memmem;

use super::Lookup;
use super::search::{Hit, Search};
use super::strict::{Place, Sections};
use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::object::{Dict, Id, MAX_DEPTH, Name, Object, Stream, Value};
use crate::report::EmptyPassword;

pub(crate) struct Repairing {
    pdf: Pdf,
    bytes: Bytes,
    encrypted: bool,
    search: Search,
    /// The file's own table, where it can be read: it tells what was never there from what is lost.
    sections: Option<Sections>,
}

impl Repairing {
    pub(crate) fn open(bytes: &Bytes, max_inflated: u64) -> Result<Self, Error> {
        let data = Arc::new(bytes.clone());
        let opened = catch_unwind(AssertUnwindSafe(move || Pdf::new(data)))
            .map_err(|_| Error::new(ErrorKind::Corrupt, "the reader of broken files gave up"))?;
        match opened {
            Ok(pdf) => {
                let encrypted = match cipher(&pdf, bytes) {
                    Cipher::None => false,
                    Cipher::Undone => true,
                    Cipher::Left => {
                        let left = "the file says that it is encrypted, and its key cannot be read";
                        return Err(Error::new(ErrorKind::Encrypted, left));
                    }
                };
                let sections = Sections::of(bytes, max_inflated).ok();
                Ok(Self { pdf, bytes: bytes.clone(), encrypted, search: Search::new(bytes), sections })
            }
            Err(LoadPdfError::Decryption(DecryptionError::PasswordProtected)) => {
                Err(Error::new(ErrorKind::Encrypted, "the file needs a password"))
            }
            Err(LoadPdfError::Decryption(_)) => {
                Err(Error::new(ErrorKind::Encrypted, "the file is encrypted in a way that cannot be undone"))
            }
            Err(LoadPdfError::Invalid) => Err(Error::new(ErrorKind::Corrupt, "no page tree can be found in the file")),
        }
    }

    pub(crate) fn lookup(&self, id: Id) -> Lookup {
        let theirs = ObjectIdentifier::new(id.number, id.generation);
        let object = catch_unwind(AssertUnwindSafe(|| self.pdf.xref().get::<hayro::Object<'_>>(theirs)));
        let found = match object {
            Ok(Some(hayro::Object::Stream(stream))) => Some(Value::Stream(self.stream(&stream))),
            Ok(Some(object)) => Some(Value::Plain(self.convert(object, 0))),
            Ok(None) | Err(_) => None,
        };
        if self.encrypted {
            return self.deciphered(id, found);
        }
        self.search.settle(id, found).unwrap_or_else(|| self.nowhere(id))
    }

    /// An object of an encrypted file: what stands in its bytes is not what was meant.
    fn deciphered(&self, id: Id, found: Option<Value>) -> Lookup {
        match (found, self.search.find(id)) {
            (Some(_), _) if self.search.is_torn(id) => Lookup::Lost,
            (Some(value), _) if self.search.is_damaged(id) => Lookup::Damaged(value),
            (Some(value), _) => Lookup::Found(value),
            (None, Hit::Found(_) | Hit::Unreadable) => Lookup::Lost,
            (None, Hit::None) => self.nowhere(id),
        }
    }

    /// An object that is nowhere in the bytes of the file.
    fn nowhere(&self, id: Id) -> Lookup {
        match self.sections.as_ref().map(|sections| sections.find(id)) {
            Some(Ok(Place::Absent)) => Lookup::Absent,
            _ => Lookup::Lost,
        }
    }

    /// Calls `see` for every object.
    pub(crate) fn each(&self, see: &mut dyn FnMut(&Value) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut failed = Ok(());
        let walked = catch_unwind(AssertUnwindSafe(|| {
            for object in self.pdf.objects() {
                let value = match object {
                    hayro::Object::Stream(stream) => Value::Stream(self.stream(&stream)),
                    object => Value::Plain(self.convert(object, 0)),
                };
                failed = see(&value);
                if failed.is_err() {
                    return;
                }
            }
        }));
        // What its reader cannot list is no reason to refuse the file: the pages were read one by one.
        drop(walked);
        failed
    }

    pub(crate) fn root(&self) -> Id {
        let id = self.pdf.xref().root_id();
        Id::new(id.obj_number, id.gen_number)
    }

    pub(crate) fn encrypted(&self) -> bool {
        self.encrypted
    }

    /// Whose password was empty, as far as it can be told.
    pub(crate) fn empty_password(&self) -> EmptyPassword {
        #[cfg(feature = "fallback")]
        {
            let trailer = self.sections.as_ref().map(Sections::trailer);
            let encryption = trailer.and_then(|trailer| match trailer.get(b"Encrypt")? {
                Object::Dict(dict) => Some(dict.clone()),
                Object::Ref(id) => match self.search.find(*id) {
                    Hit::Found(value) => value.dict().cloned(),
                    Hit::Unreadable | Hit::None => None,
                },
                _ => None,
            });
            if let (Some(trailer), Some(encryption)) = (trailer, encryption) {
                return super::fallback::empty_password(trailer, &encryption);
            }
        }
        EmptyPassword::Either
    }

    pub(crate) fn info(&self) -> Dict {
        let data = self.pdf.metadata();
        let mut info = Dict::default();
        for (key, value) in [
            ("Title", &data.title),
            ("Author", &data.author),
            ("Subject", &data.subject),
            ("Keywords", &data.keywords),
            ("Creator", &data.creator),
            ("Producer", &data.producer),
        ] {
            if let Some(value) = value {
                info.push(key.as_bytes(), Object::String(value.clone()));
            }
        }
        info
    }

    pub(crate) fn stray_pages(&self) -> Vec<(Option<Id>, Dict)> {
        let found = catch_unwind(AssertUnwindSafe(|| {
            let objects = self.pdf.objects().into_iter();
            objects
                .filter_map(|object| match object {
                    hayro::Object::Dict(dict) if dict.get::<hayro::Name<'_>>("Type").as_deref() == Some(b"Page") => {
                        let id = dict.obj_id().map(|id| Id::new(id.obj_number, id.gen_number));
                        Some((id, self.dict(&dict, 0)))
                    }
                    _ => None,
                })
                .collect()
        }));
        found.unwrap_or_default()
    }

    fn convert(&self, object: hayro::Object<'_>, depth: usize) -> Object {
        if depth >= MAX_DEPTH {
            return Object::Null;
        }
        match object {
            hayro::Object::Null(_) => Object::Null,
            hayro::Object::Boolean(b) => Object::Bool(b),
            hayro::Object::Number(n) => number(n),
            hayro::Object::String(s) => Object::String(s.as_bytes().into()),
            hayro::Object::Name(n) => Object::name(&n),
            hayro::Object::Dict(d) => Object::Dict(self.dict(&d, depth)),
            hayro::Object::Array(a) => {
                Object::Array(a.raw_iter().map(|item| self.convert_maybe(item, depth + 1)).collect())
            }
            // Streams are indirect by definition; a direct one is a broken file's fancy.
            hayro::Object::Stream(_) => Object::Null,
        }
    }

    fn convert_maybe(&self, item: MaybeRef<hayro::Object<'_>>, depth: usize) -> Object {
        match item {
            MaybeRef::Ref(r) => Object::Ref(Id::new(r.obj_number, r.gen_number)),
            MaybeRef::NotRef(object) => self.convert(object, depth),
        }
    }

    fn dict(&self, dict: &hayro::Dict<'_>, depth: usize) -> Dict {
        Dict::from_entries(
            dict.entries().map(|(key, value)| (Name::new(&key), self.convert_maybe(value, depth + 1))).collect(),
        )
    }

    fn stream(&self, stream: &hayro::Stream<'_>) -> Stream {
        let dict = self.dict(stream.dict(), 0);
        let data = match stream.raw_data() {
            std::borrow::Cow::Owned(vec) => Bytes::from(vec),
            std::borrow::Cow::Borrowed(slice) => self.share(slice),
        };
        Stream { dict, data }
    }

    /// The same bytes as a part of the file, without a copy where they are one.
    fn share(&self, slice: &[u8]) -> Bytes {
        let (file, part) = (self.bytes.as_ptr_range(), slice.as_ptr_range());
        if !slice.is_empty() && file.start <= part.start && part.end <= file.end {
            self.bytes.slice_ref(slice)
        } else {
            Bytes::copy_from_slice(slice)
        }
    }
}

/// What became of encryption.
enum Cipher {
    /// The file has none.
    None,
    /// Its reader undid it.
    Undone,
    /// Its reader did not know of it: what it gives is noise.
    Left,
}

/// Bytes of ASCII that no cipher gives.
const TEXT: usize = 24;

/// Streams that are asked whether they are plain.
const ASKED: usize = 64;

/// Where a trailer is damaged its reader takes an encrypted file for a plain one. Whether it is one is told by its
/// streams: they are decrypted into bytes of their own, or inflate as they stand.
fn cipher(pdf: &Pdf, bytes: &[u8]) -> Cipher {
    // The key stands in a trailer or a cross-reference stream's dictionary; both are plain.
    let ends = |at: usize| bytes.get(at + 8).is_none_or(|b| !b.is_ascii_alphanumeric());
    if !memmem::find_iter(bytes, b"/Encrypt").any(ends) {
        return Cipher::None;
    }
    let asked = catch_unwind(AssertUnwindSafe(|| {
        let streams = pdf.objects().into_iter().filter_map(|object| match object {
            hayro::Object::Stream(stream) => Some(stream),
            _ => None,
        });
        let mut any = false;
        for stream in streams.take(ASKED) {
            let kind = stream.dict().get::<hayro::Name<'_>>("Type");
            let raw = stream.raw_data();
            if raw.is_empty() || matches!(kind.as_deref(), Some(b"XRef" | b"Metadata")) {
                continue;
            }
            if matches!(raw, std::borrow::Cow::Owned(_)) {
                return Cipher::Undone;
            }
            any = true;
            let plain = if stream.dict().contains_key("Filter") {
                stream.decoded_data().is_ok_and(|data| !data.is_empty())
            } else {
                // Noise has a high bit somewhere.
                raw.len() >= TEXT && raw.is_ascii()
            };
            if plain {
                return Cipher::None;
            }
        }
        if any { Cipher::Left } else { Cipher::Undone }
    }));
    asked.unwrap_or(Cipher::Left)
}

fn number(n: hayro::Number) -> Object {
    let real = n.as_f64();
    #[expect(clippy::cast_precision_loss, reason = "only compared")]
    let whole = n.as_i64() as f64;
    if real.is_finite() && whole.to_bits() == real.to_bits() && real.abs() < 9e15 {
        Object::Int(n.as_i64())
    } else if real.is_finite() {
        Object::Real(real)
    } else {
        Object::Int(0)
    }
}
