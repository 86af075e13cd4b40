//! The last resort: lopdf, for the few files that hayro-syntax cannot open. It parses the whole file
//! at once and returns documents without pages as if they were sound; the page walk notices.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;

use super::Lookup;
use super::search::Search;
use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::object::{Dict, Id, MAX_DEPTH, Name, Object, Stream, Value};
use crate::report::EmptyPassword;

pub(crate) struct Fallback {
    document: lopdf::Document,
    search: Search,
}

impl Fallback {
    pub(crate) fn open(bytes: &Bytes) -> Result<Self, Error> {
        let opened = catch_unwind(AssertUnwindSafe(|| lopdf::Document::load_mem(bytes)))
            .map_err(|_| Error::new(ErrorKind::Corrupt, "no reader makes sense of the file"))?;
        let document =
            opened.map_err(|e| Error::because(ErrorKind::Corrupt, "no reader makes sense of the file", e))?;
        if document.trailer.has(b"Encrypt") || document.is_encrypted() {
            return Err(Error::new(ErrorKind::Encrypted, "the file is encrypted and broken"));
        }
        Ok(Self { document, search: Search::new(bytes) })
    }

    pub(crate) fn lookup(&self, id: Id) -> Lookup {
        self.search.settle(id, self.get(id)).unwrap_or(Lookup::Lost)
    }

    fn get(&self, id: Id) -> Option<Value> {
        let generation = u16::try_from(id.generation).ok()?;
        self.document.objects.get(&(id.number, generation)).map(value)
    }

    /// Calls `see` for every object.
    pub(crate) fn each(&self, see: &mut dyn FnMut(&Value) -> Result<(), Failure>) -> Result<(), Failure> {
        self.document.objects.values().try_for_each(|object| see(&value(object)))
    }

    pub(crate) fn root(&self) -> Option<Id> {
        let (number, generation) = self.document.trailer.get(b"Root").ok()?.as_reference().ok()?;
        Some(Id::new(number, i32::from(generation)))
    }

    pub(crate) fn stray_pages(&self) -> Vec<(Option<Id>, Dict)> {
        let objects = self.document.objects.iter();
        objects
            .filter_map(|((number, generation), object)| {
                let page = dict(object.as_dict().ok()?, 0);
                let is_page = page.get_name(b"Type") == Some(b"Page");
                is_page.then(|| (Some(Id::new(*number, i32::from(*generation))), page))
            })
            .collect()
    }

    pub(crate) fn info(&self) -> Option<Dict> {
        let (number, generation) = self.document.trailer.get(b"Info").ok()?.as_reference().ok()?;
        self.get(Id::new(number, i32::from(generation)))?.dict().cloned()
    }
}

/// Whose password is empty, of a file with this trailer and encryption dictionary.
pub(crate) fn empty_password(trailer: &Dict, encryption: &Dict) -> EmptyPassword {
    let whose = || {
        let mut document = lopdf::Document::new();
        document.objects.insert((1, 0), lopdf::Object::Dictionary(theirs(encryption, 0)));
        document.trailer.set("Encrypt", lopdf::Object::Reference((1, 0)));
        if let Some(id) = trailer.get(b"ID") {
            document.trailer.set("ID", their(id, 0));
        }
        if document.authenticate_user_password("").is_ok() {
            EmptyPassword::User
        } else if document.authenticate_owner_password("").is_ok() {
            EmptyPassword::Owner
        } else {
            EmptyPassword::Either
        }
    };
    catch_unwind(AssertUnwindSafe(whose)).unwrap_or(EmptyPassword::Either)
}

/// One of our objects as one of theirs.
fn their(object: &Object, depth: usize) -> lopdf::Object {
    if depth >= MAX_DEPTH {
        return lopdf::Object::Null;
    }
    match object {
        Object::Null | Object::Kids(_) | Object::Ref(_) => lopdf::Object::Null,
        Object::Bool(b) => lopdf::Object::Boolean(*b),
        Object::Int(i) => lopdf::Object::Integer(*i),
        #[expect(clippy::cast_possible_truncation, reason = "nothing of encryption is a real")]
        Object::Real(r) => lopdf::Object::Real(*r as f32),
        Object::String(s) => lopdf::Object::String(s.to_vec(), lopdf::StringFormat::Literal),
        Object::Name(name) => lopdf::Object::Name(name.as_bytes().to_vec()),
        Object::Array(items) => lopdf::Object::Array(items.iter().map(|item| their(item, depth + 1)).collect()),
        Object::Dict(dict) => lopdf::Object::Dictionary(theirs(dict, depth)),
    }
}

fn theirs(dict: &Dict, depth: usize) -> lopdf::Dictionary {
    let mut out = lopdf::Dictionary::new();
    for (key, value) in dict.entries() {
        out.set(key.as_bytes().to_vec(), their(value, depth + 1));
    }
    out
}

fn value(object: &lopdf::Object) -> Value {
    match object {
        lopdf::Object::Stream(stream) => {
            Value::Stream(Stream { dict: dict(&stream.dict, 0), data: Bytes::copy_from_slice(&stream.content) })
        }
        object => Value::Plain(convert(object, 0)),
    }
}

fn convert(object: &lopdf::Object, depth: usize) -> Object {
    if depth >= MAX_DEPTH {
        return Object::Null;
    }
    match object {
        lopdf::Object::Boolean(b) => Object::Bool(*b),
        lopdf::Object::Integer(i) => Object::Int(*i),
        lopdf::Object::Real(r) if r.is_finite() => Object::Real(f64::from(*r)),
        lopdf::Object::Name(name) => Object::name(name),
        lopdf::Object::String(bytes, _) => Object::String(bytes.as_slice().into()),
        lopdf::Object::Array(items) => Object::Array(items.iter().map(|item| convert(item, depth + 1)).collect()),
        lopdf::Object::Dictionary(d) => Object::Dict(dict(d, depth)),
        lopdf::Object::Reference((number, generation)) => Object::Ref(Id::new(*number, i32::from(*generation))),
        _ => Object::Null,
    }
}

fn dict(dict: &lopdf::Dictionary, depth: usize) -> Dict {
    Dict::from_entries(dict.iter().map(|(key, value)| (Name::new(key), convert(value, depth + 1))).collect())
}
